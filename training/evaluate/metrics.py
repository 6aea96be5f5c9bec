"""Metrics of the paper (section 4), each with a 95% interval that accounts for several films per patient.

All metrics are computed from the confusion matrix (rows actual, columns predicted, as the paper prints it) or, for the
ROC curve, from the order of the scores. Films have weights, which is how the bootstrap resamples whole patients.

:func:`confusion`, :func:`auroc` and :func:`roc_curve` give the same values as scikit-learn (property tests compare
them). They are our own because the bootstrap needs thousands of them, all at once: weights may have further axes before
that of the films, and so have the results (``python -m benchmarks.metrics``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.stats import norm

from training.evaluate.resample import DRAWS, LEVEL, Bools, Estimate, Floats, Ints, Values, percentiles, ratio, resample

Table = dict[str, Any]  # metric -> number or None, and what belongs beside it


@dataclass(frozen=True)
class Predictions:
    """What a model predicts for N films of k classes, and what they are.

    Attributes:
        actual: class index of each film (N,) int64.
        predicted: class index that the model decides on (N,) int64.
        probabilities: (N, k) float64; rows sum to 1.
        groups: number of the patient or cluster of duplicates of each film (N,) int64.
        classes: labels in index order.
    """

    actual: Ints
    predicted: Ints
    probabilities: Floats
    groups: Ints
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Share:
    """A share of films, as a count of ``hits`` out of ``total``; the counts may be weighted, and arrays."""

    hits: Floats | float
    total: Floats | float

    @property
    def value(self) -> Floats:
        """``hits / total``; NaN if ``total`` is 0."""
        return ratio(self.hits, self.total)


@dataclass(frozen=True)
class Performance:
    """How well a model does on the films of one split.

    Attributes:
        films: number of films.
        groups: number of patients (or clusters of duplicates, where the patient is unknown).
        films_of_class: number of films by actual class.
        metrics: estimate of each metric, by name.
    """

    films: int
    groups: int
    films_of_class: dict[str, int]
    metrics: dict[str, Estimate]

    def as_table(self) -> Table:
        """As flat JSON: ``n``, ``groups``, ``n_<class>``; ``<metric>``, ``<metric>_low``, ``<metric>_high``."""
        table: Table = {"n": self.films, "groups": self.groups}
        table |= {f"n_{name}": count for name, count in self.films_of_class.items()}
        for name, each in self.metrics.items():
            table |= {name: each.value, f"{name}_low": each.low, f"{name}_high": each.high}
        return table


def measure_performance(predictions: Predictions, seed: int) -> Performance:
    """All metrics with 95% intervals.

    The intervals are percentiles of a bootstrap that resamples whole groups, since films of one patient resemble each
    other. The interval of a share of films is widened to Wilson's interval: with few films or no errors, the bootstrap
    has nothing to vary and would be too narrow.

    Args:
        predictions: predictions for the films of one split.
        seed: seed of the bootstrap.
    """
    counts = confusion(predictions.actual, predictions.predicted, len(predictions.classes))
    resampled = bootstrap(predictions, seed)
    shares = shares_of_films(counts, predictions.classes)
    metrics = {}
    for name, value in all_metrics(predictions, np.ones(len(predictions.actual))).items():
        low, high = percentiles(resampled[name])
        if name in shares and shares[name].total > 0:
            lowest, highest = wilson(shares[name])
            low, high = float(np.fmin(low, lowest)), float(np.fmax(high, highest))
        metrics[name] = Estimate.of(float(value), low, high)
    return Performance(
        films=len(predictions.actual),
        groups=len(np.unique(predictions.groups)),
        films_of_class={name: int(counts[index].sum()) for index, name in enumerate(predictions.classes)},
        metrics=metrics,
    )


def all_metrics(predictions: Predictions, weights: Floats) -> Values:
    """Every metric for films with ``weights`` (..., N) float64; NaN where undefined."""
    counts = confusion(predictions.actual, predictions.predicted, len(predictions.classes), weights)
    return confusion_metrics(counts, predictions.classes) | {"roc_auc": mean_auroc(predictions, weights)}


def confusion_metrics(counts: Floats, classes: Sequence[str]) -> Values:
    """The metrics that follow from the confusion matrix.

    Two classes: accuracy, precision, recall, specificity, f1 and balanced_accuracy; the second class is the positive
    one. More classes: accuracy, the values of each class (``f1_covid``), and precision, recall and f1 as means over the
    classes.

    Args:
        counts: films by actual and predicted class (..., k, k).
        classes: the k labels in index order.
    """
    values = {name: share.value for name, share in shares_of_films(counts, classes).items()}
    hits, actual, predicted = _margins(counts)
    f1 = ratio(2 * hits, actual + predicted)
    if len(classes) == 2:
        return values | {"f1": f1[..., 1], "balanced_accuracy": ratio(hits, actual).mean(axis=-1)}
    values |= {f"f1_{name}": f1[..., index] for index, name in enumerate(classes)}
    return values | {
        "precision": ratio(hits, predicted).mean(axis=-1),
        "recall": ratio(hits, actual).mean(axis=-1),
        "f1": f1.mean(axis=-1),
    }


def shares_of_films(counts: Floats, classes: Sequence[str]) -> dict[str, Share]:
    """The metrics that are shares of films, by name; arguments as for :func:`confusion_metrics`."""
    hits, actual, predicted = _margins(counts)
    shares = {"accuracy": Share(hits.sum(axis=-1), counts.sum(axis=(-2, -1)))}
    if len(classes) == 2:
        return shares | {
            "precision": Share(hits[..., 1], predicted[..., 1]),
            "recall": Share(hits[..., 1], actual[..., 1]),
            "specificity": Share(hits[..., 0], actual[..., 0]),
        }
    for index, name in enumerate(classes):
        shares[f"precision_{name}"] = Share(hits[..., index], predicted[..., index])
        shares[f"recall_{name}"] = Share(hits[..., index], actual[..., index])
    return shares


def _margins(counts: Floats) -> tuple[Floats, Floats, Floats]:
    """Films of each class (..., k): predicted correctly, in all, and predicted."""
    return np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1), counts.sum(axis=-2)


def confusion(actual: Ints, predicted: Ints, num_classes: int, weights: Floats | None = None) -> Floats:
    """Confusion matrix (..., k, k) float64: films by actual class (rows) and predicted class (columns).

    Args:
        actual: class index of each film (N,).
        predicted: predicted class index of each film (N,).
        num_classes: k.
        weights: weight of each film (..., N); None counts each film once.
    """
    weights = np.ones(len(actual)) if weights is None else weights
    cells = weights @ np.eye(num_classes**2)[actual * num_classes + predicted]
    return cells.reshape(*weights.shape[:-1], num_classes, num_classes)


def one_against_rest(classes: Sequence[str]) -> range:
    """The classes whose scores are judged, each against all others: the second of two, or each of more."""
    return range(1, 2) if len(classes) == 2 else range(len(classes))


def mean_auroc(predictions: Predictions, weights: Floats) -> Floats:
    """Area under the ROC curve of the second of two classes, or the mean over more classes, each against the rest."""
    areas = [
        auroc(predictions.actual == index, predictions.probabilities[:, index], weights)
        for index in one_against_rest(predictions.classes)
    ]
    return np.mean(areas, axis=0)


def auroc(positive: Bools, scores: Floats, weights: Floats) -> Floats:
    """Area under the ROC curve: probability that a positive film scores above a negative one; ties count half.

    Args:
        positive: whether each film is positive (N,).
        scores: score of each film (N,).
        weights: weight of each film (..., N).

    Returns:
        The area (...), or NaN if there is no positive or no negative film.
    """
    positives, negatives = by_score(positive, scores, weights)
    ordered_pairs = (positives * (np.cumsum(negatives, axis=-1) - negatives / 2)).sum(axis=-1)
    return ratio(ordered_pairs, positives.sum(axis=-1) * negatives.sum(axis=-1))


def by_score(positive: Bools, scores: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Weights of the positive and of the negative films at each distinct score, ascending: (..., d) each.

    Arguments as for :func:`auroc`.
    """
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    ordered = weights[..., order]
    positives = np.add.reduceat(ordered * positive[order], starts, axis=-1)
    return positives, np.add.reduceat(ordered, starts, axis=-1) - positives


