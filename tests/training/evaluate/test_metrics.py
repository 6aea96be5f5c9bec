"""Metrics reproduce the paper's tables, agree with scikit-learn, and have intervals that account for patients."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics as sklearn_metrics

from training.core.rule import best_threshold
from training.evaluate.metrics import (
    Predictions,
    Share,
    auroc,
    bootstrap,
    confusion,
    confusion_metrics,
    measure_performance,
    roc_curve,
    wilson,
)

TWO, THREE = ("normal", "covid"), ("normal", "cap", "covid")

# Scores with many ties, and arbitrary ones; weights of 0 are what the bootstrap gives to patients that it leaves out.
scores_of_a_film = st.one_of(st.integers(0, 20).map(lambda number: number / 20), st.floats(0, 1))
scored_films = st.lists(st.tuples(st.booleans(), scores_of_a_film, st.integers(0, 3)), min_size=2, max_size=40).filter(
    lambda films: len({positive for positive, _, weight in films if weight}) == 2
)


def columns(films):
    """Positive, score and weight of each film as arrays."""
    positive, scores, weights = zip(*films, strict=True)
    return np.array(positive), np.array(scores, float), np.array(weights, float)


def any_weight(films):
    return any(weight for *_, weight in films)


@st.composite
def classified_films(draw):
    """Number of classes, and actual class, predicted class and weight of each film."""
    num_classes = draw(st.integers(2, 4))
    index = st.integers(0, num_classes - 1)
    films = draw(st.lists(st.tuples(index, index, st.integers(0, 3)), min_size=1, max_size=40).filter(any_weight))
    actual, predicted, weights = zip(*films, strict=True)
    return num_classes, np.array(actual), np.array(predicted), np.array(weights, float)


def predict(actual, scores, groups=None, threshold=0.5):
    """Predictions for two classes; by default, every film has its own patient."""
    actual, scores = np.asarray(actual), np.asarray(scores, float)
    groups = np.arange(len(actual)) if groups is None else np.asarray(groups)
    return Predictions(actual, (scores >= threshold).astype(int), np.stack([1 - scores, scores], 1), groups, TWO)


@pytest.mark.parametrize(
    ("matrix", "accuracy", "f1"),
    [
        ([[21, 9], [3, 27]], 0.8000, 0.818),
        ([[598, 5], [4, 76]], 0.9868, 0.944),
        ([[641, 4], [3, 78]], 0.9904, 0.957),
    ],
    ids=["base v1", "base v2", "COVID-CXNet v1"],
)
def test_the_binary_tables_of_the_paper_give_its_metrics(matrix, accuracy, f1):
    metrics = confusion_metrics(np.array(matrix, float), TWO)
    assert metrics["accuracy"] == pytest.approx(accuracy, abs=5e-5)
    assert metrics["f1"] == pytest.approx(f1, abs=6e-4)


@pytest.mark.parametrize(
    ("matrix", "accuracy", "covid", "cap"),
    [
        ([[671, 44, 9], [205, 451, 16], [6, 12, 126]], 0.8104, 0.854, 0.765),
        ([[689, 32, 3], [143, 524, 5], [3, 11, 130]], 0.8721, 0.922, 0.846),
    ],
    ids=["flat", "hierarchical"],
)
def test_the_three_class_tables_of_the_paper_give_its_metrics(matrix, accuracy, covid, cap):
    metrics = confusion_metrics(np.array(matrix, float), THREE)
    assert metrics["accuracy"] == pytest.approx(accuracy, abs=5e-5)
    assert (metrics["f1_covid"], metrics["f1_cap"]) == (pytest.approx(covid, abs=6e-4), pytest.approx(cap, abs=6e-4))


@given(scored_films)
def test_the_area_is_that_of_scikit_learn_with_ties_and_weights(films):
    positive, scores, weights = columns(films)
    expected = sklearn_metrics.roc_auc_score(positive, scores, sample_weight=weights)
    assert auroc(positive, scores, weights) == pytest.approx(expected)


@pytest.mark.parametrize("positive", [[True, True], [False, False], [True, False]])
def test_the_area_is_undefined_without_both_kinds_of_films(positive):
    weights = np.array([1.0, 0.0])  # the second film is not drawn
    assert math.isnan(auroc(np.array(positive), np.array([0.2, 0.8]), weights))


@given(scored_films)
def test_the_curve_is_that_of_scikit_learn(films):
    positive, scores, _ = columns(films)
    expected = sklearn_metrics.roc_curve(positive, scores, drop_intermediate=False)[:2]
    assert np.allclose(roc_curve(positive, scores), expected)


@given(classified_films())
def test_the_confusion_matrix_is_that_of_scikit_learn(films):
    num_classes, actual, predicted, weights = films
    labels = list(range(num_classes))
    expected = sklearn_metrics.confusion_matrix(actual, predicted, sample_weight=weights, labels=labels)
    assert (confusion(actual, predicted, num_classes, weights) == expected).all()
    unweighted = sklearn_metrics.confusion_matrix(actual, predicted, labels=labels)
    assert (confusion(actual, predicted, num_classes) == unweighted).all()


@given(classified_films())
def test_metrics_of_each_class_are_those_of_scikit_learn(films):
    num_classes, actual, predicted, _ = films
    names = [f"c{index}" for index in range(num_classes)]
    metrics = confusion_metrics(confusion(actual, predicted, num_classes), names)
    expected = sklearn_metrics.precision_recall_fscore_support(
        actual, predicted, labels=list(range(num_classes)), zero_division=np.nan
    )
    assert metrics["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(actual, predicted))
    for name, values in zip(("precision", "recall", "f1"), expected[:3], strict=True):
        by_class = [metrics[name]] if num_classes == 2 else [metrics[f"{name}_{each}"] for each in names]
        assert by_class == pytest.approx(list(values[1:] if num_classes == 2 else values), nan_ok=True)
        if num_classes > 2:
            assert metrics[name] == pytest.approx(np.mean(values), nan_ok=True)


def test_two_classes_have_specificity_and_balanced_accuracy():
    metrics = confusion_metrics(np.array([[3.0, 1.0], [4.0, 4.0]]), TWO)
    assert (metrics["recall"], metrics["specificity"], metrics["balanced_accuracy"]) == (0.5, 0.75, 0.625)


@given(scored_films)
def test_no_threshold_is_better_than_the_best_one(films):
    positive, scores, _ = columns(films)
    scores = scores * 0.98 + 0.01

    def youden(threshold):
        predicted = scores >= threshold
        return predicted[positive].mean() + (~predicted)[~positive].mean() - 1

    best = max(youden(each) for each in [*scores, 1.1])
    assert youden(best_threshold(positive, scores)) == pytest.approx(best)


def test_the_best_threshold_is_one_half_if_that_separates_all_films():
    assert best_threshold(np.array([False, True]), np.array([0.2, 0.8])) == 0.5


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"), [(10, 10, 0.7225, 1.0), (0, 10, 0.0, 0.2775), (81, 263, 0.2553, 0.3662)]
)
def test_wilson_gives_the_published_intervals(hits, total, low, high):
    assert wilson(Share(hits, total)) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_wilson_is_that_of_scipy(total, share):
    hits = round(share * total)
    expected = binomtest(hits, total).proportion_ci(method="wilson")
    assert wilson(Share(hits, total)) == pytest.approx((expected.low, expected.high), abs=1e-12)
    low, high = wilson(Share(hits, total))
    assert 0 <= low <= hits / total <= high <= 1


def test_several_films_of_one_patient_widen_the_intervals():
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(20), 10)
    actual = patients % 2
    scores = np.where(rng.random(20) < 0.8, actual[::10], 1 - actual[::10])[patients] * 0.8 + 0.1
    separate = measure_performance(predict(actual, scores), seed=1)
    grouped = measure_performance(predict(actual, scores, patients), seed=1)
    assert grouped.metrics["accuracy"].value == separate.metrics["accuracy"].value
    width = [each.metrics["accuracy"].high - each.metrics["accuracy"].low for each in (separate, grouped)]
    assert width[1] > 2 * width[0]
    assert (separate.groups, grouped.groups) == (200, 20)


def test_few_films_without_errors_have_a_wide_interval():
    accuracy = measure_performance(predict([0, 0, 0, 1, 1, 1], [0.1, 0.1, 0.1, 0.9, 0.9, 0.9]), seed=1).metrics[
        "accuracy"
    ]
    assert (accuracy.value, accuracy.high) == (1.0, 1.0)
    assert accuracy.low == pytest.approx(wilson(Share(6, 6))[0], abs=1e-6)


def test_an_undefined_metric_is_none_in_the_table_and_not_zero():
    performance = measure_performance(predict([0, 1, 1], [0.1, 0.2, 0.3]), seed=1)
    table = performance.as_table()
    assert str(performance.metrics["precision"]) == "undefined"
    assert table["precision"] is None
    assert (table["recall"], table["f1"]) == (0.0, 0.0)
    assert not any(isinstance(value, float) and math.isnan(value) for value in table.values())


def test_the_table_has_counts_and_an_interval_for_each_metric():
    table = measure_performance(predict([0, 0, 1], [0.1, 0.2, 0.9], groups=[0, 0, 1]), seed=1).as_table()
    assert {name: table[name] for name in ("n", "groups", "n_normal", "n_covid")} == {
        "n": 3,
        "groups": 2,
        "n_normal": 2,
        "n_covid": 1,
    }
    metrics = ("accuracy", "precision", "recall", "specificity", "f1", "balanced_accuracy", "roc_auc")
    assert set(table) == {"n", "groups", "n_normal", "n_covid"} | {
        f"{name}{end}" for name in metrics for end in ("", "_low", "_high")
    }


def test_metrics_lie_in_their_intervals_and_equal_seeds_give_equal_intervals():
    rng = np.random.default_rng(3)
    actual = rng.integers(0, 3, 60)
    probabilities = rng.dirichlet([1, 1, 1], 60) + np.eye(3)[actual] * 0.3
    predictions = Predictions(actual, probabilities.argmax(1), probabilities, np.arange(60) // 2, THREE)
    performance = measure_performance(predictions, seed=5)
    assert {"accuracy", "precision", "recall", "f1", "roc_auc", "f1_cap"} <= set(performance.metrics)
    assert all(each.low <= each.value <= each.high for each in performance.metrics.values())
    assert performance == measure_performance(predictions, seed=5)


def test_the_bootstrap_draws_whole_patients():
    predictions = predict([0, 0, 1, 1], [0.1, 0.2, 0.1, 0.2], groups=[0, 0, 1, 1])
    assert set(bootstrap(predictions, seed=0, draws=200)["accuracy"]) == {0.0, 0.5, 1.0}
