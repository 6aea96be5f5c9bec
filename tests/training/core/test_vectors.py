"""Vectors of a frozen trunk are computed once, found again, and computed anew when anything behind them changes."""

import keras
import numpy as np
import pytest
from synthetic_arrays import SIZE, put_arrays, write_arrays

from pipeline.prepare.arrays import read_arrays
from training.core import vectors as module
from training.core.data import select
from training.core.vectors import ShuffledVectorBatches, VectorBatches, Vectors, compute_vectors, film_vectors

NAME = str(SIZE)


def make_trunk(seed=1):
    """Vectors of four features, from a network with random weights."""
    keras.utils.set_random_seed(seed)
    films = keras.Input((SIZE, SIZE, 3))
    maps = keras.layers.Conv2D(4, 3, strides=8, activation="relu")(films)
    return keras.Model(films, keras.layers.GlobalAveragePooling2D()(maps), name="small_trunk")


@pytest.fixture
def layout(tmp_path):
    return write_arrays(tmp_path, per_class=20)


@pytest.fixture
def runs(monkeypatch):
    """Whether each run of a trunk was for mirror images."""
    seen = []

    def counting(trunk, images, mirrored=False):
        seen.append(mirrored)
        return compute_vectors(trunk, images, mirrored)

    monkeypatch.setattr(module, "compute_vectors", counting)
    return seen


def vectors_of(layout, trunk=None, mirrored=False):
    return film_vectors(layout, read_arrays(layout, NAME), NAME, trunk or make_trunk(), mirrored)


def files(layout):
    return sorted(path.name for path in layout.vectors(NAME).iterdir())


def test_vectors_are_what_the_trunk_says_of_each_film_and_its_mirror_image(layout):
    made, films = vectors_of(layout, mirrored=True), np.array(read_arrays(layout, NAME).images)
    for found, images in ((made.films, films), (made.mirrored, films[:, :, ::-1])):
        expected = make_trunk()(np.float32(images) / np.float32(255))
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (made.films != made.mirrored).any()


def test_an_equal_trunk_runs_once_for_the_films_and_once_for_their_mirror_images(layout, runs):
    first, again, both = vectors_of(layout), vectors_of(layout), vectors_of(layout, mirrored=True)
    assert (first.films == again.films).all()
    assert (first.films == both.films).all()
    assert first.mirrored is None
    assert runs == [False, True]


def test_other_weights_are_another_trunk(layout, runs):
    vectors_of(layout)
    vectors_of(layout, make_trunk(seed=2))
    assert runs == [False, False]
    assert len(files(layout)) == 2


def test_vectors_of_films_that_have_changed_are_replaced(layout, runs):
    before = vectors_of(layout)
    arrays = read_arrays(layout, NAME)
    films = np.array(arrays.images)
    films[3] = 255 - films[3]
    put_arrays(layout, arrays.rows, films)
    after = vectors_of(layout)
    changed = (before.films != after.films).any(axis=1)
    assert list(np.flatnonzero(changed)) == [3]
    assert (len(runs), len(files(layout))) == (2, 1)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_damaged_vectors_are_computed_again(damage, layout, runs, caplog):
    before = vectors_of(layout)
    path = next(iter(layout.vectors(NAME).iterdir()))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"cut": bytes(content[:-40]), "flipped": bytes(content), "empty": b""}[damage])
    assert (vectors_of(layout).films == before.films).all()
    assert "is damaged; the vectors are computed again" in caplog.text
    assert len(runs) == 2
    vectors_of(layout)
    assert len(runs) == 2


def test_batches_hold_the_vectors_and_targets_of_their_films(layout):
    films = select(read_arrays(layout, NAME), ["train"], ("normal", "covid"))
    vectors = Vectors(np.arange(40, dtype=np.float32)[:, None], -np.arange(40, dtype=np.float32)[:, None])
    plain = VectorBatches(vectors, films, 5, np.ones(2, np.float32))
    assert np.concatenate([plain[index][0][:, 0] for index in range(len(plain))]).tolist() == films.positions.tolist()
    shuffled = ShuffledVectorBatches(vectors, films, 5, np.ones(2, np.float32), seed=1)
    batches = [shuffled[index] for index in range(len(shuffled))]
    drawn = np.concatenate([inputs[:, 0] for inputs, _, _ in batches])
    targets = np.concatenate([targets[:, 0] for _, targets, _ in batches])
    assert sorted(abs(drawn)) == sorted(films.positions)
    assert ((abs(drawn) >= 20) == targets).all()
    assert (drawn < 0).any()
    assert (drawn > 0).any()
