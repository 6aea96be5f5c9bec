"""The evidence for every pair of rows that show one exposure: the table ``duplicates.parquet``."""

from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np
import pandas as pd

from pipeline.core.schema import DUPLICATES_SCHEMA
from pipeline.dedupe.films import FilmStore
from pipeline.dedupe.proof import Proof, kind_of
from pipeline.dedupe.verdicts import Verdicts

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True)
class Evidence:
    """Why two rows count as copies of one exposure; the fields are columns of ``duplicates.parquet``.

    Attributes:
        kind: the main difference between the two.
        net: what found the pair: bytes | pixels | hash | features | features+hash | chain.
        similarity: median local correlation of fine detail on the overlap; 1 for identical pixels.
        a_overlap, b_overlap: share of each film that the overlap covers.
        transform: the first two rows of the affine matrix, row by row: pool pixels of the first to those of the second.
    """

    kind: str
    net: str
    similarity: float
    a_overlap: float
    b_overlap: float
    transform: tuple[float, ...]

    @classmethod
    def of_identical(cls, kind: str) -> "Evidence":
        """Evidence for identical ``bytes`` or ``pixels``."""
        return cls(kind, kind, 1.0, 1.0, 1.0, IDENTITY)

    @classmethod
    def of_proof(cls, proof: Proof, kind: str, found_by: str) -> "Evidence":
        """Evidence for a proven pair, with rounded numbers."""
        return cls(
            kind=kind,
            net=found_by,
            similarity=round(proof.similarity, 6),
            a_overlap=round(proof.a_overlap, 6),
            b_overlap=round(proof.b_overlap, 6),
            transform=_first_rows(proof.transform),
        )

    @property
    def overlap(self) -> float:
        """Share of the smaller film that the overlap covers."""
        return max(self.a_overlap, self.b_overlap)

    def reversed(self) -> "Evidence":
        """Evidence for the same pair in the other order."""
        matrix = np.vstack([np.reshape(self.transform, (2, 3)), [0.0, 0.0, 1.0]])
        return replace(
            self, a_overlap=self.b_overlap, b_overlap=self.a_overlap, transform=_first_rows(np.linalg.inv(matrix))
        )


RowPairs = dict[tuple[int, int], Evidence]  # places of two rows, the smaller first -> evidence

LISTED_COPIES = 60  # n identical copies make n * (n - 1) / 2 pairs; only those among the first 60 are listed


def pairs_of_rows(rows: pd.DataFrame, film_of: "pd.Series[int]", films: FilmStore, verdicts: Verdicts) -> RowPairs:
    """Collect all pairs of rows that show one exposure: identical rows, and all copies of two proven films.

    Args:
        rows: the pool, with a range index.
        film_of: number of the film of each row; -1 = none.
        films: the measured films.
        verdicts: the proven pairs of films.

    Returns:
        The evidence for each pair, sorted by pair.
    """
    copies: dict[int, list[int]] = {}
    for place, film in enumerate(film_of.tolist()):
        if film >= 0 and len(copies.setdefault(film, [])) < LISTED_COPIES:
            copies[film].append(place)
    image_id = rows["image_id"].tolist()
    pairs: RowPairs = {}
    for places in copies.values():
        for first, second in combinations(places, 2):
            pairs[first, second] = Evidence.of_identical("bytes" if image_id[first] == image_id[second] else "pixels")
    received = rows["width"].astype(float).to_numpy()
    negative = rows["inverted"].fillna(False).astype(bool).to_numpy()
    for (a, b), proven in verdicts.proven.items():
        a_scale, b_scale = (received[copies[film][0]] / films.sizes[film, 0] for film in (a, b))
        negatives = int(negative[copies[a][0]]) + int(negative[copies[b][0]])
        kind = kind_of(proven.proof, a_scale, b_scale, negatives)
        evidence = Evidence.of_proof(proven.proof, kind, proven.found_by)
        for first, second in product(copies[a], copies[b]):
            pairs[min(first, second), max(first, second)] = evidence if first < second else evidence.reversed()
    return dict(sorted(pairs.items()))


def duplicates_table(rows: pd.DataFrame, pairs: RowPairs) -> pd.DataFrame:
    """Make the table of all pairs.

    Args:
        rows: the pool with ``cluster_id``.
        pairs: evidence for each pair.
    """
    source, item_id, cluster = (rows[name].tolist() for name in ("source", "item_id", "cluster_id"))
    records = [
        vars(evidence)
        | {
            "a_source": source[a],
            "a_item_id": item_id[a],
            "b_source": source[b],
            "b_item_id": item_id[b],
            "overlap": evidence.overlap,
            "same_cluster": cluster[a] == cluster[b],
        }
        for (a, b), evidence in pairs.items()
    ]
    return pd.DataFrame(records, columns=DUPLICATES_SCHEMA.names)


def _first_rows(matrix: "np.ndarray") -> tuple[float, ...]:
    return tuple(round(float(value), 9) for value in matrix[:2].ravel())
