"""What a picture shows, judging by its pixels alone: a frontal chest film, a lateral one, or something else.

A small ensemble of networks works on edge directions and gray levels of a 64 x 64 thumbnail (``weights/views.npz``,
trained by ``training/classifiers/views.py``; training data and accuracy in docs/view-model-card.md).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.classifiers.networks import Networks, Vectors, shipped
from pipeline.classifiers.thumbnails import Thumbnails, features, thumbnail
from pipeline.imaging.arrays import Gray

CLASSES = ("frontal", "lateral", "other")
# Minimum probability to accept a film as frontal: a missed film still reaches a reviewer, an accepted CT slice does not
MIN_FRONTAL = 0.75


@dataclass(frozen=True)
class ViewModel:
    """Networks over :data:`CLASSES` that work on thumbnails."""

    networks: Networks

    def probabilities(self, thumbnails: Thumbnails, aspects: npt.ArrayLike) -> Vectors:
        """Probability of each of :data:`CLASSES`, averaged over the picture and its mirror image, float32 (N, 3).

        Args:
            thumbnails: uint8 (N, 64, 64).
            aspects: width / height of the pictures, (N,).
        """
        aspects = np.asarray(aspects, np.float32)
        both = [self.networks.probabilities(features(each, aspects)) for each in (thumbnails, thumbnails[:, :, ::-1])]
        return np.asarray(np.mean(both, axis=0), np.float32)


def predict(scores: Vectors, min_frontal: float = MIN_FRONTAL) -> npt.NDArray[np.intp]:
    """Index into :data:`CLASSES` for each row of probabilities (N, 3).

    Frontal if that is the most likely class and at least ``min_frontal`` probable; else the more likely of the others.
    """
    others = 1 + scores[:, 1:].argmax(axis=1)
    is_frontal = (scores[:, 0] >= scores[:, 1:].max(axis=1)) & (scores[:, 0] >= min_frontal)
    return np.asarray(np.where(is_frontal, CLASSES.index("frontal"), others), np.intp)


def classify(gray: Gray) -> tuple[str, float]:
    """Class and its probability of one picture, (H, W) uint8."""
    thumb, aspect = thumbnail(gray)
    scores = shipped_model().probabilities(thumb[None], [aspect])
    predicted = int(predict(scores)[0])
    return CLASSES[predicted], float(scores[0, predicted])


def shipped_model() -> ViewModel:
    """The model that comes with the package."""
    return ViewModel(shipped("views"))
