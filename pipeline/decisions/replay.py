"""Apply the decisions of people to the rows; :mod:`pipeline.decisions.file` lists what can be decided."""

from collections.abc import Iterable, Sequence

import pandas as pd

from pipeline.core.stages import TABLE_STAGES
from pipeline.core.tables import row_names
from pipeline.decisions.copies import Copies
from pipeline.decisions.file import Decision, in_force
from pipeline.decisions.film_rows import FilmRows
from sources.core.items import FRONTAL

LIFTABLE = (*TABLE_STAGES, "manifest")  # what ingest excluded has no usable picture
LINES_NAMED = 5  # of the decisions in a summary


def apply(rows: pd.DataFrame, decisions: Iterable[Decision]) -> pd.DataFrame:
    """Apply decisions to rows with the columns of ingest, dedupe and views.

    No row is lost, and rows that no decision names do not change. A film that a decision excludes is excluded by
    ``manifest``. A copy is excluded only if the film that it is a copy of stays; otherwise the copy takes its place.

    Raises:
        UsageError: some films are declared copies of each other in a circle.
    """
    rows = rows.reset_index(drop=True)
    current = in_force(decisions)
    films = FilmRows.of(rows, {decision.image_id for decision in current})
    current = [decision for decision in current if films.of_image(decision.image_id)]
    if not current:
        return rows
    copies = Copies(films, current)
    copies.refuse_circles()
    for decision in current:
        _state(films, decision)
    copies.join_clusters()
    overruled = _overruled(current)
    for decision in current:
        if decision not in overruled:
            _exclude(films, decision)
    copies.exclude(overruled, {decision.image_id for decision in current if decision.decision == "exclude"})
    return films.to_rows(rows)


def effect(rows: pd.DataFrame, decisions: Iterable[Decision]) -> str:
    """The number of decisions in force, and which of them have not done what they say; empty if there are none.

    Args:
        rows: the rows after the decisions and all other exclusions.
        decisions: all decisions.
    """
    current = in_force(decisions)
    if not current:
        return ""
    images, names = set(rows["image_id"].dropna()), set(row_names(rows))
    waiting = [
        decision
        for decision in current
        if decision.image_id not in images
        or (decision.field == "duplicate_of" and decision.value and decision.value not in names)
    ]
    copies = Copies(FilmRows.of(rows, {decision.image_id for decision in current}), current)
    clauses = [
        _clause(waiting, "waiting for a film that is not in the data set"),
        _clause(copies.standing_in(), "on a copy that stays, as the film that it is a copy of is excluded"),
        _clause(copies.without_a_film(), "on a copy of an exposure of which no film is kept"),
    ]
    text = f"{len(current):,} {'decision' if len(current) == 1 else 'decisions'}"
    return ", ".join([text, *filter(None, clauses)])


def brought_back(rows: pd.DataFrame, decisions: Iterable[Decision]) -> "pd.Series[bool]":
    """Rows whose film a decision in force keeps."""
    status = {decision.image_id: decision.decision for decision in decisions if decision.subject[1] == "status"}
    kept = [image_id for image_id, verb in status.items() if verb == "keep"]
    return rows["image_id"].isin(kept).astype(bool)


def _clause(decisions: Sequence[Decision], what: str) -> str:
    """How many decisions there are of a kind, and on which lines."""
    if not decisions:
        return ""
    numbers = sorted(decision.line for decision in decisions)
    lines = ", ".join(map(str, numbers[:LINES_NAMED])) + (", ..." if len(numbers) > LINES_NAMED else "")
    return f"{len(decisions):,} of them {what} (line {lines})"


def _state(films: FilmRows, decision: Decision) -> None:
    """Write what a decision states about its film, and bring the film back where that undoes an exclusion."""
    named = films.of_image(decision.image_id)
    if decision.field in ("label", "view"):
        for row in named:
            films[decision.field][row] = decision.value
    if decision.field == "view":
        for row in named:
            films["view_source"][row] = "review"
            if decision.value in FRONTAL:
                films.lift(row, "views")
    if decision.field == "duplicate_of" and not decision.value:
        for row in named:
            films.leave_cluster(row)
            films.lift(row, "dedupe")
    if decision.decision == "keep" and not any(map(films.is_kept, named)):
        for row in [row for row in named if films["excluded_by"][row] in LIFTABLE][:1]:
            films.lift(row, *LIFTABLE)


def _exclude(films: FilmRows, decision: Decision) -> None:
    """Exclude the film of a decision that excludes it."""
    for row in films.of_image(decision.image_id):
        if decision.decision == "exclude":
            films.exclude(row, f"excluded {decision.reason}")
        elif decision.field == "view" and decision.value not in (*FRONTAL, "unknown"):
            films.exclude(row, f"view {decision.value} {decision.reason}")


def _overruled(decisions: Sequence[Decision]) -> set[Decision]:
    """Decisions that exclude a film which a later line keeps."""
    kept_at = {decision.image_id: decision.line for decision in decisions if decision.decision == "keep"}
    return {decision for decision in decisions if decision.line < kept_at.get(decision.image_id, 0)}
