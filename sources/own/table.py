"""A table in a user's folder: the wanted columns, and nothing else, of a file in any of the usual formats."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from typing import IO

from sources.core.errors import CxnetError
from sources.core.limits import TABLE_ROWS
from sources.core.text import visible
from sources.own.columns import Cells, Columns
from sources.own.table_rows import HEADER_ROWS, rows_of

SHARED_WORDS = 50_000  # different cells of a column that are kept once instead of once per row


@dataclass(frozen=True)
class Table:
    """The cells of a table, column by column: stripped texts, "" where a row is too short.

    Attributes:
        cells: our column name -> its cells, one per row.
        rows: how many rows there are.
    """

    cells: Mapping[str, list[str]]
    rows: int = 0

    def column(self, name: str) -> list[str]:
        """The cells of a column; empty ones if the table has none of this name."""
        return self.cells.get(name) or [""] * self.rows


def read_table(
    file: IO[bytes], names: Mapping[str, str], where: str, groups: Sequence[Mapping[str, str]] = ()
) -> Table:
    """Read the columns that are needed.

    Args:
        file: the table; it can be read from any place (``seek``).
        names: our column name -> the table's.
        where: name of the table, for messages.
        groups: further columns; the first group is read of which the table has every one.

    Raises:
        MissingColumnError: the table lacks one of ``names``.
        UsageError: it has one of them twice.
        CxnetError: it cannot be read; the message says how to save it.
    """
    wanted = Columns(list(names.values()), [name for group in groups for name in group.values()])
    with closing(rows_of(file, where, wanted)) as rows:
        return _read(rows, wanted, names, groups, where)


def _read(
    rows: Iterator[Cells],
    wanted: Columns,
    names: Mapping[str, str],
    groups: Sequence[Mapping[str, str]],
    where: str,
) -> Table:
    first = list(islice(rows, HEADER_ROWS))
    start = next((place for place, row in enumerate(first) if wanted.are_in(row)), 0)
    header = first[start] if first else []
    places = wanted.places(header, where)
    by_name = {ours: places[theirs] for ours, theirs in names.items()}
    for group in groups:
        further = {ours: place for ours, theirs in group.items() if (place := _only(theirs, header)) is not None}
        if len(further) == len(group):
            by_name |= further
            break
    return _collect(chain(first[start + 1 :], rows), by_name, where)


def _only(name: str, header: Cells) -> int | None:
    """The index of the one column of exactly this name, or None."""
    places = [place for place, cell in enumerate(header) if cell.strip() == name]
    return places[0] if len(places) == 1 else None


def _collect(rows: Iterator[Cells], places: Mapping[str, int], where: str) -> Table:
    cells: dict[str, list[str]] = {name: [] for name in places}
    columns = [(place, cells[name], dict[str, str]()) for name, place in places.items()]
    count = 0
    for row in rows:
        count += 1
        if count > TABLE_ROWS:
            raise CxnetError(f"{where} has more than {TABLE_ROWS:,} rows; split it.")
        for place, column, shared in columns:
            cell = row[place].strip() if place < len(row) else ""
            if not cell.isprintable():
                cell = visible(cell)
            is_room = len(shared) < SHARED_WORDS
            column.append(shared.setdefault(cell, cell) if is_room else shared.get(cell, cell))
    return Table(cells, count)
