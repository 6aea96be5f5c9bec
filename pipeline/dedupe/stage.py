"""Dedupe: which films show the same exposure, proven; one film of each cluster stays.

Reads the pool. Writes ``dedupe.parquet`` (adds ``phash``, ``dhash``, ``cluster_id``, ``duplicate_of``,
``duplicate_kind``, ``similarity``, ``patient_key``; fills what the film kept does not tell from its copies, where they
agree), ``duplicates.parquet`` (every proven pair with its evidence) and ``conflicts.parquet`` (copies that contradict
each other). Excludes all films of a cluster but the best one. Films that ingest excluded take no part.

exact bytes -> identical pixels -> candidates by hashes and by local features (:mod:`pipeline.dedupe.candidates`) ->
proof by alignment and fine detail (:mod:`pipeline.dedupe.proof`) -> clusters without contradiction
(:mod:`pipeline.dedupe.clusters`).
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline.core.layout import Layout
from pipeline.core.parallel import map_images
from pipeline.core.params import Params
from pipeline.core.schema import CONFLICTS_SCHEMA, DEDUPE_SCHEMA, DUPLICATES_SCHEMA
from pipeline.core.summary import Summary
from pipeline.core.tables import exclude, iter_images, read_pool
from pipeline.dedupe.candidates import find_candidates
from pipeline.dedupe.clusters import best_of, tie
from pipeline.dedupe.conflicts import find_conflicts, merge
from pipeline.dedupe.films import Films, measure_png
from pipeline.dedupe.hashes import to_hex
from pipeline.dedupe.kinds import kind_of
from pipeline.dedupe.patients import patient_keys
from pipeline.dedupe.proof import Proof
from pipeline.dedupe.verdicts import Verdicts, judge
from sources.core.items import KEY
from sources.core.storage import write_table

Evidence = dict[str, Any]
Pairs = dict[tuple[int, int], Evidence]  # places of two rows, first before second -> evidence

LISTED_COPIES = 60  # of more identical copies, pairs are listed for so many
UNMOVED = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]


@dataclass(frozen=True)
class DedupeSummary(Summary):
    """Rows, those in clusters, clusters, and rows excluded as copies."""

    rows: int
    clustered: int
    clusters: int
    excluded: int

    def __str__(self) -> str:
        return f"{self.rows:,} rows, {self.clustered:,} in {self.clusters:,} clusters, {self.excluded:,} excluded"


def run(layout: Layout, params: Params, executor: Executor | None = None) -> DedupeSummary:
    """Write the three tables.

    Raises:
        CxnetError: the pool is missing or cannot be read.
    """
    rows = read_pool(layout).sort_values(list(KEY), kind="stable", ignore_index=True)
    film_of = number_films(rows)
    count = int(film_of.max()) + 1 if len(rows) else 0
    with Films(count) as films:
        films.extend(map_images(measure_png, _pictures(layout, rows, film_of), executor))
        verdicts = judge(films, find_candidates(films, params.dedupe), params.dedupe, executor)
        rows = _with_hashes(rows, film_of, films)
        pairs = pairs_of_rows(rows, film_of, films, verdicts)
    similarity = {pair: proof.similarity for pair, (proof, _) in verdicts.proven.items()}
    rows = decide(rows, clusters_of_rows(film_of, tie(count, similarity, verdicts.refuted)), pairs)
    _write(layout, rows, pairs)
    return summary(rows)


def number_films(rows: pd.DataFrame) -> pd.Series:
    """The film that each row shows: one number for identical pixels, in row order; -1 = takes no part."""
    active = rows["excluded_by"].isna() & rows["pixel_sha256"].notna()
    numbers = pd.Series(-1, index=rows.index, dtype="int64")
    numbers[active] = pd.factorize(rows.loc[active, "pixel_sha256"])[0]
    return numbers


def clusters_of_rows(film_of: pd.Series, cluster_of_film: list[int]) -> pd.Series:
    """Cluster of every row that shares one with another row; -1 else."""
    clusters = film_of.map(lambda film: cluster_of_film[film] if film >= 0 else -1).astype("int64")
    return clusters.where(clusters.map(clusters.value_counts()) > 1, -1)


def summary(rows: pd.DataFrame) -> DedupeSummary:
    """The numbers of the table."""
    clustered = rows["cluster_id"].notna()
    excluded = int((rows["excluded_by"] == "dedupe").sum())
    return DedupeSummary(len(rows), int(clustered.sum()), rows["cluster_id"].nunique(), excluded)


# --------------------------------------------------------------------------------------------------------- films


def _pictures(layout: Layout, rows: pd.DataFrame, film_of: pd.Series) -> Iterator[bytes]:
    """The picture of each film, by number; that of its first row."""
    first = film_of[film_of >= 0].drop_duplicates()
    wanted = set(zip(rows.loc[first.index, "source"], rows.loc[first.index, "item_id"], strict=True))
    pool = iter_images(layout.pool, "pool") if wanted else iter(())
    progress = tqdm(total=len(wanted), desc="dedupe", unit="img", disable=None)
    for row, png in pool:
        if (row["source"], row["item_id"]) in wanted:
            progress.update()
            yield png
    progress.close()


def _with_hashes(rows: pd.DataFrame, film_of: pd.Series, films: Films) -> pd.DataFrame:
    def column(name: str) -> pd.Series:
        values = films.hashes[name]
        return film_of.map(lambda film: to_hex(int(values[film])) if film >= 0 else None).astype(object)

    return rows.assign(phash=column("phash"), dhash=column("dhash"))


# --------------------------------------------------------------------------------------------------------- pairs


def pairs_of_rows(rows: pd.DataFrame, film_of: pd.Series, films: Films, verdicts: Verdicts) -> Pairs:
    """Every proven pair of rows: identical ones, and all copies of two films that were proven to be one exposure."""
    copies: dict[int, list[int]] = {}
    for place, film in enumerate(film_of.tolist()):
        if film >= 0 and len(copies.setdefault(film, [])) < LISTED_COPIES:
            copies[film].append(place)
    image_id = rows["image_id"].tolist()
    pairs: Pairs = {}
    for places in copies.values():
        for first, second in combinations(places, 2):
            pairs[first, second] = _identical("bytes" if image_id[first] == image_id[second] else "pixels")
    received = rows["width"].astype(float).to_numpy()
    negative = rows["inverted"].fillna(False).astype(bool).to_numpy()
    for (a, b), (proof, net) in verdicts.proven.items():
        a_scale, b_scale = (received[copies[film][0]] / films.sizes[film, 0] for film in (a, b))
        negatives = int(negative[copies[a][0]]) + int(negative[copies[b][0]])
        evidence = _proven(proof, kind_of(proof, a_scale, b_scale, negatives), net)
        for first, second in product(copies[a], copies[b]):
            pairs[min(first, second), max(first, second)] = evidence if first < second else _turned(evidence)
    return dict(sorted(pairs.items()))


def _identical(kind: str) -> Evidence:
    return {"kind": kind, "net": kind, "similarity": 1.0, "a_overlap": 1.0, "b_overlap": 1.0, "transform": UNMOVED}


def _proven(proof: Proof, kind: str, net: str) -> Evidence:
    return {
        "kind": kind,
        "net": net,
        "similarity": round(proof.similarity, 6),
        "a_overlap": round(proof.a_overlap, 6),
        "b_overlap": round(proof.b_overlap, 6),
        "transform": [round(float(value), 9) for value in proof.transform[:2].ravel()],
    }


def _turned(evidence: Evidence) -> Evidence:
    """The evidence for the pair in the other order."""
    matrix = np.vstack([np.reshape(evidence["transform"], (2, 3)), [0.0, 0.0, 1.0]])
    inverse = [round(float(value), 9) for value in np.linalg.inv(matrix)[:2].ravel()]
    return evidence | {
        "a_overlap": evidence["b_overlap"],
        "b_overlap": evidence["a_overlap"],
        "transform": inverse,
    }


# ----------------------------------------------------------------------------------------------------- decisions


def decide(rows: pd.DataFrame, cluster: pd.Series, pairs: Pairs) -> pd.DataFrame:
    """Add the decisions: cluster, the film kept for it, kind and similarity of the others, patients, exclusions."""
    shown = _shown(pairs, cluster)
    names = (rows["source"] + "/" + rows["item_id"]).tolist()
    columns = {name: pd.Series(None, index=rows.index, dtype=object) for name in DECISIONS}
    for _, films in rows[cluster >= 0].groupby(cluster[cluster >= 0], sort=True):
        best = best_of(films, shown)
        name = names[best]
        columns["cluster_id"][films.index] = name
        for place in [place for place in films.index if place != best]:
            columns["duplicate_of"][place] = name
            columns["duplicate_kind"][place], columns["similarity"][place] = _nearest(place, best, films.index, pairs)
    rows = rows.assign(**columns)
    rows = rows.assign(patient_key=patient_keys(rows))
    return exclude(rows, rows["duplicate_of"].notna(), "dedupe", _reasons(rows))


DECISIONS = ("cluster_id", "duplicate_of", "duplicate_kind", "similarity")


def _shown(pairs: Pairs, cluster: pd.Series) -> dict[int, float]:
    """Least share of another film's field of view that each row shows, 1 for the widest."""
    shown: dict[int, float] = {}
    of_row = cluster.tolist()
    for (a, b), evidence in pairs.items():
        if of_row[a] == of_row[b]:
            field = evidence["b_overlap"] / max(evidence["a_overlap"], 1e-6)  # of a, in fields of b
            shown[a] = min(shown.get(a, 1.0), field)
            shown[b] = min(shown.get(b, 1.0), 1 / max(field, 1e-6))
    return shown


