"""All pairs of 64-bit hashes within a Hamming distance of each other, exactly, without comparing all pairs.

The 64 bits are cut into ``distance + k`` pieces. Two hashes that differ in at most ``distance`` bits agree in at least
``k`` pieces: for every choice of ``k`` pieces the hashes are sorted by them, and only those that share a bucket are
compared. ``k`` is chosen by how full the buckets of these very hashes are: films look alike, so that some bits hardly
tell them apart. A pair is taken from the first table only that holds it, so that memory is that of the answer.

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
Pairs = npt.NDArray[np.int64]

FEW = 4096  # so many hashes are compared with all others at once faster than they are sorted
BLOCK = 512
SORT_COST, COMPARE_COST = 12.0, 1.0  # of one hash in one table, and of one comparison
COMPARED = 1 << 16  # comparisons at a time: as many as the processor's own cache holds
SAMPLE = 1 << 15  # hashes that tell how full buckets are
MOST_PIECES = 5
MOST_THREADS = 4


def near_pairs(hashes: Words, distance: int) -> Pairs:
    """Pairs ``i < j`` whose hashes differ in at most ``distance`` bits.

    Args:
        hashes: (n,) uint64.
        distance: 0 to 64.

    Returns:
        (m, 2) int64, sorted.
    """
    agreeing = choose_pieces(hashes, distance) if len(hashes) > FEW else 0
    if agreeing == 0:
        return _compare_all(hashes, distance)
    pieces = _pieces(distance + agreeing)
    search = partial(_pairs_of_table, hashes, pieces, distance)
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MOST_THREADS)) as threads:  # sorting leaves Python to the others
        codes = np.concatenate(list(threads.map(search, combinations(range(len(pieces)), agreeing))))
    codes.sort()
    return np.stack(np.divmod(codes, len(hashes)), axis=1)


def choose_pieces(hashes: Words, distance: int) -> int:
    """How many pieces of ``distance`` + that many must agree, for the least work; 0 = compare all."""
    count = len(hashes)
    sample = hashes[:: max(1, count // SAMPLE)]

    def cost(agreeing: int) -> float:
        pieces = _pieces(distance + agreeing)
        met = np.mean([_meetings(sample & _mask(chosen)) for chosen in (pieces[:agreeing], pieces[-agreeing:])])
        compared = float(met) * (count / len(sample)) ** 2
        return comb(distance + agreeing, agreeing) * (SORT_COST * count + COMPARE_COST * compared)

    costs = {0: COMPARE_COST * count**2 / 2}
    costs |= {agreeing: cost(agreeing) for agreeing in range(1, MOST_PIECES + 1) if distance + agreeing <= 32}
    return min(costs, key=lambda agreeing: costs[agreeing])


def _meetings(keys: Words) -> int:
    """Pairs of equal keys."""
    _, counts = np.unique(keys, return_counts=True)
    return int((counts * (counts - 1) // 2).sum())


def _pieces(count: int) -> list[int]:
    """Masks of ``count`` pieces that make up all 64 bits; neighbouring bits, which are alike, are kept apart."""
    return [sum(1 << bit for bit in range(start, 64, count)) for start in range(count)]


def _mask(pieces: list[int]) -> np.uint64:
    return np.uint64(sum(pieces))


def _pairs_of_table(hashes: Words, pieces: list[int], distance: int, table: tuple[int, ...]) -> Pairs:
    """Codes ``i * n + j`` of the near pairs that agree in the pieces of ``table``, and in no table before it."""
    mask = _mask([pieces[place] for place in table])
    skipped = [np.uint64(pieces[place]) for place in range(table[-1]) if place not in table]
    order = np.argsort(hashes & mask)
    ordered = hashes[order]
    keys = ordered & mask
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    ends = np.repeat(np.r_[starts[1:], len(keys)], np.diff(np.r_[starts, len(keys)]))
    later = ends - np.arange(len(keys)) - 1  # how many of the same bucket follow each hash
    holders = np.flatnonzero(later)
    total = np.cumsum(later[holders])
    found, first = [np.zeros(0, np.int64)], 0
    while first < len(holders):
        before = total[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(total, before + COMPARED, side="right")))
        left, right = _near_in(ordered, holders[first:last], later[holders[first:last]], distance)
        differing = ordered[left] ^ ordered[right]
        new = np.all([differing & piece != 0 for piece in skipped], axis=0) if skipped else np.ones(len(left), bool)
        a, b = order[left[new]], order[right[new]]
        found.append(np.minimum(a, b) * np.int64(len(hashes)) + np.maximum(a, b))
        first = last
    return np.concatenate(found)


def _near_in(ordered: Words, holders: Pairs, later: Pairs, distance: int) -> tuple[Pairs, Pairs]:
    """Places of the near pairs among ``holders`` and the ``later`` ones that follow each."""
    left = np.repeat(holders, later)
    right = left + np.arange(1, len(left) + 1) - np.repeat(np.cumsum(later) - later, later)
    near = np.bitwise_count(ordered[left] ^ ordered[right]) <= distance
    return left[near], right[near]


def _compare_all(hashes: Words, distance: int) -> Pairs:
    found = [np.zeros((0, 2), np.int64)]
    for start in range(0, len(hashes), BLOCK):
        near = np.bitwise_count(hashes[start : start + BLOCK, None] ^ hashes[None, start:]) <= distance
        found.append((np.argwhere(np.triu(near, 1)) + start).astype(np.int64))
    return np.concatenate(found)
