"""The ``split`` stage: train, val, test and external, with each patient and each exposure in one split only.

Reads ``manifest/manifest.parquet``. Writes ``splits.parquet``: ``group_id`` for all rows, ``split`` and ``fold`` for
the kept ones. Excludes nothing. :mod:`pipeline.split.groups` says what belongs together, and
:mod:`pipeline.split.assignment` where it goes.
"""

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Self

import pandas as pd

from pipeline.core.balance import PEDIATRIC, SPLITS, balance_warning, gaps
from pipeline.core.layout import Layout
from pipeline.core.params import Params, SplitParams
from pipeline.core.schema import MANIFEST_SCHEMA, SPLITS_SCHEMA
from pipeline.core.summary import Summary
from pipeline.core.tables import has_unknown_patient, unknown_patients_warning
from pipeline.split.assignment import assign
from pipeline.split.groups import groups
from sources.core.errors import unknown
from sources.core.items import KEY
from sources.core.source import source_names
from sources.core.storage import read_table, write_table
from sources.core.text import counted

LINKS = ("patient_id", "patient_key", "study_id", "cluster_id", "duplicate_of", "page_url")
COLUMNS = [*KEY, "image_id", "label", "age", "pediatric", *LINKS, "status"]


@dataclass(frozen=True)
class SplitSummary(Summary):
    """The split in numbers.

    Attributes:
        films: kept ones; ``groups``: of them; ``splits``: films of each split.
        unknown_patients: films whose patient is unknown.
        gaps: a clause for each label that a split lacks.
        balance_warning, patients_warning: what a person should know, each one sentence or None.
    """

    films: int
    groups: int
    splits: dict[str, int]
    unknown_patients: int
    gaps: tuple[str, ...]
    balance_warning: str | None
    patients_warning: str | None

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Self:
        """Count the kept films."""
        kept = rows[rows["split"].notna()]
        counts = kept["split"].value_counts()
        splits = {name: int(counts[name]) for name in (*SPLITS, "external", PEDIATRIC) if name in counts}
        unknown = int(has_unknown_patient(kept).sum())
        warnings = balance_warning(kept), unknown_patients_warning(kept)
        return cls(len(kept), kept["group_id"].nunique(), splits, unknown, tuple(gaps(kept)), *warnings)

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.balance_warning, self.patients_warning)))

    def __str__(self) -> str:
        total = f"{counted(self.films, 'film')} in {counted(self.groups, 'group')}"
        parts = [f"{name} {count:,} ({count / self.films:.0%})" for name, count in self.splits.items()]
        unknown = [f"patients of {counted(self.unknown_patients, 'film')} unknown"] if self.unknown_patients else []
        return "; ".join([f"{total}: {', '.join(parts)}" if parts else total, *unknown, *self.gaps])


def run(layout: Layout, params: Params, executor: Executor | None = None) -> SplitSummary:
    """Write ``splits.parquet``.

    Raises:
        UsageError: an external source does not exist.
    """
    rows = read_table(layout.manifest / "manifest.parquet", COLUMNS, MANIFEST_SCHEMA)
    _check_external(params.split, rows)
    rows = assign(rows.assign(group_id=groups(rows)), rows["status"] == "kept", params.split)
    write_table(layout.splits, rows.sort_values(list(KEY), kind="stable"), SPLITS_SCHEMA)
    return SplitSummary.of(rows)


def _check_external(params: SplitParams, rows: pd.DataFrame) -> None:
    """Refuse external sources that do not exist."""
    known = sorted({*source_names(), *rows["source"].unique()})
    for name in params.external:
        if name not in known:
            raise unknown("source in split.external", name, known)
