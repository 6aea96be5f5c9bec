"""Look at folders of films before anything is fetched: how many images there are, and what their tables hold."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from upath import UPath

from pipeline.curate.guess import DISTINCT_KEPT, Column, Guess, guess_meaning, naming_column
from sources.core.errors import CxnetError, UsageError
from sources.core.limits import FOLDER_TABLE_BYTES
from sources.core.storage import is_local
from sources.reading.files import Files
from sources.reading.tables import decode

TABLE_SUFFIXES = (".csv", ".tsv")
TABLES_TRIED = 10
COLUMNS_LOOKED_AT = 500


@dataclass(frozen=True)
class TableLook:
    """A table that belongs to a folder of films.

    Attributes:
        place: its path below the folder.
        rows: how many rows it has.
        guess: what its columns mean.
    """

    place: str
    rows: int
    guess: Guess


@dataclass(frozen=True)
class FolderLook:
    """A folder of films.

    Attributes:
        path: the folder or bucket URL; a local one is absolute.
        images: how many images there are below it.
        table: the table that names them, or None.
        notes: what a person should know about the tables that were looked at.
    """

    path: str
    images: int
    table: TableLook | None = None
    notes: list[str] = field(default_factory=list)


def look_at(folder: str, table: str | None = None) -> FolderLook:
    """Look at a folder, and at a table or, if none is given, at those that lie in the folder.

    Raises:
        UsageError: the given table is absent, or does not name the files of the folder.
        CxnetError: the folder or the given table cannot be read, or there is no image in the folder.
    """
    path = absolute(folder)
    places = [entry.place for entry in Files(path).images()]
    if not places:
        raise CxnetError(f"{folder} holds no image; give a folder with films (JPEG, PNG, TIFF, DICOM, ...).")
    stems = {_stem(place) for place in places}
    if table is not None:
        place = place_of(table, path)
        return FolderLook(path, len(places), _look_at_table(place, path, stems, len(places)))
    notes: list[str] = []
    for place in _tables_in(path)[:TABLES_TRIED]:
        try:
            return FolderLook(path, len(places), _look_at_table(place, path, stems, len(places)), notes)
        except CxnetError as error:
            notes.append(f"{place} is not used: {error}")
    return FolderLook(path, len(places), None, notes)


def _look_at_table(place: str, folder: str, stems: set[str], files: int) -> TableLook:
    where = f"{folder}/{place}"
    columns, rows = read_columns(_rows(place, folder), stems, where)
    naming = naming_column(columns, rows, files)
    if naming is None:
        best = max(columns, key=lambda column: len(column.files), default=None)
        nearest = f"; the best is '{best.name}' with {len(best.files):,}" if best is not None and best.files else ""
        raise UsageError(
            f"No column of {where} names the files in {folder} (of {files:,} images{nearest}); give a table with the "
            "names of the files, or none."
        )
    return TableLook(place, rows, guess_meaning(columns, naming, rows, files))


def read_columns(rows: Iterator[Sequence[str]], stems: set[str], where: str) -> tuple[list[Column], int]:
    """Look through a table, row by row: its columns, and the number of its rows.

    Args:
        rows: the names of the columns, then the rows.
        stems: names of files, without folders and extensions, in lower case.
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
            if (stem := _stem(word)) in stems:
                column.files.add(stem)
    return columns, count


def _rows(place: str, folder: str) -> Iterator[Sequence[str]]:
    """The rows of a table."""
    text = decode(Files(folder).read(place, FOLDER_TABLE_BYTES))
    sample = text[:10_000]
    try:
        delimiter = csv.Sniffer().sniff(sample, ",;\t|").delimiter
    except csv.Error:
        delimiter = ","
    return (row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row))


def _tables_in(folder: str) -> list[str]:
    """Files in the folder, or in a folder in it, that may be tables, the nearest first."""
    root = UPath(folder)
    found = [*root.glob("*"), *root.glob("*/*")]
    tables = [path for path in found if path.name.lower().endswith(TABLE_SUFFIXES) and not path.name.startswith(".")]
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


def _stem(path: str) -> str:
    """The name of a file in lower case, without folders and extension, however the path is written."""
    name = PurePosixPath(path.replace("\\", "/")).name.lower()
    return name[: -len(PurePosixPath(name).suffix)] if PurePosixPath(name).suffix else name