def _nearest(place: int, best: int, films: pd.Index, pairs: Pairs) -> tuple[str | None, float | None]:
    """Kind and similarity to the film kept; kind alone, of the surest tie, where only others tie it to that."""
    direct = pairs.get((min(place, best), max(place, best)))
    if direct is not None:
        return direct["kind"], direct["similarity"]
    ties = [pairs.get((min(place, other), max(place, other))) for other in films]
    known = sorted((tie for tie in ties if tie is not None), key=lambda tie: -float(tie["similarity"]))
    return (known[0]["kind"], None) if known else ("bytes", None)


def _reasons(rows: pd.DataFrame) -> pd.Series:
    """``duplicate of cohen/a.png (cropped, 0.99)``."""
    amount = rows["similarity"].map(lambda value: "" if pd.isna(value) else f", {value:.2f}")
    kind = rows["duplicate_kind"].astype(object).fillna("")
    return "duplicate of " + rows["duplicate_of"].astype(object).fillna("") + " (" + kind + amount + ")"


# ------------------------------------------------------------------------------------------------------- writing


def _write(layout: Layout, rows: pd.DataFrame, pairs: Pairs) -> None:
    similarity: dict[tuple[Any, Any], float] = {}
    for (a, b), evidence in pairs.items():
        similarity[a, b] = similarity[b, a] = evidence["similarity"]
    write_table(layout.duplicates, _listed(rows, pairs), DUPLICATES_SCHEMA)
    write_table(layout.conflicts, find_conflicts(rows, similarity), CONFLICTS_SCHEMA)
    write_table(layout.dedupe, merge(rows), DEDUPE_SCHEMA)


def _listed(rows: pd.DataFrame, pairs: Pairs) -> pd.DataFrame:
    source, item_id, cluster = (rows[name].tolist() for name in ("source", "item_id", "cluster_id"))
    listed = [
        evidence
        | {
            "a_source": source[a],
            "a_item_id": item_id[a],
            "b_source": source[b],
            "b_item_id": item_id[b],
            "overlap": max(evidence["a_overlap"], evidence["b_overlap"]),
            "same_cluster": cluster[a] == cluster[b],
        }
        for (a, b), evidence in pairs.items()
    ]
    return pd.DataFrame(listed, columns=DUPLICATES_SCHEMA.names)
