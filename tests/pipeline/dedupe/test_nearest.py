import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedupe import nearest
from pipeline.dedupe.nearest import choose_pieces, near_pairs


def close_hashes(count, seed):
    """Half of them random, the other half a few bits away from one of the first."""
    rng = np.random.default_rng(seed)
    centers = rng.integers(0, 2**64, count // 2 + 1, dtype=np.uint64)
    flips = np.bitwise_or.reduce(np.uint64(1) << rng.integers(0, 64, (count // 2, 6), dtype=np.uint64), axis=1)
    return np.concatenate([centers, rng.choice(centers, count // 2) ^ flips])


def by_definition(hashes, distance):
    values = hashes.tolist()
    places = range(len(values))
    return [[i, j] for i in places for j in places if i < j and (values[i] ^ values[j]).bit_count() <= distance]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 90), st.integers(0, 12), st.booleans())
def test_pairs_are_those_of_the_definition(seed, count, distance, all_at_once):
    hashes = close_hashes(count, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest, "FEW", 4096 if all_at_once else 0)
        assert near_pairs(hashes, distance).tolist() == by_definition(hashes, distance)


@pytest.mark.parametrize("distance", [0, 2, 4, 6, 8])
def test_index_finds_the_same_as_comparing_all(distance):
    hashes = close_hashes(6000, distance)
    assert near_pairs(hashes, distance).tolist() == nearest._compare_all(hashes, distance).tolist()


def test_many_equal_hashes_are_all_paired():
    hashes = np.full(5000, 7, np.uint64)
    hashes[300:] = np.arange(4700, dtype=np.uint64) << np.uint64(40)
    pairs = near_pairs(hashes, 0)
    assert len(pairs) == 300 * 299 // 2
    assert pairs.dtype == np.int64


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_hashes_have_no_pairs(count):
    assert near_pairs(np.zeros(count, np.uint64), 8).shape == (0, 2)


def test_more_hashes_agree_in_more_bits():
    hashes = np.random.default_rng(0).integers(0, 2**64, 1_000_000, dtype=np.uint64)
    assert choose_pieces(hashes[:10_000], 6) < choose_pieces(hashes, 6)


def test_hashes_that_differ_in_a_few_bits_only_are_found_by_the_index():
    hashes = np.random.default_rng(1).integers(0, 2**12, 6000).astype(np.uint64) << np.uint64(20)
    assert near_pairs(hashes, 2).tolist() == nearest._compare_all(hashes, 2).tolist()
