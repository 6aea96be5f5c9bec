"""Which row of a table names its columns, when nobody has said yet what they are called."""

from pipeline.curate.guess import FILE_NAMES, NAMES, plain_name
from sources.own.columns import Cells, Columns

KNOWN = frozenset((*FILE_NAMES, *(name for names in NAMES.values() for name in names)))
FEWEST = 2  # columns that a table of films has


class LikelyColumns(Columns):
    """Stands for columns that are not known yet: all are wanted, and a row with known names is taken for the header.

    It also chooses what separates the cells of a text, and the sheet of an Excel file.
    """

    def __init__(self) -> None:
        super().__init__([])

    def is_wanted(self, name: str) -> bool:
        """Is a column of this name of use?"""
        return True

    def are_in(self, row: Cells) -> bool:
        """Does a row hold two names that tables of films have, or one for the files beside another cell?"""
        cells = {plain_name(cell) for cell in row if cell.strip()}
        return len(cells & KNOWN) >= FEWEST or (len(cells) >= FEWEST and not cells.isdisjoint(FILE_NAMES))
