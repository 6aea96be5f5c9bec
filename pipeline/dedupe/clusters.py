"""Clusters of one exposure that stay honest, and the best film of each.

Proven pairs tie films together, the surest first. Two clusters are not tied when any film of one was compared with
any film of the other and found to show another exposure: a chain a-b-c whose ends differ is cut at its weakest tie.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import Any

import pandas as pd

from sources.core.items import KEY

Pair = tuple[int, int]

FIELD_STEPS = 10  # films that show the same tenth of the field of view count as equally complete
LOSSLESS = ("PNG", "DICOM", "TIFF", "BMP")
METADATA = ("label", "finding", "view", "patient_id", "study_id", "age", "sex", "offset_days", "rt_pcr")


def tie(count: int, proven: Mapping[Pair, float], refuted: Collection[Pair]) -> list[int]:
    """Number of the cluster of each of ``count`` films: the smallest film in it.

    Args:
        count: how many films there are.
        proven: pair -> similarity.
        refuted: pairs that surely show two exposures.
    """
    members = {film: [film] for film in range(count)}
    cluster = list(range(count))
    enemies = _by_film(refuted)
    for first, second in sorted(proven, key=lambda pair: (-proven[pair], pair)):
        left, right = sorted((cluster[first], cluster[second]))
        if left == right or _at_odds(members[left], members[right], enemies):
            continue
        for film in members[right]:
            cluster[film] = left
        members[left] += members.pop(right)
    return cluster


def open_pairs(proven: Mapping[Pair, float], known: Collection[Pair], most_per_film: int) -> dict[Pair, int]:
    """Pairs of films that share a proven neighbour and are not ``known``, each with its surest neighbour.

    Args:
        proven: pair -> similarity.
        known: pairs that are left out.
        most_per_film: a film brings so many, the ones with the surest neighbours first.
    """
    neighbours = _by_film(proven)
    found: dict[Pair, int] = {}
    for film in sorted(neighbours):
        ways: dict[int, tuple[float, int]] = {}
        for middle in sorted(neighbours[film]):
            for end in neighbours[middle]:
                sure = min(proven[ordered(film, middle)], proven[ordered(middle, end)])
                ways[end] = max(ways.get(end, (-1.0, 0)), (sure, middle))
        ends = sorted(ways, key=lambda end: (-ways[end][0], end))
        fresh = [end for end in ends if end != film and ordered(film, end) not in known]
        found |= {ordered(film, end): ways[end][1] for end in fresh[:most_per_film]}
    return dict(sorted(found.items()))


def ordered(one: int, other: int) -> Pair:
    """The pair with its smaller number first."""
    return (one, other) if one < other else (other, one)


def best_of(rows: pd.DataFrame, shown: Mapping[int, float]) -> int:
    """Place (in the index) of the row to keep: least cropped, largest, least drawn upon, best described, and by name.

    Args:
        rows: the films of one cluster, with the columns of the pool.
        shown: index -> share of the largest field of view in the cluster that this film shows.
    """
    ranks = {int(str(row["place"])): _rank(row, shown) for row in rows.assign(place=rows.index).to_dict("records")}
    return min(ranks, key=lambda place: ranks[place])


def _rank(row: Mapping[Hashable, Any], shown: Mapping[int, float]) -> tuple[Any, ...]:
    pixels = int(row["width"]) * int(row["height"])
    described = sum(not pd.isna(row[name]) and row[name] != "unknown" for name in METADATA)
    text = 1.0 if pd.isna(row["text_share"]) else round(float(row["text_share"]), 3)
    lossless = row["format"] in LOSSLESS
    return (
        -round(shown.get(row["place"], 1.0) * FIELD_STEPS),
        -pixels,
        text,
        -described,
        not lossless,
        *(str(row[name]) for name in KEY),
    )


def _by_film(pairs: Iterable[Pair]) -> dict[int, set[int]]:
    others: dict[int, set[int]] = {}
    for first, second in pairs:
        others.setdefault(first, set()).add(second)
        others.setdefault(second, set()).add(first)
    return others


def _at_odds(left: list[int], right: list[int], enemies: Mapping[int, set[int]]) -> bool:
    few, many = sorted((left, right), key=len)
    crowd = set(many)
    return any(not crowd.isdisjoint(enemies.get(film, ())) for film in few)
