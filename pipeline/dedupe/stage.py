"""Stage dedupe: find the films that show the same exposure, prove it, and keep the best one of each cluster.

Reads the pool. Films that ingest excluded are ignored. Writes:

- ``dedupe.parquet``: adds ``phash``, ``dhash``, ``cluster_id``, ``duplicate_of``, ``duplicate_kind``, ``similarity``
  and ``patient_key``; fills missing values of the film kept from its copies where they agree; excludes the copies.
- ``duplicates.parquet``: every proven pair with its evidence.
- ``conflicts.parquet``: copies whose metadata contradict each other.

Steps: exact bytes and identical pixels (here) -> candidates by hashes and by local features
(:mod:`pipeline.dedupe.candidates`) -> proof by alignment and fine detail (:mod:`pipeline.dedupe.proof`,
:mod:`pipeline.dedupe.verdicts`) -> clusters without contradiction (:mod:`pipeline.dedupe.clusters`).
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Self

import pandas as pd
from tqdm import tqdm

from pipeline.core.layout import Layout
from pipeline.core.parallel import map_images
from pipeline.core.params import Params
from pipeline.core.schema import CONFLICTS_SCHEMA, DEDUPE_SCHEMA, DUPLICATES_SCHEMA
from pipeline.core.summary import Summary
from pipeline.core.tables import iter_images, read_pool
from pipeline.dedupe.candidates import find_candidates
from pipeline.dedupe.clusters import cluster_films, clusters_of_rows, mark_duplicates, number_films
from pipeline.dedupe.conflicts import find_conflicts, merge
from pipeline.dedupe.evidence import RowPairs, duplicates_table, pairs_of_rows
from pipeline.dedupe.films import FilmStore, measure_png
from pipeline.dedupe.hashes import to_hex
from pipeline.dedupe.patients import patient_keys
from pipeline.dedupe.verdicts import prove_candidates
from sources.core.items import KEY
from sources.core.storage import write_table
from sources.core.text import counted


@dataclass(frozen=True)
class DedupeSummary(Summary):
    """Rows, those in clusters, clusters, and rows excluded as copies."""

    rows: int
    clustered: int
    clusters: int
    excluded: int

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Self:
        """Count the rows after dedupe."""
        clustered = rows["cluster_id"].notna()
        excluded = int((rows["excluded_by"] == "dedupe").sum())
        return cls(len(rows), int(clustered.sum()), rows["cluster_id"].nunique(), excluded)

    def __str__(self) -> str:
        copies = f"{self.clustered:,} in {counted(self.clusters, 'cluster')}"
        return f"{counted(self.rows, 'row')}, {copies}, {self.excluded:,} excluded"


def run(layout: Layout, params: Params, executor: Executor | None = None) -> DedupeSummary:
    """Write the three tables.

    Raises:
        CxnetError: the pool is missing or cannot be read.
    """
    rows = read_pool(layout).sort_values(list(KEY), kind="stable", ignore_index=True)
    film_of = number_films(rows)
    count = int(film_of.max()) + 1 if len(rows) else 0
    with FilmStore(count) as films:
        films.extend(map_images(measure_png, _pictures(layout, rows, film_of), executor))
        verdicts = prove_candidates(films, find_candidates(films, params.dedupe), params.dedupe, executor)
        rows = _with_hashes(rows, film_of, films)
        pairs = pairs_of_rows(rows, film_of, films, verdicts)
    cluster = clusters_of_rows(film_of, cluster_films(count, verdicts.similarity, verdicts.refuted))
    rows = mark_duplicates(rows, cluster, pairs)
    rows = rows.assign(patient_key=patient_keys(rows))
    _write(layout, rows, pairs)
    return DedupeSummary.of(rows)


def _pictures(layout: Layout, rows: pd.DataFrame, film_of: "pd.Series[int]") -> Iterator[bytes]:
    """Yield the picture of each film, by number; identical rows count once."""
    first = film_of[film_of >= 0].drop_duplicates()
    wanted = set(zip(rows.loc[first.index, "source"], rows.loc[first.index, "item_id"], strict=True))
    pool = iter_images(layout.pool, "pool") if wanted else iter(())
    with tqdm(total=len(wanted), desc="dedupe: films", unit="film", disable=None) as progress:
        for row, png in pool:
            if (row["source"], row["item_id"]) in wanted:
                progress.update()
                yield png


def _with_hashes(rows: pd.DataFrame, film_of: "pd.Series[int]", films: FilmStore) -> pd.DataFrame:
    def column(name: str) -> "pd.Series[str]":
        values = films.hashes[name]
        return film_of.map(lambda film: to_hex(int(values[film])) if film >= 0 else None).astype(object)

    return rows.assign(phash=column("phash"), dhash=column("dhash"))


def _write(layout: Layout, rows: pd.DataFrame, pairs: RowPairs) -> None:
    similarity = {pair: evidence.similarity for (a, b), evidence in pairs.items() for pair in ((a, b), (b, a))}
    write_table(layout.duplicates, duplicates_table(rows, pairs), DUPLICATES_SCHEMA)
    write_table(layout.conflicts, find_conflicts(rows, similarity), CONFLICTS_SCHEMA)
    write_table(layout.dedupe, merge(rows), DEDUPE_SCHEMA)
