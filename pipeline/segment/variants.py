"""Variants of an input: a network that is sure of the lungs finds the same ones in all of them."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.imaging.arrays import Gray

Maps = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Variant:
    """A small change of an input.

    Attributes:
        mirrored: whether left and right are exchanged.
        rotation_deg: rotation about the center (degrees).
        scale: size of the film in the variant; below 1, the rim is repeated around it.
        gamma: exponent of the tones.
    """

    mirrored: bool = False
    rotation_deg: float = 0.0
    scale: float = 1.0
    gamma: float = 1.0

    def apply(self, film: Gray) -> Gray:
        """The variant of an input (size, size) uint8."""
        size = film.shape[0]
        moved = cv2.warpAffine(film, self._matrix(size), (size, size), borderMode=cv2.BORDER_REPLICATE)
        curve = 255 * (np.arange(256) / 255) ** self.gamma
        return np.asarray(cv2.LUT(moved, np.rint(curve).astype(np.uint8)), np.uint8)

    def undo(self, probabilities: Maps) -> Maps:
        """Probabilities (size, size) of the variant, as those of the input itself."""
        size = probabilities.shape[0]
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        moved = cv2.warpAffine(probabilities, self._matrix(size), (size, size), flags=flags)
        return np.asarray(moved, np.float32)

    def _matrix(self, size: int) -> npt.NDArray[np.float64]:
        middle = (size - 1) / 2
        matrix = np.asarray(cv2.getRotationMatrix2D((middle, middle), self.rotation_deg, self.scale), np.float64)
        if self.mirrored:
            matrix[:, 2] += matrix[:, 0] * (size - 1)
            matrix[:, 0] *= -1
        return matrix


VARIANTS = (
    Variant(),
    Variant(mirrored=True),
    Variant(scale=0.88, gamma=0.7),
    Variant(rotation_deg=5.0, scale=0.94, gamma=1.5),
)


def agreement(maps: Maps, mask: Gray) -> float:
    """How well the variants agree on a mask: the mean Dice of each with it, 0 to 1; 0 for an empty mask.

    Args:
        maps: probabilities of the variants (N, size, size).
        mask: (size, size) bool.
    """
    if not mask.any():
        return 0.0
    return float(np.mean([dice(each > 0.5, mask) for each in maps]))


def dice(first: Gray, second: Gray) -> float:
    """Twice the common area over the sum of the areas, of bool masks; 1 for two empty ones."""
    total = int(np.count_nonzero(first)) + int(np.count_nonzero(second))
    return 2 * int(np.count_nonzero(first & second)) / total if total else 1.0
