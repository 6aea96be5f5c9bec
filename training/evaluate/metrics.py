"""Metrics of the paper (section 4), each with a 95% interval that accounts for several films per patient.

All metrics are computed from the confusion matrix (rows actual, columns predicted, as the paper prints it) or, for the
ROC curve, from the order of the scores. Films have weights, which is how the bootstrap resamples whole patients.

:func:`confusion`, :func:`auroc` and :func:`roc_curve` give the same values as scikit-learn (property tests compare
them). They are our own because the bootstrap calls them a thousand times, and scikit-learn's validation of arguments
dominates at a few hundred films (``python -m benchmarks.metrics``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Values = dict[str, float]
Table = dict[str, float | int | None]

LEVEL = 0.95  # of all intervals
DRAWS = 1000  # of the bootstrap
DIGITS = 6  # of all results; more than the number of films supports


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
    """A share of films, as a count of ``hits`` out of ``total``; the counts may be weighted."""

    hits: float
    total: float

    @property
    def value(self) -> float:
        """``hits / total``; NaN if ``total`` is 0."""
        return float(self.hits / self.total) if self.total else float("nan")


@dataclass(frozen=True)
class Estimate:
    """A metric and its 95% interval, rounded to six digits; None where undefined, because JSON has no NaN."""

    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, value: float, low: float, high: float) -> Self:
        """The estimate with these values, NaN where undefined."""
        return cls(*(round(each, DIGITS) if np.isfinite(each) else None for each in (value, low, high)))

    def __str__(self) -> str:
        if self.value is None or self.low is None or self.high is None:
            return "undefined"
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


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
        metrics[name] = Estimate.of(value, low, high)
    return Performance(
        films=len(predictions.actual),
        groups=len(np.unique(predictions.groups)),
        films_of_class={name: int(counts[index].sum()) for index, name in enumerate(predictions.classes)},
        metrics=metrics,
    )


def all_metrics(predictions: Predictions, weights: Floats) -> Values:
    """Every metric for films with ``weights`` (N,) float64; NaN where undefined."""
    counts = confusion(predictions.actual, predictions.predicted, len(predictions.classes), weights)
    return confusion_metrics(counts, predictions.classes) | {"roc_auc": mean_auroc(predictions, weights)}


def confusion_metrics(counts: Floats, classes: Sequence[str]) -> Values:
    """The metrics that follow from the confusion matrix.

    Two classes: accuracy, precision, recall, specificity, f1 and balanced_accuracy; the second class is the positive
    one. More classes: accuracy, the values of each class (``f1_covid``), and precision, recall and f1 as means over the
    classes.

    Args:
        counts: films by actual and predicted class (k, k).
        classes: the k labels in index order.
    """
    values = {name: share.value for name, share in shares_of_films(counts, classes).items()}
    hits, actual, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    f1 = [Share(2 * hits[index], actual[index] + predicted[index]).value for index in range(len(classes))]
    if len(classes) == 2:
        recalls = [Share(hits[index], actual[index]).value for index in range(2)]
        return values | {"f1": f1[1], "balanced_accuracy": float(np.mean(recalls))}
    values |= {f"f1_{name}": value for name, value in zip(classes, f1, strict=True)}
    return values | {
        "precision": float(np.mean([values[f"precision_{name}"] for name in classes])),
        "recall": float(np.mean([values[f"recall_{name}"] for name in classes])),
        "f1": float(np.mean(f1)),
    }


def shares_of_films(counts: Floats, classes: Sequence[str]) -> dict[str, Share]:
    """The metrics that are shares of films, by name; arguments as for :func:`confusion_metrics`."""
    hits, actual, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    shares = {"accuracy": Share(float(hits.sum()), float(counts.sum()))}
    if len(classes) == 2:
        return shares | {
            "precision": Share(float(hits[1]), float(predicted[1])),
            "recall": Share(float(hits[1]), float(actual[1])),
            "specificity": Share(float(hits[0]), float(actual[0])),
        }
    for index, name in enumerate(classes):
        shares[f"precision_{name}"] = Share(float(hits[index]), float(predicted[index]))
        shares[f"recall_{name}"] = Share(float(hits[index]), float(actual[index]))
    return shares


def confusion(actual: Ints, predicted: Ints, num_classes: int, weights: Floats | None = None) -> Floats:
    """Confusion matrix (k, k) float64: films by actual class (rows) and predicted class (columns).

    Args:
        actual: class index of each film (N,).
        predicted: predicted class index of each film (N,).
        num_classes: k.
        weights: weight of each film (N,); None counts each film once.
    """
    cells = np.bincount(actual * num_classes + predicted, weights, num_classes**2)
    return cells.astype(np.float64).reshape(num_classes, num_classes)


def mean_auroc(predictions: Predictions, weights: Floats) -> float:
    """Area under the ROC curve of the second of two classes, or the mean over more classes, each against the rest."""
    indices = [1] if len(predictions.classes) == 2 else range(len(predictions.classes))
    areas = [auroc(predictions.actual == index, predictions.probabilities[:, index], weights) for index in indices]
    return float(np.mean(areas))


def auroc(positive: Bools, scores: Floats, weights: Floats) -> float:
    """Area under the ROC curve: probability that a positive film scores above a negative one; ties count half.

    Args:
        positive: whether each film is positive (N,).
        scores: score of each film (N,).
        weights: weight of each film (N,).

    Returns:
        The area, or NaN if there is no positive or no negative film.
    """
    rank = np.unique(scores, return_inverse=True)[1]
    positives = np.bincount(rank, weights * positive)
    negatives = np.bincount(rank, weights * ~positive)
    ordered_pairs = float((positives * (np.cumsum(negatives) - negatives / 2)).sum())
    return Share(ordered_pairs, float(positives.sum() * negatives.sum())).value


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


def best_threshold(positive: Bools, scores: Floats) -> float:
    """The threshold with the highest Youden index, recall + specificity - 1; scores from it on are positive.

    It lies halfway to the next lower score. Among equally good thresholds, the one closest to 0.5 is returned.

    Args:
        positive: whether each film is positive (N,); needs both kinds.
        scores: probability of each film (N,).
    """
    fpr, tpr = roc_curve(positive, scores)
    steps = np.concatenate([[1.0], np.unique(scores)[::-1], [0.0]])
    halfway = (steps[:-1] + steps[1:]) / 2
    best = np.flatnonzero(np.isclose(tpr - fpr, (tpr - fpr).max()))
    return float(min(halfway[best], key=lambda value: abs(value - 0.5)))


def bootstrap(predictions: Predictions, seed: int, draws: int = DRAWS) -> dict[str, Floats]:
    """Every metric in ``draws`` resamples of the groups, drawn with replacement; (draws,) float64 each."""
    rng = np.random.default_rng(seed)
    groups, group_of = np.unique(predictions.groups, return_inverse=True)
    chances = np.full(len(groups), 1 / len(groups))
    results = [
        all_metrics(predictions, rng.multinomial(len(groups), chances)[group_of].astype(float)) for _ in range(draws)
    ]
    return {name: np.array([values[name] for values in results]) for name in results[0]}


def percentiles(values: Floats) -> tuple[float, float]:
    """The interval that contains the middle 95% of the finite ``values``; NaN if there are none."""
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(finite, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def wilson(share: Share) -> tuple[float, float]:
    """Wilson's 95% interval of a share (Wilson 1927, doi:10.1080/01621459.1927.10502953); needs ``total`` > 0."""
    z = float(norm.ppf((1 + LEVEL) / 2))
    total, value = share.total, share.value
    middle = value + z**2 / (2 * total)
    spread = z * np.sqrt(value * (1 - value) / total + z**2 / (4 * total**2))
    scale = 1 + z**2 / total
    return float(max(0.0, (middle - spread) / scale)), float(min(1.0, (middle + spread) / scale))
