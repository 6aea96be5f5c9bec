"""Prove that two films show one exposure: align them, then compare the fine detail where they overlap.

Two exposures of one chest never agree in fine detail (ribs, vessels, grain) over the whole overlap under one affine
map. Copies of one exposure do, whatever happened to their size, frame, tones and compression. Similarity is the median
over places of the local correlation of band-passed, locally normalized pictures. Letters that two films share, or an
arrow drawn on one of them, touch few places and do not move a median.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipeline.dedupe.alignment import (
    Change,
    Matrix,
    Plane,
    apply_change,
    changed_points,
    frame_to_small,
    is_plausible,
    match,
    mirror_in_pool,
    overlap_area,
    pool_to_small,
    refine,
    scaling,
    warp,
)
from pipeline.dedupe.films import MeasuredFilm
from pipeline.imaging.arrays import Gray

FINE, COARSE = 0.6, 2.5  # the band of detail: standard deviations of the two blurs (px)
EVEN = 33  # side of the window in which the contrast of detail is evened out (px)
WIDE = 129  # side of the window in which the mean detail is measured (px)
MAX_DETAIL = 3.0  # times the mean detail; stronger detail is drawn, no vessel reaches it
NOISE_FLOOR = 1.0  # gray levels
CLIP = 1.5  # local standard deviations; stronger detail is a drawn line
PLACE = 27  # side of the window of the local correlation (px)
TEXTURED = 0.15  # mean square of detail from which a place has texture to compare
MIN_PIXELS = 400
MIN_TEXTURED = 0.1  # share of the overlap
HOPELESS = 0.12  # correlation before refining below which no refinement leads to a proof
SQUARE = 128  # side to which two whole films are shrunk for a first look (px)
UNLIKE = 0.15  # their correlation then, below which they are no copies: those of 755 real films reach 0.25 and more
DISAGREEING = 0.5  # local correlation below which a place shows something else


@dataclass(frozen=True, eq=False)
class Proof:
    """How well two films agree.

    Attributes:
        similarity: median local correlation of fine detail on the overlap, -1 to 1.
        a_overlap, b_overlap: share of each film that the overlap covers.
        transform: (3, 3), pool pixels of the first film to pool pixels of the second, mirroring included.
        scale: pool pixels of the second film per pool pixel of the first.
        disagreeing: share of the overlap where the two films show something else.
        tone: median difference of gray levels on the overlap, after smoothing (gray levels).
        pixels: area of the overlap in the coarser of the two small pictures (px); little area holds little detail.
        change: what to do to the second film before it looks like the first.
    """

    similarity: float
    a_overlap: float
    b_overlap: float
    transform: Matrix
    scale: float
    disagreeing: float
    tone: float
    pixels: float
    change: Change

    @property
    def overlap(self) -> float:
        """Share of the smaller film that the overlap covers."""
        return max(self.a_overlap, self.b_overlap)


@dataclass(frozen=True, eq=False)
class Comparison:
    """How well two small pictures agree.

    Attributes:
        similarity, disagreeing, tone: as in :class:`Proof`.
        matrix: refined map from the first picture to the second.
    """

    similarity: float
    disagreeing: float
    tone: float
    matrix: Matrix


def prove(a: MeasuredFilm, b: MeasuredFilm, change: Change) -> Proof | None:
    """Align ``b``, after ``change``, to ``a`` by their features, and compare them.

    Returns:
        The proof, whether or not it is strong enough; None if the films cannot be aligned.
    """
    by_features = match(a.points, changed_points(b, change))
    if by_features is None:
        return None
    return _prove_from(a, b, change, frame_to_small(b) @ by_features @ np.linalg.inv(frame_to_small(a)))


def prove_whole(a: MeasuredFilm, b: MeasuredFilm, change: Change) -> Proof | None:
    """Like :func:`prove`, but start from the whole of ``a`` stretched onto the whole of ``b``; needs no features."""
    if _likeness(a.small, apply_change(b.small, change)) < UNLIKE:
        return None
    shapes = zip(b.small.shape[::-1], a.small.shape[::-1], strict=True)
    return _prove_from(a, b, change, scaling(*(b_side / a_side for b_side, a_side in shapes)))


def prove_along(a: MeasuredFilm, b: MeasuredFilm, change: Change, transform: Matrix) -> Proof | None:
    """Like :func:`prove`, but start from a known ``transform`` of pool pixels of ``a`` to those of ``b``."""
    unmirrored = mirror_in_pool(b) @ transform if change.mirrored else transform
    return _prove_from(a, b, change, pool_to_small(b) @ unmirrored @ np.linalg.inv(pool_to_small(a)))


def detail(film: Plane) -> Plane:
    """Extract band-passed detail with even contrast, clipped so that drawn lines weigh no more than vessels.

    Args:
        film: (H, W) float32, gray levels.

    Returns:
        (H, W) float32, within ``CLIP`` of 0.
    """
    band: Plane = cv2.GaussianBlur(film, (0, 0), FINE)
    band -= cv2.GaussianBlur(film, (0, 0), COARSE)  # in place here and below: new memory costs more than the sums
    limit: Plane = cv2.blur(np.abs(band), (WIDE, WIDE))
    limit += NOISE_FLOOR
    limit *= MAX_DETAIL
    limited: Plane = cv2.max(cv2.min(band, limit), -limit)  # a drawn line must not suppress the vessels around it
    limited *= limited
    energy: Plane = cv2.blur(limited, (EVEN, EVEN))
    np.maximum(energy, 0, out=energy)  # running sums of a flat place may fall below 0
    spread: Plane = cv2.sqrt(energy)
    spread += NOISE_FLOOR
    band /= spread
    return np.clip(band, -CLIP, CLIP, out=band)


def _prove_from(a: MeasuredFilm, b: MeasuredFilm, change: Change, start: Matrix) -> Proof | None:
    """Compare two films, starting from a map between their small pictures, and express the result in pool pixels."""
    compared = _compare(a.small, apply_change(b.small, change), start)
    if compared is None:
        return None
    overlap = overlap_area(compared.matrix, a.small.shape, b.small.shape)
    b_area = overlap * float(np.linalg.det(compared.matrix[:2, :2]))
    transform = np.linalg.inv(pool_to_small(b)) @ compared.matrix @ pool_to_small(a)
    if change.mirrored:
        transform = mirror_in_pool(b) @ transform
    return Proof(
        similarity=compared.similarity,
        a_overlap=min(overlap / a.small.size, 1.0),
        b_overlap=min(b_area / b.small.size, 1.0),
        transform=transform,
        scale=float(np.sqrt(abs(np.linalg.det(transform[:2, :2])))),
        disagreeing=compared.disagreeing,
        tone=compared.tone,
        pixels=min(overlap, b_area),
        change=change,
    )


def _compare(a: Gray, b: Gray, start: Matrix) -> Comparison | None:
    """Refine the map and compare two pictures on the grid of the coarser one; None if they cannot be aligned."""
    if not is_plausible(start):
        return None
    if np.linalg.det(start[:2, :2]) < 1:
        backward = _compare_on_first(b, a, np.linalg.inv(start))
        return backward and replace(backward, matrix=np.linalg.inv(backward.matrix))
    return _compare_on_first(a, b, start)


def _compare_on_first(coarse: Gray, fine: Gray, start: Matrix) -> Comparison | None:
    smooth = _smooth(fine, np.sqrt(np.linalg.det(start[:2, :2])))
    film = coarse.astype(np.float32)
    pattern = detail(film)
    other, mask = warp(smooth, start, film.shape)
    other_detail = detail(other)
    if np.count_nonzero(mask) < MIN_PIXELS or _correlation(pattern, other_detail, mask) < HOPELESS:
        return None
    refinement = refine(pattern, other_detail, mask)
    if refinement is None or not is_plausible(refined := start @ refinement):
        return None
    other, mask = warp(smooth, refined, film.shape)
    if np.count_nonzero(mask) < MIN_PIXELS:
        return None
    similarity, disagreeing = _agreement(pattern, detail(other), mask)
    return Comparison(similarity, disagreeing, _tone_difference(film, other, mask), refined)


def _agreement(pattern: Plane, other: Plane, mask: Gray) -> tuple[float, float]:
    """Compare two details place by place, where at least one of them has texture.

    Returns:
        The median of the local correlation, and the share of places where it is low.
    """
    inside = (mask > 0).astype(np.float32)
    share = cv2.blur(inside, (PLACE, PLACE)) + 1e-6

    def mean(left: Plane, right: Plane) -> Plane:
        return cv2.blur(left * right * inside, (PLACE, PLACE)) / share

    energy, other_energy = mean(pattern, pattern), mean(other, other)
    local = mean(pattern, other) / np.sqrt(energy * other_energy + 1e-6)
    places = local[(mask > 0) & (np.maximum(energy, other_energy) > TEXTURED)][::5]
    if len(places) * 5 < max(MIN_PIXELS, MIN_TEXTURED * float(inside.sum())):
        return 0.0, 1.0
    return float(np.median(places)), float((places < DISAGREEING).mean())


def _likeness(a: Gray, b: Gray) -> float:
    """Correlation of the detail of two whole films, stretched to small squares: quick, and enough to tell strangers."""
    squares = [cv2.resize(film, (SQUARE, SQUARE), interpolation=cv2.INTER_AREA) for film in (a, b)]
    first, second = (detail(square.astype(np.float32)) for square in squares)
    return _correlation(first, second, np.ones((SQUARE, SQUARE), np.uint8))


def _correlation(pattern: Plane, other: Plane, mask: Gray) -> float:
    """Correlation of two details inside the mask; close to 0 where there is hardly any detail."""
    left, right = pattern[mask > 0], other[mask > 0]
    return float(left @ right) / (float(np.sqrt((left @ left) * (right @ right))) + 1e-3 * len(left))


def _tone_difference(film: Plane, other: Plane, mask: Gray) -> float:
    """Median difference of two films inside the mask, each smoothed (gray levels)."""
    difference = np.abs(cv2.GaussianBlur(film, (0, 0), 2.0) - cv2.GaussianBlur(other, (0, 0), 2.0))
    return float(np.median(difference[mask > 0]))


def _smooth(film: Gray, scale: float) -> Plane:
    """Remove the detail that a grid ``scale`` times coarser cannot show."""
    plane = film.astype(np.float32)
    return plane if scale < 1.05 else cv2.GaussianBlur(plane, (0, 0), 0.5 * float(np.sqrt(scale * scale - 1)))


DETAIL_SHARE = 0.3  # a film that shows less of the other is an enlarged part
CROPPED_SHARE = 0.95
ANNOTATED_SHARE = 0.03  # of the overlap that shows something else
CONTRAST = 8.0  # gray levels
RESIZED = 0.02  # relative difference of scale


def kind_of(proof: Proof, a_scale: float, b_scale: float, negatives: int = 0) -> str:
    """Name the main difference between two films of one exposure.

    Args:
        proof: proof of the two films.
        a_scale, b_scale: pixels as received per pool pixel of each film.
        negatives: how many of the two were received as negatives and have been inverted since.

    Returns:
        mirrored | inverted | detail | annotated | cropped | contrast | resized | reencoded, the first that applies.
    """
    least = min(proof.a_overlap, proof.b_overlap)
    scale = proof.scale * b_scale / a_scale
    applies = {
        "mirrored": proof.change.mirrored,
        "inverted": proof.change.inverted != (negatives == 1),
        "detail": least < DETAIL_SHARE,
        "annotated": proof.disagreeing > ANNOTATED_SHARE,
        "cropped": least < CROPPED_SHARE,
        "contrast": proof.tone > CONTRAST,
        "resized": abs(scale - 1) > RESIZED,
    }
    return next((kind for kind, holds in applies.items() if holds), "reencoded")
