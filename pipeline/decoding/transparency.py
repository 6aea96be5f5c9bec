"""Lay a picture with transparent parts on black, unless that would hide it."""

import cv2
import numpy as np

from pipeline.imaging.arrays import Pixels
from pipeline.imaging.tones import loses_detail

IGNORED = "transparency ignored: it would hide the picture"
SHOWN = "transparency shown: it holds the picture, its color holds none"
ROWS = 512  # rows that are converted at a time, to save memory


def made_opaque(pixels: Pixels) -> tuple[Pixels, list[str]]:
    """BGRA to BGR, uint8, and a warning if transparency is not what it says.

    Transparent parts become black, as in a viewer with a dark background. Transparency that is the same everywhere, or
    hides most of the picture, counts for nothing; where one color lies below it all, it is itself the picture.
    """
    colors, alpha = pixels[..., :3], pixels[..., 3]
    if alpha.min() == alpha.max():
        return colors, [IGNORED]
    opaque = _on_black(pixels)
    shown = _luma(opaque)
    if loses_detail(_luma(colors), shown):
        return colors, [IGNORED]
    if loses_detail(alpha, shown):
        return cv2.merge([alpha] * 3), [SHOWN]
    return opaque, []


def _on_black(pixels: Pixels) -> Pixels:
    opaque = np.empty((*pixels.shape[:2], 3), np.uint8)
    for top in range(0, len(pixels), ROWS):
        rows = pixels[top : top + ROWS]
        opaque[top : top + ROWS] = cv2.multiply(rows[..., :3], cv2.merge([rows[..., 3]] * 3), scale=1 / 255)
    return opaque


def _luma(colors: Pixels) -> Pixels:
    return cv2.cvtColor(np.ascontiguousarray(colors), cv2.COLOR_BGR2GRAY)
