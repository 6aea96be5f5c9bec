"""Copies of one exposure have one patient and one day: report where their metadata disagree, merge where they agree."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipeline.core.schema import CONFLICTS_SCHEMA, MERGED_FIELDS
from sources.core.items import KEY

Similarity = Mapping[tuple[Any, Any], float]

COMPARED = ("label", "view", "age", "sex", "rt_pcr", "patient_id")
UNKNOWN = {"view": "unknown"}  # column -> the value that means missing
MAX_YEARS = 1.0  # ages this close agree: a birthday, a rounding
MERGED = tuple(entry.name for entry in MERGED_FIELDS)


def find_conflicts(rows: pd.DataFrame, similarity: Similarity) -> pd.DataFrame:
    """List the contradictions within each cluster.

    Args:
        rows: all rows with ``cluster_id`` and ``duplicate_of``; the film kept has no ``duplicate_of``.
        similarity: (index of a row, index of another) -> similarity, in both orders.

    Returns:
        One row per cluster, column and film that contradicts the film kept, or the first film that has a value.
    """
    clustered = rows.loc[rows["cluster_id"].notna(), [*KEY, "cluster_id", "duplicate_of", *COMPARED]]
    films = clustered.sort_values(["cluster_id", "duplicate_of", *KEY], na_position="first")
    tables = [_contradictions(films, column, similarity) for column in COMPARED]
    conflicts = pd.concat(tables).sort_values("cluster_id", kind="stable", ignore_index=True)
    return conflicts[CONFLICTS_SCHEMA.names]


def merge(rows: pd.DataFrame) -> pd.DataFrame:
    """Fill missing values of the film kept for each cluster from its copies where they agree."""
    merged = rows.copy()
    films = rows.loc[rows["cluster_id"].notna(), ["cluster_id", "duplicate_of", *MERGED]]
    kept = films.loc[films["duplicate_of"].isna(), "cluster_id"].drop_duplicates(keep=False)
    for column in MERGED:
        known = _known(films, column)
        first = known.drop_duplicates("cluster_id").set_index("cluster_id")[column]
        agreeing = _agree(column, known["cluster_id"].map(first), known[column])
        split = known.loc[~agreeing, "cluster_id"]
        lacking = kept[~kept.index.isin(known.index) & kept.isin(first.index) & ~kept.isin(split)]
        for place, cluster_id in lacking.items():
            merged.loc[place, column] = first[cluster_id]
    return merged


def _known(films: pd.DataFrame, column: str) -> pd.DataFrame:
    """The films that have a value in ``column``."""
    values = films[column]
    return films[values.notna() & (values != UNKNOWN[column]) if column in UNKNOWN else values.notna()]


def _contradictions(films: pd.DataFrame, column: str, similarity: Similarity) -> pd.DataFrame:
    """The films that contradict the first of their cluster that has a value in ``column``."""
    # sources name patients differently, so only names within one source can contradict
    group = ["cluster_id", "source"] if column == "patient_id" else ["cluster_id"]
    known = _known(films, column).sort_values(group, kind="stable")
    place_of_first = known.index.to_series().groupby([known[name] for name in group]).transform("first")
    base = known.loc[place_of_first].set_axis(known.index)
    differing = ~_agree(column, base[column], known[column])
    base, other, places = base[differing], known[differing], place_of_first[differing]
    return pd.DataFrame(
        {
            "cluster_id": other["cluster_id"].astype(str),
            "column": column,
            "a_source": base["source"],
            "a_item_id": base["item_id"],
            "a_value": base[column].map(_text),
            "b_source": other["source"],
            "b_item_id": other["item_id"],
            "b_value": other[column].map(_text),
            "similarity": [similarity.get(pair) for pair in zip(places, other.index, strict=True)],
        }
    )


def _agree(column: str, left: "pd.Series[Any]", right: "pd.Series[Any]") -> "pd.Series[bool]":
    if column == "age":
        return ((left - right).abs() <= MAX_YEARS).astype(bool)
    return (left == right).astype(bool)


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
