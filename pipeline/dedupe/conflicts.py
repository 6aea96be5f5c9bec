"""Copies of one film tell of one patient on one day: where they disagree is said, where they agree is merged."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from pipeline.core.schema import CONFLICTS_SCHEMA, MERGED_FIELDS
from sources.core.items import KEY

Similarity = Mapping[tuple[Any, Any], float]

COMPARED = ("label", "view", "age", "sex", "rt_pcr", "patient_id")
SILENT = {"view": "unknown"}  # a value that says nothing
YEARS = 1.0  # ages that differ by no more agree: a birthday, a rounding
MERGED = tuple(entry.name for entry in MERGED_FIELDS)


def find_conflicts(rows: pd.DataFrame, similarity: Similarity) -> pd.DataFrame:
    """One row per cluster, column and film that contradicts the film kept (or the first that says anything).

    Args:
        rows: all rows with ``cluster_id`` and ``duplicate_of``; copies have ``duplicate_of``.
        similarity: (index of a row, index of another) -> similarity, in both orders.
    """
    found = []
    for cluster_id, films in rows[rows["cluster_id"].notna()].groupby("cluster_id", sort=True):
        ordered = films.sort_values(["duplicate_of", *KEY], na_position="first")
        for column in COMPARED:
            for base, other in _contradictions(ordered, column):
                found.append(_conflict(str(cluster_id), column, ordered, base, other, similarity))
    return pd.DataFrame(found, columns=CONFLICTS_SCHEMA.names)


def merge(rows: pd.DataFrame) -> pd.DataFrame:
    """Fill what the kept film of a cluster does not tell from its copies, where all that tell it agree."""
    merged = rows.copy()
    for _, films in rows[rows["cluster_id"].notna()].groupby("cluster_id", sort=True):
        kept = films.index[films["duplicate_of"].isna()]
        for column in MERGED:
            values = said(films, column)
            if len(kept) != 1 or kept[0] in values.index or values.empty:
                continue
            if all(_agree(column, values.iloc[0], value) for value in values):
                merged.loc[kept[0], column] = values.iloc[0]
    return merged


def said(films: pd.DataFrame, column: str) -> "pd.Series[Any]":
    """The values that the films' sources tell."""
    values = films[column].dropna()
    return values[values != SILENT[column]] if column in SILENT else values


def _contradictions(films: pd.DataFrame, column: str) -> Iterator[tuple[Any, Any]]:
    values = said(films, column)
    if column == "patient_id":  # two sources have two names for everybody; two names in one source are a conflict
        for _, named in values.groupby(films.loc[values.index, "source"], sort=True):
            yield from _against_first(column, named)
        return
    yield from _against_first(column, values)


def _against_first(column: str, values: "pd.Series[Any]") -> Iterator[tuple[Any, Any]]:
    for index in values.index[1:]:
        if not _agree(column, values.iloc[0], values[index]):
            yield values.index[0], index


def _agree(column: str, left: Any, right: Any) -> bool:
    if column == "age":
        return bool(abs(left - right) <= YEARS)
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
