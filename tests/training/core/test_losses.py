"""Losses and class weights have the values of the paper."""

import keras
import numpy as np
import pytest

from training.core.losses import balanced_weights, encode, make_loss


@pytest.mark.parametrize(
    ("counts", "weights"),
    [((3200, 428), (0.5669, 4.2383)), ((3500, 3500, 700), (0.7333, 0.7333, 3.6667)), ((5, 5), (1.0, 1.0))],
)
def test_balanced_weights_are_those_of_the_paper(counts, weights):
    targets = np.repeat(np.arange(len(counts)), counts)
    assert balanced_weights(targets, len(counts)) == pytest.approx(weights, abs=5e-5)


def test_a_class_without_films_has_no_weight():
    with pytest.raises(ValueError, match=r"\[2, 0\]"):
        balanced_weights(np.array([0, 0]), 2)


@pytest.mark.parametrize(("num_classes", "lowest", "highest"), [(2, 0.05, 0.95), (3, 0.1 / 3, 0.9 + 0.1 / 3)])
def test_smoothing_moves_targets_as_in_the_paper(num_classes, lowest, highest):
    """The loss is lowest where the prediction equals the smoothed target."""
    targets = encode(np.array([num_classes - 1]), num_classes)
    smoothed = np.where(targets == 1, highest, lowest).astype(np.float32)
    entropy = -(smoothed * np.log(smoothed)).sum() if num_classes > 2 else -0.95 * np.log(0.95) - 0.05 * np.log(0.05)
    loss = keras.ops.convert_to_numpy(make_loss(num_classes, 0.1)(targets, smoothed))
    assert loss == pytest.approx(entropy, abs=1e-5)


def test_two_classes_are_one_column_and_more_are_one_each():
    assert encode(np.array([1, 0]), 2).tolist() == [[1.0], [0.0]]
    assert encode(np.array([2, 0]), 3).tolist() == [[0, 0, 1], [1, 0, 0]]
