"""What the texts of a snapshot say, counted once: every figure in card, Croissant and DataCite comes from here."""

from dataclasses import dataclass
from typing import Self

import pandas as pd

from pipeline.audit.rules import Tables
from pipeline.core.balance import balance_warning
from pipeline.core.schema import UNLABELED
from pipeline.core.tables import has_unknown_patient, unknown_patients_warning
from pipeline.core.terms import CLASSES, MEANING
from pipeline.release.record import SnapshotRecord
from sources.core.items import KEY

MINORITY = 0.8  # share of a label's films from one source, from which the source gives the label away


@dataclass(frozen=True)
class Facts:
    """The data set in figures.

    Attributes:
        title: of the snapshot.
        listed, kept, excluded: rows.
        patients: known ones; ``unknown_patients``: films of others.
        labels: kept films by label.
        by_source: label x source, kept films.
        splits: label x split; None = without splits.
        reasons: stage -> excluded rows.
        terms: class -> (films, of which with a picture, meaning).
        licences: license in the source's words -> kept films.
        missing: column -> share of kept films without a value.
        retrieved: first and last day of the downloads; None = an offline copy.
        warnings: what a user must know, each one sentence.
        caveat: which terms a model trained on all films inherits.
    """

    title: str
    listed: int
    kept: int
    excluded: int
    patients: int
    unknown_patients: int
    labels: dict[str, int]
    by_source: pd.DataFrame
    splits: pd.DataFrame | None
    reasons: dict[str, int]
    terms: dict[str, tuple[int, int, str]]
    licences: dict[str, int]
    missing: dict[str, float]
    retrieved: tuple[str, str] | None
    warnings: list[str]
    caveat: str

    @classmethod
    def of(cls, record: SnapshotRecord, tables: Tables) -> Self:
        """Count."""
        kept = tables.kept
        label = kept["label"].astype(object).fillna(UNLABELED)
        splits = None
        warnings = [unknown_patients_warning(kept)]
        if tables.splits is not None:
            placed = kept[[*KEY]].assign(label=label).merge(tables.splits[[*KEY, "split"]], on=list(KEY))
            splits = pd.crosstab(placed["label"], placed["split"])
            warnings.append(balance_warning(placed))
        by_source = pd.crosstab(kept["source"].astype(object), label)
        warnings.append(_shortcut(by_source))
        return cls(
            title=f"Chest X-rays, profile {record.profile}, {record.name}",
            listed=len(tables.manifest),
            kept=len(kept),
            excluded=len(tables.manifest) - len(kept),
            patients=int(kept["patient_key"].fillna(kept["patient_id"]).nunique()),
            unknown_patients=int(has_unknown_patient(kept).sum()),
            labels=_counts(label),
            by_source=by_source,
            splits=splits,
            reasons=_counts(tables.manifest["excluded_by"].dropna().astype(object)),
            terms={
                name: (record.films[name], record.pictures.get(name, 0), MEANING[name])
                for name in CLASSES
                if name in record.films
            },
            licences=_counts(kept["licence"].astype(object).fillna("not stated")),
            missing={
                name: float(kept[name].isna().mean())
                for name in ("age", "sex", "patient_key", "study_id", "offset_days", "rt_pcr")
                if len(kept)
            },
            retrieved=_days(kept["retrieved_at"].dropna().astype(str)),
            warnings=[text for text in warnings if text],
            caveat=_caveat(record),
        )


def _counts(values: "pd.Series[str]") -> dict[str, int]:
    return {str(name): int(count) for name, count in values.value_counts().sort_index().items()}


def _days(times: "pd.Series[str]") -> tuple[str, str] | None:
    return None if times.empty else (times.min()[:10], times.max()[:10])


def _shortcut(by_source: pd.DataFrame) -> str | None:
    """Whether the source alone tells the label."""
    if by_source.shape[0] < 2 or by_source.shape[1] < 2:
        return None
    certain = int(by_source.max(axis=1)[by_source.max(axis=1) == by_source.sum(axis=1)].sum())
    total = int(by_source.to_numpy().sum())
    best = int(by_source.max(axis=1).sum())
    if best / total < MINORITY:
        return None
    return (
        f"The source tells the label: whoever guesses each source's most frequent label is right for "
        f"{best / total:.0%} of the films, and {certain / total:.0%} are of a source with a single label. A model can "
        "learn sources instead of disease; test it on sources that it never saw."
    )


def _caveat(record: SnapshotRecord) -> str:
    closed, noncommercial = record.films.get("closed", 0), record.films.get("noncommercial", 0)
    parts = []
    if noncommercial:
        parts.append(f"non-commercial use only, because of {noncommercial:,} of its films")
    if closed:
        parts.append(
            f"whatever the owners of {closed:,} further films allow, whose terms forbid passing on or are not known"
        )
    if not parts:
        return "A model trained on all films of this snapshot may be used for anything, with credit."
    return f"A model trained on all films of this snapshot inherits their terms: {'; '.join(parts)}."
