"""What surrounds a film in its picture: plain borders (rows and columns of one gray) and the collimator's shadow.

A border is found in two ways. :func:`content_box` is strict: a single letter on a border makes its rows content. What
ingest measures and classifies depends on it. :func:`tolerant_content_box` looks past a few letters and JPEG noise, so
that a screenshot or a captioned copy of a film still yields the film. What dedupe compares depends on it.
"""

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.imaging.arrays import Box, Gray
from pipeline.imaging.histogram import histogram, quantile
from pipeline.imaging.png import shrink

# content_box
BORDER_SPREAD = 10  # gray levels that a row or column of a plain border may span (JPEG noise included)

# tolerant_content_box
PLAIN_LEVELS = 6  # pixels within this many gray levels of the median of their row or column are plain
PLAIN_SHARE = 0.95  # a row or column with this share of plain pixels is border; letters may fill the rest
SAMPLE_STEP = 3  # every third pixel of a row or column is looked at
ROWS_AT_ONCE = 16
MIN_CONTENT = 1 / 8  # nothing is cut if less of the picture than this were left

# collimated_share
WORK_SIDE = 256  # px, long side of the picture in which the collimator's edges are looked for
DARK = 0.2  # the shadow is darker than this share of the film's bright level
BRIGHT = 0.95  # share of the pixels that are at most as bright as the bright level
MIN_STEP = 16  # gray levels by which the film is brighter just inside the edge
MIN_DEPTH = 0.02  # of a shadow, as a share of the side
STRAIGHT = 1.2  # px by which the edge may leave its line
ON_LINE = 0.85  # share of the edge, without its ends, that must lie on the line
SUDDEN = 0.5  # minimum share of the rise over 10 px that happens within 3 px; skin brightens slowly
MAX_SLOPE = 0.2
ENDS = 8  # 1/8 of the edge at either end may belong to the corner


def without_border(gray: Gray) -> Gray:
    """The picture without plain borders, in the strict sense of :func:`content_box`."""
    return np.ascontiguousarray(crop(gray, content_box(gray)))


def crop(gray: Gray, box: Box) -> Gray:
    """The part of a picture inside ``box``, as a view."""
    left, top, width, height = box
    return gray[top : top + height, left : left + width]


def content_box(gray: Gray) -> Box:
    """The box inside plain borders, strictly: whatever stands on a border is content.

    A row or column is plain if its gray levels span at most ``BORDER_SPREAD``. The whole picture if all of it is plain.
    """
    rows = _extent(_spread(gray, 1) > BORDER_SPREAD)
    columns = _extent(_spread(gray, 0) > BORDER_SPREAD)
    return _box(columns, rows) if rows and columns else _whole(gray)


def tolerant_content_box(gray: Gray) -> Box:
    """The box inside plain borders or the page of a screenshot, even if a few letters stand on them.

    A row or column is plain if nearly all of its pixels are close to its median. The whole picture if little of it
    would be left.
    """
    height, width = gray.shape
    rows, columns = (0, height), (0, width)
    for _ in range(2):  # borders at the sides hide those above and below until they are cut, and vice versa
        inner = _content_extent(gray[slice(*rows), slice(*columns, SAMPLE_STEP)])
        if inner is None:
            break
        rows = rows[0] + inner[0], rows[0] + inner[1]
        inner = _content_extent(np.ascontiguousarray(gray[slice(*rows, SAMPLE_STEP), slice(*columns)].T))
        if inner is None:
            break
        columns = columns[0] + inner[0], columns[0] + inner[1]
    box = _box(columns, rows)
    return box if box[2] * box[3] > MIN_CONTENT * gray.size else _whole(gray)


def collimated_share(gray: Gray) -> float:
    """Share of a picture without plain borders that lies in the collimator's shadow: dark, with a straight edge."""
    small = cv2.blur(shrink(gray, WORK_SIDE), (3, 3))
    lit = small > DARK * quantile(histogram(small), BRIGHT)
    shadow = np.zeros(small.shape, bool)
    for turns in range(4):
        if _is_dark_at_left(np.rot90(lit, turns)):
            shadow |= np.rot90(_shadow_at_left(np.rot90(small, turns), np.rot90(lit, turns)), -turns)
    return float(shadow.mean())


