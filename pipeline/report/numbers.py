"""The numbers of the report, counted from the manifest, the splits and the contradictions."""

from collections import Counter
from dataclasses import dataclass

import pandas as pd
from pandas.api.types import is_list_like

from pipeline.core.balance import SPLITS
from pipeline.core.schema import UNLABELED
from pipeline.core.tables import row_names
from pipeline.report.summary import Table, general_reason
from sources.core.items import KEY, LABELS
from sources.core.text import counted

FUNNEL = {  # stage that excludes -> what is left after it
    "fetch": "fetched",
    "ingest": "decoded",
    "dedupe": "one film per exposure",
    "views": "frontal chest films",
    "manifest": "kept",
}
NOT_STATED = "not stated"


@dataclass(frozen=True)
class Number:
    """One number of the headline."""

    value: int
    meaning: str


@dataclass(frozen=True)
class Step:
    """One bar of the funnel.

    Attributes:
        name: what is left after the stage.
        left: rows left.
        lost: rows that the stage excluded.
        percent: ``left`` as a percentage of all rows.
    """

    name: str
    left: int
    lost: int
    percent: float


def headline(manifest: pd.DataFrame) -> list[Number]:
    """The first numbers on the page."""
    kept = manifest[manifest["status"] == "kept"]
    return [
        _number(len(manifest), "image", " listed"),
        _number(len(kept), "film", " kept"),
        _number(int(kept["patient_key"].nunique()), "patient"),
        _number(int(manifest["source"].nunique()), "source"),
        _number(int((manifest["excluded_by"] == "dedupe").sum()), "duplicate", " excluded"),
        *(Number(count, label) for label, count in label_counts(kept).items()),
    ]


def _number(value: int, noun: str, rest: str = "") -> Number:
    return Number(value, f"{noun if value == 1 else f'{noun}s'}{rest}")


def label_counts(kept: pd.DataFrame) -> dict[str, int]:
    """Kept films by label, without labels that no film has."""
    counts = kept["label"].astype(object).fillna(UNLABELED).value_counts()
    return {label: int(counts[label]) for label in (*LABELS, UNLABELED) if label in counts}


def funnel(manifest: pd.DataFrame) -> list[Step]:
    """What is left after each stage that excludes."""
    left = len(manifest)
    steps = [Step("listed", left, 0, 100.0)]
    for stage, name in FUNNEL.items():
        lost = int((manifest["excluded_by"] == stage).sum())
        left -= lost
        steps.append(Step(name, left, lost, round(100 * left / max(len(manifest), 1), 2)))
    return steps


def top_reasons(manifest: pd.DataFrame, most: int = 15) -> Table:
    """The most frequent reasons for exclusion, without the details of single films."""
    excluded = manifest[manifest["excluded_by"].notna()]
    general = excluded["reason"].map(general_reason)
    counts = Counter(zip(excluded["excluded_by"], general, strict=True))
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    rows = [(stage, reason, count) for (stage, reason), count in ordered[:most]]
    return Table(("stage", "reason", "images"), rows, "Most frequent reasons for exclusion")


def source_table(manifest: pd.DataFrame) -> Table:
    """One row per source: images listed, fetched and kept, and the licenses and redistributable share of the kept."""
    rows = []
    for source, films in manifest.groupby("source"):
        kept = films[films["status"] == "kept"]
        free = f"{kept['redistributable'].fillna(False).astype(bool).mean():.0%}" if len(kept) else ""
        fetched = int((films["fetch_status"] == "fetched").sum())
        rows.append((source, _licenses(kept), len(films), fetched, len(kept), free))
    return Table(("source", "licenses of kept films", "listed", "fetched", "kept", "redistributable"), rows)


def _licenses(kept: pd.DataFrame) -> str:
    """All licenses of the kept films of a source, each with its number of films, most frequent first."""
    counts = value_counts(kept["licence"].astype(object).fillna(NOT_STATED), ("license", "films"))
    return ", ".join(f"{license} {films:,}" for license, films in counts.rows)


