"""Prove a data set: its tables against their schemas and rules, its files against their hashes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from upath import UPath

from pipeline.audit import certificate
from pipeline.audit.dataset import Place
from pipeline.audit.files import check_files
from pipeline.audit.rules import Tables, check_rules, check_tables
from pipeline.audit.violations import Violation
from pipeline.core.layout import Layout
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

    def with_more(self, violations: Sequence[Violation]) -> Self:
        """The same with further violations."""
        return replace(self, violations=sorted({*self.violations, *violations}))

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


def certify(place: Place, layout: Layout) -> tuple[UPath, list[Violation]]:
    """Make the certificate of the splits, and write it; that of a snapshot is compared instead.

    Returns:
        Where it is, and where it says something else than the tables.

    Raises:
        CxnetError: there are no splits, or the certificate of a snapshot cannot be read.
    """
    made = make_certificate(place)
    if place.raw is None:
        path = place.manifest.parent / certificate.FILE
        return path, certificate.compare(path, made)
    path = layout.reports / certificate.FILE
    certificate.write(path, made)
    return path, []


def make_certificate(place: Place, tables: Tables | None = None) -> dict[str, object]:
    """The certificate of a data set's splits as JSON values; ``tables`` if they have been read already."""
    tables = tables or place.read()
    named = {"manifest": place.manifest, "splits": place.splits}
    hashes = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in named.items() if path is not None}
    rules = {name: len(found) for name, found in check_rules(tables).items()}
    return certificate.certificate(place, tables, rules, hashes)
