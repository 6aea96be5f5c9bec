"""One key per person: patients of several sources are the same where they share a proven film.

The evidence are the pairs in ``duplicates.parquet``.
"""

import logging

import pandas as pd

log = logging.getLogger(__name__)

MOST_NAMES = 5  # a picture that more patients of one source share is a placeholder or a figure, nobody's film


def patient_keys(rows: pd.DataFrame) -> "pd.Series[str]":
    """``patient_key`` of every row: the smallest ``patient_id`` that is tied to it, or null.

    Rows with one ``patient_id`` are one patient; so are patients whose films share a ``cluster_id``; a row without a
    patient belongs to that of its cluster.

    Args:
        rows: columns ``source``, ``patient_id`` and ``cluster_id``.
    """
    parent: dict[str, str] = {name: name for name in sorted(rows["patient_id"].dropna().unique())}
    of_cluster: dict[str, str] = {}
    clustered = rows[rows["cluster_id"].notna() & rows["patient_id"].notna()]
    for cluster_id, films in clustered.groupby("cluster_id", sort=True):
        names = films.groupby("source")["patient_id"].nunique()
        if names.max() > MOST_NAMES:
            log.warning(
                "Cluster %s is shared by %d patients of %s: no patients are linked by it.",
                cluster_id,
                names.max(),
                names.idxmax(),
            )
            continue
        first, *others = sorted(films["patient_id"].unique())
        of_cluster[str(cluster_id)] = first
        for other in others:
            _join(parent, first, other)
    own = rows["patient_id"].astype(object)
    known = own.where(own.notna(), rows["cluster_id"].astype(object).map(of_cluster))
    keys = [None if pd.isna(name) else _root(parent, name) for name in known]
    return pd.Series(keys, index=rows.index, dtype=object)


def _root(parent: dict[str, str], name: str) -> str:
    while parent[name] != name:
        parent[name] = parent[parent[name]]
        name = parent[name]
    return name


def _join(parent: dict[str, str], left: str, right: str) -> None:
    """Tie two patients; the smaller name stands for both."""
    first, second = sorted((_root(parent, left), _root(parent, right)))
    parent[second] = first
