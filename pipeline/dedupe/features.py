"""Local features of a film: corners in its fine detail, each described by 256 bits.

A copy of an exposure keeps its fine detail (ribs, vessels) when it is cropped, resized, re-encoded, brightened or drawn
upon. Chest films are upright, so descriptors are not rotated with their corner. This makes them more distinctive, and
gives two properties that the candidate search relies on: the descriptor of an inverted film is the complement of the
original one, and the mirrored film can be described at the same corners.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.imaging.arrays import Gray

SIDE = 256  # long side of the frame, the picture in which features are detected (px)
POINTS = 300  # most features per film
OCTAVE_STEP = 1.2  # scale between two levels of the pyramid
LEVELS = 8
EDGE = 16  # px along the edges of the frame without features: their descriptors would reach beyond it
BYTES = 32  # per descriptor
FINE, COARSE = 1.0, 8.0  # the band of detail: standard deviations of the two blurs (px)
MAX_DETAIL = 3.0  # times the mean detail; stronger detail is drawn, no vessel reaches it
CLIP = 1.5  # local standard deviations; keeps letters from taking most of the features
NOISE_FLOOR = 2.0  # gray levels of detail below which contrast is not raised

Bits = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Points:
    """The features of one film.

    Attributes:
        places: (n, 2) float32, x and y in the frame, in which the film's long side has ``SIDE`` pixels.
        levels: (n,) uint8, pyramid level; sizes grow by ``OCTAVE_STEP`` per level.
        bits: (n, 32) uint8, descriptors.
        mirrored: (n, 32) uint8, descriptors of the same places in the mirrored film.
    """

    places: npt.NDArray[np.float32]
    levels: npt.NDArray[np.uint8]
    bits: Bits
    mirrored: Bits

    def __len__(self) -> int:
        return len(self.places)


def find_points(gray: Gray) -> Points:
    """Detect and describe up to ``POINTS`` features of a film, (H, W) uint8; a flat or very narrow one has none.

    Source: Rublee et al., ORB: an efficient alternative to SIFT or SURF, ICCV 2011 (here without rotation).
    """
    frame = _to_frame(gray)
    if min(frame.shape) <= 2 * EDGE:  # no room; of a few pixels OpenCV cannot even make a pyramid
        return _no_points()
    picture = normalize(frame)
    orb = cv2.ORB_create(POINTS, OCTAVE_STEP, LEVELS, edgeThreshold=EDGE, patchSize=31, fastThreshold=15)  # type: ignore[attr-defined]
    corners = _in_order(orb.detect(picture, None))[:POINTS]
    if not corners:
        return _no_points()
    for corner in corners:
        corner.angle = 0.0
    corners, bits = orb.compute(picture, corners)
    places = np.asarray(cv2.KeyPoint.convert(corners))
    levels = np.array([corner.octave for corner in corners], np.uint8)
    return Points(places, levels, bits, _describe_mirrored(orb, picture, corners))


def _no_points() -> Points:
    empty = np.zeros((0, BYTES), np.uint8)
    return Points(np.zeros((0, 2), np.float32), np.zeros(0, np.uint8), empty, empty)


def frame_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of a film's frame, whose long side has ``SIDE`` pixels."""
    scale = SIDE / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def normalize(gray: Gray) -> Gray:
    """Extract fine detail and even out its contrast.

    Args:
        gray: (H, W) uint8.

    Returns:
        (H, W) uint8 around 128. An inverted film gives inverted detail.
    """
    film = gray.astype(np.float32)
    band: npt.NDArray[Any] = cv2.GaussianBlur(film, (0, 0), FINE)
    band -= _blur(film, COARSE)
    limit = MAX_DETAIL * (float(np.abs(band).mean()) + NOISE_FLOOR)
    band_limited = np.clip(band, -limit, limit)  # drawn lines must not suppress the vessels around them
    spread = np.sqrt(np.maximum(_blur(band_limited * band_limited, 2 * COARSE), 0)) + NOISE_FLOOR
    return np.clip(np.rint(127.5 + 42.5 * np.clip(band / spread, -CLIP, CLIP)), 0, 255).astype(np.uint8)


def _to_frame(gray: Gray) -> Gray:
    size = frame_size(gray.shape[1], gray.shape[0])
    if size == gray.shape[::-1]:
        return gray
    return cv2.resize(gray, size, interpolation=cv2.INTER_AREA if size < gray.shape[::-1] else cv2.INTER_CUBIC)


def _in_order(corners: "Sequence[cv2.KeyPoint]") -> "list[cv2.KeyPoint]":
    """Corners by level of the pyramid, then from top to bottom, then from left to right."""
    if not corners:
        return []
    x, y = np.asarray(cv2.KeyPoint.convert(corners)).T
    return [corners[place] for place in np.lexsort((x, y, [corner.octave for corner in corners])).tolist()]


def _describe_mirrored(orb: "cv2.ORB", picture: Gray, corners: "Sequence[cv2.KeyPoint]") -> Bits:
    """Describe ``corners`` in the mirrored picture, in the same order; the corners move there."""
    last = picture.shape[1] - 1
    for number, corner in enumerate(corners):
        x, y = corner.pt
        corner.pt, corner.class_id = (last - x, y), number
    kept, bits = orb.compute(np.ascontiguousarray(picture[:, ::-1]), corners)
    described = np.zeros((len(corners), BYTES), np.uint8)
    described[[corner.class_id for corner in kept]] = bits
    return described


def _blur(film: npt.NDArray[Any], sigma: float) -> npt.NDArray[Any]:
    """Wide Gaussian blur of a float32 picture, computed at a quarter of its size."""
    height, width = film.shape
    if min(height, width) < 16:
        return cv2.GaussianBlur(film, (0, 0), sigma)
    small = cv2.resize(film, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / 4), (width, height), interpolation=cv2.INTER_LINEAR)
