"""The training loop: momentum of batch statistics."""

import keras
import pytest
from synthetic_arrays import SIZE, profile, write_arrays

from pipeline.prepare.arrays import read_arrays
from training.core.data import select
from training.train.fit import fit, momentum


@pytest.mark.parametrize(("steps", "expected"), [(1, 0.8), (40, 0.8), (80, 0.9), (100_000, 0.99)])
def test_batch_statistics_cover_the_last_eighth_of_an_epoch(steps, expected):
    assert momentum(steps) == pytest.approx(expected)


@pytest.mark.parametrize(("given", "used"), [(None, 0.8), (0.95, 0.95)])
def test_the_momentum_of_the_profile_is_used(given, used, tmp_path):
    arrays = read_arrays(write_arrays(tmp_path, per_class=10), str(SIZE))
    options = profile(epochs=1, batch_norm_momentum=given).experiments["tiny"]
    layers = [keras.Input((SIZE, SIZE, 3)), keras.layers.BatchNormalization(), keras.layers.GlobalAveragePooling2D()]
    model = keras.Sequential([*layers, keras.layers.Dense(1, activation="sigmoid")])
    fit(model, options, *(select(arrays, [split], options.classes) for split in ("train", "val")))
    assert model.layers[0].momentum == used
