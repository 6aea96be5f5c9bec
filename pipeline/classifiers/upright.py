"""How a film was saved: turned by quarters, as a negative, mirrored; and the film set right again.

Turned films and negatives are put right, since only one way can be meant; a mirrored one is only flagged, because
hearts do lie on the right, and because laterality is for a person to settle. Small networks on the thumbnail
(``weights/upright.npz``, ``weights/side.npz``; ``training/classifiers/upright.py``, docs/quality-model-card.md) judge;
whatever they are not sure of stays as it came.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.classifiers.networks import Networks, Vectors
from pipeline.classifiers.thumbnails import features, thumbnail
from pipeline.classifiers.views import CLASSES
from pipeline.imaging.arrays import Gray

TURNS = (0, 90, 180, 270)  # degrees clockwise by which the film stands turned
STATES = tuple((turn, negative) for negative in (False, True) for turn in TURNS)
MIRRORED_STATES = tuple(STATES.index((-turn % 360, negative)) for turn, negative in STATES)
SURE = 0.7  # least probability of a state that is put right
SIDE_SURE = 0.5


@dataclass(frozen=True)
class Stand:
    """How a film was saved.

    Attributes:
        rotation: degrees clockwise by which it stood turned: 0 | 90 | 180 | 270.
        inverted: it was a negative.
        mirrored: left and right look exchanged, on a frontal film; on others it cannot be told.
        score: probability of rotation and negative together; mirrored_score: that it is mirrored.
    """

    rotation: int
    inverted: bool
    mirrored: bool
    score: float
    mirrored_score: float


def judge(gray: Gray, views: Networks, upright: Networks, side: Networks) -> Stand:
    """Tell how a picture without plain border, uint8 (H, W), was saved."""
    both = two_vectors(gray)
    scores = state_scores(upright, both)
    best = int(np.argmax(scores))
    if scores[best] < SURE:
        best = 0
    turn, negative = STATES[best]
    if best:
        both = two_vectors(put_right(gray, turn, negative))
    frontal = float(views.probabilities(both)[:, CLASSES.index("frontal")].mean())
    mirrored = float(side_scores(side, both))
    return Stand(turn, negative, frontal >= 0.5 and mirrored >= SIDE_SURE, float(scores[best]), mirrored)


def put_right(gray: Gray, rotation: int, inverted: bool) -> Gray:
    """The picture turned back and made positive again."""
    turned = np.rot90(gray, rotation // 90)  # counter-clockwise
    return np.ascontiguousarray(np.bitwise_not(turned) if inverted else turned)


def two_vectors(gray: Gray) -> Vectors:
    """Features of the picture and of its mirror image, float32 (2, D)."""
    small, aspect = thumbnail(gray)
    return features(np.stack([small, small[:, ::-1]]), np.full(2, aspect, np.float32))


def state_scores(upright: Networks, both: Vectors) -> Vectors:
    """Probability of each of ``STATES``, float32 (8,), from the picture and from its mirror image."""
    plain, mirrored = upright.probabilities(both)
    return np.asarray((plain + mirrored[list(MIRRORED_STATES)]) / 2, np.float32)


def side_scores(side: Networks, both: Vectors) -> float:
    """Probability that an upright film is mirrored."""
    plain, mirrored = side.probabilities(both)
    return float(plain[1] + mirrored[0]) / 2
