"""The rows of a table below the names of its columns: which row holds the names, and which rows hold them again."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice

from sources.core.errors import CxnetError
from sources.core.text import counted
from sources.own.columns import Cells, Columns, numbered_name
from sources.own.names import without_invisible

HEADER_ROWS = 20  # the names of the columns are in one of the first rows that are not empty
_ESCAPE = '="'  # how spreadsheets are kept from taking a text for a number: ="007"


def plain_cell(cell: str) -> str:
    """A cell without what nobody means: spaces around it, marks that nobody sees, Excel's ``="007"``."""
    plain = (cell if cell.isascii() else without_invisible(cell)).strip()
    if plain.startswith(_ESCAPE) and plain.endswith('"') and len(plain) > len(_ESCAPE):
        return plain[len(_ESCAPE) : -1].replace('""', '"').strip()
    return plain


class Body:
    """The rows of a table below the names of its columns, as they are written, without those that repeat the names.

    Attributes:
        names: of the columns; ``column_1``, ``column_2``, ... if the table does not name them.
        is_named: does it?

    Args:
        rows: all rows of the table.
        columns: those that the caller needs; they find the names, and take notes.
        where: name of the table, for messages.
    """

    def __init__(self, rows: Iterator[Cells], columns: Columns, where: str) -> None:
        self._columns, self._where = columns, where
        first = list(islice(rows, HEADER_ROWS))
        plain = [[plain_cell(cell) for cell in row] for row in first]
        start = columns.names_in(plain)
        self.is_named = start is not None
        if start is None:
            self.names = [numbered_name(place) for place in range(max(map(len, first), default=0))]
        else:
            self.names = plain[start] if plain else []
        self._rows = chain(first if start is None else first[start + 1 :], rows)

    def __iter__(self) -> Iterator[Cells]:
        """The rows.

        Raises:
            CxnetError: the names stand again, but for other places.
        """
        if not self.is_named or len(self.names) < 2:
            yield from self._rows
            return
        filled = next((place for place, name in enumerate(self.names) if name), 0)
        known, repeated = frozenset(self.names), 0
        for number, row in enumerate(self._rows, 1):
            if len(row) > filled and plain_cell(row[filled]) in known and self._are_names(row, number):
                repeated += 1
            else:
                yield row
        if repeated:
            self._columns.notes.append(f"{counted(repeated, 'row')} with the names of the columns again left out.")

    def _are_names(self, row: Cells, number: int) -> bool:
        """Does a row hold the names again, as in tables that were put one below the other?"""
        cells = _without_empty_end([plain_cell(cell) for cell in row])
        names = _without_empty_end(self.names)
        if cells == names:
            return True
        if sorted(cells) == sorted(names) and len(set(names)) > 1:
            raise CxnetError(
                f"{self._where}: row {number:,} names the columns again, in another order; put the parts of the table "
                "into one order, or save them as tables of their own."
            )
        return False


def _without_empty_end(cells: Sequence[str]) -> list[str]:
    count = max((place for place, cell in enumerate(cells, 1) if cell), default=0)
    return list(cells[:count])
