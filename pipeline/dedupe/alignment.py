"""Align two films: find, refine and check the affine map from one to the other.

One film has four pictures, and each map names the two it connects (px, pixel centers at whole numbers):

- *pool*: the picture in the pool;
- *box*: the part of it inside plain borders;
- *small*: the box, with its long side at most 256 px, which is compared;
- *frame*: the box, with its long side exactly 256 px, in which features are detected.

A map is a (3, 3) float64 matrix that turns (x, y, 1) of one picture into that of the other.
"""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.dedupe.features import Points, frame_size
from pipeline.dedupe.films import MeasuredFilm
from pipeline.imaging.arrays import Gray

Matrix: TypeAlias = npt.NDArray[Any]  # float64 (3, 3)
Plane: TypeAlias = npt.NDArray[Any]  # float32 (H, W)

MAX_MATCH_BITS = 80  # of 256; descriptors that differ in more bits do not match
LOOSE, TIGHT = 8.0, 2.0  # largest error of a match that follows a movement, before and after refining (px in the frame)
MIN_INLIERS = 8  # fewer matches do not determine a movement
MIN_SCALE, MAX_SCALE = 1 / 6, 6.0
MAX_STRETCH = 1.65  # ratio of the scales in two directions; public sets stretch films of up to 1.6 to squares
STEPS, STEP_SIZE = 15, 1e-4  # the refinement stops after so many steps, or at so small a gain in correlation
FIRST_STEPS = 3  # of the refinement, after which it goes on only if the films have come to look alike
PROMISING = 0.5  # correlation after them; all copies among 755 real films reach 0.84, most strangers stay below 0.4
RIM = 3  # pixels at the rim of the overlap that are not compared


@dataclass(frozen=True)
class Change:
    """What to do to the second film before it looks like the first."""

    mirrored: bool = False
    inverted: bool = False

    def then(self, other: "Change") -> "Change":
        """Combine two changes, one after the other."""
        return Change(self.mirrored != other.mirrored, self.inverted != other.inverted)


def apply_change(small: Gray, change: Change) -> Gray:
    """Apply ``change`` to a picture, (H, W) uint8."""
    turned = np.ascontiguousarray(small[:, ::-1]) if change.mirrored else small
    return np.bitwise_not(turned) if change.inverted else turned


def changed_points(film: MeasuredFilm, change: Change) -> Points:
    """Features of a film as they would be detected after ``change``."""
    points = film.points
    places, bits = points.places, points.mirrored if change.mirrored else points.bits
    if change.mirrored:
        width = frame_size(*film.box[2:])[0]
        places = np.stack([width - 1 - places[:, 0], places[:, 1]], axis=1)
    return Points(places, points.levels, np.bitwise_not(bits) if change.inverted else bits, points.mirrored)


def match(a: Points, b: Points) -> Matrix | None:
    """Find the map, frame to frame, that most matching features of ``a`` and ``b`` follow.

    The first estimate is a rotation, scale and shift, for which two matches are enough. Then the matches that roughly
    agree with it give the best affine map, since printed pictures are often stretched.

    Returns:
        The map, or None if too few features match or agree.

    Source: Fischler and Bolles, Random sample consensus, CACM 24 (1981) 381-395.
    """
    if min(len(a), len(b)) < MIN_INLIERS:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(a.bits, b.bits)
    near = [(pair.queryIdx, pair.trainIdx) for pair in pairs if pair.distance < MAX_MATCH_BITS]
    if len(near) < MIN_INLIERS:
        return None
    left, right = (list(numbers) for numbers in zip(*near, strict=True))
    a_places, b_places = a.places[left], b.places[right]
    _, inliers = cv2.estimateAffinePartial2D(a_places, b_places, ransacReprojThreshold=LOOSE)
    if inliers is None or int(inliers.sum()) < MIN_INLIERS:
        return None
    kept = inliers.ravel() > 0
    affine, inliers = cv2.estimateAffine2D(a_places[kept], b_places[kept], ransacReprojThreshold=TIGHT)
    return None if affine is None or int(inliers.sum()) < MIN_INLIERS else _to_square(affine)


def refine(pattern: Plane, other: Plane, mask: Gray) -> Matrix | None:
    """Find the map that brings ``other`` onto ``pattern`` more exactly, by the enhanced correlation coefficient.

    Args:
        pattern, other: (H, W) float32, already roughly aligned.
        mask: (H, W) uint8, not 0 where they are compared.

    Returns:
        The map; the identity if it cannot be improved, and None if the first steps lead nowhere.

    Source: Evangelidis and Psarakis, IEEE TPAMI 30 (2008) 1858-1865.
    """
    try:
        correlation, _ = _climb(pattern, other, mask, FIRST_STEPS)
        if correlation < PROMISING:
            return None
        return _to_square(_climb(pattern, other, mask, STEPS)[1])
    except cv2.error:  # it does not converge on pictures that have nothing in common
        return np.eye(3)


