"""How a film was saved: rotated by quarter turns, as a negative, or mirrored; and how to undo the first two.

Rotation and inversion are undone, since the right way up is never in doubt. A mirrored film is only flagged: some
hearts do lie on the right, and laterality is for a person to settle. Small networks on the thumbnail decide
(``weights/upright.npz`` and ``weights/side.npz``, trained by ``training/classifiers/upright.py``; accuracy in
docs/quality-model-card.md). If they are not confident, the film stays as it came.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.classifiers.networks import Networks, Vectors
from pipeline.classifiers.thumbnails import features, mirrored, thumbnail
from pipeline.classifiers.views import CLASSES
from pipeline.imaging.arrays import Gray
from pipeline.imaging.borders import without_border

ROTATIONS = (0, 90, 180, 270)  # degrees clockwise by which the film was saved rotated
STATES = tuple((rotation, inverted) for inverted in (False, True) for rotation in ROTATIONS)
MIRRORED_STATES = tuple(STATES.index((-rotation % 360, inverted)) for rotation, inverted in STATES)
MIN_PROBABILITY = 0.7  # of a state that is undone
MIN_MIRRORED = 0.5  # probability


@dataclass(frozen=True)
class Orientation:
    """How a film was saved.

    Attributes:
        rotation: degrees clockwise by which it was rotated: 0 | 90 | 180 | 270.
        inverted: whether it was a negative.
        mirrored: whether left and right look exchanged; only frontal films can be mirrored, others are always False.
        score: probability of this rotation and inversion together.
        mirrored_score: probability that it is mirrored.
    """

    rotation: int
    inverted: bool
    mirrored: bool
    score: float
    mirrored_score: float


def detect_orientation(gray: Gray, views: Networks, upright: Networks, side: Networks) -> Orientation:
    """Detect how a picture was saved.

    Args:
        gray: (H, W) uint8 without plain borders.
        views: networks over :data:`pipeline.classifiers.views.CLASSES`.
        upright: networks over :data:`STATES`.
        side: networks over (as it should be, mirrored).
    """
    vectors = features_both_ways(gray)
    scores = state_scores(upright, vectors)
    best = int(np.argmax(scores))
    if scores[best] < MIN_PROBABILITY:
        best = 0
    rotation, inverted = STATES[best]
    if best:
        vectors = features_both_ways(set_upright(gray, rotation, inverted))
    mirrored_score = mirrored_probability(side, vectors)
    is_mirrored = mirrored_score >= MIN_MIRRORED and is_frontal(views, vectors)
    return Orientation(rotation, inverted, is_mirrored, float(scores[best]), mirrored_score)


def detect_and_set_upright(gray: Gray, views: Networks, upright: Networks, side: Networks) -> tuple[Gray, Orientation]:
    """Detect how a picture, (H, W) uint8 with or without plain borders, was saved, and undo it.

    Returns:
        The picture upright and positive, and how it was saved.
    """
    orientation = detect_orientation(without_border(gray), views, upright, side)
    return set_upright(gray, orientation.rotation, orientation.inverted), orientation


def set_upright(gray: Gray, rotation: int, inverted: bool) -> Gray:
    """Undo a clockwise ``rotation`` (degrees, a multiple of 90) and an inversion."""
    upright = np.rot90(gray, rotation // 90)  # counter-clockwise
    return np.ascontiguousarray(np.bitwise_not(upright) if inverted else upright)


def features_both_ways(gray: Gray) -> Vectors:
    """Features of the picture and of its mirror image, float32 (2, D)."""
    small, aspect = thumbnail(gray)
    vectors = features(small[None], np.array([aspect], np.float32))
    return np.concatenate([vectors, mirrored(vectors)])


def state_scores(upright: Networks, vectors: Vectors) -> Vectors:
    """Probability of each of :data:`STATES`, float32 (8,), from :func:`features_both_ways`."""
    plain, turned = upright.probabilities(vectors)
    return np.asarray((plain + turned[list(MIRRORED_STATES)]) / 2, np.float32)


def is_frontal(views: Networks, vectors: Vectors) -> bool:
    """Whether a film is rather frontal than anything else, from :func:`features_both_ways`."""
    return float(views.probabilities(vectors)[:, CLASSES.index("frontal")].mean()) >= 0.5


def mirrored_probability(side: Networks, vectors: Vectors) -> float:
    """Probability that an upright film is mirrored, from :func:`features_both_ways`."""
    plain, turned = side.probabilities(vectors)
    return float(plain[1] + turned[0]) / 2
