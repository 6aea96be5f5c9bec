"""Copies of one exposure have one patient and one day: report where their metadata disagree, merge where they agree."""

from collections.abc import Iterator, Mapping
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
    conflicts = []
    known = rows.loc[rows["cluster_id"].notna(), [*KEY, "cluster_id", "duplicate_of", *COMPARED]]
    for cluster_id, films in known.groupby("cluster_id", sort=True):
        kept_first = films.sort_values(["duplicate_of", *KEY], na_position="first")
        for column in COMPARED:
            for base, other in _contradictions(kept_first, column):
                conflicts.append(_conflict(str(cluster_id), column, kept_first, base, other, similarity))
    return pd.DataFrame(conflicts, columns=CONFLICTS_SCHEMA.names)


def merge(rows: pd.DataFrame) -> pd.DataFrame:
    """Fill missing values of the film kept for each cluster from its copies where they agree."""
    merged = rows.copy()
    known = rows.loc[rows["cluster_id"].notna(), ["cluster_id", "duplicate_of", *MERGED]]
    for _, films in known.groupby("cluster_id", sort=True):
        kept = films.index[films["duplicate_of"].isna()]
        for column in MERGED:
            values = _known_values(films, column)
            if len(kept) != 1 or kept[0] in values.index or values.empty:
                continue
            if all(_agree(column, values.iloc[0], value) for value in values):
                merged.loc[kept[0], column] = values.iloc[0]
    return merged


def _known_values(films: pd.DataFrame, column: str) -> "pd.Series[Any]":
    values = films[column].dropna()
    return values[values != UNKNOWN[column]] if column in UNKNOWN else values


def _contradictions(films: pd.DataFrame, column: str) -> Iterator[tuple[Any, Any]]:
    values = _known_values(films, column)
    if column == "patient_id":  # sources name patients differently, so only names within one source can contradict
        for _, names in values.groupby(films.loc[values.index, "source"], sort=True):
            yield from _against_first(column, names)
        return
    yield from _against_first(column, values)


def _against_first(column: str, values: "pd.Series[Any]") -> Iterator[tuple[Any, Any]]:
    for index in values.index[1:]:
        if not _agree(column, values.iloc[0], values[index]):
            yield values.index[0], index


def _agree(column: str, left: Any, right: Any) -> bool:
    if column == "age":
        return bool(abs(left - right) <= MAX_YEARS)
    return bool(left == right)


def _conflict(
    cluster_id: str,
    column: str,
    films: pd.DataFrame,
    base: Any,
    other: Any,
    similarity: Similarity,
) -> dict[str, Any]:
    return {
        "cluster_id": cluster_id,
        "column": column,
        "a_source": films.loc[base, "source"],
        "a_item_id": films.loc[base, "item_id"],
        "a_value": _text(films.loc[base, column]),
        "b_source": films.loc[other, "source"],
        "b_item_id": films.loc[other, "item_id"],
        "b_value": _text(films.loc[other, column]),
        "similarity": similarity.get((base, other)),
    }


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
