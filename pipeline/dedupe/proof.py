"""Proof by geometry that two films show one exposure: align them, then compare the fine detail where they overlap.

Two exposures of one chest never agree in fine detail (ribs, vessels, grain) over the whole overlap under one affine
map; copies of one exposure do, whatever was done to size, frame, tones and compression. The measure is the median
over places of the local correlation of band-passed, locally normalised pictures: printed letters that two films share,
or an arrow drawn on one of them, touch few places and do not move a median.
"""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.dedupe.features import Points, frame_size
from pipeline.dedupe.films import Film
from pipeline.dedupe.geometry import Matrix, overlap_area, scaling, square
from pipeline.imaging.arrays import Gray

Plane: TypeAlias = npt.NDArray[Any]  # float32 (H, W)

MATCH_BITS = 80  # descriptors that differ in more bits of 256 are no match
LOOSE, TIGHT = 8.0, 2.0  # a match agrees with a movement that misses it by less (px in the frame)
LEAST_INLIERS = 8  # fewer matches say nothing of the movement
FINE, COARSE = 0.6, 2.5  # the band of detail (px)
EVEN = 33  # side of the window in which its contrast is evened out (px)
WIDE = 129  # side of the window that tells how much detail is usual (px)
DRAWN = 3.0  # times the usual detail: no vessel has more
NOISE_FLOOR = 1.0  # gray levels
CLIP = 1.5  # detail beyond so many local deviations is a drawn line
PLACE = 27  # side of the window of the local correlation (px)
TEXTURED = 0.15  # mean square of detail from which a place shows something
RIM = 3  # pixels at the rim of the overlap that are not compared
LEAST_PIXELS = 400
LEAST_TEXTURED = 0.1  # share of the overlap
HOPELESS = 0.12  # correlation before refining from which no refinement leads to a proof
STEPS, STEP_SIZE = 15, 1e-4
LEAST_SCALE, MOST_SCALE = 1 / 6, 6.0
MOST_STRETCH = 1.3  # between the two directions
DISAGREEING = 0.5  # a place with less local correlation carries another drawing


@dataclass(frozen=True)
class Change:
    """What has to be done to the second film before it looks like the first."""

    mirrored: bool = False
    inverted: bool = False

    def then(self, other: "Change") -> "Change":
        """Both changes, one after the other."""
        return Change(self.mirrored != other.mirrored, self.inverted != other.inverted)


@dataclass(frozen=True, eq=False)
class Proof:
    """How far two films agree.

    Attributes:
        similarity: median local correlation of fine detail on the overlap, -1 to 1.
        a_overlap, b_overlap: share of each film that the overlap covers.
        transform: (3, 3), pool pixels of the first film to pool pixels of the second, mirroring included.
        scale: pool pixels of the second per pool pixel of the first.
        disagreeing: share of the overlap whose drawing differs.
        tone: mean difference of gray levels on the overlap that no difference of size explains.
        change: mirrored, inverted.
    """

    similarity: float
    a_overlap: float
    b_overlap: float
    transform: Matrix
    scale: float
    disagreeing: float
    tone: float
    change: Change

    @property
    def overlap(self) -> float:
        """Share of the smaller film that the overlap covers."""
        return max(self.a_overlap, self.b_overlap)


def prove(a: Film, b: Film, change: Change) -> Proof | None:
    """Align ``b``, changed, to ``a`` by their features and compare; None where they cannot show one exposure."""
    by_features = match(a.points, changed_points(b, change))
    if by_features is None:
        return None
    return _prove_from(a, b, change, _to_small(b) @ by_features @ np.linalg.inv(_to_small(a)))


def prove_whole(a: Film, b: Film, change: Change) -> Proof | None:
    """As :func:`prove`, from the whole of ``a`` stretched onto the whole of ``b``: for films without features."""
    shapes = zip(b.small.shape[::-1], a.small.shape[::-1], strict=True)
    return _prove_from(a, b, change, scaling(*(ours / theirs for ours, theirs in shapes)))


def prove_along(a: Film, b: Film, change: Change, transform: Matrix) -> Proof | None:
    """As :func:`prove`, from a ``transform`` that is already known: pool pixels of ``a`` to those of ``b``."""
    unmirrored = _flip(b) @ transform if change.mirrored else transform
    return _prove_from(a, b, change, _shrinking(b) @ unmirrored @ np.linalg.inv(_shrinking(a)))


def _prove_from(a: Film, b: Film, change: Change, start: Matrix) -> Proof | None:
    found = _compare(a.small, changed(b.small, change), start)
    return None if found is None else _in_pool_pixels(a, b, change, *found)


