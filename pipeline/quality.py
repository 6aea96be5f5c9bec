"""Quality measures of one pool picture: gray in, numbers out. What they mean for the row is decided elsewhere."""

import cv2
import numpy as np

from pipeline.tones import Gray

BORDER_SPREAD = 10  # gray levels that a row or column of a plain border may span (JPEG noise included)
STROKE_LEVELS = 60  # burnt-in strokes stand out from their surroundings by more
STROKE_PX = 7  # and are thinner than this (of 512 px)


def measure(gray: Gray) -> dict[str, float]:
    """All measures of a pool picture by column name.

    Args:
        gray: (H, W) uint8.
    """
    return {
        "sharpness": sharpness(gray),
        "clipped_share": clipped_share(gray),
        "border_share": border_share(gray),
        "text_share": text_share(gray),
    }


def sharpness(gray: Gray) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al. 2000)."""
    return float(cv2.meanStdDev(cv2.Laplacian(gray, cv2.CV_16S))[1][0, 0] ** 2)


def clipped_share(gray: Gray) -> float:
    """Share of pixels at 0 or 255."""
    counts = cv2.calcHist([gray], [0], None, [256], [0, 256]).ravel()
    return float((counts[0] + counts[255]) / gray.size)


def border_share(gray: Gray) -> float:
    """Share of the picture in plain borders: rows and columns at its edges that are all of one gray."""
    *_, width, height = content_box(gray)
    return 1.0 - width * height / gray.size


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


def text_share(gray: Gray) -> float:
    """Share of pixels in thin strokes much brighter or darker than their surroundings: letters, arrows, drawn lines."""
    scale = 512 / max(gray.shape)
    small = gray if scale >= 1 else cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (STROKE_PX, STROKE_PX))
    bright = cv2.subtract(small, cv2.morphologyEx(small, cv2.MORPH_OPEN, kernel))
    dark = cv2.subtract(cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel), small)
    return float(np.count_nonzero(cv2.max(bright, dark) > STROKE_LEVELS) / small.size)


def _spread(gray: Gray, axis: int) -> np.ndarray:
    """Largest minus smallest gray of every row (axis 1) or column (axis 0)."""
    high = cv2.reduce(gray, axis, cv2.REDUCE_MAX).ravel().astype(np.int16)
    return high - cv2.reduce(gray, axis, cv2.REDUCE_MIN).ravel()
