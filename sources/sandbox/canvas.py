"""Drawing in body coordinates: curves, filled shapes and strokes as soft masks, and random textures.

The inner chest spans x from -1 to 1, with the patient's left at +1, as films are hung. y is 0 at the hila and grows
downward. A :class:`Canvas` maps these coordinates to pixels.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

Map = np.ndarray  # (H, W) float32
Points = Sequence[tuple[float, float]] | np.ndarray
SUBPIXEL = 4  # fractional bits of a pixel position in OpenCV's drawing functions


@dataclass(frozen=True)
class Canvas:
    """A picture area and the position of the body on it.

    Attributes:
        height, width: pixels.
        matrix: (2, 3) affine map from body coordinates to pixels.
    """

    height: int
    width: int
    matrix: np.ndarray

    @classmethod
    def placed(
        cls, height: int, width: int, unit: float, center: tuple[float, float], degrees: float = 0.0
    ) -> "Canvas":
        """A canvas with ``unit`` pixels per body unit, and the body's origin at ``center`` (in shares of the size)."""
        cosine, sine = unit * np.cos(np.radians(degrees)), unit * np.sin(np.radians(degrees))
        return cls(height, width, np.array([[cosine, -sine, center[0] * width], [sine, cosine, center[1] * height]]))

    @property
    def unit(self) -> float:
        """Pixels per body unit."""
        return float(np.hypot(self.matrix[0, 0], self.matrix[1, 0]))

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    def pixels(self, points: Points) -> np.ndarray:
        """Pixel positions of body points, (N, 2) float64."""
        return np.asarray(points, float) @ self.matrix[:, :2].T + self.matrix[:, 2]

    def fill(self, *shapes: Points, soft: float = 0.006) -> np.ndarray:
        """Mask of closed shapes, (H, W) float32 from 0 to 1, with edges blurred by ``soft`` units."""
        mask = np.zeros(self.shape, np.uint8)
        for shape in shapes:
            cv2.fillPoly(mask, [self._fixed(shape)], 255, cv2.LINE_AA, SUBPIXEL)
        return self.blur(mask.astype(np.float32) / 255, soft)

    def stroke(self, lines: Iterable[Points], width: float, soft: float = 0.004) -> np.ndarray:
        """Mask of open lines, (H, W) float32 from 0 to 1; lines narrower than a pixel become fainter instead."""
        mask = np.zeros(self.shape, np.uint8)
        pixels = width * self.unit
        strength = int(255 * min(1.0, max(pixels, 0.15)))
        fixed = [self._fixed(line) for line in lines]
        cv2.polylines(mask, fixed, False, strength, max(1, round(pixels)), cv2.LINE_AA, SUBPIXEL)
        return self.blur(mask.astype(np.float32) / 255, soft)

    def discs(self, centers: Points, radius: float, soft: float = 0.004) -> np.ndarray:
        """Mask of filled circles, (H, W) float32 from 0 to 1."""
        mask = np.zeros(self.shape, np.uint8)
        for x, y in self._fixed(centers):
            cv2.circle(mask, (int(x), int(y)), round(radius * self.unit * 2**SUBPIXEL), 255, -1, cv2.LINE_AA, SUBPIXEL)
        return self.blur(mask.astype(np.float32) / 255, soft)

    def blur(self, image: np.ndarray, sigma: float) -> np.ndarray:
        """``image`` blurred by ``sigma`` units."""
        return blurred(image, sigma * self.unit)

    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """Body coordinates (x, y) of every pixel, (H, W) float32 each."""
        inverse = cv2.invertAffineTransform(self.matrix)
        columns = np.arange(self.width, dtype=np.float32)[None, :]
        rows = np.arange(self.height, dtype=np.float32)[:, None]
        x = inverse[0, 0] * columns + inverse[0, 1] * rows + inverse[0, 2]
        y = inverse[1, 0] * columns + inverse[1, 1] * rows + inverse[1, 2]
        return x.astype(np.float32), y.astype(np.float32)

    def _fixed(self, points: Points) -> np.ndarray:
        return np.round(self.pixels(points) * 2**SUBPIXEL).astype(np.int32)


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur by ``sigma`` pixels; wide blurs work on a smaller picture, which is faster."""
    if sigma < 0.3:
        return image
    if sigma <= 6:
        return cv2.GaussianBlur(image, (0, 0), sigma)
    height, width = image.shape
    factor = sigma / 4
    small = cv2.resize(image, (max(8, round(width / factor)), max(8, round(height / factor))), None, 0, 0, 3)
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), 4), (width, height), None, 0, 0, cv2.INTER_CUBIC)


def smooth(points: Points, closed: bool = False, steps: int = 8) -> np.ndarray:
    """Catmull-Rom curve through ``points`` ``steps`` positions per segment; a repeated point makes a corner."""
    knots = np.asarray(points, float)
    ends = (knots[-1:], knots[:2]) if closed else (knots[:1], knots[-1:])
    padded = np.vstack([ends[0], knots, ends[1]])
    a, b, c, d = (padded[i : len(padded) - 3 + i, None, :] for i in range(4))
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return np.vstack([curve.reshape(-1, 2), knots[:1] if closed else knots[-1:]])


def ellipse(x: float, y: float, width: float, height: float, degrees: float = 0.0, points: int = 40) -> np.ndarray:
    """Outline of an ellipse with half axes ``width`` and ``height``, (N, 2)."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    tilt = np.radians(degrees)
    along, across = width * np.cos(angle), height * np.sin(angle)
    return np.column_stack(
        [x + along * np.cos(tilt) - across * np.sin(tilt), y + along * np.sin(tilt) + across * np.cos(tilt)]
    )


def field(rng: np.random.Generator, shape: tuple[int, int], cells: float) -> np.ndarray:
    """Smooth random texture with ``cells`` cells along the longer side, (H, W) float32, about standard normal."""
    height, width = shape
    scale = cells / max(shape)
    size = (max(2, round(height * scale)) + 3, max(2, round(width * scale)) + 3)
    coarse = rng.standard_normal(size, dtype=np.float32)
    return cv2.resize(coarse, (width, height), None, 0, 0, cv2.INTER_CUBIC) * 1.35


def clouds(rng: np.random.Generator, shape: tuple[int, int], cells: float, octaves: int = 3) -> np.ndarray:
    """Sum of textures, each twice as fine and half as strong as the last, (H, W) float32, about standard normal."""
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        total += field(rng, shape, cells * 2**octave) * np.float32(0.55**octave)
    return total / np.float32(np.sqrt(sum(0.55 ** (2 * octave) for octave in range(octaves))))
