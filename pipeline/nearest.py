"""All pairs of 64-bit hashes within a Hamming distance of each other, exactly, without comparing all pairs.

The 64 bits are cut into ``distance + k`` pieces. Two hashes that differ in at most ``distance`` bits agree in at least
``k`` pieces: for every choice of ``k`` pieces the hashes are sorted by them, and only those that share a bucket are
compared. ``k`` is chosen so that buckets are small for that many hashes, which keeps the work nearly linear.

Source: Norouzi, Punjani and Fleet, Fast exact search in Hamming space with multi-index hashing, IEEE TPAMI 36 (2014).
"""

from collections.abc import Iterator
from itertools import combinations, pairwise
from math import comb

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Pairs = npt.NDArray[np.int64]

FEW = 4096  # so many hashes are compared with all others at once faster than they are sorted
BLOCK = 512
SORT_COST, COMPARE_COST = 12.0, 1.0  # of one hash in one table, and of one comparison
COMPARED = 1 << 22  # comparisons held in memory at a time


def near_pairs(hashes: Words, distance: int) -> Pairs:
    """Pairs ``i < j`` whose hashes differ in at most ``distance`` bits.

    Args:
        hashes: (n,) uint64.
        distance: 0 to 64.

    Returns:
        (m, 2) int64, sorted.
    """
    pieces = choose_pieces(len(hashes), distance)
    if len(hashes) <= FEW or pieces == 0:
        return _compare_all(hashes, distance)
    found = [
        code
        for chosen in combinations(_pieces(distance + pieces), pieces)
        for code in _pairs_of_table(hashes, np.uint64(sum(chosen)), distance)
    ]
    codes = np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)
    return np.stack([codes // len(hashes), codes % len(hashes)], axis=1)


def choose_pieces(count: int, distance: int) -> int:
    """How many pieces of ``distance`` + that many must agree, for the least work; 0 = compare all."""

    def cost(agreeing: int) -> float:
        bits = 64 * agreeing // (distance + agreeing)
        return comb(distance + agreeing, agreeing) * (SORT_COST * count + COMPARE_COST * count**2 / 2 ** (bits + 1))

    costs = {0: COMPARE_COST * count**2 / 2}
    costs |= {agreeing: cost(agreeing) for agreeing in range(1, 6) if distance + agreeing <= 32}
    return min(costs, key=lambda agreeing: costs[agreeing])


def _pieces(count: int) -> list[int]:
    """Masks of ``count`` runs of bits that make up all 64."""
    cuts = [64 * place // count for place in range(count + 1)]
    return [(1 << end) - (1 << start) for start, end in pairwise(cuts)]


def _pairs_of_table(hashes: Words, mask: np.uint64, distance: int) -> Iterator[Pairs]:
    """Codes ``i * n + j`` of the near pairs among hashes that agree under ``mask``."""
    keys = hashes & mask
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    ends = np.repeat(np.r_[starts[1:], len(keys)], np.diff(np.r_[starts, len(keys)]))
    later = ends - np.arange(len(keys)) - 1  # how many of the same bucket follow each hash
    holders = np.flatnonzero(later)
    total = np.cumsum(later[holders])
    first = 0
    while first < len(holders):
        before = total[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(total, before + COMPARED, side="right")))
        yield _near_in(hashes, order, holders[first:last], later[holders[first:last]], distance)
        first = last


def _near_in(hashes: Words, order: Pairs, holders: Pairs, later: Pairs, distance: int) -> Pairs:
    """Compare each of ``holders`` with the ``later`` ones that follow it."""
    left = np.repeat(holders, later)
    step = np.arange(len(left)) - np.repeat(np.cumsum(later) - later, later) + 1
    a, b = order[left], order[left + step]
    near = np.bitwise_count(hashes[a] ^ hashes[b]) <= distance
    a, b = a[near], b[near]
    return np.unique(np.minimum(a, b) * np.int64(len(hashes)) + np.maximum(a, b))


def _compare_all(hashes: Words, distance: int) -> Pairs:
    found = [np.zeros((0, 2), np.int64)]
    for start in range(0, len(hashes), BLOCK):
        near = np.bitwise_count(hashes[start : start + BLOCK, None] ^ hashes[None, start:]) <= distance
        found.append((np.argwhere(np.triu(near, 1)) + start).astype(np.int64))
    return np.concatenate(found)
