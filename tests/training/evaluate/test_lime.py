"""LIME finds the superpixels that a model's probability depends on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from training.evaluate.lime import lime
from training.evaluate.superpixels import superpixels

SIDE = 48
LEFT, RIGHT = (SIDE // 2, SIDE // 4), (SIDE // 2, 3 * SIDE // 4)


def disk(center):
    rows, columns = np.indices((SIDE, SIDE))
    return (rows - center[0]) ** 2 + (columns - center[1]) ** 2 <= 36


def film():
    tones = np.random.default_rng(0).uniform(0.1, 0.25, (SIDE, SIDE, 1)).repeat(3, axis=2).astype(np.float32)
    tones[disk(LEFT) | disk(RIGHT)] = 0.9
    return tones


def predict(films):
    """Two columns: covid grows with a bright spot on the left and shrinks with one on the right."""
    means = [films[:, disk(center), 0].mean(axis=1) for center in (LEFT, RIGHT)]
    covid = expit(6 * (means[0] - 0.5 * means[1] - 0.2))
    return np.stack([1 - covid, covid], axis=1)


@pytest.mark.parametrize(("target", "for_it", "against_it"), [(1, LEFT, RIGHT), (0, RIGHT, LEFT)])
def test_the_strongest_superpixels_are_the_evidence(target, for_it, against_it):
    explanation = lime(predict, film(), channel=2, target=target)
    assert disk(for_it)[explanation.supporting(1)].mean() > 0.8
    assert disk(against_it)[explanation.opposing(1)].mean() > 0.8
    assert explanation.fit > 0.5


def test_all_of_the_evidence_is_found():
    explanation = lime(predict, film(), channel=2, target=1)
    evidence = np.unique(explanation.superpixels[disk(LEFT)])
    strong = np.flatnonzero(explanation.weights > 0.2 * explanation.weights.max())
    assert set(strong) <= set(evidence)
    assert explanation.supporting(len(evidence))[disk(LEFT)].mean() > 0.9


def test_a_model_that_ignores_the_film_has_no_evidence():
    explanation = lime(lambda films: np.full((len(films), 2), 0.5), film(), channel=2, target=1)
    assert not explanation.supporting().any() and not explanation.opposing().any()


def test_explanations_are_repeatable():
    first, second = (lime(predict, film(), channel=2, target=1, samples=100) for _ in range(2))
    assert np.array_equal(first.weights, second.weights)


def test_superpixels_follow_edges():
    regions = superpixels(film()[..., 0])
    share = np.bincount(regions.ravel(), disk(LEFT).ravel()) / np.bincount(regions.ravel())
    assert ((share < 0.1) | (share > 0.9)).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(4, 40), st.integers(1, 80), st.integers(0, 9))
def test_superpixels_of_any_film_are_numbered_without_gaps(side, count, seed):
    regions = superpixels(np.random.default_rng(seed).random((side, side)), count)
    assert set(np.unique(regions)) == set(range(regions.max() + 1))
    assert regions.max() + 1 <= max(1, round(count**0.5)) ** 2
