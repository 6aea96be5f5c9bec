"""Look at folders of films before anything is fetched: how many images there are, and what their tables hold."""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path, PurePosixPath

from upath import UPath

from pipeline.curate.guess import DISTINCT_KEPT, Column, Guess, guess_meaning, naming_column
from pipeline.curate.header import LikelyColumns
from pipeline.curate.unused import unused_columns
from sources.core.errors import CxnetError, UsageError
from sources.core.limits import TABLE_BYTES
from sources.core.storage import is_local
from sources.own.files import Files
from sources.own.patients import propose_pattern
from sources.own.table_rows import HEADER_ROWS, rows_of

TABLE_SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".xlsx", ".parquet", ".jsonl")
TABLES_TRIED = 10
COLUMNS_LOOKED_AT = 500
MASKS = re.compile(r"(?:[a-z]+[ _-]?)?(?:masks?|segmentations?|segs?)", re.IGNORECASE)
LONGEST_PATH = 1000  # characters


@dataclass(frozen=True)
class TableLook:
    """A table that belongs to a folder of films.

    Attributes:
        place: its path below the folder.
        rows: how many rows it has.
        guess: what its columns mean.
        unused: the other columns -> what to add to the profile, or "" if nothing is likely.
    """

    place: str
    rows: int
    guess: Guess
    unused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FolderLook:
    """A folder of films.

    Attributes:
        path: the folder or bucket URL; a local one is absolute.
        images: how many images there are below it.
        table: the table that names them, or None.
        notes: what a person should know about the tables that were looked at.
        patient_from_path: pattern by which the paths seem to name patients, where no table does; None = they do not.
    """

    path: str
    images: int
    table: TableLook | None = None
    notes: list[str] = field(default_factory=list)
    patient_from_path: str | None = None


def look_at(folder: str, table: str | None = None) -> FolderLook:
    """Look at a folder, and at a table or, if none is given, at those that lie in the folder.

    Raises:
        UsageError: the given table is absent, or does not name the files of the folder.
        CxnetError: the folder or the given table cannot be read, or there is no image in the folder.
    """
    path = absolute(folder)
    places = [entry.place for entry in Files(path, "").list().entries if entry.problem is None]
    if not places:
        raise CxnetError(f"{folder} holds no image; give a folder with films (JPEG, PNG, TIFF, DICOM, ...).")
    look = _look_for_table(path, FileNames(places), table)
    if look.table is None or "patient_id" not in look.table.guess.columns:
        look = replace(look, patient_from_path=propose_pattern(places))
    return look


def _look_for_table(path: str, names: "FileNames", table: str | None) -> FolderLook:
    """The folder with the table that is given, or with the first one in it that names its files."""
    if table is not None:
        return FolderLook(path, names.count, _look_at_table(place_of(table, path), path, names))
    notes: list[str] = []
    for place in _tables_in(path)[:TABLES_TRIED]:
        try:
            return FolderLook(path, names.count, _look_at_table(place, path, names), notes)
        except CxnetError as error:
            notes.append(f"{place} is not used: {error}")
    return FolderLook(path, names.count, None, notes)


def _look_at_table(place: str, folder: str, names: "FileNames") -> TableLook:
    where = f"{folder}/{place}"
    columns, rows = read_columns(_rows(place, folder), names, where)
    naming = naming_column(columns, rows, names.count)
    if naming is None:
        best = max(columns, key=lambda column: len(column.files), default=None)
        nearest = f"; the best is '{best.name}' with {len(best.files):,}" if best is not None and best.files else ""
        raise UsageError(
            f"No column of {where} names the files in {folder} (of {names.count:,} images{nearest}); give a table with "
            "the names of the files, or none."
        )
    guess = guess_meaning(columns, naming, rows, names.count)
    return TableLook(place, rows, guess, unused_columns(columns, guess))