def _extent(is_content: npt.NDArray[np.bool_]) -> tuple[int, int] | None:
    """First and one past the last row (or column) with content; None if there is none."""
    places = np.flatnonzero(is_content)
    return (int(places[0]), int(places[-1]) + 1) if places.size else None


def _box(columns: tuple[int, int], rows: tuple[int, int]) -> Box:
    return columns[0], rows[0], columns[1] - columns[0], rows[1] - rows[0]


def _whole(gray: Gray) -> Box:
    return 0, 0, gray.shape[1], gray.shape[0]


def _spread(gray: Gray, axis: int) -> npt.NDArray[np.int16]:
    """Largest minus smallest gray level of every row (axis 1) or column (axis 0)."""
    return np.asarray(gray.max(axis=axis).astype(np.int16) - gray.min(axis=axis), np.int16)


def _content_extent(lines: Gray) -> tuple[int, int] | None:
    """As :func:`_extent`, of the rows that are more than a plain tone; most films have no border to look past."""
    for start in range(0, len(lines), ROWS_AT_ONCE):
        content = np.flatnonzero(_has_content(lines[start : start + ROWS_AT_ONCE]))
        if content.size:
            first = start + int(content[0])
            break
    else:
        return None
    for end in range(len(lines), first, -ROWS_AT_ONCE):
        start = max(first, end - ROWS_AT_ONCE)
        content = np.flatnonzero(_has_content(lines[start:end]))
        if content.size:
            return first, start + int(content[-1]) + 1
    return first, first + 1


def _has_content(lines: Gray) -> npt.NDArray[np.bool_]:
    """For each row, whether it is more than a plain tone with a few letters on it."""
    half = lines.shape[1] // 2
    middle = np.partition(lines, half, axis=1)[:, half : half + 1].astype(np.int16)
    return np.asarray((np.abs(lines - middle) <= PLAIN_LEVELS).mean(axis=1) < PLAIN_SHARE)


def _is_dark_at_left(lit: npt.NDArray[np.bool_]) -> bool:
    """Whether the left side is dark enough for a shadow. On most films it is not, and no line need be fitted."""
    height, width = lit.shape
    rows = _lit_rows(lit)
    dark = ~lit[rows, : int(np.ceil(MIN_DEPTH * width))].any(axis=1)
    return bool(len(rows) >= height / 2 and dark.mean() >= ON_LINE)


def _lit_rows(lit: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """The rows with lit pixels, without those that may belong to the corners."""
    rows = np.flatnonzero(lit.any(axis=1))
    return rows[len(rows) // ENDS : len(rows) - len(rows) // ENDS]


def _shadow_at_left(small: Gray, lit: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Mask of the shadow with a straight edge at the left side; all False if there is none."""
    height, width = small.shape
    rows = _lit_rows(lit)
    no_shadow = np.zeros(small.shape, bool)
    edge = np.argmax(lit[rows], axis=1).astype(np.float32)
    direction_x, direction_y, x, y = cv2.fitLine(
        np.stack([edge, rows.astype(np.float32)], axis=1), cv2.DIST_HUBER, 0, 0.01, 0.01
    ).ravel()
    if abs(direction_x) > MAX_SLOPE * abs(direction_y):
        return no_shadow
    line = x + (rows - y) * direction_x / direction_y
    near = (np.abs(edge - line) <= STRAIGHT) & (edge >= MIN_DEPTH * width)
    if near.mean() < ON_LINE:
        return no_shadow
    rise, wide_rise = (_rise(small[rows[near]], edge[near], reach) for reach in (3, 10))
    if rise < max(MIN_STEP, SUDDEN * wide_rise):
        return no_shadow
    mask = np.arange(width)[None] < (x + (np.arange(height) - y) * direction_x / direction_y)[:, None]
    return np.asarray(mask)


def _rise(rows: Gray, edge: npt.NDArray[np.float32], reach: int) -> float:
    """Median difference between the gray levels ``reach`` pixels inside and outside of the edge."""
    lines, last = np.arange(len(rows)), rows.shape[1] - 1
    inside, outside = (rows[lines, np.clip(edge + shift, 0, last).astype(int)] for shift in (reach, -reach))
    return float(np.median(inside.astype(int) - outside))
