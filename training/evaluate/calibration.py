"""Calibration: whether films that get a probability of 0.8 are positive in 80% of the cases (Guo et al. 2017).

One temperature, fitted on the validation films, divides all logits. It changes neither the order of the films nor the
decisions, only how sure the model says it is.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from training.core.rule import tempered, to_logits
from training.evaluate.metrics import Predictions, Share, one_against_rest, wilson
from training.evaluate.resample import Bools, Estimate, Floats, Ints, Values, percentiles, ratio, resample

MAX_BINS = 10  # of the reliability curve, with about as many films each
FILMS_PER_BIN = 10  # at least; so few films give fewer bins


def calibrate(predictions: Predictions, temperature: float) -> Predictions:
    """The same decisions, with the probabilities after dividing the logits by the temperature."""
    return replace(predictions, probabilities=tempered(predictions.probabilities, temperature))


def measure_calibration(predictions: Predictions, seed: int) -> dict[str, Estimate]:
    """Expected calibration error (``ece``), Brier score (``brier``) and ``log_loss``, with 95% intervals.

    A resample adds noise of its own to every bin, so that its ``ece`` is larger than that of the films. The interval is
    moved down by the mean of that excess.
    """
    statistics = CalibrationStatistics(predictions)
    values = statistics(np.ones(len(predictions.actual)))
    made = {}
    for name, resampled in resample(predictions.groups, seed, statistics).items():
        value = float(values[name])
        excess = float(np.nanmean(resampled)) - value if name == "ece" else 0.0
        low, high = percentiles(resampled - excess)
        made[name] = Estimate.of(value, max(0.0, low), high)
    return made


class CalibrationStatistics:
    """The statistics of calibration as functions of the films' weights (..., N)."""

    def __init__(self, predictions: Predictions) -> None:
        self.losses = {"brier": _brier(predictions), "log_loss": _log_loss(predictions)}
        self.curves = []  # of each class: the bins of the films, and each film's probability minus its outcome
        for index in one_against_rest(predictions.classes):
            scores = predictions.probabilities[:, index]
            number = bins(scores)
            self.curves.append((np.eye(number.max() + 1)[number], scores - (predictions.actual == index)))

    def __call__(self, weights: Floats) -> Values:
        total = weights.sum(axis=-1)
        values = {name: ratio(weights @ loss, total) for name, loss in self.losses.items()}
        gaps = [np.abs(weights @ (member * gap[:, None])).sum(axis=-1) for member, gap in self.curves]
        return {"ece": ratio(np.mean(gaps, axis=0), total)} | values


def _brier(predictions: Predictions) -> Floats:
    """Squared error of each film's probabilities (N,): of the second of two classes, or the sum over more."""
    classes = one_against_rest(predictions.classes)
    errors = predictions.probabilities - np.eye(len(predictions.classes))[predictions.actual]
    return (errors[:, classes] ** 2).sum(axis=1)


def _log_loss(predictions: Predictions) -> Floats:
    rows = np.arange(len(predictions.actual))
    return -log_softmax(to_logits(predictions.probabilities), axis=1)[rows, predictions.actual]


def bins(scores: Floats) -> Ints:
    """The bin of each film (N,): bins are in the order of the scores and have about the same number of films.

    Films with equal scores share a bin.
    """
    count = max(1, min(MAX_BINS, len(scores) // FILMS_PER_BIN))
    edges = np.unique(np.quantile(scores, np.arange(1, count) / count))
    return np.unique(np.searchsorted(edges, scores, side="right"), return_inverse=True)[1]


def reliability(predictions: Predictions) -> pd.DataFrame:
    """The reliability curve, one row per class and bin.

    Columns: class, films, probability (mean in the bin), share (of films of that class), and Wilson's 95% interval of
    the share (low, high).
    """
    rows = []
    for index in one_against_rest(predictions.classes):
        scores, positive = predictions.probabilities[:, index], predictions.actual == index
        number = bins(scores)
        rows += [
            _bin(predictions.classes[index], scores[number == each], positive[number == each])
            for each in range(number.max() + 1)
        ]
    return pd.DataFrame(rows)


def _bin(name: str, scores: Floats, positive: Bools) -> dict[str, object]:
    share = Share(float(positive.sum()), float(len(positive)))
    low, high = wilson(share)
    mean = float(scores.mean())
    return {
        "class": name,
        "films": len(scores),
        "probability": mean,
        "share": float(share.value),
        "low": low,
        "high": high,
    }
