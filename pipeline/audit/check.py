"""Prove a data set: its tables against their schemas and rules, its files against their hashes."""

from dataclasses import dataclass

from pipeline.audit.dataset import Place
from pipeline.audit.files import check_files
from pipeline.audit.rules import check_tables
from pipeline.audit.violations import Violation
from sources.core.errors import CxnetError
from sources.core.text import counted


@dataclass(frozen=True)
class Checked:
    """What was checked, and what is wrong.

    Attributes:
        place: how the data set is called.
        rows, kept: of its manifest.
        has_splits: were there splits to check?
        pictures, files: how many were read.
        violations: every broken rule, with row and value.
    """

    place: str
    rows: int
    kept: int
    has_splits: bool
    pictures: int
    files: int
    violations: list[Violation]

    def __str__(self) -> str:
        parts = [counted(self.rows, "row"), counted(self.kept, "kept film"), counted(self.pictures, "picture")]
        parts += [counted(self.files, "file"), "splits" if self.has_splits else "no splits"]
        verdict = counted(len(self.violations), "violation") if self.violations else "all rules hold"
        return f"{self.place}: {', '.join(parts)}; {verdict}"


def check(place: Place) -> Checked:
    """Check a data set.

    A table that cannot be read is one violation, and nothing behind it is checked.
    """
    try:
        tables = place.read()
        violations = check_tables(tables)
        files = check_files(place, tables)
    except CxnetError as error:
        unreadable = Violation("every table can be read and fits its schema", place.name, str(error))
        return Checked(place.name, 0, 0, False, 0, 0, [unreadable])
    found = sorted({*violations, *files.violations})
    rows, kept = len(tables.manifest), len(tables.kept)
    return Checked(place.name, rows, kept, tables.splits is not None, files.pictures, files.files, found)
