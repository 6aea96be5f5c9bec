"""Films like those of training are known, others are told apart; the file of a model gives what was written."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from upath import UPath

from sources.core.errors import CxnetError
from training.core.novelty import UNLIKE, Novelty


def around(center, count, seed):
    """Vectors around a center, in eight dimensions and of any length."""
    rng = np.random.default_rng(seed)
    vectors = np.eye(8)[center] + rng.normal(0, 0.05, (count, 8))
    return (vectors * rng.uniform(0.1, 10, (count, 1))).astype(np.float32)


@given(st.integers(0, 1000), st.integers(6, 300), st.integers(1, 300))
def test_known_films_are_known_and_others_are_unlike(seed, train, val):
    novelty = Novelty.of(around(0, train, seed), around(0, val, seed + 1))
    assert (novelty.measure(around(3, 20, seed + 2)) > UNLIKE).all()
    assert (novelty.measure(around(0, train, seed)) <= 1).all()


def test_novelty_is_the_share_of_validation_films_that_are_nearer():
    train, val = around(0, 200, 1), around(0, 200, 2)
    novelty = Novelty.of(train, val)
    found = np.sort(novelty.measure(val))
    np.testing.assert_allclose(found, np.arange(200) / 200)
    assert np.mean(novelty.measure(around(0, 500, 3)) > UNLIKE) < 0.05


def test_the_distance_is_that_to_the_fifth_nearest_film():
    train = np.concatenate([np.tile(np.eye(8)[0], (4, 1)), np.tile(np.eye(8)[1], (9, 1))]).astype(np.float32)
    novelty = Novelty.of(train, train)
    np.testing.assert_allclose(novelty.distances, [0] * 9 + [2**0.5] * 4, atol=1e-3)


def test_the_file_gives_what_was_written(tmp_path):
    written = Novelty.of(around(0, 30, 1), around(0, 20, 2))
    written.write(UPath(tmp_path))
    read = Novelty.read(UPath(tmp_path), 8)
    np.testing.assert_array_equal(read.references, written.references)
    np.testing.assert_array_equal(read.distances, written.distances)
    with pytest.raises(CxnetError, match="does not fit its model"):
        Novelty.read(UPath(tmp_path), 9)
