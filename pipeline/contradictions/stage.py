"""Contradictions: labels that something speaks against, listed for a person to look at; nothing is changed.

Reads ``manifest/manifest.parquet``, ``conflicts.parquet``, the smallest of ``arrays/<size>/`` and
``curation/decisions.csv``. Writes ``contradictions.parquet``: one row per film and contradiction, with its evidence and
a score. Adds no column to the manifest and excludes nothing; what follows is a line in ``curation/decisions.csv``.

==========  ========================================================================================================
kind        what speaks against the label
==========  ========================================================================================================
rt_pcr      called covid, while its source, or the source of a copy, says RT-PCR negative; called cap beside positive
finding     the finding in the source's own words stands for another label, or sees nothing abnormal
two_labels  a copy of the film has another label elsewhere
age         the patient's films tell ages that no one person can have, given their days
sex         the patient's films tell two sexes
model       a classifier that never saw the patient gives another label; see :mod:`pipeline.contradictions.disagreement`
==========  ========================================================================================================

A label that a person set is settled and not listed again.
"""

from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import asdict, dataclass

import pandas as pd

from pipeline.contradictions.evidence import (
    KINDS,
    Contradiction,
    against_finding,
    against_model,
    against_test,
    impossible_ages,
    impossible_sexes,
    two_labels,
)
from pipeline.core.decisions import read_decisions
from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.schema import CONTRADICTIONS_SCHEMA
from pipeline.core.summary import Summary
from pipeline.core.tables import row_names
from pipeline.prepare.arrays import read_arrays
from sources.core.items import KEY
from sources.core.storage import read_table, write_table

FROM_MANIFEST = [*KEY, "image_id", "label", "finding", "rt_pcr", "patient_id", "patient_key", "cluster_id"]
FROM_MANIFEST += ["age", "sex", "offset_days", "status"]
ABOUT_LABELS = ("rt_pcr", "finding", "two_labels", "model")


@dataclass(frozen=True)
class ContradictionsSummary(Summary):
    """Contradictions, films that have one, and contradictions of each kind."""

    contradictions: int
    films: int
    kinds: dict[str, int]

    def __str__(self) -> str:
        total = f"{self.contradictions:,} contradictions on {self.films:,} films"
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in self.kinds.items())
        return f"{total} ({kinds})" if kinds else total


def run(layout: Layout, params: Params, executor: Executor | None = None) -> ContradictionsSummary:
    """Write ``contradictions.parquet``. The classifier reads the smallest arrays that were prepared."""
    rows = read_table(layout.manifest / "manifest.parquet", FROM_MANIFEST)
    rows = rows.assign(film=row_names(rows))
    found = [
        *against_test(rows),
        *against_finding(rows),
        *two_labels(read_table(layout.conflicts)),
        *impossible_ages(rows, params.contradictions),
        *impossible_sexes(rows),
        *against_model(read_arrays(layout, min(params.prepare.sizes)), params.contradictions),
    ]
    settled = {entry.image_id for entry in read_decisions(layout.decisions) if entry.field == "label"}
    table = as_table(rows, found, settled)
    write_table(layout.contradictions, table, CONTRADICTIONS_SCHEMA)
    return summary(table)


def as_table(rows: pd.DataFrame, found: Iterable[Contradiction], settled: set[str]) -> pd.DataFrame:
    """The contradictions with what the manifest says of their films, without those on labels that a person set."""
    entries = pd.DataFrame([asdict(entry) for entry in found], columns=list(Contradiction.__dataclass_fields__))
    table = entries.merge(rows[["film", *KEY, "image_id", "label", "status"]], on="film", validate="many_to_one")
    done = table["kind"].isin(ABOUT_LABELS) & table["image_id"].isin(settled)
    return table[~done].sort_values([*KEY, "kind", "other"], kind="stable", ignore_index=True)


def summary(table: pd.DataFrame) -> ContradictionsSummary:
    """The numbers of the table."""
    counts = table["kind"].value_counts()
    kinds = {kind: int(counts[kind]) for kind in KINDS if kind in counts}
    return ContradictionsSummary(len(table), table["film"].nunique(), kinds)