class FileNames:
    """The files of a folder by the ends of their paths, without extension and in lower case.

    Attributes:
        count: how many files there are.
    """

    def __init__(self, places: Sequence[str]) -> None:
        self.count = len(places)
        self._by_end: dict[str, str | None] = {}  # None: several files end so
        for place in places:
            if not _is_mask(place):
                for end in _ends(place):
                    self._by_end[end] = None if end in self._by_end else place

    def file_of(self, cell: str) -> str | None:
        """The file that a cell names, however much of its path it writes; None if there is no such, or several."""
        for end in _ends(cell):
            if end in self._by_end:
                return self._by_end[end]
        return None


def read_columns(rows: Iterator[Sequence[str]], names: FileNames, where: str) -> tuple[list[Column], int]:
    """Look through a table, row by row: its columns, and the number of its rows.

    Args:
        rows: the names of the columns, then the rows.
        names: of the files that cells may name.
        where: name of the table, for messages.

    Raises:
        CxnetError: it is empty.
    """
    header = next(rows, None)
    if header is None:
        raise CxnetError(f"{where} is empty.")
    columns = [Column(name.strip().strip("\ufeff")) for name in header[:COLUMNS_LOOKED_AT]]
    count = 0
    for row in rows:
        count += 1
        for column, cell in zip(columns, row, strict=False):
            if not (word := cell.strip()):
                continue
            column.filled += 1
            if word in column.words or len(column.words) < DISTINCT_KEPT:
                column.words[word] += 1
            if (file := names.file_of(word)) is not None:
                column.files.add(file)
    return columns, count


def _rows(place: str, folder: str) -> Iterator[Sequence[str]]:
    """The rows of a table, in any of the usual formats, from the names of its columns on."""
    likely = LikelyColumns()
    files = Files(folder, "")
    with files.opened(place, TABLE_BYTES) as file, closing(rows_of(file, f"{folder}/{place}", likely)) as rows:
        first = list(islice(rows, HEADER_ROWS))
        start = next((number for number, row in enumerate(first) if likely.are_in(row)), 0)
        yield from chain(first[start:], rows)


def _tables_in(folder: str) -> list[str]:
    """Files in the folder, or in a folder in it, that may be tables, the nearest first."""
    root = UPath(folder)
    found = [path for pattern in ("*", "*/*") for path in root.glob(pattern) if not path.name.startswith(".")]
    tables = [path for path in found if path.name.lower().endswith(TABLE_SUFFIXES) and path.is_file()]
    below = [path.path.removeprefix(root.path).lstrip("/") for path in tables]
    return sorted(below, key=lambda place: (place.count("/"), place))


def place_of(table: str, folder: str) -> str:
    """The path of a table below the folder.

    Raises:
        UsageError: it does not exist, or lies elsewhere.
    """
    path = absolute(table)
    if path.startswith(f"{folder.rstrip('/')}/"):
        return path[len(folder.rstrip("/")) + 1 :]
    if is_local(UPath(path)) and not Path(path).is_file() and (UPath(folder) / table).is_file():
        return table
    if not UPath(path).is_file():
        raise UsageError(f"There is no table {table}; give the path of a table, or leave --table out.")
    raise UsageError(f"{table} is outside {folder}; copy it there, or curate a folder that holds both.")


def absolute(place: str) -> str:
    """A local path made absolute; a URL as it is."""
    path = UPath(place)
    return str(Path(path.path).expanduser().resolve()) if is_local(path) else place


def _is_mask(place: str) -> bool:
    """Does a file lie in a folder of masks, which have the names of the films?"""
    return any(MASKS.fullmatch(part) for part in place.split("/")[:-1])


def _ends(path: str) -> Iterator[str]:
    """The ends of a path, the longest first, however it is written: without extension and in lower case."""
    parts = [part for part in path[:LONGEST_PATH].lower().replace("\\", "/").split("/") if part not in ("", ".", "..")]
    if parts:
        parts[-1] = PurePosixPath(parts[-1]).stem
    for start in range(len(parts)):
        yield "/".join(parts[start:])
