"""Precision-recall and risk-coverage curves agree with scikit-learn and with counting."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from training.evaluate.curves import aurc, average_precision, measure_curves, precision_recall, risk_coverage
from training.evaluate.metrics import Predictions

films = st.lists(st.tuples(st.booleans(), st.integers(0, 20), st.integers(0, 3)), min_size=1, max_size=40)


def columns(drawn):
    positive, scores, weights = zip(*drawn, strict=True)
    return np.array(positive), np.array(scores) / 20, np.array(weights, float)


def predict(actual, scores):
    actual, scores = np.asarray(actual), np.asarray(scores, float)
    both = np.stack([1 - scores, scores], axis=1)
    return Predictions(actual, (scores >= 0.5).astype(int), both, np.arange(len(actual)), ("normal", "covid"))


@given(films.filter(lambda drawn: any(positive and weight for positive, _, weight in drawn)))
def test_average_precision_is_that_of_scikit_learn_with_ties_and_weights(drawn):
    positive, scores, weights = columns(drawn)
    expected = sklearn_metrics.average_precision_score(positive, scores, sample_weight=weights)
    assert average_precision(positive, scores, weights) == pytest.approx(expected)


def test_average_precision_is_undefined_without_a_positive_film():
    assert math.isnan(average_precision(np.array([False]), np.array([0.5]), np.ones(1)))


@given(films.filter(lambda drawn: any(positive for positive, *_ in drawn)))
def test_the_precision_recall_curve_is_that_of_scikit_learn(drawn):
    positive, scores, _ = columns(drawn)
    curve = precision_recall(predict(positive.astype(int), scores))
    precision, recall, thresholds = sklearn_metrics.precision_recall_curve(positive, scores)
    for name, expected in (("precision", precision[:-1]), ("recall", recall[:-1]), ("threshold", thresholds)):
        assert np.allclose(curve[name], expected[::-1])


@given(films)
def test_the_risk_is_the_share_of_errors_among_the_surest_films(drawn):
    actual, scores, _ = columns(drawn)
    predictions = predict(actual.astype(int), scores)
    wrong, confidence = predictions.actual != predictions.predicted, predictions.probabilities.max(axis=1)
    for row in risk_coverage(predictions).itertuples():
        decided = confidence >= row.confidence - 1e-12
        assert (row.coverage, row.risk) == (pytest.approx(decided.mean()), pytest.approx(wrong[decided].mean()))


def test_the_area_is_smaller_if_errors_are_doubtful():
    wrong, confidence, weights = np.array([True, False, False, False]), np.array([0.5, 0.7, 0.8, 0.9]), np.ones(4)
    assert aurc(wrong, confidence, weights) == pytest.approx(1 / 4 / 4)
    assert aurc(wrong, -confidence, weights) == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


@given(films, st.integers(0, 5))
def test_rows_of_weights_are_measured_as_each_row_alone(drawn, seed):
    positive, scores, _ = columns(drawn)
    rows = np.random.default_rng(seed).integers(0, 3, (4, len(scores))).astype(float)
    for measure in (average_precision, aurc):
        expected = [measure(positive, scores, row) for row in rows]
        assert np.allclose(measure(positive, scores, rows), expected, equal_nan=True)


def test_more_than_two_classes_have_an_average_precision_each():
    rng = np.random.default_rng(3)
    actual, probabilities = rng.integers(0, 3, 60), rng.dirichlet([1, 1, 1], 60)
    classes = ("normal", "cap", "covid")
    measured = measure_curves(Predictions(actual, probabilities.argmax(1), probabilities, np.arange(60), classes), 0)
    each = [measured[f"average_precision_{name}"].value for name in classes]
    assert measured["average_precision"].value == pytest.approx(np.mean(each), abs=1e-6)
    assert all(estimate.low <= estimate.value <= estimate.high for estimate in measured.values())
