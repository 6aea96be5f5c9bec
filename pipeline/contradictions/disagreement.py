"""Labels that a light classifier, which never saw the patient, would have given otherwise (confident learning).

Simple features of the prepared inputs, a logistic regression cross-validated over groups, so that no patient and no
exposure is on both sides, and cleanlab's rules for which disagreements are more than doubt (Northcutt et al. 2021,
"Confident Learning", doi:10.1613/jair.1.12125).

What it can and cannot say: where a label comes mostly from one source, the classifier learns the style of that source
too, and then disagrees with whatever film looks unlike its source. Its list is for a person to look at, best first.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.imaging.arrays import Gray, Pixels
from pipeline.imaging.histogram import TONES
from pipeline.prepare.enhance import CHANNELS

LOG = logging.getLogger(__name__)

Numbers = npt.NDArray[np.float64]

THUMBNAIL = 16  # px a side, of the CLAHE channel: where it is bright, whatever the exposure
EDGES_SIDE, EDGE_DIRECTIONS, EDGE_CELLS = 64, 6, 8  # how strong edges of each direction are, in 8 x 8 cells
TONE_BINS = 32
FEATURES = THUMBNAIL**2 + EDGE_DIRECTIONS * EDGE_CELLS**2 + TONE_BINS
STRENGTH = 1e-3  # C of the regression: strongly regularised, as there are as many features as films
MOST_TRAINED = 10_000  # films of one label that a model is trained on: more hardly change it, and it holds them twice
DIGITS = 4  # of probabilities: more would show rounding of the linear algebra


@dataclass(frozen=True)
class Judged:
    """What the classifier says of N films.

    Attributes:
        classes: the K labels it knows, in order.
        probabilities: of each class, from a model that never saw the film's group, float64 (N, K); NaN where a film's
            label is too rare to be judged.
        suspicious: cleanlab's mark, bool (N,).
    """

    classes: list[str]
    probabilities: Numbers
    suspicious: npt.NDArray[np.bool_]


def judge(images: Pixels, labels: "pd.Series[str]", groups: "pd.Series[str]", folds: int, seed: int) -> Judged:
    """Cross-validate over groups and mark the labels that the classifier contradicts.

    Args:
        images: prepared inputs, uint8 (N, size, size, 3); may be a memory map, read once, film by film.
        labels: label of every film.
        groups: films that share one are never parted.
        folds: parts of the cross-validation; fewer where a label has fewer groups.
        seed: of the division into parts.
    """
    names, truth = labels.astype(str).to_numpy(), groups.astype(str).to_numpy()
    classes = _judgeable(names, truth)
    probabilities = np.full((len(names), len(classes)), np.nan)
    suspicious = np.zeros(len(names), bool)
    if len(classes) < 2:
        LOG.warning("Fewer than two labels have films of two groups: no cross-validated judgement of labels.")
        return Judged(classes, probabilities, suspicious)
    chosen = np.flatnonzero(np.isin(names, classes))
    given = np.searchsorted(classes, names[chosen])
    found = features((images[place] for place in chosen), len(chosen))
    judged = _held_out(found, given, truth[chosen], folds, seed)
    probabilities[chosen] = judged
    suspicious[chosen] = _issues(given, judged)
    return Judged(classes, probabilities, suspicious)


def features(images: Iterable[Pixels], count: int) -> npt.NDArray[np.float32]:
    """One row of numbers per prepared input (size, size, 3), of which there are ``count``."""
    rows = np.zeros((count, FEATURES), np.float32)
    for row, image in zip(rows, images, strict=True):
        row[:] = _features(np.asarray(image))
    return rows


def _features(image: Pixels) -> npt.NDArray[np.float32]:
    clahe = np.ascontiguousarray(image[..., CHANNELS.index("clahe")])
    original = np.ascontiguousarray(image[..., CHANNELS.index("original")])
    tones = np.bincount(original.ravel(), minlength=TONES).reshape(TONE_BINS, -1).sum(axis=1) / original.size
    bright = _shrink(clahe, THUMBNAIL).ravel() / 255
    return np.concatenate([bright, _edges(clahe), tones]).astype(np.float32)


def _edges(film: Gray) -> Numbers:
    """Square root of the share of edge strength in every cell and direction, (directions * cells * cells,)."""
    small = _shrink(film, EDGES_SIDE).astype(np.float32)
    strength, angle = cv2.cartToPolar(cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1))
    direction = (angle / np.pi * EDGE_DIRECTIONS).astype(int) % EDGE_DIRECTIONS
    cells = [_shrink(strength * (direction == number), EDGE_CELLS) for number in range(EDGE_DIRECTIONS)]
    stacked = np.stack(cells).ravel().astype(np.float64)
    return np.sqrt(stacked / max(stacked.sum(), 1e-6))


def _shrink(film: Any, side: int) -> Any:
    """A film (H, W) of any numbers averaged down to (side, side)."""
    return cv2.resize(film, (side, side), interpolation=cv2.INTER_AREA)


def _judgeable(labels: npt.NDArray[np.object_], groups: npt.NDArray[np.object_]) -> list[str]:
    """Labels with films of at least two groups, in order: one group can be held out only if another remains."""
    counts = pd.DataFrame({"label": labels, "group": groups}).groupby("label")["group"].nunique()
    rare = counts[counts < 2].index.tolist()
    if rare:
        LOG.warning("Labels with films of one group only are not judged: %s.", ", ".join(rare))
    return sorted(counts[counts >= 2].index)


def _held_out(
    rows: npt.NDArray[np.float32], given: npt.NDArray[np.intp], groups: npt.NDArray[np.object_], folds: int, seed: int
) -> Numbers:
    """Probabilities (N, K) of every film, from a model trained on other groups alone."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    least = min(len(np.unique(groups[given == label])) for label in np.unique(given))
    parts = StratifiedGroupKFold(min(folds, least), shuffle=True, random_state=seed)
    total = np.zeros((len(rows), int(given.max()) + 1))
    with threadpool_limits(1):  # the order of sums, and so the last digits, depend on the number of threads
        for whole, test in parts.split(np.zeros(len(rows)), given, groups):
            train = _some(whole, given, seed)
            model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=300))
            if len(np.unique(given[train])) < 2:
                total[np.ix_(test, np.unique(given[train]))] = 1.0
                continue
            model.fit(rows[train], given[train])
            for start in range(0, len(test), MOST_TRAINED):
                some = test[start : start + MOST_TRAINED]
                total[np.ix_(some, model.classes_)] = model.predict_proba(rows[some])
    return np.round(total, DIGITS)


def _some(places: npt.NDArray[np.intp], given: npt.NDArray[np.intp], seed: int) -> npt.NDArray[np.intp]:
    """At most ``MOST_TRAINED`` of the places of every label, drawn evenly; all where there are no more."""
    drawn = np.random.default_rng(seed).permutation(places)
    return np.sort(np.concatenate([drawn[given[drawn] == label][:MOST_TRAINED] for label in np.unique(given[places])]))


def _issues(given: npt.NDArray[np.intp], probabilities: Numbers) -> npt.NDArray[np.bool_]:
    """Cleanlab's mark: what two of its rules, by noise rate and by confident joint, agree on, and the model says."""
    from cleanlab.filter import find_label_issues

    marked = find_label_issues(given, probabilities, filter_by="both", n_jobs=1)
    return np.asarray(marked, bool) & (probabilities.argmax(axis=1) != given)
