"""What is chosen on the validation films: from which probability a film counts as positive, and how sure the model is.

One temperature divides all logits (Guo et al. 2017, arXiv:1706.04599). It changes neither the order of the films nor
the decisions, only how sure the model says it is.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

HALF = 0.5  # the usual threshold
SMALLEST = 1e-7  # probability; float32 knows none closer to 1
TEMPERATURES = (0.05, 20.0)


@dataclass(frozen=True)
class Rule:
    """What is chosen on the validation films.

    Attributes:
        threshold: probability from which a film counts as the second of two classes.
        temperature: divides the logits, so that probabilities agree with frequencies.
    """

    threshold: float
    temperature: float


def choose_rule(actual: Ints, probabilities: Floats, threshold: str) -> Rule:
    """Fit the temperature, and choose the threshold if the profile asks for it (``val``); else it is 0.5.

    Args:
        actual: class index of each validation film (N,).
        probabilities: of each class (N, k).
        threshold: option of the experiment.
    """
    chosen = best_threshold(actual == 1, probabilities[:, 1]) if threshold == "val" else HALF
    return Rule(chosen, fit_temperature(actual, probabilities))


def fit_temperature(actual: Ints, probabilities: Floats) -> float:
    """The temperature with the smallest log loss on validation films.

    Targets are smoothed as by Platt (1999), by one film per class: with hard ones, a model that makes no error on the
    validation films would become infinitely sure.

    Args:
        actual: class index of each film (N,).
        probabilities: of each class (N, k).
    """
    logits = to_logits(probabilities)
    counts = np.bincount(actual, minlength=logits.shape[1])[actual][:, None]
    targets = (np.eye(logits.shape[1])[actual] * counts + 1) / (counts + logits.shape[1])

    def loss(log_temperature: float) -> float:
        return float(-(targets * log_softmax(logits / np.exp(log_temperature), axis=1)).sum())

    return float(np.exp(minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded").x))


def tempered(probabilities: Floats, temperature: float) -> Floats:
    """The probabilities (N, k) after dividing the logits by the temperature."""
    return np.asarray(softmax(to_logits(probabilities) / temperature, axis=1))


def to_logits(probabilities: Floats) -> Floats:
    """Logits (N, k) whose softmax are the probabilities; none is surer than the precision of the network allows."""
    return np.log(np.clip(probabilities, SMALLEST, 1 - SMALLEST))


def best_threshold(positive: Bools, scores: Floats) -> float:
    """The threshold with the highest Youden index, recall + specificity - 1; scores from it on are positive.

    It lies halfway to the next lower score. Among equally good thresholds, the one closest to 0.5 is returned.

    Args:
        positive: whether each film is positive (N,); needs both kinds.
        scores: probability of each film (N,).
    """
    values, places = np.unique(-scores, return_inverse=True)
    hits, misses = (np.cumsum(np.bincount(places[kind], minlength=len(values))) for kind in (positive, ~positive))
    index = np.concatenate([[0.0], hits / hits[-1] - misses / misses[-1]])
    steps = np.concatenate([[1.0], -values, [0.0]])
    halfway = (steps[:-1] + steps[1:]) / 2
    best = np.flatnonzero(np.isclose(index, index.max()))
    return float(min(halfway[best], key=lambda value: abs(value - HALF)))
