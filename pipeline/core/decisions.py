"""What people decided: ``curation/decisions.csv``, read, checked and replayed over the rows.

One decision a line, ``image_id,decision,field,value,who,when,why``; among those on one thing the last line stands.

========  =============  ==========================================  ==================================================
decision  field          value                                       what it does
========  =============  ==========================================  ==================================================
set       label          normal, cap, covid or other                 replaces the source's label
set       view           PA, AP, AP_SUPINE, L, CT, OTHER or unknown  replaces the view; a frontal film comes back, any
                                                                     other known view goes
set       duplicate_of   <source>/<item_id>, or empty                copy of that film; empty = no copy of any film
exclude                                                              leaves the film out
keep                                                                 brings a film back that a stage left out, except
                                                                     for its bytes (ingest) or its label; of
                                                                     byte-identical copies one comes back
========  =============  ==========================================  ==================================================

Decisions name films by ``image_id``; those on films that are not in this data set wait for the day they are, and are
counted. ``exclude`` comes last: whatever else is decided of a film, it stays out.
"""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import pandas as pd
from upath import UPath

from pipeline.core.stages import TABLE_STAGES
from pipeline.core.tables import exclude
from sources.core.errors import UsageError
from sources.core.items import FRONTAL, LABELS, VIEWS

COLUMNS = ("image_id", "decision", "field", "value", "who", "when", "why")
VALUES = {"label": LABELS, "view": VIEWS, "duplicate_of": None}
VERBS = ("set", "exclude", "keep")
LIFTABLE = (*TABLE_STAGES, "manifest")  # what ingest left out has no usable picture
COPY_COLUMNS = ["cluster_id", "duplicate_of", "duplicate_kind", "similarity"]
LONGEST = 2000  # characters in one cell
LINES_NAMED = 5  # of decisions that wait


@dataclass(frozen=True)
class Decision:
    """One line of the file; ``line`` is its number there."""

    image_id: str
    decision: str
    field: str
    value: str
    who: str
    when: str
    why: str
    line: int

    @property
    def subject(self) -> tuple[str, str]:
        """What is decided; a later line on the same subject replaces this one."""
        return self.image_id, self.field or "status"

    @property
    def reason(self) -> str:
        return f"by a person: {self.who}, {self.why}"


def apply(rows: pd.DataFrame, decisions: Iterable[Decision]) -> pd.DataFrame:
    """Replay decisions over rows that carry the columns of ingest, dedupe and views.

    No row is lost, and a row that no decision names stays as it is. A film left out by a decision is excluded by
    ``manifest``.
    """
    rows = rows.reset_index(drop=True)
    for decision in standing(decisions):
        named = rows["image_id"] == decision.image_id
        if named.any():
            rows = _ACTIONS[decision.decision, decision.field](rows, named.fillna(False).astype(bool), decision)
    return rows


def standing(decisions: Iterable[Decision]) -> list[Decision]:
    """Those that no later line replaces, in the order in which they are replayed."""
    last = {decision.subject: decision for decision in decisions}
    return sorted(last.values(), key=lambda entry: (entry.decision == "exclude", entry.line))


def effect(rows: pd.DataFrame, decisions: Iterable[Decision]) -> str:
    """How many decisions stand, and which of them wait for a film that is not here; empty where there is none."""
    decided = standing(decisions)
    if not decided:
        return ""
    images, names = set(rows["image_id"].dropna()), set(row_names(rows))
    waiting = sorted(
        entry.line
        for entry in decided
        if entry.image_id not in images or (entry.field == "duplicate_of" and entry.value and entry.value not in names)
    )
    text = f"{len(decided):,} {'decision' if len(decided) == 1 else 'decisions'}"
    if not waiting:
        return text
    lines = ", ".join(map(str, waiting[:LINES_NAMED])) + (", ..." if len(waiting) > LINES_NAMED else "")
    return f"{text}, {len(waiting):,} of them waiting for a film that is not here (line {lines})"


def brought_back(rows: pd.DataFrame, decisions: Iterable[Decision]) -> "pd.Series[bool]":
    """Rows whose film a standing decision keeps."""
    status = {decision.image_id: decision.decision for decision in decisions if decision.subject[1] == "status"}
    kept = [image_id for image_id, verb in status.items() if verb == "keep"]
    return rows["image_id"].isin(kept).astype(bool)


