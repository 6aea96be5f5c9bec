"""What a picture shows, from the picture alone: a frontal chest film, a lateral one, or something else.

A small ensemble of networks on edge directions and gray levels of a 64 x 64 thumbnail; ``weights/views.npz`` was
trained by ``training/classifiers/views.py``, docs/view-model-card.md says on what and how well. NumPy and OpenCV only.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.classifiers.networks import Networks, Vectors, shipped
from pipeline.classifiers.thumbnails import Thumbnails, features, thumbnail
from pipeline.imaging.arrays import Gray

CLASSES = ("frontal", "lateral", "other")
SURE = 0.75  # least probability of a frontal film: one that is left out is seen by a person, a CT slice among them not


@dataclass(frozen=True)
class ViewModel:
    """Networks that tell :data:`CLASSES` from the features of a thumbnail."""

    networks: Networks

    def probabilities(self, thumbnails: Thumbnails, aspects: npt.ArrayLike) -> Vectors:
        """Probability of each of :data:`CLASSES`, float32 (N, 3): mean over the picture and its mirror image.

        Args:
            thumbnails: uint8 (N, 64, 64); ``aspects``: width / height of the pictures (N,).
        """
        aspects = np.asarray(aspects, np.float32)
        both = [self.networks.probabilities(features(seen, aspects)) for seen in (thumbnails, thumbnails[:, :, ::-1])]
        return np.asarray(np.mean(both, axis=0), np.float32)


def called(scores: Vectors, sure: float = SURE) -> npt.NDArray[np.intp]:
    """Class number of each row of probabilities (N, 3).

    Frontal where that is the likeliest class and at least ``sure``, else the likelier of the others.
    """
    others = 1 + scores[:, 1:].argmax(axis=1)
    is_frontal = (scores[:, 0] >= scores[:, 1:].max(axis=1)) & (scores[:, 0] >= sure)
    return np.asarray(np.where(is_frontal, CLASSES.index("frontal"), others), np.intp)


def classify(gray: Gray) -> tuple[str, float]:
    """(class, probability) of one picture, uint8 (H, W)."""
    thumb, aspect = thumbnail(gray)
    scores = shipped_model().probabilities(thumb[None], [aspect])
    found = int(called(scores)[0])
    return CLASSES[found], float(scores[0, found])


def shipped_model() -> ViewModel:
    """The model that comes with the package."""
    return ViewModel(shipped("views"))