def shared_area(a: Film, b: Film, transform: Matrix) -> float:
    """Share of the smaller film that lies on the other, by a transform of pool pixels of ``a`` to those of ``b``."""
    shapes = [(height, width) for _, _, width, height in (a.box, b.box)]
    area = overlap_area(_to_box(b) @ transform @ np.linalg.inv(_to_box(a)), *shapes)
    grown = area * abs(float(np.linalg.det(transform[:2, :2])))
    return max(area / math.prod(shapes[0]), grown / math.prod(shapes[1]))


def match(a: Points, b: Points) -> Matrix | None:
    """The affine map in frame pixels that most matching features of ``a`` and ``b`` follow.

    First the best turn, scale and shift, which needs two matches; then, among those that roughly agree, the best
    affine map: pictures in print are often stretched.
    """
    if min(len(a), len(b)) < LEAST_INLIERS:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(a.bits, b.bits)
    near = [(pair.queryIdx, pair.trainIdx) for pair in pairs if pair.distance < MATCH_BITS]
    if len(near) < LEAST_INLIERS:
        return None
    left, right = (list(numbers) for numbers in zip(*near, strict=True))
    places, others = a.places[left], b.places[right]
    _, inliers = cv2.estimateAffinePartial2D(places, others, ransacReprojThreshold=LOOSE)
    if inliers is None or int(inliers.sum()) < LEAST_INLIERS:
        return None
    kept = inliers.ravel() > 0
    found, inliers = cv2.estimateAffine2D(places[kept], others[kept], ransacReprojThreshold=TIGHT)
    return None if found is None or int(inliers.sum()) < LEAST_INLIERS else square(found)


def changed(small: Gray, change: Change) -> Gray:
    """The film after ``change``."""
    turned = np.ascontiguousarray(small[:, ::-1]) if change.mirrored else small
    return np.bitwise_not(turned) if change.inverted else turned


def changed_points(film: Film, change: Change) -> Points:
    """The film's features as they would be found after ``change``."""
    points = film.points
    places, bits = points.places, points.mirrored if change.mirrored else points.bits
    if change.mirrored:
        width = frame_size(*film.box[2:])[0]
        places = np.stack([width - 1 - places[:, 0], places[:, 1]], axis=1)
    return Points(places, points.levels, np.bitwise_not(bits) if change.inverted else bits, points.mirrored)


def detail(film: Plane) -> Plane:
    """Band-passed detail with even contrast, clipped so that drawn lines weigh no more than vessels."""
    band = cv2.GaussianBlur(film, (0, 0), FINE) - cv2.GaussianBlur(film, (0, 0), COARSE)
    usual = cv2.blur(np.abs(band), (WIDE, WIDE)) + NOISE_FLOOR
    held = np.clip(band, -DRAWN * usual, DRAWN * usual)  # a drawn line must not drown the vessels around it
    energy = np.maximum(cv2.blur(held * held, (EVEN, EVEN)), 0)  # running sums of a flat place may fall below 0
    spread = cv2.sqrt(energy) + NOISE_FLOOR
    return np.clip(band / spread, -CLIP, CLIP)


# ------------------------------------------------------------------------------------------------------ comparing


def _compare(a: Gray, b: Gray, start: Matrix) -> tuple[float, Matrix, float, float] | None:
    """Similarity, refined map, disagreeing share and tone difference, on the grid of the coarser picture."""
    if not _is_plausible(start):
        return None
    if np.linalg.det(start[:2, :2]) < 1:
        found = _compare_on_first(b, a, np.linalg.inv(start))
        return found and (found[0], np.linalg.inv(found[1]), *found[2:])
    return _compare_on_first(a, b, start)


def _compare_on_first(coarse: Gray, fine: Gray, start: Matrix) -> tuple[float, Matrix, float, float] | None:
    smooth = _smoothed(fine, np.sqrt(np.linalg.det(start[:2, :2])))
    film = coarse.astype(np.float32)
    pattern = detail(film)
    other, mask = _warp(smooth, start, film.shape)
    seen = detail(other)
    if np.count_nonzero(mask) < LEAST_PIXELS or _correlation(pattern, seen, mask) < HOPELESS:
        return None
    refined = start @ _refine(pattern, seen, mask)
    if not _is_plausible(refined):
        return None
    other, mask = _warp(smooth, refined, film.shape)
    if np.count_nonzero(mask) < LEAST_PIXELS:
        return None
    similarity, disagreeing = _agreement(pattern, detail(other), mask)
    return similarity, refined, disagreeing, _tone_difference(film, other, mask)


def _agreement(pattern: Plane, other: Plane, mask: Gray) -> tuple[float, float]:
    """Median of the local correlation, and the share of places where it is low, where there is something to see."""
    inside = (mask > 0).astype(np.float32)
    share = cv2.blur(inside, (PLACE, PLACE)) + 1e-6

    def mean(left: Plane, right: Plane) -> Plane:
        return cv2.blur(left * right * inside, (PLACE, PLACE)) / share

    energy, other_energy = mean(pattern, pattern), mean(other, other)
    local = mean(pattern, other) / np.sqrt(energy * other_energy + 1e-6)
    places = local[(mask > 0) & (np.maximum(energy, other_energy) > TEXTURED)][::5]
    if len(places) * 5 < max(LEAST_PIXELS, LEAST_TEXTURED * float(inside.sum())):
        return 0.0, 1.0
    return float(np.median(places)), float((places < DISAGREEING).mean())


