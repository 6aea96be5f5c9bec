"""Clusters of films that show one exposure, without contradiction, and the film of each cluster that stays.

Proven pairs link films, the most similar first. Two clusters are not joined if any film of one was compared with any
film of the other and shows another exposure. So a chain a-b-c whose ends differ is cut at its weakest link.
"""

from collections.abc import Collection, Hashable, Mapping
from typing import Any, TypeAlias

import pandas as pd

from pipeline.core.tables import exclude
from pipeline.dedupe.evidence import RowPairs
from pipeline.dedupe.verdicts import Pair, neighbors_by_film
from pipeline.imaging.tones import NOT_FINITE
from sources.core.items import KEY

DUPLICATE_COLUMNS = ("cluster_id", "duplicate_of", "duplicate_kind", "similarity")


def number_films(rows: pd.DataFrame) -> "pd.Series[int]":
    """Number the films: rows with identical pixels share a number, in row order; -1 = the row is ignored."""
    active = rows["excluded_by"].isna() & rows["pixel_sha256"].notna()
    numbers = pd.Series(-1, index=rows.index, dtype="int64")
    numbers[active] = pd.factorize(rows.loc[active, "pixel_sha256"])[0]
    return numbers


def cluster_films(count: int, proven: Mapping[Pair, float], refuted: Collection[Pair]) -> list[int]:
    """Group films into clusters.

    Args:
        count: number of films.
        proven: pair of films -> similarity.
        refuted: pairs that surely show two exposures.

    Returns:
        The cluster of each film: the smallest number of a film in it.
    """
    members = {film: [film] for film in range(count)}
    cluster = list(range(count))
    conflicting = neighbors_by_film(refuted)
    for first, second in sorted(proven, key=lambda pair: (-proven[pair], pair)):
        left, right = sorted((cluster[first], cluster[second]))
        if left == right or _any_refuted(members[left], members[right], conflicting):
            continue
        for film in members[right]:
            cluster[film] = left
        members[left] += members.pop(right)
    return cluster


def clusters_of_rows(film_of: "pd.Series[int]", cluster_of_film: list[int]) -> "pd.Series[int]":
    """Cluster of every row that shares one with another row; -1 otherwise."""
    clusters = film_of.map(lambda film: cluster_of_film[film] if film >= 0 else -1).astype("int64")
    return clusters.where(clusters.map(clusters.value_counts()) > 1, -1)


def mark_duplicates(rows: pd.DataFrame, cluster: "pd.Series[int]", pairs: RowPairs) -> pd.DataFrame:
    """Keep the best film of each cluster and exclude its copies.

    Args:
        rows: the pool, with a range index.
        cluster: number of the cluster of each row; -1 = none.
        pairs: evidence for pairs of rows.

    Returns:
        The rows with ``cluster_id``, ``duplicate_of``, ``duplicate_kind``, ``similarity`` and the exclusions.
    """
    clustered = rows[cluster >= 0]
    ranks = rank_films(clustered, _field_shares(pairs, cluster))
    names = (rows["source"] + "/" + rows["item_id"]).tolist()
    columns: dict[str, list[Any]] = {name: [None] * len(rows) for name in DUPLICATE_COLUMNS}
    for films in clustered.groupby(cluster[cluster >= 0], sort=True).indices.values():
        places = clustered.index[films].tolist()
        best = min(places, key=lambda place: ranks[place])
        for place in places:
            columns["cluster_id"][place] = names[best]
            if place != best:
                columns["duplicate_of"][place] = names[best]
                kind, similarity = _difference_from(best, place, places, pairs)
                columns["duplicate_kind"][place], columns["similarity"][place] = kind, similarity
    rows = rows.assign(**{name: pd.Series(values, rows.index, object) for name, values in columns.items()})
    return exclude(rows, rows["duplicate_of"].notna(), "dedupe", _reasons(rows))


FIELD_STEPS = 10  # films that show the same tenth of the field of view count as equally complete
LOSSLESS = ("PNG", "DICOM", "TIFF", "BMP")
METADATA = ("label", "finding", "view", "patient_id", "study_id", "age", "sex", "offset_days", "rt_pcr")
RANKED = (*KEY, "width", "height", "format", "text_share", "decode_warning", *METADATA)  # columns that decide

Rank: TypeAlias = tuple[Any, ...]


def rank_films(rows: pd.DataFrame, field_share: Mapping[int, float]) -> dict[int, Rank]:
    """Rank films for keeping.

    The first of those without gaps, least cropped, largest, least drawn upon, best described, lossless, by name.

    Args:
        rows: films, with the columns of the pool.
        field_share: index -> share of the largest field of view in its cluster that this film shows.

    Returns:
        Index -> rank; of one cluster, the film of the smallest rank is the best.
    """
    records = rows[list(RANKED)].to_dict("records")
    return {place: _rank(row, field_share.get(place, 1.0)) for place, row in zip(rows.index, records, strict=True)}


def _rank(row: Mapping[Hashable, Any], field_share: float) -> Rank:
    pixels = int(row["width"]) * int(row["height"])
    described = sum(not pd.isna(row[name]) and row[name] != "unknown" for name in METADATA)
    text = 1.0 if pd.isna(row["text_share"]) else round(float(row["text_share"]), 3)
    return (
        NOT_FINITE in str(row["decode_warning"]),
        -round(field_share * FIELD_STEPS),
        -pixels,
        text,
        -described,
        row["format"] not in LOSSLESS,
        *(str(row[name]) for name in KEY),
    )


def _any_refuted(left: list[int], right: list[int], conflicting: Mapping[int, set[int]]) -> bool:
    few, many = sorted((left, right), key=len)
    others = set(many)
    return any(not others.isdisjoint(conflicting.get(film, ())) for film in few)


def _field_shares(pairs: RowPairs, cluster: "pd.Series[int]") -> dict[int, float]:
    """Smallest share of another film's field of view that each row shows, within its cluster; at most 1."""
    shares: dict[int, float] = {}
    of_row = cluster.tolist()
    for (a, b), evidence in pairs.items():
        if of_row[a] == of_row[b]:
            ratio = evidence.b_overlap / max(evidence.a_overlap, 1e-6)  # field of view of a, relative to that of b
            shares[a] = min(shares.get(a, 1.0), ratio)
            shares[b] = min(shares.get(b, 1.0), 1 / max(ratio, 1e-6))
    return shares


def _difference_from(best: int, place: int, films: list[int], pairs: RowPairs) -> tuple[str, float | None]:
    """Kind of a copy and its similarity to the film kept.

    If only other films link it to the film kept: the kind by its most similar link, and no similarity.
    """
    direct = pairs.get((min(place, best), max(place, best)))
    if direct is not None:
        return direct.kind, direct.similarity
    links = [pairs.get((min(place, other), max(place, other))) for other in films]
    known = sorted((link for link in links if link is not None), key=lambda link: -link.similarity)
    return (known[0].kind, None) if known else ("bytes", None)  # no link is listed: one of very many identical rows


def _reasons(rows: pd.DataFrame) -> "pd.Series[str]":
    """Word the reasons of exclusion: ``duplicate of cohen/a.png (cropped, 0.99)``."""
    amount = rows["similarity"].map(lambda value: "" if pd.isna(value) else f", {value:.2f}")
    kind = rows["duplicate_kind"].astype(object).fillna("")
    return "duplicate of " + rows["duplicate_of"].astype(object).fillna("") + " (" + kind + amount + ")"
