"""The certificate of a split: which tables it speaks of, every rule with its count, the nearest films across splits.

Whoever has the tables can make it again, and must get the same.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from upath import UPath

from pipeline.audit.dataset import Place
from pipeline.audit.rules import SPLIT_NAMES, Tables
from pipeline.audit.violations import Violation
from pipeline.core.tables import has_unknown_patient, row_names
from pipeline.dedupe.nearest import near_pairs
from sources.core.errors import CxnetError
from sources.core.items import KEY
from sources.core.storage import write_json

FILE = "splits.certificate.json"
FORMAT = 1
DISTANCES = (2, 4, 6, 8, 10)  # bits of the perceptual hash, tried until enough pairs are found
NEAREST = 12  # pairs listed


@dataclass(frozen=True)
class NearPair:
    """Two kept films of different splits that look alike: names, splits, and bits in which their hashes differ.

    They were compared by dedupe, and not proven to be one exposure: the rules above hold.
    """

    a: str
    b: str
    a_split: str
    b_split: str
    bits: int


def certificate(place: Place, tables: Tables, rules: dict[str, int], hashes: dict[str, str]) -> dict[str, Any]:
    """The certificate as JSON values.

    Args:
        place: the data set.
        tables: its tables; there must be splits.
        rules: violations of each group of rules.
        hashes: sha256 of the manifest and the splits.

    Raises:
        CxnetError: there are no splits.
    """
    if tables.splits is None:
        raise CxnetError(f"{place.name} has no splits; there is nothing to certify.")
    kept = tables.kept.merge(tables.splits[[*KEY, "split", "group_id"]], on=list(KEY))
    counts = kept.groupby("split").agg(films=("item_id", "size"), groups=("group_id", "nunique"))
    return {
        "format": FORMAT,
        "tables": hashes,
        "rules": [{"rule": name, "violations": count} for name, count in rules.items()],
        "splits": {str(name): {key: int(value) for key, value in row.items()} for name, row in counts.iterrows()},
        "by_label": _crosstab(kept, "label"),
        "by_source": _crosstab(kept, "source"),
        "films_of_unknown_patients": int(has_unknown_patient(kept).sum()),
        "nearest_across_splits": [asdict(pair) for pair in nearest_pairs(kept)],
    }


def compare(path: UPath, made: dict[str, Any]) -> list[Violation]:
    """Where a certificate says something else than the tables.

    Raises:
        CxnetError: the file is missing or is no certificate.
    """
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        given.keys()
    except FileNotFoundError:
        raise CxnetError(
            f"{path} does not exist; `cxnet-data check --certificate` in the project writes one."
        ) from None
    except (ValueError, AttributeError):
        raise CxnetError(f"{path} is no certificate; get it again.") from None
    rule = "the certificate says what the tables say"
    return [
        Violation(rule, f"{path.name}: {name}", _short(given.get(name)))
        for name in sorted({*given, *made})
        if given.get(name) != made.get(name)
    ]


def write(path: UPath, made: dict[str, Any]) -> None:
    """Write a certificate."""
    write_json(path, made)


def nearest_pairs(kept: pd.DataFrame) -> list[NearPair]:
    """The pairs of kept films of different splits whose perceptual hashes differ least."""
    films = kept[kept["phash"].notna() & kept["split"].isin(SPLIT_NAMES)].reset_index(drop=True)
    hashes = np.array([int(text, 16) for text in films["phash"]], np.uint64)
    split, name = films["split"].to_numpy(object), row_names(films).to_numpy(object)
    pairs: list[NearPair] = []
    for distance in DISTANCES:
        near = near_pairs(hashes, distance) if len(hashes) > 1 else np.empty((0, 2), np.int64)
        near = near[split[near[:, 0]] != split[near[:, 1]]]
        bits = np.bitwise_count(hashes[near[:, 0]] ^ hashes[near[:, 1]])
        pairs = [
            _pair(films, min(a, b, key=name.__getitem__), max(a, b, key=name.__getitem__), count)
            for (a, b), count in zip(near.tolist(), bits.tolist(), strict=True)
        ]
        if len(pairs) >= NEAREST:
            break
    return sorted(pairs, key=lambda pair: (pair.bits, pair.a, pair.b))[:NEAREST]


def _pair(films: pd.DataFrame, a: int, b: int, bits: int) -> NearPair:
    first, second = (row_names(films.loc[[place]]).iloc[0] for place in (a, b))
    return NearPair(str(first), str(second), str(films.loc[a, "split"]), str(films.loc[b, "split"]), int(bits))


def _crosstab(rows: pd.DataFrame, column: str) -> dict[str, dict[str, int]]:
    table = pd.crosstab(rows[column].astype(object).fillna("unlabeled"), rows["split"].astype(object))
    return {str(name): {str(key): int(value) for key, value in row.items()} for name, row in table.iterrows()}


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
