"""Measures: the paper's own tables as arithmetic, agreement with scikit-learn, intervals that respect patients."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from training.evaluate.metrics import (
    Judged,
    auroc,
    best_threshold,
    bootstrap,
    confusion,
    measure_counts,
    roc_curve,
    summarise,
    wilson,
)

TWO, THREE = ("normal", "covid"), ("normal", "cap", "covid")

films = st.lists(st.tuples(st.booleans(), st.integers(0, 20), st.integers(1, 3)), min_size=2, max_size=40).filter(
    lambda drawn: len({positive for positive, _, _ in drawn}) == 2
)


def judge(actual, scores, groups=None, threshold=0.5):
    """Two classes, decided at ``threshold``; every film its own patient unless told."""
    actual, scores = np.asarray(actual), np.asarray(scores, float)
    groups = np.arange(len(actual)) if groups is None else np.asarray(groups)
    return Judged(actual, (scores >= threshold).astype(int), np.stack([1 - scores, scores], 1), groups, TWO)


@pytest.mark.parametrize(
    ("matrix", "accuracy", "f1"),
    [
        ([[21, 9], [3, 27]], 0.8000, 0.818),
        ([[598, 5], [4, 76]], 0.9868, 0.944),
        ([[641, 4], [3, 78]], 0.9904, 0.957),
    ],
    ids=["base v1", "base v2", "COVID-CXNet v1"],
)
def test_the_binary_tables_of_the_paper_give_its_figures(matrix, accuracy, f1):
    found = measure_counts(np.array(matrix, float), TWO)
    assert found["accuracy"] == pytest.approx(accuracy, abs=5e-5)
    assert found["f1"] == pytest.approx(f1, abs=6e-4)


@pytest.mark.parametrize(
    ("matrix", "accuracy", "covid", "cap"),
    [
        ([[671, 44, 9], [205, 451, 16], [6, 12, 126]], 0.8104, 0.854, 0.765),
        ([[689, 32, 3], [143, 524, 5], [3, 11, 130]], 0.8721, 0.922, 0.846),
    ],
    ids=["flat", "hierarchical"],
)
def test_the_three_class_tables_of_the_paper_give_its_figures(matrix, accuracy, covid, cap):
    found = measure_counts(np.array(matrix, float), THREE)
    assert found["accuracy"] == pytest.approx(accuracy, abs=5e-5)
    assert (found["f1_covid"], found["f1_cap"]) == (pytest.approx(covid, abs=6e-4), pytest.approx(cap, abs=6e-4))


@given(films)
def test_the_area_is_that_of_scikit_learn_with_ties_and_weights(drawn):
    positive, scores, weights = (np.array(column) for column in zip(*drawn, strict=True))
    expected = sklearn_metrics.roc_auc_score(positive, scores, sample_weight=weights)
    assert auroc(positive, scores / 20, weights.astype(float)) == pytest.approx(expected)


@given(films)
def test_the_curve_is_that_of_scikit_learn(drawn):
    positive, scores, _ = (np.array(column) for column in zip(*drawn, strict=True))
    expected = sklearn_metrics.roc_curve(positive, scores / 20, drop_intermediate=False)[:2]
    assert np.allclose(roc_curve(positive, scores / 20), expected)


@given(films)
def test_the_threshold_parts_best_of_all(drawn):
    positive, scores, _ = (np.array(column) for column in zip(*drawn, strict=True))
    scores = scores / 20 * 0.98 + 0.01

    def sum_at(threshold):
        called = scores >= threshold
        return called[positive].mean() + (~called)[~positive].mean()

    threshold = best_threshold(positive, scores)
    assert sum_at(threshold) == pytest.approx(max(sum_at(each) for each in [*scores, 1.1]))


def test_a_model_that_parts_all_films_at_half_keeps_half():
    assert best_threshold(np.array([False, True]), np.array([0.2, 0.8])) == 0.5


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"), [(10, 10, 0.7225, 1.0), (0, 10, 0.0, 0.2775), (81, 263, 0.2553, 0.3662)]
)
def test_wilson_gives_the_published_intervals(hits, of, low, high):
    assert wilson(hits, of) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@given(films)
def test_rows_of_the_confusion_are_actual_and_columns_predicted(drawn):
    actual, predicted, weights = (np.array(column, int) for column in zip(*drawn, strict=True))
    predicted = predicted % 2
    expected = sklearn_metrics.confusion_matrix(actual, predicted, sample_weight=weights, labels=[0, 1])
    assert (confusion(actual, predicted, 2, weights.astype(float)) == expected).all()


def test_films_of_one_patient_do_not_pass_for_many_patients():
    rng = np.random.default_rng(0)
    of_patient = np.repeat(np.arange(20), 10)
    actual = of_patient % 2
    scores = np.where(rng.random(20) < 0.8, actual[::10], 1 - actual[::10])[of_patient] * 0.8 + 0.1
    alone = summarise(judge(actual, scores), seed=1)
    together = summarise(judge(actual, scores, of_patient), seed=1)
    assert together["accuracy"] == alone["accuracy"]
    spread = [table["accuracy_high"] - table["accuracy_low"] for table in (alone, together)]
    assert spread[1] > 2 * spread[0]
    assert (alone["groups"], together["groups"]) == (200, 20)


def test_no_error_among_few_films_is_no_proof():
    found = summarise(judge([0, 0, 0, 1, 1, 1], [0.1, 0.1, 0.1, 0.9, 0.9, 0.9]), seed=1)
    assert (found["accuracy"], found["accuracy_high"]) == (1.0, 1.0)
    assert found["accuracy_low"] == pytest.approx(wilson(6, 6)[0], abs=1e-6)


def test_what_is_not_defined_is_none_and_not_zero():
    found = summarise(judge([0, 1, 1], [0.1, 0.2, 0.3]), seed=1)
    assert found["precision"] is None
    assert (found["recall"], found["f1"]) == (0.0, 0.0)
    assert not any(isinstance(value, float) and math.isnan(value) for value in found.values())


def test_every_measure_lies_in_its_interval_and_equal_seeds_give_equal_intervals():
    rng = np.random.default_rng(3)
    actual = rng.integers(0, 3, 60)
    probabilities = rng.dirichlet([1, 1, 1], 60) + np.eye(3)[actual] * 0.3
    judged = Judged(actual, probabilities.argmax(1), probabilities, np.arange(60) // 2, THREE)
    found = summarise(judged, seed=5)
    measures = [name for name in found if f"{name}_low" in found]
    assert {"accuracy", "precision", "recall", "f1", "roc_auc", "f1_cap"} <= set(measures)
    assert all(found[f"{name}_low"] <= found[name] <= found[f"{name}_high"] for name in measures)
    assert found == summarise(judged, seed=5)


def test_the_bootstrap_draws_whole_patients():
    judged = judge([0, 0, 1, 1], [0.1, 0.2, 0.1, 0.2], groups=[0, 0, 1, 1])
    assert set(bootstrap(judged, seed=0, draws=200)["accuracy"]) == {0.0, 0.5, 1.0}
