"""Lay a picture with transparent parts on black, unless that would hide it."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import cv2
import numpy as np

from pipeline.imaging.arrays import Gray, Pixels
from pipeline.imaging.tones import loses_detail

IGNORED = "transparency ignored: it would hide the picture"
SHOWN = "transparency shown: it holds the picture, its color holds none"
ROWS = 512  # rows that are converted at a time, to save memory; a multiple of the step of the sample for color

ToColor: TypeAlias = Callable[[Pixels], Pixels]  # makes BGR of some rows of a picture, uint8


def background(pixels: Pixels) -> tuple[ToColor, list[str]]:
    """How rows of a BGRA picture become BGR, and a warning if its transparency is not what it says.

    Transparent parts become black, as in a viewer with a dark background. Transparency that is the same everywhere, or
    hides most of the picture, counts for nothing; where one color lies below it all, it is itself the picture.
    """
    alpha = pixels[..., 3]
    lowest, highest = int(alpha.min()), int(alpha.max())
    if lowest == highest:
        return color_of, [] if highest == 255 else [IGNORED]
    shown = _luma(pixels, on_black)
    if loses_detail(_luma(pixels, color_of), shown):
        return color_of, [IGNORED]
    if loses_detail(alpha, shown):
        return _alpha_of, [SHOWN]
    return on_black, []


def color_of(rows: Pixels) -> Pixels:
    """BGR or BGRA to BGR, whatever is transparent."""
    return np.ascontiguousarray(rows[..., :3])


def on_black(rows: Pixels) -> Pixels:
    """BGRA to BGR, laid on black."""
    return cv2.multiply(rows[..., :3], _alpha_of(rows), scale=1 / 255)


def blocks(pixels: Pixels) -> Iterator[slice]:
    """The rows of a picture, ``ROWS`` at a time."""
    return (slice(top, top + ROWS) for top in range(0, len(pixels), ROWS))


def _alpha_of(rows: Pixels) -> Pixels:
    return cv2.merge([rows[..., 3]] * 3)


def _luma(pixels: Pixels, to_color: ToColor) -> Gray:
    gray = np.empty(pixels.shape[:2], np.uint8)
    for rows in blocks(pixels):
        cv2.cvtColor(to_color(pixels[rows]), cv2.COLOR_BGR2GRAY, dst=gray[rows])
    return gray
