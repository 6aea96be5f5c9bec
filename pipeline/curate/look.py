"""Look at folders of films before anything is fetched: how many images there are, and what their tables hold."""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from upath import UPath

from pipeline.curate.column import Column
from pipeline.curate.guess import Guess, guess_meaning, naming_column
from pipeline.curate.header import LikelyColumns
from pipeline.curate.path_labels import PathLabels, find_path_labels
from pipeline.curate.unused import unused_columns
from sources.core.errors import CxnetError, RepeatedColumnError, UsageError
from sources.core.limits import TABLE_BYTES
from sources.core.storage import is_local
from sources.own.body import Body, plain_cell
from sources.own.columns import Columns
from sources.own.files import Files
from sources.own.patients import propose_pattern
from sources.own.places import FileIndex
from sources.own.table_rows import rows_of

TABLE_SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".xlsx", ".parquet", ".jsonl")
SPREADSHEETS = (".xls", ".ods")  # that are not read
PERHAPS_TABLES = (".txt", ".json", *SPREADSHEETS)  # used only if a person says so
TABLES_TRIED = 10
COLUMNS_LOOKED_AT = 500


@dataclass(frozen=True)
class TableLook:
    """A table that belongs to a folder of films.

    Attributes:
        place: its path below the folder.
        rows: how many rows it has.
        guess: what its columns mean.
        unused: the other columns -> what to add to the profile, or "" if nothing is likely.
        files: how many files it names.
        notes: what a person should know about its rows.
    """

    place: str
    rows: int
    guess: Guess
    unused: dict[str, str] = field(default_factory=dict)
    files: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class FolderLook:
    """A folder of films.

    Attributes:
        path: the folder or bucket URL; a local one is absolute.
        images: how many images there are below it.
        table: the table that names them, or None.
        notes: what a person should know about the tables that were looked at.
        patient_from_path: pattern by which the paths seem to name patients, where no table does; None = they do not.
        path_labels: the labels that the paths seem to name, where no table does; None = they do not.
    """

    path: str
    images: int
    table: TableLook | None = None
    notes: list[str] = field(default_factory=list)
    patient_from_path: str | None = None
    path_labels: PathLabels | None = None


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
    look = _look_for_table(path, FileIndex(places), table)
    if look.table is None or "patient_id" not in look.table.guess.columns:
        look = replace(look, patient_from_path=propose_pattern(places))
    if look.table is None or not look.table.guess.has_labels:
        look = replace(look, path_labels=find_path_labels(places))
    return look


def _look_for_table(path: str, files: FileIndex, table: str | None) -> FolderLook:
    """The folder with the table that is given, or with the first one in it that names its files."""
    notes: list[str] = []
    tables = _tables_in(path, TABLE_SUFFIXES) if table is None else [place_of(table, path)]
    for number, place in enumerate(tables[:TABLES_TRIED], 1):
        try:
            found = _look_at_table(place, path, files)
        except RepeatedColumnError:
            raise
        except CxnetError as error:
            if table is not None:
                raise
            notes.append(f"{place} is not used: {error}")
            continue
        if rest := tables[number:]:
            notes.append(f"a folder has one table; not looked at: {', '.join(rest[:TABLES_TRIED])}")
        return FolderLook(path, files.count, found, notes + found.notes)
    return FolderLook(path, files.count, None, [*notes, *_perhaps_tables(path, files)])


def _perhaps_tables(folder: str, files: FileIndex) -> Iterator[str]:
    """What a person should know about files that may be tables, too, but are used only if a person says so."""
    for place in _tables_in(folder, PERHAPS_TABLES)[:TABLES_TRIED]:
        try:
            names = _look_at_table(place, folder, files).files
            yield f"{place} names {names:,} of {files.count:,} files; to use it, add --table {shlex.quote(place)}."
        except CxnetError as error:
            if place.lower().endswith(SPREADSHEETS):
                yield f"{place} is not used: {error}"


def _look_at_table(place: str, folder: str, files: FileIndex) -> TableLook:
    """What a table holds.

    Raises:
        UsageError: it does not name the files of the folder.
        RepeatedColumnError: it does, but has a column twice that is needed.
        CxnetError: it cannot be read.
    """
    where, likely = f"{folder}/{place}", LikelyColumns(files)
    with Files(folder, "").opened(place, TABLE_BYTES) as file, closing(rows_of(file, where, likely)) as cells:
        columns, rows = read_columns(cells, likely, where)
    naming = naming_column(columns, rows, files.count)
    if naming is None:
        best = max(columns, key=lambda column: len(column.files), default=None)
        nearest = f"; the best is '{best.name}' with {len(best.files):,}" if best is not None and best.files else ""
        raise UsageError(
            f"No column of {where} names the files in {folder} (of {files.count:,} images{nearest}); give a table with "
            "the names of the files, or none."
        )
    guess = guess_meaning(columns, naming, rows, files.count)
    needed = Columns([*(meaning.column for meaning in guess.columns.values()), *guess.findings])
    needed.places([column.name for column in columns], where)
    return TableLook(place, rows, guess, unused_columns(columns, guess), len(naming.files), likely.notes)


def read_columns(rows: Iterator[Sequence[str]], likely: LikelyColumns, where: str) -> tuple[list[Column], int]:
    """Look through a table, row by row: its columns, and the number of its rows.

    Args:
        rows: all rows of the table.
        likely: finds the names of its columns, and the files that cells name.
        where: name of the table, for messages.

    Raises:
        CxnetError: it is empty.
    """
    body = Body(rows, likely, where)
    if not body.names:
        raise CxnetError(f"{where} is empty; give a table with films, or none.")
    if not body.is_named:
        likely.notes.append(f"{where} does not name its columns; they are called {body.names[0]}, column_2, ...")
    columns = [Column(name) for name in body.names[:COLUMNS_LOOKED_AT]]
    count = 0
    for row in body:
        count += 1
        for column, cell in zip(columns, row, strict=False):
            if word := plain_cell(cell):
                column.add(word, likely.files)
    if not count:
        raise CxnetError(f"{where} has names of columns and no row below them; give a table with films, or none.")
    return columns, count


def _tables_in(folder: str, suffixes: tuple[str, ...]) -> list[str]:
    """Files in the folder, or in a folder in it, with one of these suffixes, the nearest first."""
    root = UPath(folder)
    found = [path for pattern in ("*", "*/*") for path in root.glob(pattern) if not path.name.startswith(".")]
    tables = [path for path in found if path.name.lower().endswith(suffixes) and path.is_file()]
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
