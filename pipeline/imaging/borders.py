"""What frames a film: plain borders (rows and columns of one gray) and the straight shadow of the collimator."""

import cv2
import numpy as np

from pipeline.imaging.png import shrink
from pipeline.imaging.tones import Gray

WORK_SIDE = 256  # px, long side of the picture in which edges of the collimator are looked for
DARK = 0.2  # the collimator's shadow is darker than so much of the film's bright level
BRIGHT = 95  # percentile that is the bright level
STEP = 16  # gray levels that the film is brighter just inside the edge
DEPTH = 0.02  # of the side: a shadow is deeper
STRAIGHT = 1.2  # px that the edge may leave its line
ON_LINE = 0.85  # share of the edge that must lie on the line, but for its ends
SUDDEN = 0.5  # share of the rise within 10 px that an edge makes within 3: skin brightens slowly
MOST_SLOPE = 0.2
ENDS = 8  # one part of so many at each end of an edge may belong to the corner
BORDER_SPREAD = 10  # gray levels that a row or column of a plain border may span (JPEG noise included)


def without_border(gray: Gray) -> Gray:
    """The picture without plain borders."""
    left, top, width, height = content_box(gray)
    return np.ascontiguousarray(gray[top : top + height, left : left + width])


def collimated_share(gray: Gray) -> float:
    """Share of a picture without plain borders in the shadow of the collimator: dark, with a straight edge."""
    small = cv2.blur(shrink(gray, WORK_SIDE), (3, 3))
    lit = small > DARK * np.percentile(small, BRIGHT)
    shadow = np.zeros(small.shape, bool)
    for turns in range(4):
        found = _shadow_at_left(np.rot90(small, turns), np.rot90(lit, turns))
        shadow |= np.rot90(found, -turns)
    return float(shadow.mean())


def _shadow_at_left(small: Gray, lit: Gray) -> Gray:
    """Mask of what lies left of the straight edge of a shadow at the left side; empty where there is none."""
    height, width = small.shape
    rows = np.flatnonzero(lit.any(axis=1))
    rows = rows[len(rows) // ENDS : len(rows) - len(rows) // ENDS]
    none = np.zeros(small.shape, bool)
    if len(rows) < height / 2:
        return none
    edge = np.argmax(lit[rows], axis=1).astype(np.float32)
    direction_x, direction_y, x, y = cv2.fitLine(
        np.stack([edge, rows.astype(np.float32)], axis=1), cv2.DIST_HUBER, 0, 0.01, 0.01
    ).ravel()
    if abs(direction_x) > MOST_SLOPE * abs(direction_y):
        return none
    line = x + (rows - y) * direction_x / direction_y
    near = (np.abs(edge - line) <= STRAIGHT) & (edge >= DEPTH * width)
    if near.mean() < ON_LINE:
        return none
    rise, wide_rise = (_rise(small[rows[near]], edge[near], reach) for reach in (3, 10))
    if rise < max(STEP, SUDDEN * wide_rise):
        return none
    return np.arange(width)[None] < (x + (np.arange(height) - y) * direction_x / direction_y)[:, None]


def _rise(rows: Gray, edge: Gray, reach: int) -> float:
    """Median difference of gray ``reach`` pixels inside and outside of the edge."""
    lines, last = np.arange(len(rows)), rows.shape[1] - 1
    inside, outside = (rows[lines, np.clip(edge + shift, 0, last).astype(int)] for shift in (reach, -reach))
    return float(np.median(inside.astype(int) - outside))


def content_box(gray: Gray) -> tuple[int, int, int, int]:
    """(left, top, width, height) of the picture without plain borders; the whole picture where all of it is plain."""
    rows = np.flatnonzero(_spread(gray, 1) > BORDER_SPREAD)
    columns = np.flatnonzero(_spread(gray, 0) > BORDER_SPREAD)
    if rows.size == 0 or columns.size == 0:
        return 0, 0, gray.shape[1], gray.shape[0]
    return (
        int(columns[0]),
        int(rows[0]),
        int(columns[-1] - columns[0]) + 1,
        int(rows[-1] - rows[0]) + 1,
    )


def _spread(gray: Gray, axis: int) -> np.ndarray:
    """Largest minus smallest gray of every row (axis 1) or column (axis 0)."""
    return gray.max(axis=axis).astype(np.int16) - gray.min(axis=axis)
