"""The columns that decisions change, as lists, so that one decision costs as much as the rows of its film."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import pandas as pd

from pipeline.core.tables import row_names

COPY_COLUMNS = ("cluster_id", "duplicate_of", "duplicate_kind", "similarity")
CHANGED = ("label", "view", "view_source", "excluded_by", "reason", *COPY_COLUMNS)


class FilmRows:
    """Rows by number, by image and by name. ``films[column]`` is a list with None for a missing value."""

    def __init__(self, columns: dict[str, list[Any]], images: Sequence[Any], names: Sequence[str]) -> None:
        self._columns = columns
        self.images = images
        self.names = names
        self.by_name = {name: row for row, name in enumerate(names)}
        self._by_image: defaultdict[str, list[int]] = defaultdict(list)
        self._clusters: defaultdict[str, set[int]] = defaultdict(set)
        for row, cluster in enumerate(columns["cluster_id"]):
            if cluster is not None:
                self._clusters[cluster].add(row)

    @classmethod
    def of(cls, rows: pd.DataFrame, wanted: Collection[str]) -> "FilmRows":
        """The rows of a table with the columns of ingest, dedupe and views; ``wanted``: image ids to be looked up."""
        films = cls({name: _values(rows[name]) for name in CHANGED}, _values(rows["image_id"]), list(row_names(rows)))
        for row, image_id in enumerate(films.images):
            if image_id in wanted:
                films._by_image[image_id].append(row)
        return films

    def to_rows(self, rows: pd.DataFrame) -> pd.DataFrame:
        """``rows`` with the columns as they are now."""
        return rows.assign(
            **{name: pd.Series(values, rows.index, rows[name].dtype) for name, values in self._columns.items()}
        )

    def __getitem__(self, column: str) -> list[Any]:
        return self._columns[column]

    def of_image(self, image_id: str) -> list[int]:
        """The rows of a wanted image; byte-identical copies share one."""
        return self._by_image.get(image_id, [])

    def is_kept(self, row: int) -> bool:
        """Is the row not excluded?"""
        return self["excluded_by"][row] is None

    def exclude(self, row: int, reason: str) -> None:
        """Exclude a row by ``manifest``; a row that is already excluded does not change."""
        if self.is_kept(row):
            self["excluded_by"][row], self["reason"][row] = "manifest", reason

    def lift(self, row: int, *stages: str) -> None:
        """Undo the exclusion of a row by one of ``stages``."""
        if self["excluded_by"][row] in stages:
            self["excluded_by"][row] = self["reason"][row] = None

    def leave_cluster(self, row: int) -> None:
        """Forget of which film a row is a copy."""
        self._clusters[self["cluster_id"][row]].discard(row)
        for name in COPY_COLUMNS:
            self[name][row] = None

    def join_clusters(self, together: Collection[int], fallback: str) -> None:
        """Put rows, and the clusters that they are in, into one cluster: the first by name, or else ``fallback``."""
        clusters = {self["cluster_id"][row] for row in together} - {None}
        cluster = min(clusters, default=fallback)
        largest = max(clusters | {cluster}, key=lambda name: (len(self._clusters[name]), name == cluster))
        members = self._clusters[largest]
        added = set(together).union(*(self._clusters[name] for name in clusters - {largest}))
        members |= added
        for row in added if largest == cluster else members:
            self["cluster_id"][row] = cluster
        self._clusters[cluster] = members


def _values(column: "pd.Series[Any]") -> list[Any]:
    """The values of a column as Python objects; None where one is missing."""
    return column.astype(object).where(column.notna(), None).tolist()
