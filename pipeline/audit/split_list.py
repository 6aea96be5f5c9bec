"""What anybody's split leaks: films of one patient, one film or its copies, on both sides."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from pipeline.audit.lists import SplitList, patient_in, plain_split, read_split
from pipeline.audit.pictures import compare_pictures
from pipeline.core.groups import group_rows
from sources.core.errors import UsageError
from sources.core.storage import atomic
from sources.core.text import counted


@dataclass(frozen=True)
class Leak:
    """Films that belong together, and are in several splits.

    Attributes:
        kind: same patient | same file | same bytes | same pixels | same exposure.
        evidence: what they share.
        splits: where they are: ``train, test``.
        rows: how many rows.
        films: their files.
    """

    kind: str
    evidence: str
    splits: str
    rows: int
    films: list[str]


@dataclass(frozen=True)
class SplitAudit:
    """What was read, and what leaks.

    Attributes:
        given: the list.
        leaks: in order: patients, files, pictures.
        links: (kind, values per row): rows with equal values belong together.
        notes: what a person should know about how it was read.
    """

    given: SplitList
    leaks: list[Leak]
    links: "list[tuple[str, pd.Series[Any]]]"
    notes: list[str]

    @property
    def rows(self) -> pd.DataFrame:
        """The rows of the list."""
        return self.given.rows

    def __str__(self) -> str:
        counts = self.rows["split"].value_counts().sort_index()
        splits = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        known = int(self.rows["patient"].notna().sum())
        patients = f"patients of {known:,} known" if known < len(self.rows) else "all patients known"
        found = counted(len(self.leaks), "leak") if self.leaks else "no leak"
        return f"{counted(len(self.rows), 'film')} ({splits}; {patients}): {found}"

    def as_json(self) -> dict[str, Any]:
        """The audit as JSON values."""
        splits = {str(name): int(count) for name, count in self.rows["split"].value_counts().sort_index().items()}
        return {"films": len(self.rows), "splits": splits, "notes": self.notes, "leaks": list(map(asdict, self.leaks))}

    def repaired(self) -> "pd.Series[str]":
        """The split of each row after the smallest change: films that belong together go where most of them are.

        Between two equal numbers, train wins, so that nothing that was learned from is tested.
        """
        group = group_rows([("row", pd.Series(range(len(self.rows)), index=self.rows.index)), *self.links])
        table = pd.crosstab(group, self.rows["split"])
        first = sorted(table.columns, key=lambda name: (name != "train", name))
        best = table[first].idxmax(axis=1)
        return group.map(best)

    def write_repaired(self, path: Path) -> int:
        """Write the list with the repaired splits; the number of rows that changed."""
        split = self.repaired()
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        place, header = self.given.split_column, self.given.header
        header = header or [f"column_{number}" for number in range(1, 1 + len(self.rows["line"].iloc[0]))]
        writer.writerow(header if place is not None else [*header, "split"])
        for cells, new in zip(self.rows["line"], split, strict=True):
            old = cells[place] if place is not None else ""
            word = old if plain_split(old) == new else new
            writer.writerow([*cells[:place], word, *cells[place + 1 :]] if place is not None else [*cells, new])
        with atomic(path, "w") as file:
            file.write(buffer.getvalue())
        return int((split != self.rows["split"]).sum())


def audit(files: Sequence[Path], images: Path | None = None) -> SplitAudit:
    """Read a split and look for leaks.

    Args:
        files: one list with a column for the split, one list per split, or a folder whose first level are the splits.
        images: folder of the films; copies are then found by their bytes, their pixels and by proof.

    Raises:
        UsageError: a file does not exist, or states no split.
        CxnetError: a file is not readable.
    """
    given = read_split(files)
    rows, notes = given.rows, list(given.notes)
    if images is None and len(files) == 1 and files[0].is_dir():
        images = files[0]
    if rows["split"].nunique() < 2:
        raise UsageError(f"{files[0]} has one split only ({rows['split'].iloc[0]}); give the lists of all splits.")
    if rows["patient"].isna().all():
        notes.append(_take_patients(rows))
    names = rows["file"].map(lambda name: PurePosixPath(str(name)).name.lower())
    links: list[tuple[str, pd.Series[Any]]] = [("same patient", rows["patient"]), ("same file", names)]
    if images is not None:
        found = compare_pictures(_places(images, rows["file"]))
        notes += found.notes
        for kind, values in (
            ("same bytes", found.bytes),
            ("same pixels", found.pixels),
            ("same exposure", found.exposures),
        ):
            links.append((kind, pd.Series(values, index=rows.index, dtype=object)))
    leaks = [leak for kind, values in links for leak in _leaks(kind, values, rows)]
    return SplitAudit(given, leaks, links, notes)


def _take_patients(rows: pd.DataFrame) -> str:
    """Take patients from the names of files, where they are those of well-known sets; what to tell a person."""
    rows["patient"] = [patient_in(str(name)) for name in rows["file"]]
    known = int(rows["patient"].notna().sum())
    if known:
        return f"patients are taken from the names of {known:,} of {len(rows):,} files"
    return "no patient is known: films of one patient may be in two splits, and nobody could tell"


def _places(images: Path, names: "pd.Series[str]") -> list[Path | None]:
    """The file of each row below the folder: at its path, else the only one of its name."""
    by_name: dict[str, list[Path]] = {}
    for path in sorted(images.rglob("*")):
        if path.is_file():
            by_name.setdefault(path.name.lower(), []).append(path)
    places: list[Path | None] = []
    for name in map(str, names):
        direct = images / name
        inside = direct.resolve().is_relative_to(images.resolve())
        same = by_name.get(PurePosixPath(name).name.lower(), [])
        places.append(direct if inside and direct.is_file() else same[0] if len(same) == 1 else None)
    return places


def _leaks(kind: str, values: "pd.Series[Any]", rows: pd.DataFrame) -> Iterator[Leak]:
    splits = rows["split"].groupby(values).nunique()
    torn = values.isin(splits.index[splits > 1])  # few values; a million rows take seconds
    for value, films in rows[torn].groupby(values[torn], sort=True):
        counts = films["split"].value_counts().sort_index()
        where = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        yield Leak(kind, str(value), where, len(films), list(map(str, films["file"])))