def _correlation(pattern: Plane, other: Plane, mask: Gray) -> float:
    """Plain correlation of two details where the mask is set; 0 where there is hardly any detail."""
    left, right = pattern[mask > 0], other[mask > 0]
    return float(left @ right) / (float(np.sqrt((left @ left) * (right @ right))) + 1e-3 * len(left))


def _refine(pattern: Plane, other: Plane, mask: Gray) -> Matrix:
    """The affine map that brings ``other`` onto ``pattern`` better (enhanced correlation coefficient).

    Source: Evangelidis and Psarakis, IEEE TPAMI 30 (2008) 1858-1865.
    """
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, STEPS, STEP_SIZE)
    unmoved = np.eye(2, 3, dtype=np.float32)
    try:
        _, found = cv2.findTransformECC(pattern, other, unmoved, cv2.MOTION_AFFINE, stop, mask, 3)
    except cv2.error:  # it does not converge on pictures that have nothing in common
        return np.eye(3)
    return square(found)


def _tone_difference(film: Plane, other: Plane, mask: Gray) -> float:
    """Mean difference in gray levels of the two films on the overlap, each smoothed."""
    difference = np.abs(cv2.GaussianBlur(film, (0, 0), 2.0) - cv2.GaussianBlur(other, (0, 0), 2.0))
    return float(np.median(difference[mask > 0]))


def _warp(film: Plane, matrix: Matrix, shape: tuple[int, ...]) -> tuple[Plane, Gray]:
    """``film`` as seen on a grid whose pixels ``matrix`` maps to it, and the mask of what it covers, without a rim."""
    size = (shape[1], shape[0])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = cv2.warpAffine(film, matrix[:2], size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    covered = np.full(film.shape, 255, np.uint8)
    mask = cv2.warpAffine(covered, matrix[:2], size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    mask[[0, -1]], mask[:, [0, -1]] = 0, 0
    return seen, cv2.erode(mask, np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8))


def _smoothed(film: Gray, scale: float) -> Plane:
    """The film without the detail that is lost on a grid ``scale`` times coarser."""
    plane = film.astype(np.float32)
    return plane if scale < 1.05 else cv2.GaussianBlur(plane, (0, 0), 0.5 * float(np.sqrt(scale * scale - 1)))


# ------------------------------------------------------------------------------------------------------- matrices


def _is_plausible(matrix: Matrix) -> bool:
    """Could one film have been made from the other by cropping, resizing and a slight turn?"""
    stretch = np.linalg.svd(matrix[:2, :2], compute_uv=False)
    if not np.isfinite(stretch).all() or np.linalg.det(matrix[:2, :2]) <= 0:
        return False
    return bool(stretch[1] > LEAST_SCALE and stretch[0] < MOST_SCALE and stretch[0] < MOST_STRETCH * stretch[1])


def _in_pool_pixels(
    a: Film, b: Film, change: Change, similarity: float, matrix: Matrix, disagreeing: float, tone: float
) -> Proof:
    overlap = overlap_area(matrix, a.small.shape, b.small.shape)
    b_area = overlap * float(np.linalg.det(matrix[:2, :2]))
    in_pool = np.linalg.inv(_shrinking(b)) @ matrix @ _shrinking(a)
    if change.mirrored:
        in_pool = _flip(b) @ in_pool
    scale = float(np.sqrt(abs(np.linalg.det(in_pool[:2, :2]))))
    shares = min(overlap / a.small.size, 1.0), min(b_area / b.small.size, 1.0)
    return Proof(similarity, *shares, in_pool, scale, disagreeing, tone, change)


def _to_small(film: Film) -> Matrix:
    """Frame pixels to pixels of the small picture."""
    width, height = frame_size(*film.box[2:])
    return scaling(film.small.shape[1] / width, film.small.shape[0] / height)


def _shrinking(film: Film) -> Matrix:
    """Pool pixels to pixels of the small picture."""
    return scaling(film.small.shape[1] / film.box[2], film.small.shape[0] / film.box[3]) @ _to_box(film)


def _to_box(film: Film) -> Matrix:
    """Pool pixels to pixels of the film's box."""
    return np.array([[1.0, 0, -film.box[0]], [0, 1, -film.box[1]], [0, 0, 1]])


def _flip(film: Film) -> Matrix:
    """Mirrors pool pixels left to right, around the middle of the film's box."""
    return np.array([[-1.0, 0, 2 * film.box[0] + film.box[2] - 1], [0, 1, 0], [0, 0, 1]])
