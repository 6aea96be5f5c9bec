"""One key per person: patients of several sources are the same person if they share an exposure."""

import logging

import pandas as pd

from pipeline.core.groups import group_rows, smallest_by_group

log = logging.getLogger(__name__)

MOST_NAMES = 5  # an image shared by more patients of one source is a placeholder or a figure, not a film of theirs


def patient_keys(rows: pd.DataFrame) -> "pd.Series[str]":
    """Return the ``patient_key`` of every row: the smallest ``patient_id`` of that person, or null if unknown.

    Rows with the same ``patient_id`` are one person, and so are patients whose films share a ``cluster_id``. A row
    without a patient inherits the patient of its cluster.

    Args:
        rows: table with the columns ``source``, ``patient_id`` and ``cluster_id``.
    """
    cluster = rows["cluster_id"].where(~rows["cluster_id"].isin(_shared_by_too_many(rows)))
    person = group_rows([("patient", rows["patient_id"]), ("cluster", cluster)])
    keys = person.map(smallest_by_group(rows["patient_id"], person)).astype(object)
    return keys.where(keys.notna(), None)


def _shared_by_too_many(rows: pd.DataFrame) -> list[str]:
    """Clusters that more than ``MOST_NAMES`` patients of one source share; each is logged."""
    known = rows[rows["cluster_id"].notna() & rows["patient_id"].notna()]
    counts = known.groupby(["cluster_id", "source"], sort=True)["patient_id"].nunique().reset_index(name="patients")
    crowded = counts[counts["patients"] > MOST_NAMES]
    for row in crowded.to_dict("records"):
        log.warning(
            "Cluster %s contains %d patients of %s; it is not used to link patients.",
            row["cluster_id"],
            row["patients"],
            row["source"],
        )
    return sorted(set(crowded["cluster_id"]))
