"""Find labels that a simple classifier, trained without the patient, disagrees with (confident learning).

A logistic regression on simple features of the prepared inputs is cross-validated over groups, so that no patient and
no exposure is on both sides. The rules of cleanlab then separate likely label errors from mere uncertainty (Northcutt
et al. 2021, "Confident Learning", doi:10.1613/jair.1.12125).

Limits: if most films with a label come from one source, the classifier also learns the style of that source, and
disagrees with films that do not look like it. The result is a list for a person to review, highest score first.
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

log = logging.getLogger(__name__)

Numbers = npt.NDArray[np.float64]

THUMBNAIL = 16  # side of the CLAHE channel (px): where a film is bright, regardless of its exposure
EDGES_SIDE, EDGE_DIRECTIONS, EDGE_CELLS = 64, 6, 8  # strength of edges by direction, in 8 x 8 cells
TONE_BINS = 32
FEATURES = THUMBNAIL**2 + EDGE_DIRECTIONS * EDGE_CELLS**2 + TONE_BINS
STRENGTH = 1e-3  # C of the regression: strongly regularized, because there are as many features as films
MOST_TRAINED = 10_000  # training films per label: more change the model little, but need twice their memory
TOO_FEW_LABELS = (
    "No classifier checks the labels: that needs two labels, each with films of at least two patients or studies."
)
LEAD = 0.05  # least lead of the predicted label over the given one: less is a tie
FEW_FILMS = 20  # a label with fewer films is learned too badly to contradict or to be contradicted
DIGITS = 4  # of probabilities; further ones depend on rounding in linear algebra


@dataclass(frozen=True)
class Predictions:
    """What the classifier predicts for N films.

    Attributes:
        classes: the K labels that it knows, sorted.
        probabilities: of each class, float64 (N, K), from a model trained without the film's group; NaN for films
            without a label or with one that is too rare.
        suspicious: whether the label is a likely error, bool (N,); never for a label of fewer than ``FEW_FILMS`` films,
            neither given nor predicted.
    """

    classes: list[str]
    probabilities: Numbers
    suspicious: npt.NDArray[np.bool_]


def cross_validate(
    images: Pixels, labels: "pd.Series[str]", groups: "pd.Series[str]", folds: int, seed: int
) -> Predictions:
    """Predict the label of each film by a model trained without its group, and find likely label errors.

    Args:
        images: prepared inputs, uint8 (N, size, size, 3), read once and one by one; may be a memory map.
        labels: label of each film; films without one take no part.
        groups: group of each film; groups are never divided.
        folds: number of folds; fewer if a label has fewer groups.
        seed: of the folds.
    """
    names, group_names = labels.astype(object).fillna("").to_numpy(), groups.astype(str).to_numpy()
    classes = _frequent_labels(names, group_names)
    probabilities = np.full((len(names), len(classes)), np.nan)
    suspicious = np.zeros(len(names), bool)
    if len(classes) < 2:
        log.warning(TOO_FEW_LABELS)
        return Predictions(classes, probabilities, suspicious)
    chosen = np.flatnonzero(np.isin(names, classes))
    given = np.searchsorted(classes, names[chosen])
    rows = features((images[place] for place in chosen), len(chosen))
    held_out = _held_out(rows, given, group_names[chosen], folds, seed)
    probabilities[chosen] = held_out
    suspicious[chosen] = _likely_errors(given, held_out) & ~_involves_few_films(classes, given, held_out)
    return Predictions(classes, probabilities, suspicious)


def features(images: Iterable[Pixels], count: int) -> npt.NDArray[np.float32]:
    """One row of numbers for each of ``count`` prepared inputs (size, size, 3)."""
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
    """Square root of the share of edge strength in each cell and direction, (directions * cells * cells,)."""
    small = _shrink(film, EDGES_SIDE).astype(np.float32)
    strength, angle = cv2.cartToPolar(cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1))
    direction = (angle / np.pi * EDGE_DIRECTIONS).astype(int) % EDGE_DIRECTIONS
    cells = [_shrink(strength * (direction == number), EDGE_CELLS) for number in range(EDGE_DIRECTIONS)]
    stacked = np.stack(cells).ravel().astype(np.float64)
    return np.sqrt(stacked / max(stacked.sum(), 1e-6))


def _shrink(film: Any, side: int) -> Any:
    """Average a film (H, W) of any number type down to (side, side)."""
    return cv2.resize(film, (side, side), interpolation=cv2.INTER_AREA)


def _frequent_labels(labels: npt.NDArray[np.object_], groups: npt.NDArray[np.object_]) -> list[str]:
    """Labels with films of at least two groups, sorted; of a single group none could be held out."""
    films = pd.DataFrame({"label": labels, "group": groups})
    counts = films[films["label"] != ""].groupby("label")["group"].nunique()
    rare = counts[counts < 2].index.tolist()
    if rare:
        log.warning("Labels with films of only one group are not cross-validated: %s.", ", ".join(rare))
    return sorted(counts[counts >= 2].index)


def _held_out(
    rows: npt.NDArray[np.float32], given: npt.NDArray[np.intp], groups: npt.NDArray[np.object_], folds: int, seed: int
) -> Numbers:
    """Probabilities (N, K) of each film, from a model trained on other groups only."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    least = min(len(np.unique(groups[given == label])) for label in np.unique(given))
    parts = StratifiedGroupKFold(min(folds, least), shuffle=True, random_state=seed)
    total = np.zeros((len(rows), int(given.max()) + 1))
    with threadpool_limits(1):  # more threads would change the order of sums, and so the last digits
        for whole, test in parts.split(np.zeros(len(rows)), given, groups):
            train = _sample(whole, given, seed)
            model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=300))
            if len(np.unique(given[train])) < 2:
                total[np.ix_(test, np.unique(given[train]))] = 1.0
                continue
            model.fit(rows[train], given[train])
            for start in range(0, len(test), MOST_TRAINED):
                some = test[start : start + MOST_TRAINED]
                total[np.ix_(some, model.classes_)] = model.predict_proba(rows[some])
    return np.round(total, DIGITS)


def _sample(places: npt.NDArray[np.intp], given: npt.NDArray[np.intp], seed: int) -> npt.NDArray[np.intp]:
    """A random sample of at most ``MOST_TRAINED`` places of each label."""
    mixed = np.random.default_rng(seed).permutation(places)
    return np.sort(np.concatenate([mixed[given[mixed] == label][:MOST_TRAINED] for label in np.unique(given[places])]))


def _likely_errors(given: npt.NDArray[np.intp], probabilities: Numbers) -> npt.NDArray[np.bool_]:
    """Labels that both rules of cleanlab (by noise rate, by confident joint) and a clear prediction call wrong."""
    from cleanlab.filter import find_label_issues

    marked = find_label_issues(given, probabilities, filter_by="both", n_jobs=1)
    lead = probabilities.max(axis=1) - probabilities[np.arange(len(given)), given]
    return np.asarray(marked, bool) & (np.round(lead, DIGITS) >= LEAD)


def _involves_few_films(
    classes: list[str], given: npt.NDArray[np.intp], probabilities: Numbers
) -> npt.NDArray[np.bool_]:
    """Films whose given or predicted label has fewer than ``FEW_FILMS`` films."""
    few = np.bincount(given, minlength=len(classes)) < FEW_FILMS
    if few.any():
        names = ", ".join(np.array(classes)[few])
        log.warning("The model contradicts no labels with fewer than %d films: %s.", FEW_FILMS, names)
    return np.asarray(few[given] | few[probabilities.argmax(axis=1)], bool)
