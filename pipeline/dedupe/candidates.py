"""Find the pairs of films that are worth a proof.

Exact bytes and identical pixels need no proof; :mod:`pipeline.dedupe.stage` finds them before it reads any picture.
Two generators find the other candidates:

- *hash* compares perceptual hashes of the whole film, without its border, of its center, mirrored and inverted.
- *features* counts local features that agree (:mod:`pipeline.dedupe.votes`). Only this one finds crops.

A generator may find too many pairs. Each film contributes at most ``MAX_PER_FILM`` candidates per comparison, the most
likely first, so that the number of proofs grows with the number of films and not of pairs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from pipeline.core.params import DedupeParams
from pipeline.dedupe.alignment import Change
from pipeline.dedupe.films import FilmStore
from pipeline.dedupe.nearest import Ints, Words, near_pairs
from pipeline.dedupe.votes import agreements

MIN_VOTES = 4
MAX_PER_FILM = 12
STRICT_DISTANCE = 4  # bits; parts and variants of a film are compared more strictly than whole films
COMPARISONS = 6  # that _proposals makes


@dataclass(frozen=True, order=True)
class Candidate:
    """Two films that may show one exposure.

    Attributes:
        first, second: numbers of the films, ``first < second``.
        mirrored, inverted: change of the second film after which it resembles the first.
        found_by: the generators that found the pair: ``hash``, ``features`` or ``features+hash``.
    """

    first: int
    second: int
    mirrored: bool
    inverted: bool
    found_by: str

    @property
    def change(self) -> Change:
        """``mirrored`` and ``inverted`` in one."""
        return Change(self.mirrored, self.inverted)


FEATURES, HASH = GENERATORS = "features", "hash"  # place = bit in Candidates.generators


@dataclass(frozen=True, eq=False)
class Candidates:
    """The pairs to prove, each once per change, sorted; nine bytes per pair, as large collections have millions.

    Attributes:
        films: number of films.
        codes: (m,) int64, ``(first * films + second) * 4 + mirrored * 2 + inverted``, ascending.
        generators: (m,) uint8, one bit for each of ``GENERATORS`` that found the pair.
    """

    films: int
    codes: Ints
    generators: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[Candidate]:
        for code, generators in zip(self.codes, self.generators, strict=True):
            pair, change = divmod(int(code), 4)
            names = [name for bit, name in enumerate(GENERATORS) if generators >> bit & 1]
            yield Candidate(*divmod(pair, self.films), change >= 2, change % 2 == 1, "+".join(names))

    def of_first(self, film: int) -> "Candidates":
        """Select the candidates whose first film is ``film``."""
        chosen = self.codes // 4 // self.films == film
        return Candidates(self.films, self.codes[chosen], self.generators[chosen])


@dataclass(frozen=True, eq=False)
class Proposals:
    """The pairs that one comparison proposes.

    Attributes:
        generator: one of ``GENERATORS``.
        pairs: (m, 2) int64, numbers of two films, the smaller first.
        costs: (m,) int64, the lower the more likely.
        mirrored, inverted: (m,) bool, change of the second film.
    """

    generator: str
    pairs: Ints
    costs: Ints
    mirrored: npt.NDArray[np.bool_]
    inverted: npt.NDArray[np.bool_]


def find_candidates(films: FilmStore, params: DedupeParams) -> Candidates:
    """Find the pairs to prove, with all generators that found each."""
    codes, bits = [np.zeros(0, np.int64)], [np.zeros(0, np.uint8)]
    comparisons = _proposals(films, params)
    for proposed in tqdm(comparisons, "dedupe: candidates", COMPARISONS, unit="comparison", disable=None):
        kept = most_likely(proposed.pairs, proposed.costs, MAX_PER_FILM)
        first, second = proposed.pairs[kept].T
        codes.append((first * len(films) + second) * 4 + proposed.mirrored[kept] * 2 + proposed.inverted[kept])
        bits.append(np.full(len(kept), 1 << GENERATORS.index(proposed.generator), np.uint8))
    return _merge(len(films), np.concatenate(codes), np.concatenate(bits))


def most_likely(pairs: Ints, costs: Ints, count: int) -> Ints:
    """Places of the pairs that are among the ``count`` most likely ones of either film.

    Args:
        pairs: (m, 2) int64.
        costs: (m,) int64, the lower the more likely.
        count: how many pairs each film may contribute.
    """
    if not len(pairs):
        return np.zeros(0, np.int64)
    film, other = pairs.T.ravel(), pairs[:, ::-1].T.ravel()
    order = np.lexsort((other, np.tile(costs, 2), film))
    starts = np.flatnonzero(np.r_[True, film[order][1:] != film[order][:-1]])
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    return np.unique(order[rank < count] % len(pairs))


def _merge(films: int, codes: Ints, bits: npt.NDArray[np.uint8]) -> Candidates:
    """Keep each code once, with the bits of all its entries."""
    order = np.argsort(codes, kind="stable")
    codes, bits = codes[order], bits[order]
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]]) if len(codes) else order
    return Candidates(films, codes[starts], np.bitwise_or.reduceat(bits, starts) if len(codes) else bits)


def _proposals(films: FilmStore, params: DedupeParams) -> Iterator[Proposals]:
    hashes = {name: values[: len(films)] for name, values in films.hashes.items()}
    strict = min(params.phash_distance, STRICT_DISTANCE)
    yield _by_hash([hashes["phash"]], params.phash_distance)
    yield _by_hash([hashes["dhash"]], params.dhash_distance)
    yield _by_hash([hashes["phash"], hashes["trimmed"], hashes["center"]], strict)
    yield _by_hash([hashes["phash"], hashes["mirrored"]], strict, mirrored=True)
    yield _by_hash([hashes["phash"], hashes["inverted"]], strict, inverted=True)
    agreeing = agreements(films, MIN_VOTES)
    pairs = np.stack([agreeing.first, agreeing.second], axis=1)
    yield Proposals(FEATURES, pairs, -agreeing.votes, agreeing.mirrored, agreeing.inverted)


def _by_hash(kinds: list[Words], distance: int, *, mirrored: bool = False, inverted: bool = False) -> Proposals:
    """Propose films with near hashes.

    Args:
        kinds: (n,) uint64 each, kinds of hashes of all films. Hashes of all kinds are compared with one another; if
            the last kind is of a changed film, only with those of the other kind.
        distance: bits that may differ.
        mirrored, inverted: the change behind the last kind.
    """
    values, count = np.concatenate(kinds), len(kinds[0])
    near = near_pairs(values, distance)
    costs = np.bitwise_count(values[near[:, 0]] ^ values[near[:, 1]]).astype(np.int64)
    across = near[:, 0] // max(count, 1) != near[:, 1] // max(count, 1)
    films = np.sort(near % max(count, 1), axis=1)
    good = (films[:, 0] != films[:, 1]) & (across if mirrored or inverted else True)
    pairs, costs = _cheapest(films[good], costs[good], count)
    return Proposals(HASH, pairs, costs, np.full(len(pairs), mirrored), np.full(len(pairs), inverted))


def _cheapest(pairs: Ints, costs: Ints, count: int) -> tuple[Ints, Ints]:
    """Keep each pair once, at its lowest cost."""
    order = np.lexsort((costs, pairs[:, 1], pairs[:, 0]))
    _, first = np.unique(pairs[order, 0] * np.int64(count) + pairs[order, 1], return_index=True)
    return pairs[order][first], costs[order][first]