def _climb(pattern: Plane, other: Plane, mask: Gray, steps: int) -> tuple[float, npt.NDArray[Any]]:
    """The correlation that so many steps from the identity reach, and the affine map (2, 3)."""
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, steps, STEP_SIZE)
    identity = np.eye(2, 3, dtype=np.float32)
    correlation, affine = cv2.findTransformECC(pattern, other, identity, cv2.MOTION_AFFINE, stop, mask, 3)
    return correlation, affine


def is_plausible(matrix: Matrix) -> bool:
    """Whether one film could have been made from the other by cropping, resizing and a slight rotation."""
    if not np.isfinite(matrix).all() or np.linalg.det(matrix[:2, :2]) <= 0:
        return False
    scales = np.linalg.svd(matrix[:2, :2], compute_uv=False)
    return bool(scales[1] > MIN_SCALE and scales[0] < MAX_SCALE and scales[0] < MAX_STRETCH * scales[1])


def warp(film: Plane, matrix: Matrix, shape: tuple[int, ...]) -> tuple[Plane, Gray]:
    """Resample a film on the pixel grid of another.

    Args:
        film: (h, w) float32.
        matrix: map from the grid to ``film``.
        shape: height and width of the grid.

    Returns:
        The film on the grid, (H, W) float32, and the mask of what it covers without a rim, (H, W) uint8.
    """
    size = (shape[1], shape[0])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    resampled = cv2.warpAffine(film, matrix[:2], size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    covered = np.full(film.shape, 255, np.uint8)
    mask = cv2.warpAffine(covered, matrix[:2], size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    mask[[0, -1]], mask[:, [0, -1]] = 0, 0
    return resampled, cv2.erode(mask, np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8))


def overlap_area(matrix: Matrix, a_shape: tuple[int, ...], b_shape: tuple[int, ...]) -> float:
    """Area of the part of a picture that lies on another, in pixels of the first.

    Args:
        matrix: map from the first to the second.
        a_shape, b_shape: their heights and widths (px).
    """
    back = np.linalg.inv(matrix)
    b_corners = _corners(b_shape) @ back[:2, :2].T + back[:2, 2]
    return float(cv2.intersectConvexConvex(_corners(a_shape).astype(np.float32), b_corners.astype(np.float32))[0])


def shared_area(a: MeasuredFilm, b: MeasuredFilm, transform: Matrix) -> float:
    """Share of the smaller film that lies on the other, from a map between their pool pictures."""
    shapes = [(height, width) for _, _, width, height in (a.box, b.box)]
    a_area = overlap_area(pool_to_box(b) @ transform @ np.linalg.inv(pool_to_box(a)), *shapes)
    b_area = a_area * abs(float(np.linalg.det(transform[:2, :2])))
    return max(a_area / math.prod(shapes[0]), b_area / math.prod(shapes[1]))


def scaling(x: float, y: float) -> Matrix:
    """Scale a picture; pixel centers stay pixel centers."""
    return np.array([[x, 0, 0.5 * x - 0.5], [0, y, 0.5 * y - 0.5], [0, 0, 1]])


def frame_to_small(film: MeasuredFilm) -> Matrix:
    """Map from a film's frame to its small picture."""
    width, height = frame_size(*film.box[2:])
    return scaling(film.small.shape[1] / width, film.small.shape[0] / height)


def pool_to_small(film: MeasuredFilm) -> Matrix:
    """Map from a film's pool picture to its small picture."""
    return scaling(film.small.shape[1] / film.box[2], film.small.shape[0] / film.box[3]) @ pool_to_box(film)


def pool_to_box(film: MeasuredFilm) -> Matrix:
    """Map from a film's pool picture to its box."""
    return np.array([[1.0, 0, -film.box[0]], [0, 1, -film.box[1]], [0, 0, 1]])


def mirror_in_pool(film: MeasuredFilm) -> Matrix:
    """Map that mirrors a pool picture left to right, around the middle of the film's box."""
    return np.array([[-1.0, 0, 2 * film.box[0] + film.box[2] - 1], [0, 1, 0], [0, 0, 1]])


def _to_square(affine: npt.NDArray[Any]) -> Matrix:
    """Add the third row to an affine map (2, 3) from OpenCV."""
    return np.vstack([affine.astype(np.float64), [0.0, 0.0, 1.0]])


def _corners(shape: tuple[int, ...]) -> Matrix:
    height, width = shape
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64) - 0.5
