"""How good predictions are: measures of the paper (section 4), each with an interval that respects patients.

Everything is computed from confusion counts (rows actual, columns predicted, as the paper prints them) and, for the
ROC, from the order of scores. Films may be weighted; that is how the bootstrap draws whole patients.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Values = dict[str, float]

LEVEL = 0.95  # of all intervals
Z = 1.959964  # standard normal quantile of (1 + LEVEL) / 2
DRAWS = 1000


@dataclass(frozen=True)
class Judged:
    """Films with what they are and what a model says of them.

    Attributes:
        actual: class index of each film (N,).
        predicted: class index that the model decides for (N,).
        probabilities: (N, k), rows sum to 1.
        groups: patient or duplicate cluster of each film (N,), as numbers.
        classes: names in index order.
    """

    actual: Ints
    predicted: Ints
    probabilities: Floats
    groups: Ints
    classes: tuple[str, ...]


def summarise(judged: Judged, seed: int) -> dict[str, float | int | None]:
    """All measures with their intervals, as a flat table.

    The interval of a measure is ``<name>_low`` ... ``<name>_high`` (95 %): percentiles of a bootstrap that draws whole
    groups, since films of one patient resemble each other. For shares of films it is widened to Wilson's interval,
    which stays honest where few films or no errors leave the bootstrap nothing to vary. None = not defined.

    Args:
        judged: the films of one split.
        seed: of the bootstrap's draws.

    Returns:
        ``n``, ``groups``, ``n_<class>`` and per measure its value, low and high end.
    """
    counts = confusion(judged.actual, judged.predicted, len(judged.classes))
    found: dict[str, float | int | None] = {"n": len(judged.actual), "groups": len(np.unique(judged.groups))}
    found |= {f"n_{name}": int(counts[index].sum()) for index, name in enumerate(judged.classes)}
    drawn = bootstrap(judged, seed)
    shares = proportions(counts, judged.classes)
    for name, value in measure(judged, np.ones(len(judged.actual))).items():
        low, high = percentiles(drawn[name])
        if name in shares and shares[name][1] > 0:
            least, most = wilson(*shares[name])
            low, high = float(np.fmin(low, least)), float(np.fmax(high, most))
        found |= {name: tidy(value), f"{name}_low": tidy(low), f"{name}_high": tidy(high)}
    return found


def measure(judged: Judged, weights: Floats) -> Values:
    """Every measure of films that count ``weights`` (N,) times; NaN where it is not defined."""
    counts = confusion(judged.actual, judged.predicted, len(judged.classes), weights)
    return measure_counts(counts, judged.classes) | {"roc_auc": mean_auroc(judged, weights)}


def measure_counts(counts: Floats, classes: Sequence[str]) -> Values:
    """What follows from a confusion matrix alone.

    Of two classes, the second is the positive one: accuracy, precision, recall, specificity, f1. Of more, precision,
    recall and f1 are means over the classes, and each class has its own (``f1_covid``).
    """
    values = {name: ratio(hits, of) for name, (hits, of) in proportions(counts, classes).items()}
    hits, actual, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    f1 = [ratio(2 * hits[index], actual[index] + predicted[index]) for index in range(len(classes))]
    recalls = [ratio(hits[index], actual[index]) for index in range(len(classes))]
    if len(classes) == 2:
        return values | {"f1": f1[1], "balanced_accuracy": float(np.mean(recalls))}
    values |= {f"f1_{name}": value for name, value in zip(classes, f1, strict=True)}
    precisions = [values[f"precision_{name}"] for name in classes]
    return values | {
        "precision": float(np.mean(precisions)),
        "recall": float(np.mean(recalls)),
        "f1": float(np.mean(f1)),
    }


def proportions(counts: Floats, classes: Sequence[str]) -> dict[str, tuple[float, float]]:
    """The measures that are shares of films, as (hits, of how many)."""
    hits, actual, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    shares = {"accuracy": (float(hits.sum()), float(counts.sum()))}
    if len(classes) == 2:
        return shares | {
            "precision": (float(hits[1]), float(predicted[1])),
            "recall": (float(hits[1]), float(actual[1])),
            "specificity": (float(hits[0]), float(actual[0])),
        }
    for index, name in enumerate(classes):
        shares[f"precision_{name}"] = (float(hits[index]), float(predicted[index]))
        shares[f"recall_{name}"] = (float(hits[index]), float(actual[index]))
    return shares


def confusion(actual: Ints, predicted: Ints, num_classes: int, weights: Floats | None = None) -> Floats:
    """Films per (actual, predicted) class, (k, k) float64."""
    cells = np.bincount(actual * num_classes + predicted, weights, num_classes**2)
    return cells.astype(np.float64).reshape(num_classes, num_classes)


def mean_auroc(judged: Judged, weights: Floats) -> float:
    """Area under the ROC curve of the second of two classes; of more, the mean of each class against the rest."""
    indices = [1] if len(judged.classes) == 2 else range(len(judged.classes))
    return float(np.mean([auroc(judged.actual == index, judged.probabilities[:, index], weights) for index in indices]))


def auroc(positive: npt.NDArray[np.bool_], scores: Floats, weights: Floats) -> float:
    """Chance that a positive film scores above a negative one, ties counting half; NaN where one kind is absent."""
    place = np.unique(scores, return_inverse=True)[1]
    above = np.bincount(place, weights * positive)
    below = np.bincount(place, weights * ~positive)
    return ratio(float((above * (np.cumsum(below) - below / 2)).sum()), float(above.sum() * below.sum()))


def roc_curve(positive: npt.NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """(fpr, tpr) from (0, 0) to (1, 1), one point per distinct score."""
    place = np.unique(-scores, return_inverse=True)[1]
    tpr = np.cumsum(np.bincount(place, positive)) / positive.sum()
    fpr = np.cumsum(np.bincount(place, ~positive)) / (~positive).sum()
    return np.concatenate([[0.0], fpr]), np.concatenate([[0.0], tpr])


def best_threshold(positive: npt.NDArray[np.bool_], scores: Floats) -> float:
    """The score from which to call a film positive so that recall and specificity have the greatest sum.

    Halfway to the next lower score; of equally good ones, the nearest to 0.5.
    """
    fpr, tpr = roc_curve(positive, scores)
    steps = np.concatenate([[1.0], np.unique(scores)[::-1], [0.0]])
    halfway = (steps[:-1] + steps[1:]) / 2
    best = np.flatnonzero(np.isclose(tpr - fpr, (tpr - fpr).max()))
    return float(min(halfway[best], key=lambda value: abs(value - 0.5)))


def bootstrap(judged: Judged, seed: int, draws: int = DRAWS) -> dict[str, Floats]:
    """Every measure of ``draws`` resamples (draws,), each of as many groups as there are, drawn with replacement."""
    rng = np.random.default_rng(seed)
    names, member_of = np.unique(judged.groups, return_inverse=True)
    chances = np.full(len(names), 1 / len(names))
    found = [measure(judged, rng.multinomial(len(names), chances)[member_of].astype(float)) for _ in range(draws)]
    return {name: np.array([values[name] for values in found]) for name in found[0]}


def percentiles(values: Floats) -> tuple[float, float]:
    """The two ends between which 95 % of ``values`` lie, undefined ones aside; NaN where none is defined."""
    defined = values[np.isfinite(values)]
    if len(defined) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def wilson(hits: float, of: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share (Wilson 1927, doi:10.1080/01621459.1927.10502953)."""
    share = hits / of
    middle = share + Z**2 / (2 * of)
    spread = Z * np.sqrt(share * (1 - share) / of + Z**2 / (4 * of**2))
    scale = 1 + Z**2 / of
    return float(max(0.0, (middle - spread) / scale)), float(min(1.0, (middle + spread) / scale))


def ratio(hits: float, of: float) -> float:
    """``hits / of``; NaN of nothing."""
    return float(hits / of) if of else float("nan")


def tidy(value: float) -> float | None:
    """Six digits, which no film count here exceeds; None for what is not a number, as JSON has no NaN."""
    return round(value, 6) if np.isfinite(value) else None
