"""Which pairs of films are worth a proof: nets of different mesh, whose catches are put together.

Exact bytes and identical pixels need no proof and are found by :mod:`pipeline.dedupe.stage` before any picture is read.
Here:

- *hash*: perceptual hashes of the whole film, of the film without its border, of its centre, mirrored and inverted.
- *features*: local features that vote (:mod:`pipeline.dedupe.votes`): the only net that holds crops.

Nets may catch too much; a film brings at most ``MOST_PER_FILM`` candidates of each net to the proof, the likeliest
first, so that the number of proofs grows with the number of films.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.core.params import DedupeParams
from pipeline.dedupe.films import Films
from pipeline.dedupe.hashes import Hashes
from pipeline.dedupe.nearest import near_pairs
from pipeline.dedupe.proof import Change
from pipeline.dedupe.votes import agreements

FEATURES, HASH = NETS = "features", "hash"
LEAST_VOTES = 4
MOST_PER_FILM = 12
WINDOW_DISTANCE = 4  # windows and changed films are compared more strictly than whole films

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, order=True)
class Candidate:
    """Two films, ``first < second``, that may show one exposure.

    Attributes:
        first, second: numbers of the films.
        mirrored, inverted: change of the second film after which it resembles the first.
        net: what caught the pair: hash, features, or both.
    """

    first: int
    second: int
    mirrored: bool
    inverted: bool
    net: str

    @property
    def change(self) -> Change:
        return Change(self.mirrored, self.inverted)


@dataclass(frozen=True, eq=False)
class Candidates:
    """The pairs to prove, each once per change, sorted; nine bytes a pair, as large collections have millions.

    Attributes:
        films: how many films there are.
        codes: (m,) int64, ``(first * films + second) * 4 + mirrored * 2 + inverted``, rising.
        nets: (m,) uint8, one bit for each of ``NETS`` that caught the pair.
    """

    films: int
    codes: Ints
    nets: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[Candidate]:
        for code, nets in zip(self.codes, self.nets, strict=True):
            pair, change = divmod(int(code), 4)
            names = [name for bit, name in enumerate(NETS) if nets >> bit & 1]
            yield Candidate(*divmod(pair, self.films), change >= 2, change % 2 == 1, "+".join(names))

    def of_first(self, film: int) -> "Candidates":
        """Those whose first film is ``film``."""
        chosen = self.codes // 4 // self.films == film
        return Candidates(self.films, self.codes[chosen], self.nets[chosen])


@dataclass(frozen=True, eq=False)
class Catch:
    """What one net holds: pairs with a cost each; the lowest is the likeliest."""

    net: str
    pairs: Ints
    costs: Ints
    mirrored: npt.NDArray[np.bool_]
    inverted: npt.NDArray[np.bool_]


def find_candidates(films: Films, params: DedupeParams) -> Candidates:
    """The pairs to prove, with all nets that caught each."""
    codes, bits = [np.zeros(0, np.int64)], [np.zeros(0, np.uint8)]
    for catch in _catches(films, params):
        kept = likeliest(catch.pairs, catch.costs, MOST_PER_FILM)
        first, second = catch.pairs[kept].T
        codes.append((first * len(films) + second) * 4 + catch.mirrored[kept] * 2 + catch.inverted[kept])
        bits.append(np.full(len(kept), 1 << NETS.index(catch.net), np.uint8))
    return _merged(len(films), np.concatenate(codes), np.concatenate(bits))


def _merged(films: int, codes: Ints, bits: npt.NDArray[np.uint8]) -> Candidates:
    """Each code once, with the bits of all its entries."""
    order = np.argsort(codes, kind="stable")
    codes, bits = codes[order], bits[order]
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]]) if len(codes) else order
    return Candidates(films, codes[starts], np.bitwise_or.reduceat(bits, starts) if len(codes) else bits)


def likeliest(pairs: Ints, costs: Ints, most: int) -> Ints:
    """Places of the pairs that are among the ``most`` likeliest of either film."""
    if not len(pairs):
        return np.zeros(0, np.int64)
    film, other = pairs.T.ravel(), pairs[:, ::-1].T.ravel()
    order = np.lexsort((other, np.tile(costs, 2), film))
    starts = np.flatnonzero(np.r_[True, film[order][1:] != film[order][:-1]])
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    return np.unique(order[rank < most] % len(pairs))


# ----------------------------------------------------------------------------------------------------------- nets


def _catches(films: Films, params: DedupeParams) -> Iterator[Catch]:
    hashes = {name: values[: len(films)] for name, values in films.hashes.items()}
    yield _alike([hashes["phash"]], params.phash_distance)
    yield _alike([hashes["dhash"]], params.dhash_distance)
    windows = min(params.phash_distance, WINDOW_DISTANCE)
    yield _alike([hashes["phash"], hashes["trimmed"], hashes["centre"]], windows)
    yield _alike([hashes["phash"], hashes["mirrored"]], windows, mirrored=True)
    yield _alike([hashes["phash"], hashes["inverted"]], windows, inverted=True)
    found = agreements(films, LEAST_VOTES)
    pairs = np.stack([found.first, found.second], axis=1)
    yield Catch(FEATURES, pairs, -found.votes, found.mirrored, found.inverted)


def _alike(groups: list[Hashes], distance: int, *, mirrored: bool = False, inverted: bool = False) -> Catch:
    """Films of which a hash of one group is near a hash of any group; of a changed film, a plain one's."""
    values, count = np.concatenate(groups), len(groups[0])
    found = near_pairs(values, distance)
    costs = np.bitwise_count(values[found[:, 0]] ^ values[found[:, 1]]).astype(np.int64)
    across = found[:, 0] // max(count, 1) != found[:, 1] // max(count, 1)
    films = np.sort(found % max(count, 1), axis=1)
    good = (films[:, 0] != films[:, 1]) & (across if mirrored or inverted else True)
    pairs, costs = _cheapest(films[good], costs[good], count)
    return Catch(HASH, pairs, costs, np.full(len(pairs), mirrored), np.full(len(pairs), inverted))


def _cheapest(pairs: Ints, costs: Ints, count: int) -> tuple[Ints, Ints]:
    """Each pair once, at its lowest cost."""
    order = np.lexsort((costs, pairs[:, 1], pairs[:, 0]))
    _, first = np.unique(pairs[order, 0] * np.int64(count) + pairs[order, 1], return_index=True)
    return pairs[order][first], costs[order][first]
