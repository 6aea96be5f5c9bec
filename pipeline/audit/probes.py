"""How well an attribute can be read off what a probe sees: AUC by grouped cross-validation, with an interval.

A probe is a logistic regression on up to 64 principal components, trained without the patient whom it judges. With more
than two values, the AUC is the mean over values, each against all others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipeline.audit.sights import Features

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

FOLDS = 5
COMPONENTS = 64
STRENGTH = 0.1  # C of the regression
DRAWS = 200
LEAST = 20  # films of a value, and as many groups as folds, or it is left out
MOST = 6000  # films that a probe learns from and judges; of more, an even selection


@dataclass(frozen=True)
class Estimate:
    """A value with its 95% interval; None where it is undefined."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, eq=False)
class Scores:
    """What a probe says of each film that it judged.

    Attributes:
        places: of the films.
        actual: index of the value of each (N,).
        scores: probability of each value (N, k), by a probe that did not see the patient.
        groups: patient or cluster of each (N,).
        values: what the indices stand for.
    """

    places: Ints
    actual: Ints
    scores: Floats
    groups: Ints
    values: list[str]

    def auc(self, seed: int, within: Ints | None = None) -> Estimate:
        """Area below the ROC curve; with ``within`` (N,), only films of the same kind are compared with each other."""
        kinds = np.zeros(len(self.actual), np.int64) if within is None else within
        value = self._auc(np.ones(len(self.actual)), kinds)
        if np.isnan(value):
            return Estimate(None, None, None)
        rng = np.random.default_rng(seed)
        count = int(self.groups.max()) + 1
        draws = []
        for _ in range(DRAWS):
            weights = np.bincount(rng.integers(0, count, count), minlength=count)[self.groups].astype(float)
            draws.append(self._auc(weights, kinds))
        low, high = np.nanpercentile(draws, [2.5, 97.5])
        return Estimate(round(float(value), 4), round(float(low), 4), round(float(high), 4))

    def _auc(self, weights: Floats, kinds: Ints) -> float:
        """The mean over values and kinds, weighted by the number of pairs that are compared."""
        total = pairs = 0.0
        values = range(1, 2) if self.scores.shape[1] == 2 else range(self.scores.shape[1])
        for kind in np.unique(kinds):
            inside = kinds == kind
            for value in values:
                area, count = _area(self.actual[inside] == value, self.scores[inside, value], weights[inside])
                total, pairs = total + area * count, pairs + count
        return total / pairs if pairs else float("nan")


def probe(features: Features, values: Sequence[str | None], groups: Ints, seed: int) -> Scores | None:
    """Cross-validate a probe; None if fewer than two values have enough films.

    Args:
        features: what it sees (N, d).
        values: of the attribute; None = unknown, such films are left out.
        groups: patient or cluster of each film (N,); no group is on both sides.
        seed: of the folds.
    """
    given = np.array(["" if value is None else value for value in values], dtype=object)
    enough = sorted(name for name in set(given) - {""} if _is_enough(groups[given == name]))
    places = np.flatnonzero(np.isin(given, enough))
    if len(enough) < 2:
        return None
    places = places[:: -(-len(places) // MOST)]
    actual = np.searchsorted(enough, given[places].astype(str)).astype(np.int64)
    inside = np.unique(groups[places], return_inverse=True)[1].astype(np.int64)
    scores = np.full((len(places), len(enough)), np.nan)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    seen = features[places]
    seen = seen[:, np.ptp(seen, axis=0) > 0]
    if not seen.shape[1]:  # all films look alike
        return Scores(places, actual, np.full((len(places), len(enough)), 1 / len(enough)), inside, enough)
    for train, test in folds.split(seen, actual, inside):
        if len(np.unique(actual[train])) < len(enough):
            continue  # a value whose films are all of one group
        model = make_pipeline(
            StandardScaler(),
            PCA(min(COMPONENTS, len(train) - 1, seen.shape[1]), random_state=seed),
            LogisticRegression(C=STRENGTH, max_iter=500),
        )
        scores[test] = model.fit(seen[train], actual[train]).predict_proba(seen[test])
    judged = ~np.isnan(scores[:, 0])
    return Scores(places[judged], actual[judged], scores[judged], inside[judged], enough)


def _is_enough(groups: Ints) -> bool:
    return len(groups) >= LEAST and len(np.unique(groups)) >= FOLDS


def _area(positive: npt.NDArray[np.bool_], scores: Floats, weights: Floats) -> tuple[float, float]:
    """Weighted area below the ROC curve, ties counted half, and the weight of the pairs compared."""
    order = np.argsort(scores, kind="stable")
    ordered, wanted, weight = scores[order], positive[order], weights[order]
    good, bad = weight * wanted, weight * ~wanted
    pairs = good.sum() * bad.sum()
    if not pairs:
        return 0.0, 0.0
    starts = np.flatnonzero(np.r_[True, np.diff(ordered) > 0])
    good, bad = np.add.reduceat(good, starts), np.add.reduceat(bad, starts)
    below = np.cumsum(bad) - bad
    return float((good * (below + bad / 2)).sum() / pairs), float(pairs)
