"""Which file each row of a table means, however the row writes its path.

A row may have other slashes, another case or Unicode form, another or no extension, folders more or less than there
are, or the path that the file had on another machine. It finds its file where only one can be meant.
"""

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from urllib.parse import unquote

from sources.own.kinds import stem_of
from sources.own.names import is_outside, same_form

NAMES_NONE = "the table names no file"
LEAVES = "the table's path leaves the folder"
ABSENT = "the table names a file that does not exist"
PASSED_OVER = "the table names a file that is hidden, in a linked folder or no image"
DISTINCT_SHARE = 0.9
_MASKS = re.compile(r"(?:[a-z]+[ _-]?)?(?:masks?|segmentations?|segs?)", re.IGNORECASE)  # names of folders
_DRIVE = re.compile(r"[A-Za-z][\w+.-]*:")  # or the scheme of an address
_ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://")
LONGEST_PATH = 4096  # characters
_WHOLE_NUMBER = re.compile(r"(\d+)\.0+")  # how programs write whole numbers in a column with empty cells


@dataclass(frozen=True)
class Match:
    """What a row means.

    Attributes:
        place: the file's path below the folder, or None.
        problem: why there is none.
    """

    place: str | None
    problem: str | None = None


@dataclass
class _Guess:
    """A match that is not settled yet.

    Attributes:
        places: the files that may be meant.
        extra: the folders that the row writes before the file's path; None if it writes the path, or its end.
        problem: why none of them is meant, or None.
    """

    places: list[str]
    extra: str | None = None
    problem: str | None = None


def is_mask(place: str) -> bool:
    """Does a file lie in a folder of masks?"""
    return any(_MASKS.fullmatch(part) for part in place.split("/")[:-1])


def masks_beside(places: Sequence[str]) -> dict[str, str]:
    """Mask -> film of the same name, where a folder of masks stands beside the folder of films, or in it."""
    films = {}
    for place in places:
        *folders, name = place.split("/")
        if not is_mask(place):
            for depth in (len(folders) - 1, len(folders)):
                films["/".join([*folders[: max(depth, 0)], same_form(stem_of(name))])] = place
    masks = {}
    for place in places:
        *folders, name = place.split("/")
        if folders and _MASKS.fullmatch(folders[-1]):
            film = films.get("/".join([*folders[:-1], same_form(stem_of(name))]))
            if film is not None:
                masks[place] = film
    return masks


def match_files(
    written: Iterable[str],
    places: Sequence[str],
    *,
    folder: str = "",
    below: str = "",
    exists: Callable[[str], bool] = lambda place: False,
) -> dict[str, Match]:
    """The file that every different path of a table means.

    Args:
        written: the paths in the table.
        places: the paths of all files below the folder.
        folder: the absolute path of the folder; paths may begin with it.
        below: the path of the table's own folder below it; paths may be relative to that.
        exists: whether there is a file at a path, be it an image or not.
    """
    paths = dict.fromkeys(written)
    index = FileIndex(places)
    guesses = {path: index.guess(path, folder, below) for path in paths}
    if _names_are_distinct(paths):
        for path, guess in guesses.items():
            guess.places, guess.extra = (guess.places, guess.extra) if guess.places else index.by_name(path)
    _settle(guesses)
    _refuse_rivals(guesses)
    return {path: _match(path, guess, exists) for path, guess in guesses.items()}


def _match(path: str, guess: _Guess, exists: Callable[[str], bool]) -> Match:
    if guess.problem is not None:
        return Match(None, guess.problem)
    if len(guess.places) == 1:
        return Match(guess.places[0])
    if guess.places:
        return Match(None, f"{len(guess.places):,} files have this name")
    if not path:
        return Match(None, NAMES_NONE)
    if is_outside(path):
        return Match(None, LEAVES)
    return Match(None, PASSED_OVER if exists(path.replace("\\", "/")) else ABSENT)


