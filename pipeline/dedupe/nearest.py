"""Find all pairs of 64-bit hashes within a Hamming distance, exactly but without comparing all pairs.

The 64 bits are cut into ``distance + k`` pieces. Two hashes that differ in at most ``distance`` bits agree in at least
``k`` pieces. So for every choice of ``k`` pieces (a *table*), the hashes are sorted by those pieces, and only hashes in
the same bucket are compared. ``k`` depends on how full the buckets of the given hashes are: films look alike, so some
bits hardly distinguish them. A pair is taken only from the first table that contains it, so memory use is that of the
result.

Source: Norouzi, Punjani and Fleet, Fast exact search in Hamming space with multi-index hashing, IEEE TPAMI 36 (2014).
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

FEW = 4096  # up to this many hashes, comparing all pairs is faster than sorting
BLOCK = 512  # hashes compared with all others at once
SORT_COST, COMPARE_COST = 12.0, 1.0  # relative: one hash in one table, one comparison
COMPARED = 1 << 16  # comparisons at once: as many as fit the processor's cache
SAMPLE = 1 << 15  # hashes from which the size of buckets is estimated
MAX_PIECES = 5
MAX_THREADS = 4


def near_pairs(hashes: Words, distance: int) -> Ints:
    """Find the pairs ``i < j`` whose hashes differ in at most ``distance`` bits.

    Args:
        hashes: (n,) uint64.
        distance: 0 to 64.

    Returns:
        (m, 2) int64, places of the two hashes, sorted.
    """
    agreeing = choose_pieces(hashes, distance) if len(hashes) > FEW else 0
    if agreeing == 0:
        return _compare_all(hashes, distance)
    pieces = _pieces(distance + agreeing)
    search = partial(_pairs_of_table, hashes, pieces, distance)
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MAX_THREADS)) as threads:  # sorting releases the GIL
        codes = np.concatenate(list(threads.map(search, combinations(range(len(pieces)), agreeing))))
    codes.sort()
    return np.stack(np.divmod(codes, len(hashes)), axis=1)


def choose_pieces(hashes: Words, distance: int) -> int:
    """Choose ``k``, the number of pieces that must agree, for the least work; 0 = compare all pairs."""
    count = len(hashes)
    sample = hashes[:: max(1, count // SAMPLE)]

    def cost(agreeing: int) -> float:
        pieces = _pieces(distance + agreeing)
        equal = np.mean([_equal_pairs(sample & _mask(chosen)) for chosen in (pieces[:agreeing], pieces[-agreeing:])])
        compared = float(equal) * (count / len(sample)) ** 2
        return comb(distance + agreeing, agreeing) * (SORT_COST * count + COMPARE_COST * compared)

    costs = {0: COMPARE_COST * count**2 / 2}
    costs |= {agreeing: cost(agreeing) for agreeing in range(1, MAX_PIECES + 1) if distance + agreeing <= 32}
    return min(costs, key=lambda agreeing: costs[agreeing])


def _equal_pairs(keys: Words) -> int:
    """Count the pairs of equal keys."""
    _, counts = np.unique(keys, return_counts=True)
    return int((counts * (counts - 1) // 2).sum())


def _pieces(count: int) -> list[int]:
    """Masks of ``count`` pieces that make up all 64 bits. Neighboring bits are correlated, so they are kept apart."""
    return [sum(1 << bit for bit in range(start, 64, count)) for start in range(count)]


def _mask(pieces: list[int]) -> np.uint64:
    return np.uint64(sum(pieces))


def _pairs_of_table(hashes: Words, pieces: list[int], distance: int, table: tuple[int, ...]) -> Ints:
    """Codes ``i * n + j`` of the near pairs that agree in the pieces of ``table``, and in no earlier table."""
    mask = _mask([pieces[place] for place in table])
    earlier = [np.uint64(pieces[place]) for place in range(table[-1]) if place not in table]
    order = np.argsort(hashes & mask)
    ordered = hashes[order]
    keys = ordered & mask
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    ends = np.repeat(np.r_[starts[1:], len(keys)], np.diff(np.r_[starts, len(keys)]))
    later = ends - np.arange(len(keys)) - 1  # number of hashes that follow in the same bucket
    leaders = np.flatnonzero(later)
    total = np.cumsum(later[leaders])
    codes, first = [np.zeros(0, np.int64)], 0
    while first < len(leaders):
        before = total[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(total, before + COMPARED, side="right")))
        left, right = _near_in(ordered, leaders[first:last], later[leaders[first:last]], distance)
        differing = ordered[left] ^ ordered[right]
        new = np.all([differing & piece != 0 for piece in earlier], axis=0) if earlier else np.ones(len(left), bool)
        a, b = order[left[new]], order[right[new]]
        codes.append(np.minimum(a, b) * np.int64(len(hashes)) + np.maximum(a, b))
        first = last
    return np.concatenate(codes)


def _near_in(ordered: Words, leaders: Ints, later: Ints, distance: int) -> tuple[Ints, Ints]:
    """Places of the near pairs: each of ``leaders`` against the ``later`` hashes that follow it."""
    left = np.repeat(leaders, later)
    right = left + np.arange(1, len(left) + 1) - np.repeat(np.cumsum(later) - later, later)
    near = np.bitwise_count(ordered[left] ^ ordered[right]) <= distance
    return left[near], right[near]


def _compare_all(hashes: Words, distance: int) -> Ints:
    pairs = [np.zeros((0, 2), np.int64)]
    for start in range(0, len(hashes), BLOCK):
        near = np.bitwise_count(hashes[start : start + BLOCK, None] ^ hashes[None, start:]) <= distance
        pairs.append((np.argwhere(np.triu(near, 1)) + start).astype(np.int64))
    return np.concatenate(pairs)
