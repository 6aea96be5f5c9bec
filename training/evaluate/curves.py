"""Curves over all thresholds: precision and recall, and the errors that remain if doubtful films are left to people."""

import numpy as np
import pandas as pd

from training.evaluate.metrics import Predictions, by_score, one_against_rest
from training.evaluate.resample import Bools, Estimate, Floats, Values, estimates, ratio


def measure_curves(predictions: Predictions, seed: int) -> dict[str, Estimate]:
    """Average precision, of each class where there are more than two, and the area under the risk-coverage curve."""

    def statistics(weights: Floats) -> Values:
        areas = {
            predictions.classes[index]: average_precision(
                predictions.actual == index, predictions.probabilities[:, index], weights
            )
            for index in one_against_rest(predictions.classes)
        }
        values = {"average_precision": np.mean(list(areas.values()), axis=0)}
        if len(areas) > 1:
            values |= {f"average_precision_{name}": area for name, area in areas.items()}
        return values | {"aurc": aurc(*_confidence(predictions), weights)}

    return estimates(predictions.groups, seed, statistics)


def average_precision(positive: Bools, scores: Floats, weights: Floats) -> Floats:
    """Mean precision over the steps of recall; as scikit-learn, without interpolation. NaN without a positive film.

    Arguments as for :func:`training.evaluate.metrics.auroc`.
    """
    hits, misses = (each[..., ::-1] for each in by_score(positive, scores, weights))
    found = np.cumsum(hits, axis=-1)
    precision = ratio(found, found + np.cumsum(misses, axis=-1), otherwise=0.0)
    return ratio((hits * precision).sum(axis=-1), hits.sum(axis=-1))


def precision_recall(predictions: Predictions) -> pd.DataFrame:
    """The precision-recall curve, one row per class and distinct score, highest first.

    Columns: class, threshold, recall and precision.
    """
    tables = []
    for index in one_against_rest(predictions.classes):
        positive, scores = predictions.actual == index, predictions.probabilities[:, index]
        hits, misses = (each[::-1] for each in by_score(positive, scores, np.ones(len(scores))))
        found = np.cumsum(hits)
        columns = {
            "class": predictions.classes[index],
            "threshold": np.unique(scores)[::-1],
            "recall": ratio(found, hits.sum()),
            "precision": found / (found + np.cumsum(misses)),
        }
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def aurc(wrong: Bools, confidence: Floats, weights: Floats) -> Floats:
    """Area under the risk-coverage curve: mean share of errors among the films at least as sure as each film.

    Args:
        wrong: whether the decision on each film is wrong (N,).
        confidence: in the decision (N,).
        weights: weight of each film (..., N).
    """
    errors, right = (each[..., ::-1] for each in by_score(wrong, confidence, weights))
    films = errors + right
    risk = ratio(np.cumsum(errors, axis=-1), np.cumsum(films, axis=-1), otherwise=0.0)
    return ratio((films * risk).sum(axis=-1), films.sum(axis=-1))


def risk_coverage(predictions: Predictions) -> pd.DataFrame:
    """The risk-coverage curve, one row per distinct confidence, surest first.

    Columns: confidence, coverage (share of films at least as sure) and risk (share of errors among them).
    """
    wrong, confidence = _confidence(predictions)
    errors, right = (each[::-1] for each in by_score(wrong, confidence, np.ones(len(wrong))))
    films = np.cumsum(errors + right)
    columns = {
        "confidence": np.unique(confidence)[::-1],
        "coverage": films / len(wrong),
        "risk": np.cumsum(errors) / films,
    }
    return pd.DataFrame(columns)


def _confidence(predictions: Predictions) -> tuple[Bools, Floats]:
    """Whether each film is decided wrongly (N,), and its highest probability (N,)."""
    return predictions.actual != predictions.predicted, predictions.probabilities.max(axis=1)