class FileIndex:
    """The files of a folder, by their paths and by the ends of their paths, with and without extension.

    Attributes:
        count: how many files there are.
    """

    def __init__(self, places: Sequence[str]) -> None:
        self.count = len(places)
        self._exact = set(places)
        self._places = places
        self._forms = [same_form(place) for place in places]
        self._stems = [_without_extension(form) for form in self._forms]
        self._by_path = (_grouped(self._forms, places), _grouped(self._stems, places))
        self._names = tuple({form.rsplit("/", 1)[-1] for form in forms} for forms in (self._forms, self._stems))
        self._by_end: dict[tuple[int, int], dict[str, list[str]]] = {}

    def guess(self, path: str, folder: str, below: str) -> _Guess:
        """The files that a path may mean."""
        if path in self._exact:
            return _Guess([path])
        for spelling in _spellings(path):
            parts = _parts(spelling, folder)
            if not parts:
                continue
            for form, kind in _forms(parts):
                guess = self._by_form(form, kind, below)
                if guess.places:
                    return guess
        return _Guess([])

    def file_of(self, path: str) -> str | None:
        """The file that a path means by itself, whatever other rows say; a mask is none. None if none or several."""
        if len(path) > LONGEST_PATH:
            return None
        meant = self.guess(path, "", "").places or self.by_name(path)[0]
        places = [place for place in meant if not is_mask(place)]
        return places[0] if len(places) == 1 else None

    def by_name(self, path: str) -> tuple[list[str], str | None]:
        """The files of a path's name, in whatever folders, and the path as their extra."""
        for spelling in _spellings(path):
            for form, kind in _forms(_parts(spelling, "")):
                if "/" in form and (found := self._ends(1, kind).get(form.rsplit("/", 1)[1], [])):
                    return list(found), form
        return [], None

    def _by_form(self, form: str, kind: int, below: str) -> _Guess:
        if form.rsplit("/", 1)[-1] not in self._names[kind]:
            return _Guess([])
        by_path = self._by_path[kind]
        near = same_form(posixpath.normpath(posixpath.join(below, form))) if below else form
        parts = form.split("/")
        for whole in (form, near):
            if whole in by_path:
                is_short = kind == 1 and len(parts) == 1  # "b" means b.png no more than 2020/b.png
                return _Guess([*by_path[whole], *(self._ends(1, 1).get(form, []) if is_short else [])])
        if found := self._ends(len(parts), kind).get(form):
            return _Guess(list(found))
        for count in range(1, len(parts)):
            if found := by_path.get("/".join(parts[count:])):
                return _Guess(list(found), extra="/".join(parts[:count]))
        return _Guess([])

    def _ends(self, count: int, kind: int) -> dict[str, list[str]]:
        """The files by the last ``count`` parts of their paths."""
        if (count, kind) not in self._by_end:
            forms = self._stems if kind else self._forms
            ends = ["/".join(form.split("/")[-count:]) if form.count("/") >= count else "" for form in forms]
            self._by_end[count, kind] = _grouped(ends, self._places)
            self._by_end[count, kind].pop("", None)
        return self._by_end[count, kind]


def _grouped(keys: Sequence[str], places: Sequence[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for key, place in zip(keys, places, strict=True):
        groups[key].append(place)
    return dict(groups)


def _spellings(path: str) -> list[str]:
    """A path as it is written, and what it means if it is an address: without its query, and decoded."""
    bare = re.sub(r"[?#].*", "", path) if _ADDRESS.match(path) else path.partition("?")[0]
    return list(dict.fromkeys((path, unquote(path), bare, unquote(bare))))


def _parts(path: str, folder: str) -> list[str]:
    """A path's parts, without what leads to the folder, and without ``.`` and ``..``."""
    plain = path.strip().strip("\"'").replace("\\", "/")
    if folder and plain.startswith(f"{folder}/"):
        plain = plain[len(folder) + 1 :]
    parts: list[str] = []
    for part in plain.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", ".", "~") and not (part.endswith(":") and _DRIVE.fullmatch(part)):
            parts.append(part)
    return parts


def _forms(parts: Sequence[str]) -> list[tuple[str, int]]:
    """(path in one form, 0 if it is compared with whole names and 1 if with names without extension), best first."""
    if not parts:
        return []
    form = same_form("/".join(parts))
    forms = [(form, 0), (form, 1), (_without_extension(form), 1)]
    if parts[-1].endswith("0") and (number := _WHOLE_NUMBER.fullmatch(parts[-1])):
        forms.append((same_form("/".join([*parts[:-1], number[1]])), 1))
    return list(dict.fromkeys(forms))


def _without_extension(form: str) -> str:
    head, slash, name = form.rpartition("/")
    return head + slash + stem_of(name)


def _names_are_distinct(paths: Iterable[str]) -> bool:
    """Does a file's name alone say which film it is, as far as the table shows?"""
    names = Counter(path.replace("\\", "/").rsplit("/", 1)[-1] for path in paths)
    return len(names) >= DISTINCT_SHARE * names.total()


def _settle(guesses: dict[str, _Guess]) -> None:
    """Where several files may be meant: not a mask, and the folder and extension that other rows use."""
    certain = [guess.places[0] for guess in guesses.values() if len(guess.places) == 1]
    folders = Counter(posixpath.dirname(place) for place in certain)
    extensions = Counter(PurePosixPath(place).suffix for place in certain)
    for path, guess in guesses.items():
        tests: tuple[Callable[[str], bool], ...] = (
            partial(_has_case_of, path.replace("\\", "/").lstrip("./")),
            lambda place: not is_mask(place),
            lambda place: posixpath.dirname(place) in folders,
            lambda place: PurePosixPath(place).suffix in extensions,
        )
        for test in tests:
            if len(guess.places) > 1:
                guess.places = [place for place in guess.places if test(place)] or guess.places


def _has_case_of(path: str, place: str) -> bool:
    return place.endswith(path) or _without_extension(place).endswith(_without_extension(path))


def _refuse_rivals(guesses: dict[str, _Guess]) -> None:
    """A file that rows name with different folders before it is meant by none of them, unless one names it exactly."""
    rivals: dict[str, list[_Guess]] = defaultdict(list)
    exact = set()
    for guess in guesses.values():
        if len(guess.places) == 1:
            if guess.extra is None:
                exact.add(guess.places[0])
            else:
                rivals[guess.places[0]].append(guess)
    for place, group in rivals.items():
        if place in exact or len({guess.extra for guess in group}) > 1:
            for guess in group:
                guess.problem = f"several paths of the table could mean {place}"
