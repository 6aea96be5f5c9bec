"""Apply the decisions of people to the rows; :mod:`pipeline.core.decisions` lists what can be decided."""

from collections.abc import Iterable

import pandas as pd

from pipeline.core.decisions import Decision, in_force
from pipeline.core.stages import TABLE_STAGES
from pipeline.core.tables import exclude, row_names
from sources.core.items import FRONTAL

LIFTABLE = (*TABLE_STAGES, "manifest")  # what ingest excluded has no usable picture
COPY_COLUMNS = ["cluster_id", "duplicate_of", "duplicate_kind", "similarity"]
LINES_NAMED = 5  # of the decisions that wait


def apply(rows: pd.DataFrame, decisions: Iterable[Decision]) -> pd.DataFrame:
    """Apply decisions to rows with the columns of ingest, dedupe and views.

    No row is lost, and rows that no decision names do not change. A film that a decision excludes is excluded by
    ``manifest``.
    """
    rows = rows.reset_index(drop=True)
    for decision in in_force(decisions):
        named = rows["image_id"] == decision.image_id
        if named.any():
            rows = _ACTIONS[decision.decision, decision.field](rows, named.fillna(False).astype(bool), decision)
    return rows


def effect(rows: pd.DataFrame, decisions: Iterable[Decision]) -> str:
    """The number of decisions in force, and which of them wait for a film; empty if there are no decisions."""
    current = in_force(decisions)
    if not current:
        return ""
    images, names = set(rows["image_id"].dropna()), set(row_names(rows))
    waiting = sorted(
        decision.line
        for decision in current
        if decision.image_id not in images
        or (decision.field == "duplicate_of" and decision.value and decision.value not in names)
    )
    text = f"{len(current):,} {'decision' if len(current) == 1 else 'decisions'}"
    if not waiting:
        return text
    lines = ", ".join(map(str, waiting[:LINES_NAMED])) + (", ..." if len(waiting) > LINES_NAMED else "")
    return f"{text}, {len(waiting):,} of them waiting for a film that is not in the data set (line {lines})"


def brought_back(rows: pd.DataFrame, decisions: Iterable[Decision]) -> "pd.Series[bool]":
    """Rows whose film a decision in force keeps."""
    status = {decision.image_id: decision.decision for decision in decisions if decision.subject[1] == "status"}
    kept = [image_id for image_id, verb in status.items() if verb == "keep"]
    return rows["image_id"].isin(kept).astype(bool)


def _set_label(rows: pd.DataFrame, named: "pd.Series[bool]", decision: Decision) -> pd.DataFrame:
    return rows.assign(label=rows["label"].mask(named, decision.value))


def _set_view(rows: pd.DataFrame, named: "pd.Series[bool]", decision: Decision) -> pd.DataFrame:
    view, by = rows["view"].mask(named, decision.value), rows["view_source"].mask(named, "review")
    rows = rows.assign(view=view, view_source=by)
    if decision.value in FRONTAL:
        return _lift(rows, named & (rows["excluded_by"] == "views"))
    excluded = named if decision.value != "unknown" else named & False
    return exclude(rows, excluded, "manifest", f"view {decision.value} {decision.reason}")


def _set_duplicate(rows: pd.DataFrame, named: "pd.Series[bool]", decision: Decision) -> pd.DataFrame:
    if not decision.value:
        rows = rows.assign(**{name: rows[name].mask(named) for name in COPY_COLUMNS})
        return _lift(rows, named & (rows["excluded_by"] == "dedupe"))
    original = row_names(rows) == decision.value
    if not original.any():  # waits until that film is in the data set
        return rows
    clusters = rows.loc[original | named, "cluster_id"].dropna()
    cluster = clusters.min() if len(clusters) else f"decided-{decision.image_id[:16]}"
    merged = original | named | rows["cluster_id"].isin(clusters)
    rows = rows.assign(
        cluster_id=rows["cluster_id"].mask(merged, cluster),
        duplicate_of=rows["duplicate_of"].mask(named & ~original, decision.value),
    )
    return exclude(rows, named & ~original, "manifest", f"copy {decision.reason} (of {decision.value})")


def _exclude(rows: pd.DataFrame, named: "pd.Series[bool]", decision: Decision) -> pd.DataFrame:
    return exclude(rows, named, "manifest", f"excluded {decision.reason}")


def _keep(rows: pd.DataFrame, named: "pd.Series[bool]", decision: Decision) -> pd.DataFrame:
    """Bring back one row of the film, unless one of them is not excluded."""
    if rows.loc[named, "excluded_by"].isna().any():
        return rows
    first = named & rows["excluded_by"].isin(LIFTABLE)
    return _lift(rows, first & (first.cumsum() == 1))


def _lift(rows: pd.DataFrame, lifted: "pd.Series[bool]") -> pd.DataFrame:
    """Undo the exclusion of rows."""
    lifted = lifted.fillna(False).astype(bool)
    return rows.assign(excluded_by=rows["excluded_by"].mask(lifted), reason=rows["reason"].mask(lifted))


_ACTIONS = {
    ("set", "label"): _set_label,
    ("set", "view"): _set_view,
    ("set", "duplicate_of"): _set_duplicate,
    ("exclude", ""): _exclude,
    ("keep", ""): _keep,
}
