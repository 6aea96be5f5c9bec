"""The report's tables: what is counted over the manifest and the splits."""

from collections import Counter
from typing import Any

import pandas as pd
from pandas.api.types import is_list_like

from pipeline.core.stages import EXCLUDING_STAGES
from pipeline.report.summary import general_reason
from sources.core.items import KEY

FUNNEL = {  # what is left after each stage
    "fetch": "bytes received",
    "ingest": "decoded",
    "dedupe": "one film per exposure",
    "views": "frontal chest films",
    "harmonise": "histograms matched",
    "manifest": "kept",
}

Rows = list[tuple[Any, ...]]


def headline(manifest: pd.DataFrame, splits: pd.DataFrame) -> Rows:
    """The page's first numbers: (number, what it counts)."""
    kept = manifest[manifest["status"] == "kept"]
    return [
        (len(manifest), "images listed"),
        (len(kept), "films kept"),
        (int(kept["patient_key"].nunique()), "patients"),
        (int(manifest["source"].nunique()), "sources"),
        (int((manifest["excluded_by"] == "dedupe").sum()), "duplicates left out"),
        *((int((kept["label"] == label).sum()), label) for label in ("normal", "cap", "covid")),
    ]


def funnel(manifest: pd.DataFrame) -> list[dict[str, Any]]:
    """What is left after each stage: name, rows left, rows lost, per cent of all rows."""
    total = left = len(manifest)
    steps = [{"name": "listed", "left": left, "lost": 0, "percent": 100.0}]
    for stage in EXCLUDING_STAGES:
        lost = int((manifest["excluded_by"] == stage).sum())
        left -= lost
        percent = round(100 * left / max(total, 1), 2)
        steps.append({"name": FUNNEL[stage], "left": left, "lost": lost, "percent": percent})
    return steps


def top_reasons(manifest: pd.DataFrame, most: int = 15) -> Rows:
    """(stage, reason, images) of the most frequent reasons; names of single films are left out of a reason."""
    excluded = manifest[manifest["excluded_by"].notna()]
    general = excluded["reason"].map(general_reason)
    counts = Counter(zip(excluded["excluded_by"], general, strict=True))
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return [(stage, reason, count) for (stage, reason), count in ordered[:most]]


def source_table(manifest: pd.DataFrame) -> Rows:
    """One row per source: licences, images listed, fetched, kept, and share of kept bytes that may be passed on."""
    rows: Rows = []
    for source, films in manifest.groupby("source"):
        kept = films[films["status"] == "kept"]
        licences = ", ".join(sorted(films["licence"].dropna().unique())[:4]) or "not stated"
        free = f"{100 * kept['redistributable'].fillna(False).astype(bool).mean():.0f} %" if len(kept) else ""
        fetched = int((films["fetch_status"] == "fetched").sum())
        rows.append((source, licences, len(films), fetched, len(kept), free))
    return rows


def crosstab(rows: pd.DataFrame, down: str, across: str) -> tuple[tuple[str, ...], Rows]:
    """Counts of ``down`` by ``across``, with totals: column names and rows."""
    if rows.empty:
        return (down,), []
    filled = rows[[down, across]].astype("string").fillna("unknown")
    counts = pd.crosstab(filled[down], filled[across], margins=True, margins_name="all")
    return (down, *map(str, counts.columns)), [
        (str(name), *map(int, values)) for name, values in zip(counts.index, counts.to_numpy(), strict=True)
    ]


def with_flags(manifest: pd.DataFrame) -> pd.DataFrame:
    """One row per film and quality flag, with the column ``flag``."""
    flags = manifest["flags"].astype(object).map(lambda found: list(found) if is_list_like(found) else [])
    return manifest.assign(flag=flags).explode("flag").dropna(subset=["flag"])


def flag_table(manifest: pd.DataFrame) -> tuple[tuple[str, ...], Rows]:
    """Films by source and quality flag."""
    columns, rows = crosstab(with_flags(manifest), "source", "flag")
    return columns[:-1], [row[:-1] for row in rows]


def contradicted(doubts: pd.DataFrame, most: int = 6) -> Rows:
    """(film, label, kind, score, evidence) of the strongest contradictions of each kind."""
    ordered = doubts.sort_values(["kind", "score", *KEY], ascending=[True, False, True, True])
    return [
        (
            f"{row['source']}/{row['item_id']}",
            "none" if pd.isna(row["label"]) else row["label"],
            row["kind"],
            "" if pd.isna(row["score"]) else f"{row['score']:.2f}",
            row["evidence"],
        )
        for row in ordered.groupby("kind").head(most).to_dict("records")
    ]


def split_table(kept: pd.DataFrame, splits: pd.DataFrame) -> tuple[tuple[str, ...], Rows]:
    """Films by split and label, with the number of groups (patients and clusters) that a split holds."""
    joined = kept[[*KEY, "label"]].merge(splits[[*KEY, "split", "group_id"]], on=list(KEY))
    columns, rows = crosstab(joined, "split", "label")
    groups = joined.groupby("split")["group_id"].nunique()
    totals = [*(int(groups.get(row[0], 0)) for row in rows[:-1]), int(joined["group_id"].nunique())]
    return (*columns, "groups"), [(*row, total) for row, total in zip(rows, totals, strict=True)]


def counts(values: "pd.Series[str]") -> Rows:
    """(value, how often) from the most frequent value to the rarest."""
    return [
        (str(name), int(count))
        for name, count in sorted(values.value_counts().items(), key=lambda entry: (-entry[1], entry[0]))
    ]