def roc_curve(positive: Bools, scores: Floats) -> tuple[Floats, Floats]:
    """False and true positive rates from (0, 0) to (1, 1), one point per distinct score.

    Args:
        positive: whether each film is positive (N,); needs both kinds.
        scores: score of each film (N,).
    """
    rank = np.unique(-scores, return_inverse=True)[1]
    tpr = np.cumsum(np.bincount(rank, positive)) / positive.sum()
    fpr = np.cumsum(np.bincount(rank, ~positive)) / (~positive).sum()
    return np.concatenate([[0.0], fpr]), np.concatenate([[0.0], tpr])


def bootstrap(predictions: Predictions, seed: int, draws: int = DRAWS) -> Values:
    """Every metric in ``draws`` resamples of the groups, drawn with replacement; (draws,) float64 each."""
    return resample(predictions.groups, seed, partial(all_metrics, predictions), draws)


def wilson(share: Share) -> tuple[float, float]:
    """Wilson's 95% interval of a share (Wilson 1927, doi:10.1080/01621459.1927.10502953); needs ``total`` > 0."""
    z = float(norm.ppf((1 + LEVEL) / 2))
    total, value = float(share.total), float(share.value)
    middle = value + z**2 / (2 * total)
    spread = z * np.sqrt(value * (1 - value) / total + z**2 / (4 * total**2))
    scale = 1 + z**2 / total
    low, high = float((middle - spread) / scale), float((middle + spread) / scale)
    return max(0.0, min(low, value)), min(1.0, max(high, value))  # shares of 0 and 1 would be off by a rounding
