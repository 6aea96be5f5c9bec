"""Which row of a table names its columns, when nobody has said yet what they are called."""

from collections.abc import Sequence

from pipeline.curate.guess import FILE_NAMES, NAMES, plain_name
from sources.own.columns import Cells, Columns, looks_like_data
from sources.own.places import FileIndex

KNOWN = frozenset((*FILE_NAMES, *(name for names in NAMES.values() for name in names)))
FEWEST = 2  # columns that a table of films has


class LikelyColumns(Columns):
    """Stands for columns that are not known yet: all are wanted, and a row with known names is taken for the header.

    It also chooses what separates the cells of a text, and the sheet of an Excel file.

    Args:
        files: of the folder. A first row that names one of them holds no names of columns.
    """

    def __init__(self, files: FileIndex) -> None:
        super().__init__([])
        self.files = files

    def is_wanted(self, name: str) -> bool:
        """Is a column of this name of use?"""
        return True

    def are_in(self, row: Cells) -> bool:
        """Does a row hold two names that tables of films have, or one for the files beside another cell?"""
        cells = {plain_name(cell) for cell in row if cell.strip()}
        return len(cells & KNOWN) >= FEWEST or (len(cells) >= FEWEST and not cells.isdisjoint(FILE_NAMES))

    def names_in(self, rows: Sequence[Cells]) -> int | None:
        """Which of a table's first rows holds the names of its columns; None if the first holds facts of a film."""
        place = next((place for place, row in enumerate(rows) if self.are_in(row)), None)
        if place is None and rows and not any(plain_name(cell) in KNOWN for cell in rows[0]):
            is_film = looks_like_data(rows[0]) or any(map(self.files.file_of, rows[0]))
            return None if is_film else 0
        return place or 0
