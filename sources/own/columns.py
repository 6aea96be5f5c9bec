"""Which columns of a table are needed, and where they are: a name may differ in case and spaces."""

import re
from collections.abc import Sequence

from sources.core.errors import CxnetError, MissingColumnError, UsageError
from sources.core.limits import TABLE_COLUMNS
from sources.core.text import visible
from sources.own.names import same_form

Cells = Sequence[str]
NAMED = 12  # columns that a message names


class Columns:
    """The columns that a caller needs.

    Args:
        names: as the caller writes them.
        optional: names of columns that are of use where they are there.
    """

    def __init__(self, names: Sequence[str], optional: Sequence[str] = ()) -> None:
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

    def places(self, header: Cells, where: str) -> dict[str, int]:
        """The index of every column that is needed, by the caller's name.

        Raises:
            MissingColumnError: one is not there.
            UsageError: one is there twice.
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
            raise MissingColumnError(
                f"{where} has no column {', '.join(map(repr, missing))} (it has: {_listed(header)})."
            )
        return {name: place for name, place in places.items() if place is not None}

    def _place(self, name: str, header: Cells, where: str) -> int | None:
        for form in (str.strip, _plain):
            places = [place for place, cell in enumerate(header) if form(cell.strip("\ufeff")) == form(name)]
            if len(places) > 1:
                raise UsageError(f"{where} has the column '{visible(name)}' {len(places)} times; rename all but one.")
            if places:
                return places[0]
        return None


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", same_form(name)).strip("\ufeff ")


def _listed(names: Cells) -> str:
    """The first column names, for a message."""
    listed = ", ".join(repr(visible(name.strip()[:40])) for name in names[:NAMED])
    return listed + (", ..." if len(names) > NAMED else "") if names else "none"
