"""The ``contradictions`` stage: labels, ages and sexes that other evidence contradicts, for a person to review.

Reads ``manifest/manifest.parquet``, ``conflicts.parquet``, the smallest of ``arrays/<size>/`` and
``curation/decisions.csv``. Writes ``contradictions.parquet``, one row per film and contradiction, with the evidence and
a score. Adds no column to the manifest and excludes nothing; a person may add a line to ``curation/decisions.csv``.

==========  ========================================================================================================
kind        evidence
==========  ========================================================================================================
rt_pcr      the film is labeled covid, but its source or that of a copy reports a negative RT-PCR; or cap, but positive
finding     the finding in the source's own words means another label, or reports nothing abnormal
rows        the rows of its source's table give the film several labels
two_labels  a copy of the film has another label
age         the ages at the patient's films do not fit the days between them
sex         the patient's films have two sexes
model       a classifier trained without the patient predicts another label, :mod:`pipeline.contradictions.disagreement`
==========  ========================================================================================================

Labels that a person set are not listed, nor a finding whose words the profile itself maps to the label.
"""

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from typing import Self

import pandas as pd

from pipeline.contradictions.disagreement import TOO_FEW_LABELS
from pipeline.contradictions.evidence import (
    KINDS,
    Contradiction,
    contradicting_ages,
    contradicting_findings,
    contradicting_predictions,
    contradicting_rows,
    contradicting_sexes,
    contradicting_tests,
    two_labels,
)
from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.schema import CONFLICTS_SCHEMA, CONTRADICTIONS_SCHEMA, MANIFEST_SCHEMA
from pipeline.core.summary import Summary
from pipeline.core.tables import row_names
from pipeline.decisions.file import all_decisions
from pipeline.prepare.arrays import read_arrays
from sources.core.items import KEY
from sources.core.storage import read_table, write_table
from sources.core.text import counted

log = logging.getLogger(__name__)

FROM_MANIFEST = [*KEY, "image_id", "label", "finding", "rt_pcr", "patient_id", "patient_key", "cluster_id"]
FROM_MANIFEST += ["age", "sex", "offset_days", "boxes", "status"]
ABOUT_LABELS = ("rt_pcr", "finding", "rows", "two_labels", "model")


@dataclass(frozen=True)
class ContradictionsSummary(Summary):
    """Contradictions, films with at least one, and contradictions of each kind."""

    contradictions: int
    films: int
    kinds: dict[str, int]

    @classmethod
    def of(cls, table: pd.DataFrame) -> Self:
        """Count the contradictions."""
        counts = table["kind"].value_counts()
        kinds = {kind: int(counts[kind]) for kind in KINDS if kind in counts}
        return cls(len(table), table["film"].nunique(), kinds)

    def __str__(self) -> str:
        total = f"{counted(self.contradictions, 'contradiction')} on {counted(self.films, 'film')}"
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in self.kinds.items())
        return f"{total} ({kinds})" if kinds else total


def run(layout: Layout, params: Params, executor: Executor | None = None) -> ContradictionsSummary:
    """Write ``contradictions.parquet``.

    Raises:
        UsageError: a line of ``curation/decisions.csv`` is not valid.
        CxnetError: a table or, if films have two labels or more, the smallest arrays are absent.
    """
    rows = read_table(layout.manifest / "manifest.parquet", FROM_MANIFEST, MANIFEST_SCHEMA)
    rows = rows.assign(film=row_names(rows))
    contradictions = [
        *contradicting_tests(rows),
        *contradicting_findings(rows, params.folders),
        *contradicting_rows(rows),
        *two_labels(read_table(layout.conflicts, schema=CONFLICTS_SCHEMA)),
        *contradicting_ages(rows, params.contradictions),
        *contradicting_sexes(rows),
        *_contradicting_predictions(layout, params, rows),
    ]
    decided = {entry.image_id for entry in all_decisions(layout) if entry.field == "label"}
    table = _table_of(rows, contradictions, decided)
    write_table(layout.contradictions, table, CONTRADICTIONS_SCHEMA)
    return ContradictionsSummary.of(table)


def _contradicting_predictions(layout: Layout, params: Params, rows: pd.DataFrame) -> Iterator[Contradiction]:
    """What the classifier contradicts; arrays that it cannot learn from, for lack of labels, are not read."""
    if rows.loc[rows["status"] == "kept", "label"].nunique() < 2:
        log.warning(TOO_FEW_LABELS)
        return iter(())
    arrays = read_arrays(layout, str(min(params.prepare.sizes)))
    return contradicting_predictions(arrays, params.contradictions)


def _table_of(rows: pd.DataFrame, contradictions: Iterable[Contradiction], decided: set[str]) -> pd.DataFrame:
    """The contradictions with columns of the manifest, but without those about labels that a person decided.

    Args:
        rows: the manifest with the column ``film``.
        contradictions: the evidence of all kinds.
        decided: ``image_id`` of the films whose label a person set.
    """
    entries = pd.DataFrame([asdict(entry) for entry in contradictions], columns=[*Contradiction.__dataclass_fields__])
    table = entries.merge(rows[["film", *KEY, "image_id", "label", "status"]], on="film", validate="many_to_one")
    done = table["kind"].isin(ABOUT_LABELS) & table["image_id"].isin(decided)
    return table[~done].sort_values([*KEY, "kind", "other"], kind="stable", ignore_index=True)