def read_decisions(path: UPath) -> list[Decision]:
    """The decisions in file order; an absent file holds none.

    Raises:
        UsageError: a line is not a valid decision; the message names file and line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return []
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text; save it as CSV in UTF-8.") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    decisions = []
    try:
        header = next(reader, [])
        if tuple(header) != COLUMNS:
            raise UsageError(f"{path} must begin with the line {','.join(COLUMNS)}, found {','.join(header)[:200]!r}.")
        for cells in reader:
            if any(cells):
                decisions.append(_decision(cells, f"{path}, line {reader.line_num}", reader.line_num))
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}: not valid CSV ({error}).") from None
    return decisions


# ---------------------------------------------------------------------------------------------- one line, checked


def _decision(cells: list[str], where: str, line: int) -> Decision:
    if len(cells) != len(COLUMNS):
        raise UsageError(f"{where}: has {len(cells)} values, expected {len(COLUMNS)} ({', '.join(COLUMNS)}).")
    values = dict(zip(COLUMNS, (cell.strip() for cell in cells), strict=True))
    if problem := _problem(values):
        raise UsageError(f"{where}: {problem}.")
    return Decision(**values, line=line)


def _problem(values: dict[str, str]) -> str | None:
    """What is wrong with the first wrong value, or None."""
    if long := [name for name, value in values.items() if len(value) > LONGEST]:
        return f"{long[0]} has more than {LONGEST} characters"
    if not re.fullmatch(r"[0-9a-f]{64}", values["image_id"]):
        return f"image_id {values['image_id']!r} is not a sha256 of 64 hex digits"
    if missing := [name for name in ("who", "when", "why") if not values[name]]:
        return f"'{missing[0]}' is empty; say {' and '.join(missing)}"
    try:
        date.fromisoformat(values["when"][:10])
    except ValueError:
        return f"when {values['when']!r} is not a date like 2020-06-24"
    return _problem_of_action(values["decision"], values["field"], values["value"])


def _problem_of_action(verb: str, field: str, value: str) -> str | None:
    if verb not in VERBS:
        return f"decision {verb!r} is not one of: {', '.join(VERBS)}"
    if verb != "set":
        return f"'{verb}' takes no field and no value, found {field or value!r}" if field or value else None
    if field not in VALUES:
        return f"field {field!r} is not one of: {', '.join(VALUES)}"
    allowed = VALUES[field]
    if allowed is not None and value not in allowed:
        return f"{field} {value!r} is not one of: {', '.join(allowed)}"
    if allowed is None and value and "/" not in value:
        return f"{field} {value!r} does not look like <source>/<item_id>"
    return None


# -------------------------------------------------------------------------------------------------- what they do


def _set_label(rows: pd.DataFrame, named: "pd.Series[bool]", decision: Decision) -> pd.DataFrame:
    return rows.assign(label=rows["label"].mask(named, decision.value))


def _set_view(rows: pd.DataFrame, named: "pd.Series[bool]", decision: Decision) -> pd.DataFrame:
    view, by = rows["view"].mask(named, decision.value), rows["view_source"].mask(named, "review")
    rows = rows.assign(view=view, view_source=by)
    if decision.value in FRONTAL:
        return _lift(rows, named & (rows["excluded_by"] == "views"))
    gone = named if decision.value != "unknown" else named & False
    return exclude(rows, gone, "manifest", f"view {decision.value} {decision.reason}")


def _set_duplicate(rows: pd.DataFrame, named: "pd.Series[bool]", decision: Decision) -> pd.DataFrame:
    if not decision.value:
        rows = rows.assign(**{name: rows[name].mask(named) for name in COPY_COLUMNS})
        return _lift(rows, named & (rows["excluded_by"] == "dedupe"))
    original = row_names(rows) == decision.value
    if not original.any():  # waits for the day that film is here
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
    return exclude(rows, named, "manifest", f"left out {decision.reason}")


def _keep(rows: pd.DataFrame, named: "pd.Series[bool]", decision: Decision) -> pd.DataFrame:
    """Bring back one row of the film, unless one is in already."""
    if rows.loc[named, "excluded_by"].isna().any():
        return rows
    first = named & rows["excluded_by"].isin(LIFTABLE)
    return _lift(rows, first & (first.cumsum() == 1))


def _lift(rows: pd.DataFrame, lifted: "pd.Series[bool]") -> pd.DataFrame:
    lifted = lifted.fillna(False).astype(bool)
    return rows.assign(excluded_by=rows["excluded_by"].mask(lifted), reason=rows["reason"].mask(lifted))


def row_names(rows: pd.DataFrame) -> "pd.Series[str]":
    """``<source>/<item_id>`` of every row."""
    return rows["source"].astype(str) + "/" + rows["item_id"].astype(str)


_ACTIONS = {
    ("set", "label"): _set_label,
    ("set", "view"): _set_view,
    ("set", "duplicate_of"): _set_duplicate,
    ("exclude", ""): _exclude,
    ("keep", ""): _keep,
}
