"""What is below a folder or bucket: images, archives with images, what cannot be read, and what is passed over."""

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from upath import UPath

from sources.core.formats import HEAD_BYTES
from sources.own.kinds import Kind, kind_by_name, kind_of, word_for
from sources.own.members import member_entries
from sources.own.names import UNSTORABLE, is_storable, unstorable_id

OUTSIDE_LINK = "a link to a place outside the folder"
LOOP = "a link that leads back to itself"
DANGLING = "a link to a file that does not exist"
RESOURCE_FORK = "._"  # how macOS begins the names of files that hold no content


@dataclass(frozen=True)
class Entry:
    """An image file, alone or in an archive, or a place that could not be looked at.

    Attributes:
        place: its path below the folder; for a member of an archive, the archive's path and the member's.
        problem: why it cannot be read, or None.
        archive: the path of the archive that holds it, or None.
        member: its name inside the archive, as the archive writes it.
    """

    place: str
    problem: str | None = None
    archive: str | None = None
    member: str | None = None

    @property
    def file(self) -> str:
        """The path of the file with its bytes."""
        return self.place if self.archive is None else self.archive


@dataclass
class Listing:
    """What is below a folder.

    Attributes:
        entries: the images, and what may be some and cannot be read, sorted by place.
        passed_over: how many other files there are of each kind.
    """

    entries: list[Entry] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)

    def add(self, place: str, problem: str | None, archive: str | None = None, member: str | None = None) -> None:
        """Add an entry; one whose name cannot be stored gets an id that no other file can have."""
        if is_storable(place):
            self.entries.append(Entry(place, problem, archive, member))
        else:
            self.entries.append(Entry(unstorable_id(place), problem or UNSTORABLE))


def list_local(root: Path, but: str | None = None) -> Listing:
    """Every image below a local folder; hidden files are ignored, linked folders are not entered.

    Args:
        root: an absolute path without links.
        but: the place of a file that is not looked at: the table.

    Raises:
        OSError: the folder cannot be listed.
    """
    if not root.is_dir():
        raise NotADirectoryError(f"there is no such folder: {root}")
    os.scandir(root).close()  # the folder itself must be open; a closed one below it is a row
    listing = Listing()
    for place, path in _walk(root, listing):
        problem = _link_problem(path, root) if path.is_symlink() else None
        if place == but:
            continue
        if problem is None and not _is_plain(path):
            listing.passed_over["pipe or device"] += 1
        else:
            _look_at(place, path, problem, listing)
    listing.entries.sort(key=lambda entry: entry.place)
    return listing


def list_bucket(root: UPath, but: str | None = None) -> Listing:
    """Every image below a bucket URL; hidden objects are ignored."""
    top = root.path.strip("/")
    keys = [str(key).strip("/") for key in root.fs.find(root.path)]
    if not keys:
        raise FileNotFoundError("nothing is stored there")
    listing = Listing()
    for key in keys:
        place = key.removeprefix(top).strip("/")
        if place != but and not any(part.startswith(".") for part in place.split("/")):
            _look_at(place, root / place, None, listing)
    listing.entries.sort(key=lambda entry: entry.place)
    return listing


def _walk(root: Path, listing: Listing) -> Iterator[tuple[str, Path]]:
    """(place, path) of every file below ``root``; a closed folder becomes an entry, a linked one is counted."""
    closed: list[OSError] = []
    for folder, subfolders, names in os.walk(root, onerror=closed.append):
        here = Path(folder)
        below = "" if here == root else f"{here.relative_to(root).as_posix()}/"
        linked = {name for name in subfolders if (here / name).is_symlink()}
        hidden = {name for name in subfolders if name.startswith(".")}
        listing.passed_over["linked folder"] += len(linked)
        subfolders[:] = [name for name in subfolders if name not in linked | hidden]
        for name in names:
            if not name.startswith("."):
                yield f"{below}{name}", here / name
            elif kind_by_name(name) is Kind.IMAGE and not name.startswith(RESOURCE_FORK):
                listing.passed_over["hidden image"] += 1
    for error in closed:
        listing.add(f"{Path(error.filename).relative_to(root).as_posix()}/", f"it cannot be opened ({error.strerror})")


def _look_at(place: str, path: Path | UPath, problem: str | None, listing: Listing) -> None:
    """Add a file to the listing: as an image, as what an archive holds, or as passed over."""
    name = PurePosixPath(place).name
    kind = kind_of(name, lambda: _head(path)) if problem is None else kind_by_name(name) or Kind.IMAGE
    if kind is Kind.OTHER:
        listing.passed_over[word_for(name)] += 1
    elif kind is Kind.IMAGE or problem or not is_storable(place):
        listing.add(place, problem)
    else:
        for part, reason, member in member_entries(path, listing.passed_over):
            listing.add(f"{place}/{part}" if part else place, reason, place, member)


def _link_problem(path: Path, root: Path) -> str | None:
    """Why a link must not be followed, or None."""
    try:
        target = path.resolve(strict=True)
    except FileNotFoundError:
        return DANGLING
    except RuntimeError:  # a loop, in Python 3.11 and 3.12
        return LOOP
    except OSError as error:
        return LOOP if "symbolic links" in str(error) else f"a link that cannot be followed ({error.strerror})"
    return None if target.is_relative_to(root) else OUTSIDE_LINK


def _is_plain(path: Path) -> bool:
    """Is it a file, and no pipe, socket or device? One that cannot be looked at may be."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True


def _head(path: Path | UPath) -> bytes:
    """The first bytes of a file; those of an image if it cannot be read: then its row will say so."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b"BM"
