"""Which columns of a table are needed, and where they are: a name may differ in case and spaces."""

import re
from collections.abc import Sequence

from sources.core.errors import CxnetError, MissingColumnError, RepeatedColumnError
from sources.core.limits import TABLE_COLUMNS
from sources.core.text import visible
from sources.own.kinds import Kind, kind_by_name
from sources.own.names import same_form

Cells = Sequence[str]
NAMED = 12  # columns that a message names
_NUMBERED = re.compile(r"column_[1-9]\d*")
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?%?")
DATA_SHARE = 0.5  # of a row's cells that are numbers, from which it is not taken for names


def numbered_name(place: int) -> str:
    """The name of a column that the table does not name, by its index."""
    return f"column_{place + 1}"


def looks_like_data(row: Cells) -> bool:
    """Does a row hold facts of a film, and no names of columns: a name of an image, an address, or numbers?"""
    cells = [cell for cell in row if cell]
    if cells in ([str(place + start) for place in range(len(cells))] for start in (0, 1)):
        return False  # how programs name columns that have no names
    numbers = sum(_NUMBER.fullmatch(cell) is not None for cell in cells)
    return numbers > DATA_SHARE * len(cells) or any(
        "://" in cell or kind_by_name(re.split(r"[/\\]", cell)[-1]) is Kind.IMAGE for cell in cells
    )


class Columns:
    """The columns that a caller needs.

    Args:
        names: as the caller writes them.
        optional: names of columns that are of use where they are there.

    Attributes:
        notes: what a person should know about the rows that were read for these columns.
    """

    def __init__(self, names: Sequence[str], optional: Sequence[str] = ()) -> None:
        self.notes: list[str] = []
        self._names = list(names)
        self._plain = {_plain(name) for name in names}
        self._useful = self._plain | {_plain(name) for name in optional}

    def is_wanted(self, name: str) -> bool:
        """Is a column of this name of use?"""
        return _plain(name) in self._useful

    def are_in(self, row: Cells) -> bool:
        """Does a row hold the names of all of them (and is there any)?"""
        plain = {_plain(cell) for cell in row}
        return bool(self._plain) and self._plain <= plain

    def names_in(self, rows: Sequence[Cells]) -> int | None:
        """Which of a table's first rows holds the names of its columns; None = they have no names but numbers."""
        place = next((place for place, row in enumerate(rows) if self.are_in(row)), None)
        is_numbered = bool(self._names) and all(_NUMBERED.fullmatch(name.strip()) for name in self._names)
        return place if place is not None or is_numbered else 0

    def places(self, header: Cells, where: str) -> dict[str, int]:
        """The index of every column that is needed, by the caller's name.

        Raises:
            MissingColumnError: one is not there.
            RepeatedColumnError: one is there twice.
            CxnetError: there are more columns than a table of films has.
        """
        if len(header) > TABLE_COLUMNS:
            raise CxnetError(
                f"{where} has {len(header):,} columns; a table may have {TABLE_COLUMNS:,}. Save it with the columns "
                "that are needed."
            )
        places = {name: self._place(name, header, where) for name in self._names}
        missing = [name for name, place in places.items() if place is None]
        if missing:
            unnamed = " A table without names of columns has column_1, column_2, ..." if looks_like_data(header) else ""
            raise MissingColumnError(
                f"{where} has no column {', '.join(map(repr, missing))} (it has: {_listed(header)}).{unnamed}"
            )
        return {name: place for name, place in places.items() if place is not None}

    def _place(self, name: str, header: Cells, where: str) -> int | None:
        for form in (str.strip, _plain):
            places = [place for place, cell in enumerate(header) if form(cell) == form(name)]
            if len(places) > 1:
                raise RepeatedColumnError(
                    f"{where} has the column '{visible(name)}' {len(places)} times; rename all but one."
                )
            if places:
                return places[0]
        return None


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", same_form(name)).strip()


def _listed(names: Cells) -> str:
    """The first column names, for a message."""
    listed = ", ".join(repr(visible(name.strip()[:40])) for name in names[:NAMED])
    return listed + (", ..." if len(names) > NAMED else "") if names else "none"
