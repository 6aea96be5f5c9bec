"""Random changes of a film together with its masks, as other scanners, sites and patients might show it."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.imaging.arrays import Gray

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """Ranges from which the changes of a film are drawn.

    Attributes:
        rotation_deg: maximum rotation in either direction (degrees).
        scale: (minimum, maximum) size of the film in the input; above 1, parts of the lungs are cut off.
        stretch: maximum change of the aspect ratio, as a factor.
        shift: maximum shift along each axis, as a share of the side.
        mirror: probability of mirroring.
    """

    rotation_deg: float = 15.0
    scale: tuple[float, float] = (0.75, 1.3)
    stretch: float = 1.15
    shift: float = 0.12
    mirror: float = 0.5


def change(
    film: Gray, masks: Sequence[Gray], size: int, rng: np.random.Generator, ranges: Change
) -> tuple[Gray, list[Gray]]:
    """Place a film and its masks in an input of side ``size`` by one random affine transform, and change its tones.

    Args:
        film: (H, W) uint8.
        masks: (H, W) uint8 each, 0 and 255.
        size: side of the results (px).
        rng: random generator; equal states give equal results.
        ranges: of the transform.

    Returns:
        The film (size, size) uint8 and its masks (size, size) uint8, 0 to 255. What is outside the film is plain: black
        or as its rim.
    """
    matrix = draw_matrix(film.shape, size, rng, ranges)
    border = cv2.BORDER_REPLICATE if rng.random() < 0.3 else cv2.BORDER_CONSTANT
    outside = float(rng.choice([0, 0, 0, 255]))
    moved = cv2.warpAffine(film, matrix, (size, size), borderMode=border, borderValue=(outside,))
    return change_tones(moved, rng), [cv2.warpAffine(mask, matrix, (size, size)) for mask in masks]


def draw_matrix(shape: tuple[int, ...], size: int, rng: np.random.Generator, ranges: Change) -> Matrix:
    """Draw a transform (2, 3) of the pixels of a film of ``shape`` to those of an input of side ``size``."""
    height, width = shape[:2]
    angle = np.deg2rad(rng.uniform(-ranges.rotation_deg, ranges.rotation_deg))
    zoom = np.exp(rng.uniform(*np.log(ranges.scale)))
    stretch = np.exp(rng.uniform(-1, 1) * np.log(ranges.stretch) / 2)
    flip = -1.0 if rng.random() < ranges.mirror else 1.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([flip * zoom * stretch * size / width, zoom / stretch * size / height])
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    target = (size - 1) / 2 + rng.uniform(-ranges.shift, ranges.shift, 2) * size
    return np.column_stack([linear, target - linear @ middle])


def change_tones(film: Gray, rng: np.random.Generator) -> Gray:
    """Other brightness, contrast and gamma; sometimes blur, grain, a shaded side, a bar or words on the film."""
    tones = np.arange(256) / 255
    curve = 255 * np.clip(tones * rng.uniform(0.6, 1.4) + rng.uniform(-0.2, 0.2), 0, 1) ** rng.uniform(0.5, 2.0)
    film = cv2.LUT(film, curve.astype(np.uint8))
    size = film.shape[0]
    if rng.random() < 0.2:
        film = cv2.GaussianBlur(film, (0, 0), rng.uniform(0.4, 1.5))
    if rng.random() < 0.2:
        shade = np.linspace(rng.uniform(0.5, 1), 1, size)
        shaded = (
            film
            * (shade if rng.random() < 0.5 else shade[::-1])[
                (None, slice(None)) if rng.random() < 0.5 else (slice(None), None)
            ]
        )
        film = shaded.astype(np.uint8)
    if rng.random() < 0.2:
        film = np.clip(film + rng.normal(0, rng.uniform(1, 10), film.shape), 0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        _bar(film, rng)
    if rng.random() < 0.25:
        place = (int(rng.uniform(0, 0.8) * size), int(rng.uniform(0.05, 1) * size))
        words = "".join(rng.choice(list("RLAP 0123456789:."), int(rng.integers(1, 12))))
        cv2.putText(film, words, place, cv2.FONT_HERSHEY_SIMPLEX, rng.uniform(0.2, 0.7), int(rng.choice([0, 255, 255])))
    return film


def _bar(film: Gray, rng: np.random.Generator) -> None:
    """Paint a plain bar along one side, as cropped screens and collimators leave it."""
    width = int(rng.uniform(0.02, 0.12) * film.shape[0])
    side = np.rot90(film, int(rng.integers(4)))  # a view
    side[:width] = int(rng.choice([0, 0, 255]))
