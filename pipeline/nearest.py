"""All pairs of 64-bit hashes within a Hamming distance of each other, exactly."""

import numpy as np
import numpy.typing as npt

BLOCK = 512  # hashes compared with all later ones at a time


def near_pairs(hashes: npt.NDArray[np.uint64], distance: int) -> npt.NDArray[np.int64]:
    """Pairs ``i < j`` whose hashes differ in at most ``distance`` bits.

    Args:
        hashes: (n,) uint64.
        distance: 0 to 64.

    Returns:
        (m, 2) int64, sorted.
    """
    found = [np.zeros((0, 2), np.int64)]
    for start in range(0, len(hashes), BLOCK):
        block = hashes[start : start + BLOCK]
        near = np.bitwise_count(block[:, None] ^ hashes[None, start:]) <= distance
        pairs = np.argwhere(np.triu(near, 1)) + start
        found.append(pairs.astype(np.int64))
    return np.concatenate(found)
