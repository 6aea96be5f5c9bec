"""Batches: every film once per epoch, in a reproducible order, and only films of the selected splits."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_arrays import write_arrays

from pipeline.core.experiments import FilmsParams
from pipeline.prepare.arrays import read_arrays
from sources.core.errors import CxnetError
from training.core import data
from training.core.augment import MODEST
from training.core.data import (
    Batches,
    ShuffledBatches,
    check_classes,
    check_groups,
    epoch_order,
    even_parts,
    select,
    to_float,
)

CLASSES = ("normal", "covid")
WEIGHTS = np.array([0.5, 2.0], np.float32)
counts = st.integers(0, 300)


@pytest.fixture
def arrays(tmp_path):
    return read_arrays(write_arrays(tmp_path), "72")


@given(counts, st.integers(1, 40))
def test_parts_are_even_and_hold_every_film_once(count, most):
    parts = even_parts(count, most)
    assert [index for part in parts for index in part] == list(range(count))
    assert all(len(part) <= most for part in parts)
    assert not parts or max(map(len, parts)) - min(map(len, parts)) <= 1


def test_only_films_of_the_given_splits_and_classes_are_selected(arrays):
    films = select(arrays, ["val"], ["covid"])
    assert set(films.rows["split"]) == {"val"}
    assert set(films.rows["label"]) == {"covid"}
    assert (arrays.rows.iloc[films.positions]["item_id"].to_numpy() == films.rows["item_id"].to_numpy()).all()


def test_targets_follow_the_order_of_the_classes(arrays):
    one, other = (select(arrays, ["test"], classes) for classes in (CLASSES, CLASSES[::-1]))
    assert (one.targets == 1 - other.targets).all()
    assert one.counts() == {"normal": 4, "covid": 4}


def test_a_class_without_films_counts_zero(arrays):
    assert select(arrays, ["test"], ["normal", "cap"]).counts() == {"normal": 4, "cap": 0}


def test_an_experiment_can_use_few_films_of_a_class_and_those_of_some_sources(arrays):
    rows = arrays.rows.assign(source=["a", "b"] * (len(arrays.rows) // 2))
    mixed = replace(arrays, rows=rows)
    every = ("train", "val", "test")
    films = {"normal": FilmsParams(most=7), "covid": FilmsParams(sources=("b",))}
    chosen = select(mixed, every, CLASSES, films)
    assert chosen.counts() == {"normal": 7, "covid": 10}
    assert set(chosen.rows.loc[chosen.rows["label"] == "covid", "source"]) == {"b"}
    by_split = [set(select(mixed, [split], CLASSES, films).positions) for split in every]
    assert set.union(*by_split) == set(chosen.positions) and sum(map(len, by_split)) == len(chosen)


def test_films_of_children_are_used_only_where_an_experiment_asks_for_them(arrays):
    rows = arrays.rows.copy()
    child = rows.index[rows["label"] == "normal"][:10]
    rows.loc[child, "split"], rows.loc[child, "fold"] = "pediatric", [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    mixed = replace(arrays, rows=rows)
    every = ("train", "val", "test")
    assert not set(select(mixed, every, CLASSES).positions) & set(child)
    wanted = {"normal": FilmsParams(children=True)}
    counts = {split: select(mixed, [split], CLASSES, wanted).counts()["normal"] for split in every}
    assert counts == {"train": 6, "val": 2, "test": 2}


def test_batches_are_the_films_scaled_encoded_and_weighted(arrays):
    films = select(arrays, ["val"], CLASSES)
    inputs, targets, weights = (np.concatenate(parts) for parts in zip(*list(Batches(films, 3, WEIGHTS)), strict=True))
    assert np.allclose(inputs, arrays.images[films.positions] / 255)
    assert (targets[:, 0] == films.targets).all()
    assert (weights == np.where(films.targets == 1, 2.0, 0.5)).all()


def test_the_order_depends_on_seed_and_epoch_and_not_on_the_order_of_access(arrays):
    films = select(arrays, ["train"], CLASSES)

    def epoch(seed, backwards=False, before=0):
        batches = ShuffledBatches(films, 5, WEIGHTS, seed, MODEST)
        for _ in range(before):
            batches.on_epoch_end()
        places = range(len(batches))
        inputs = {place: batches[place][0].tobytes() for place in (reversed(places) if backwards else places)}
        return [inputs[place] for place in places]

    assert epoch(1) == epoch(1, backwards=True)
    assert len({tuple(each) for each in (epoch(1), epoch(2), epoch(1, before=1))}) == 3


@pytest.mark.parametrize("epoch", [0, 1, 4])
def test_each_epoch_follows_one_permutation_of_all_films(arrays, epoch):
    films = select(arrays, ["train"], CLASSES)
    batches = ShuffledBatches(films, 7, WEIGHTS, seed=3)
    for _ in range(epoch):
        batches.on_epoch_end()
    order = np.random.default_rng((3, epoch)).permutation(len(films))
    expected = to_float(arrays.images[films.positions[order]])
    assert (np.concatenate([batch[0] for batch in batches]) == expected).all()
    assert (np.concatenate([batch[1] for batch in batches])[:, 0] == films.targets[order]).all()


@pytest.mark.parametrize("workers", [1, 2])
def test_each_epoch_draws_its_order_once_however_many_batches_it_has(arrays, workers, monkeypatch):
    drawn = []
    monkeypatch.setattr(data, "epoch_order", lambda *given: drawn.append(given[2]) or epoch_order(*given))
    batches = ShuffledBatches(select(arrays, ["train"], CLASSES), 2, WEIGHTS, seed=3)
    batches.workers = workers
    model = keras.Sequential([keras.Input((72, 72, 3)), keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(1)])
    model.compile(loss="mse")
    model.fit(batches, epochs=3, shuffle=False, verbose=0)
    assert len(batches) == 12
    assert batches.epoch >= 3
    assert drawn == list(range(batches.epoch + 1))


def test_a_shuffled_epoch_holds_every_film_once(arrays):
    films = select(arrays, ["train"], CLASSES)
    inputs = np.concatenate([batch[0] for batch in ShuffledBatches(films, 7, WEIGHTS, 3)])
    expected = to_float(arrays.images[films.positions])
    assert sorted(each.tobytes() for each in inputs) == sorted(each.tobytes() for each in expected)


@given(st.floats(0.1, 3.0))
def test_brightness_scales_and_is_clipped_at_white(factor):
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    scaled = to_float(images, np.array([factor], np.float32))
    assert scaled.dtype == np.float32
    assert np.allclose(scaled, np.minimum(images / 255 * np.float32(factor), 1), atol=1e-6)


def test_a_patient_in_two_splits_is_refused_and_named(arrays):
    rows = arrays.rows.assign(group_id=arrays.rows["group_id"].replace("p4", "p3"))
    shared = replace(arrays, rows=rows)
    train, test = (select(shared, [split], CLASSES) for split in ("val", "test"))
    with pytest.raises(CxnetError, match="Group p3 has films in split 'val' and in split 'test'"):
        check_groups(train, test)


def test_a_class_without_films_is_refused_with_experiment_and_split(arrays):
    with pytest.raises(CxnetError, match="Experiment 'tiny' has no 'cap' film in split 'val'"):
        check_classes(select(arrays, ["val"], ["normal", "cap"]), "val", "tiny")
