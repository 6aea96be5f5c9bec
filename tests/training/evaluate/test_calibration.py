"""The temperature undoes overconfidence, and calibration is measured as published."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn import metrics as sklearn_metrics

from training.core.rule import fit_temperature
from training.evaluate.calibration import (
    MAX_BINS,
    CalibrationStatistics,
    bins,
    calibrate,
    measure_calibration,
    reliability,
)
from training.evaluate.metrics import Predictions

NAMES = ("normal", "cap", "covid")


def draw(classes, temperature, count=3000, seed=0):
    """Films whose outcomes follow their logits, judged by a model that multiplies them by ``temperature``."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (count, classes))
    actual = (rng.random(count)[:, None] > softmax(logits, axis=1).cumsum(axis=1)).sum(axis=1)
    probabilities = softmax(logits * temperature, axis=1)
    names = NAMES if classes == 3 else ("normal", "covid")
    return Predictions(actual, probabilities.argmax(axis=1), probabilities, np.arange(count), names)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_by_which_logits_were_multiplied_is_found(classes, temperature):
    films = draw(classes, temperature)
    assert fit_temperature(films.actual, films.probabilities) == pytest.approx(temperature, rel=0.12)


def test_calibration_lowers_the_error_and_keeps_decisions_and_order():
    films = draw(2, 4.0)
    calibrated = calibrate(films, fit_temperature(films.actual, films.probabilities))
    before, after = measure_calibration(films, 1), measure_calibration(calibrated, 1)
    for name in ("ece", "brier", "log_loss"):
        assert after[name].high < before[name].low
    assert np.array_equal(calibrated.predicted, films.predicted)
    unsaturated = np.abs(films.probabilities[:, 1] - 0.5) < 0.499
    order = np.argsort(films.probabilities[unsaturated, 1], kind="stable")
    assert (np.diff(calibrated.probabilities[unsaturated, 1][order]) >= 0).all()


def test_a_model_without_errors_on_few_validation_films_does_not_become_infinitely_sure():
    probabilities = np.array([[0.7, 0.3], [0.2, 0.8], [0.6, 0.4], [0.35, 0.65]])
    temperature = fit_temperature(np.array([0, 1, 0, 1]), probabilities)
    films = Predictions(np.array([0]), np.array([0]), np.array([[0.999, 0.001]]), np.array([0]), ("normal", "covid"))
    assert 0.1 < temperature < 2
    assert calibrate(films, temperature).probabilities[0, 0] < 1


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=50))
def test_brier_score_and_log_loss_are_those_of_scikit_learn(films):
    actual, scores = (np.array(each) for each in zip(*films, strict=True))
    given_films = Predictions(
        actual, (scores >= 0.5).astype(int), np.stack([1 - scores, scores], 1), np.arange(len(actual)), NAMES[::2]
    )
    measured = CalibrationStatistics(given_films)(np.ones(len(actual)))
    assert measured["brier"] == pytest.approx(sklearn_metrics.brier_score_loss(actual, scores), abs=1e-6)
    clipped = np.clip(scores, 1e-7, 1 - 1e-7)
    assert measured["log_loss"] == pytest.approx(sklearn_metrics.log_loss(actual, clipped, labels=[0, 1]), abs=1e-5)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=300))
def test_bins_follow_the_scores_and_films_with_equal_scores_share_one(scores):
    number = bins(np.array(scores))
    order = np.argsort(scores, kind="stable")
    assert (np.diff(number[order]) >= 0).all()
    assert set(number) == set(range(number.max() + 1)) and number.max() < MAX_BINS
    assert len({(score, each) for score, each in zip(scores, number, strict=True)}) == len(set(scores))


def test_bins_have_equally_many_films():
    assert list(np.bincount(bins(np.random.default_rng(0).random(200)))) == [20] * 10


def test_the_error_is_the_mean_gap_of_the_curve():
    films = draw(2, 2.0, count=500)
    curve = reliability(films)
    gaps = (curve["probability"] - curve["share"]).abs()
    assert curve["films"].sum() == 500
    assert measure_calibration(films, 0)["ece"].value == pytest.approx(
        np.average(gaps, weights=curve["films"]), abs=1e-6
    )
    assert ((curve["low"] <= curve["share"]) & (curve["share"] <= curve["high"])).all()


def test_three_classes_have_a_curve_each():
    assert list(reliability(draw(3, 1.0, count=200))["class"].unique()) == list(NAMES)


@pytest.mark.parametrize("count", [1, 8, 60])
def test_estimates_lie_in_their_intervals_for_few_films(count):
    for estimate in measure_calibration(draw(2, 1.0, count=count, seed=count), 0).values():
        assert estimate.low <= estimate.value <= estimate.high


def test_the_interval_of_a_calibrated_model_covers_what_many_films_show():
    many = CalibrationStatistics(draw(2, 3.0, count=30_000))(np.ones(30_000))["ece"]
    few = measure_calibration(draw(2, 3.0, count=300, seed=5), 0)["ece"]
    assert few.low < many < few.high
