"""Where the films of a curation are, and where its results go."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

from upath import UPath

from pipeline.core.layout import Layout
from pipeline.curate.look import absolute
from sources.core.errors import UsageError
from sources.core.storage import is_local
from sources.own.kinds import Kind, kind_by_name

OUT = "curated"


def check_folder(folder: str) -> str:
    """A folder of films, absolute.

    Raises:
        UsageError: it does not exist, or is a file.
    """
    place = absolute(folder)
    path = UPath(place)
    if not folder or (is_local(path) and not path.exists()):
        raise UsageError(f"There is no folder {folder or repr(folder)}; check its path.")
    check_name(place)
    if is_local(path) and not path.is_dir():
        is_archive = kind_by_name(path.name) is Kind.ARCHIVE
        what = "an archive; put it into a folder of its own, where archives are read," if is_archive else "a file;"
        raise UsageError(f"{folder} is {what} {'and ' if is_archive else ''}give the folder with the films.")
    return place


def check_apart(folders: Sequence[str]) -> None:
    """Refuse folders whose films would be read twice.

    Raises:
        UsageError: a folder is given twice, or lies in another one.
    """
    for one, other in combinations(folders, 2):
        if _is_inside(one, other) or _is_inside(other, one):
            inner, outer = (one, other) if _is_inside(one, other) else (other, one)
            what = "is given twice" if inner == outer else f"lies in {outer}, which is given, too"
            raise UsageError(f"{inner} {what}; name each folder once.")


def place_for_results(out: Path | None, profile: Path | None, folders: Sequence[str]) -> Path:
    """The folder for the results, absolute: never inside a folder of films, where they would be taken for films.

    Args:
        out: the folder that the user chose; None = beside the profile, or ``curated`` in the current folder, or, if the
            films are there, beside them.
        profile: of an earlier curation, or None.
        folders: of films.

    Raises:
        UsageError: it is inside a folder of films, or no local folder.
    """
    if out is not None and out.parts and out.parts[0].endswith(":"):  # what is left of s3://
        raise UsageError(f"--out {out} is no local folder; choose one, and give the bucket with --root.")
    chosen = (out or (profile.parent if profile else Path(OUT))).resolve()
    inside = _first_around(str(chosen), folders)
    if inside is not None and out is None and profile is None:
        chosen = Path(_beside(inside))
    check_outside(UPath(chosen), folders)
    return chosen


def check_place(layout: Layout, out: Path, profile: Path, folders: Sequence[str]) -> None:
    """Refuse a place that cannot take results, or that holds those of something else.

    Raises:
        UsageError: a part of its path is a file, or it is the place of a project.
    """
    check_name(str(out))
    for place in (out, *(_folders_of(layout) if is_local(layout.root) else ())):
        existing = next(path for path in (place, *place.parents) if path.exists() or path.is_symlink())
        if not existing.is_dir():
            raise UsageError(f"{existing} is not a folder; the results need one: choose another place with --out.")
    if profile.exists() and not profile.is_file():
        raise UsageError(f"{profile} is not a file; move it away, or choose another place with --out.")
    check_outside(layout.root, folders)
    is_curation = profile.is_file() or (layout.data / "receipts").exists()
    if not is_curation and (layout.manifest.exists() or layout.pool.exists()):
        raise UsageError(f"{layout.data} holds the results of something else; choose another place with --out.")


def _folders_of(layout: Layout) -> Iterator[Path]:
    """The folders that the results go to."""
    for place in (layout.root, layout.data, layout.reports, layout.decisions.parent):
        yield Path(place.path)


def check_name(path: str) -> None:
    """Refuse a path that a profile cannot hold.

    Raises:
        UsageError: it is not UTF-8.
    """
    try:
        path.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{path} is not a name in UTF-8, which a profile needs; rename the folder.") from None


def check_outside(place: UPath, folders: Sequence[str]) -> None:
    """Refuse results inside a folder of films, where they would be taken for films.

    Raises:
        UsageError: they would go there.
    """
    inside = _first_around(str(place.path) if is_local(place) else str(place), folders)
    if inside is not None:
        raise UsageError(
            f"The results cannot go into the films' own folder {inside}; choose another place, for example "
            f"--out {_beside(inside)}."
        )


def _first_around(place: str, folders: Sequence[str]) -> str | None:
    return next((folder for folder in folders if _is_inside(place, folder)), None)


def _is_inside(place: str, folder: str) -> bool:
    """Is a place a folder, or below it? Paths are absolute, URLs whole."""
    return f"{place.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/")


def _beside(folder: str) -> str:
    """A place beside a folder."""
    return f"{folder.rstrip('/')}-{OUT}"
