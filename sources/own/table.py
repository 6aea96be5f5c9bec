"""A table in a user's folder: the wanted columns, and nothing else, of a file in any of the usual formats."""

import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import IO

from sources.core.errors import CxnetError
from sources.core.limits import TABLE_ROWS
from sources.core.text import visible
from sources.own.body import Body, plain_cell
from sources.own.columns import Cells, Columns
from sources.own.table_rows import rows_of

SHARED_WORDS = 50_000  # different cells of a column that are kept once instead of once per row
_SUM = re.compile(  # how a row begins that counts the others
    r"(?:grand |sub)?-?(?:totals?|sum|count|mean|average|gesamt|summe|insgesamt|anzahl|totale|somme|suma)"
    r"(?:\s*[:=].*|\s+[\d.,]+(?:\s\w+)?)?|"
    r"\(?[\d.,]+ (?:rows?|records?|images?|films?|patients?)(?: \w+)?\)?|"
    r"end of (?:file|table|report)\.?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Table:
    """The cells of a table, column by column: stripped texts, "" where a row is too short.

    Attributes:
        cells: our column name -> its cells, one per row.
        rows: how many rows there are.
        sums: the rows that look as if they count the others (``Total: 12``).
        notes: what a person should know about the rows that were read.
    """

    cells: Mapping[str, list[str]]
    rows: int = 0
    sums: frozenset[int] = frozenset()
    notes: list[str] = field(default_factory=list)

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
        RepeatedColumnError: it has one of them twice.
        CxnetError: it cannot be read; the message says how to save it.
    """
    wanted = Columns(list(names.values()), [name for group in groups for name in group.values()])
    with closing(rows_of(file, where, wanted)) as rows:
        body = Body(rows, wanted, where)
        return _collect(body, wanted, _places(body.names, wanted, names, groups, where), where)


def _places(
    header: Cells, wanted: Columns, names: Mapping[str, str], groups: Sequence[Mapping[str, str]], where: str
) -> dict[str, int]:
    """Our column name -> its index in the table."""
    places = wanted.places(header, where)
    by_name = {ours: places[theirs] for ours, theirs in names.items()}
    for group in groups:
        further = {ours: place for ours, theirs in group.items() if (place := _only(theirs, header)) is not None}
        if len(further) == len(group):
            return by_name | further
    return by_name


def _only(name: str, header: Cells) -> int | None:
    """The index of the one column of exactly this name, or None."""
    places = [place for place, cell in enumerate(header) if cell == name]
    return places[0] if len(places) == 1 else None


def _collect(body: Body, wanted: Columns, places: Mapping[str, int], where: str) -> Table:
    cells: dict[str, list[str]] = {name: [] for name in places}
    columns = [(place, cells[name], dict[str, str]()) for name, place in places.items()]
    naming = places.get("item_id")
    sums = set()
    count = 0
    for row in body:
        count += 1
        if count > TABLE_ROWS:
            raise CxnetError(f"{where} has more than {TABLE_ROWS:,} rows; split it.")
        for place, column, shared in columns:
            cell = plain_cell(row[place]) if place < len(row) else ""
            if not cell.isprintable():
                cell = visible(cell)
            is_room = len(shared) < SHARED_WORDS
            column.append(shared.setdefault(cell, cell) if is_room else shared.get(cell, cell))
        if naming is not None and _is_sum(row, naming):
            sums.add(count - 1)
    return Table(cells, count, frozenset(sums), wanted.notes)


def _is_sum(row: Cells, naming: int) -> bool:
    """Does a row begin as if it counted the others, and name nothing else as its film?"""
    named = row[naming].strip() if naming < len(row) else ""
    first = named or next(filter(None, map(str.strip, row)), "")
    return _SUM.fullmatch(first) is not None
