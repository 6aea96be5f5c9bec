"""The verdict on curated films: what was kept, what was not and why, and what a person should look at."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
from pandas.api.types import is_list_like

from pipeline.core.layout import Layout
from pipeline.core.schema import UNLABELED
from pipeline.core.tables import row_names
from pipeline.report.summary import general_reason
from pipeline.split.stage import SplitSummary
from sources.core.items import KEY, LABELS
from sources.core.storage import read_table
from sources.core.text import counted, visible

COLUMNS = [*KEY, "label", "finding", "status", "excluded_by", "reason", "flags", "duplicate_kind"]
COLUMNS += ["patient_id", "patient_key"]
COMPARED = {"patient_id": "patient"}  # columns in which copies may disagree, where the verdict has another word
NAMED = 4  # reasons, kinds or flags named on a line
PAIRS_NAMED = 3
STAGES = {  # what excluded a row -> why it was left out
    "fetch": "the file cannot be read",
    "ingest": "no usable picture",
    "dedupe": "copies of kept films",
    "views": "no frontal chest films",
    "manifest": "by the profile, or by a person",
}


@dataclass(frozen=True)
class Verdict:
    """The numbers of a curation.

    Attributes:
        listed: files, and rows of tables whose file is missing.
        kept: films of the data set; ``labels``: by label; ``flagged``: those with quality flags; ``flags``: by flag.
        excluded: rows left out, by stage and reason; copies by their main difference.
        suspicious: films with a label, age or sex that other evidence contradicts; ``evidence``: by kind.
        patients: known patients of the kept films; ``unknown_patients``: kept films whose patient is unknown.
        splits: kept films by split.
        conflicts: pairs of copies that disagree, by what they disagree about.
        warning: about kept films whose patient is unknown; None if there are none.
        label_warning: a table was read, but no kept film has a label; None otherwise.
        balance_warning: what is uneven in the split; None if nothing is.
        patient_warning: copies that belong to different patients; None if there are none.
    """

    listed: int
    kept: int
    labels: dict[str, int]
    flagged: int
    flags: dict[str, int]
    excluded: dict[str, dict[str, int]]
    suspicious: int
    evidence: dict[str, int]
    patients: int
    unknown_patients: int
    splits: dict[str, int]
    conflicts: dict[str, int]
    warning: str | None
    label_warning: str | None
    balance_warning: str | None
    patient_warning: str | None

    @property
    def warnings(self) -> list[str]:
        """What a person should know before the films are used."""
        found = (self.patient_warning, self.warning, self.label_warning, self.balance_warning)
        return [warning for warning in found if warning]

    def numbers(self) -> dict[str, Any]:
        """The fields by name, ready for JSON."""
        return asdict(self)


def read_verdict(layout: Layout, tables: Sequence[str] = ()) -> Verdict:
    """The verdict on the films that the stages have been run on.

    Args:
        layout: where the results are.
        tables: of the folders of films, as the profile names them.

    Raises:
        CxnetError: a table is missing.
    """
    rows = read_table(layout.manifest / "manifest.parquet", COLUMNS)
    kept = rows[rows["status"] == "kept"]
    flags = kept["flags"].astype(object).map(lambda found: list(found) if is_list_like(found) else [])
    contradictions = read_table(layout.contradictions, [*KEY, "kind"])
    conflicts = read_table(layout.conflicts, ["column", "a_source", "a_item_id", "b_source", "b_item_id"])
    split = SplitSummary.of(kept.merge(read_table(layout.splits, [*KEY, "split", "group_id"]), on=list(KEY)))
    labels = _counts(kept["label"].astype(object).fillna(UNLABELED))
    return Verdict(
        listed=len(rows),
        kept=len(kept),
        labels={label: labels[label] for label in (*LABELS, UNLABELED) if label in labels},
        flagged=int(flags.map(bool).sum()),
        flags=_counts(flags.explode().dropna()),
        excluded={stage: reasons for stage in STAGES if (reasons := _reasons(rows, stage))},
        suspicious=len(contradictions.drop_duplicates(list(KEY))),
        evidence=_counts(contradictions["kind"]),
        patients=int(kept["patient_key"].nunique()),
        unknown_patients=split.unknown_patients,
        splits=split.splits,
        conflicts=_counts(conflicts["column"].replace(COMPARED)),
        warning=split.patients_warning,
        label_warning=_label_warning(labels, tables),
        balance_warning=split.balance_warning,
        patient_warning=_patient_warning(conflicts[conflicts["column"] == "patient_id"]),
    )


def verdict_lines(verdict: Verdict) -> Iterator[str]:
    """The verdict as a few lines of text."""
    images = f"{counted(verdict.listed, 'image')} {'is' if verdict.listed == 1 else 'are'}"
    yield f"{verdict.kept:,} of {images} kept{_named(verdict.labels)}."
    for stage, reasons in verdict.excluded.items():
        yield f"  {sum(reasons.values()):,} left out: {STAGES[stage]}{_named(reasons)}"
    if verdict.flagged:
        yield f"  {verdict.flagged:,} kept with quality flags{_named(verdict.flags)}"
    if verdict.suspicious:
        yield f"  {verdict.suspicious:,} with a suspicious label, age or sex{_named(verdict.evidence)}"
    if verdict.conflicts:
        count = counted(sum(verdict.conflicts.values()), "disagreement")
        yield f"  {count} between copies of one exposure{_named(verdict.conflicts)}"
    if not verdict.unknown_patients and verdict.kept:
        patients = counted(verdict.patients, "patient")
        yield f"  the patients of all kept films are known: {patients}, each in one split{_named(verdict.splits)}"
    for warning in verdict.warnings:
        yield f"  CAUTION: {warning}"


def _label_warning(labels: Mapping[str, int], tables: Sequence[str]) -> str | None:
    if not tables or set(labels) != {UNLABELED}:
        return None
    return (
        f"No kept film has a label, although there is a table ({', '.join(tables)}). Name its column of labels under "
        "`columns` in the profile (`label: ...`), and its words under `labels`."
    )


def _patient_warning(conflicts: pd.DataFrame) -> str | None:
    """Copies of one exposure that belong to different patients."""
    if conflicts.empty:
        return None
    pairs = list(zip(row_names(conflicts, "a_"), row_names(conflicts, "b_"), strict=True))
    named = [f"{visible(one)} and {visible(other)}" for one, other in pairs[:PAIRS_NAMED]]
    more = [f"{len(pairs) - PAIRS_NAMED:,} more"] if len(pairs) > PAIRS_NAMED else []
    verb = "shows one exposure, but has" if len(pairs) == 1 else "show one exposure each, but have"
    return (
        f"{counted(len(pairs), 'pair')} of films {verb} two patients: {'; '.join([*named, *more])}. One of the "
        "two must be wrong; until it is corrected, the split keeps the films of both together. All pairs are in "
        "data/conflicts.parquet."
    )


def _reasons(rows: pd.DataFrame, stage: str) -> dict[str, int]:
    """Rows that a stage excluded, by reason; copies by their kind."""
    excluded = rows[rows["excluded_by"] == stage]
    reasons = excluded["duplicate_kind"] if stage == "dedupe" else excluded["reason"].map(general_reason)
    return _counts(reasons.astype(object).fillna("no reason"))


def _counts(values: "pd.Series[Any]") -> dict[str, int]:
    """How often each value occurs, most frequent first."""
    counts = values.value_counts()
    return {str(name): int(count) for name, count in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))}


def _named(counts: Mapping[str, int]) -> str:
    """The most frequent of some counts in brackets."""
    named = [f"{name} {count:,}" for name, count in _first(counts.items())]
    more = [f"{len(counts) - NAMED} more"] if len(counts) > NAMED else []
    return f" ({', '.join([*named, *more])})" if named else ""


def _first(entries: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return list(entries)[:NAMED]