def crosstab(rows: pd.DataFrame, down: str, across: str, title: str | None = None) -> Table:
    """Counts of ``down`` by ``across``, with totals."""
    if rows.empty:
        return Table((down,), [], title)
    filled = rows[[down, across]].astype("string").fillna({"label": UNLABELED}).fillna("unknown")
    counts = pd.crosstab(filled[down], filled[across], margins=True, margins_name="all")
    counts = counts.reindex(index=_in_order(counts.index, down), columns=_in_order(counts.columns, across))
    cells = zip(counts.index, counts.to_numpy(), strict=True)
    return Table((down, *map(str, counts.columns)), [(str(name), *map(int, values)) for name, values in cells], title)


def _in_order(values: pd.Index, name: str) -> list[str]:
    """The values of a table's row or column: splits in the order of their use, others by name; "all" is the last."""
    order = {split: place for place, split in enumerate((*SPLITS, "external"))} if name == "split" else {}
    return sorted(map(str, values), key=lambda value: (value == "all", order.get(value, len(order)), value))


def with_flags(manifest: pd.DataFrame) -> pd.DataFrame:
    """One row per film and quality flag, with the column ``flag``."""
    flags = manifest["flags"].astype(object).map(lambda entry: list(entry) if is_list_like(entry) else [])
    return manifest.assign(flag=flags).explode("flag").dropna(subset=["flag"])


def flag_table(manifest: pd.DataFrame) -> Table:
    """Films by source and quality flag; without totals per source, as a film may have several flags."""
    table = crosstab(with_flags(manifest), "source", "flag")
    return Table(table.columns[:-1], [row[:-1] for row in table.rows], "Flagged films among all decoded ones")


def strongest_contradictions(contradictions: pd.DataFrame, most: int = 6) -> Table:
    """The contradictions of each kind with the highest scores."""
    ordered = contradictions.sort_values(["kind", "score", *KEY], ascending=[True, False, True, True])
    chosen = ordered.groupby("kind").head(most)
    label = chosen["label"].astype(object).fillna(UNLABELED)
    score = ["" if pd.isna(value) else f"{value:.2f}" for value in chosen["score"]]
    rows = list(zip(row_names(chosen), label, chosen["kind"], score, chosen["evidence"], strict=True))
    return Table(("film", "label", "kind", "score", "evidence"), rows, "The strongest of each kind")


def conflict_table(conflicts: pd.DataFrame, most: int = 6) -> Table:
    """Copies of one exposure whose metadata disagree, a few of each kind; patients are not named."""
    ordered = conflicts.sort_values(["column", "a_source", "a_item_id", "b_source", "b_item_id"])
    chosen = ordered.groupby("column").head(most)
    values = chosen["a_value"].astype(str) + " and " + chosen["b_value"].astype(str)
    said = values.mask(chosen["column"] == "patient_id", "two patients")
    rows = list(zip(chosen["column"], row_names(chosen, "a_"), row_names(chosen, "b_"), said, strict=True))
    title = f"Copies whose metadata disagree: {len(rows):,} of {counted(len(conflicts), 'pair')}"
    return Table(("column", "film", "its copy", "they say"), rows, title)


def split_table(kept: pd.DataFrame, splits: pd.DataFrame) -> Table:
    """Films by split and label, with the number of groups (patients and clusters) in each split."""
    joined = kept[[*KEY, "label"]].merge(splits[[*KEY, "split", "group_id"]], on=list(KEY))
    table = crosstab(joined, "split", "label")
    if joined.empty:
        return table
    groups = joined.groupby("split")["group_id"].nunique()
    totals = [*(int(groups.get(row[0], 0)) for row in table.rows[:-1]), int(joined["group_id"].nunique())]
    return Table((*table.columns, "groups"), [(*row, total) for row, total in zip(table.rows, totals, strict=True)])


def value_counts(values: "pd.Series[str]", columns: tuple[str, str]) -> Table:
    """How often each value occurs, most frequent first."""
    ordered = sorted(values.value_counts().items(), key=lambda entry: (-entry[1], entry[0]))
    return Table(columns, [(str(name), int(count)) for name, count in ordered])
