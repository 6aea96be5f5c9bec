"""Figures of several panels: the films in one picture, cut apart.

Journals combine films, CT slices and drawings in one figure; every panel is an image of its own. Panels are separated
by gutters: straight white strips across the whole figure, or across a part that earlier gutters have cut out (a
recursive X-Y cut: Nagy and Seth, ICPR 1984). White margins are cut off; strips of text and drawings are not panels.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

from sources.core.formats import PILLOW_FORMATS
from sources.core.limits import FIGURE_PIXELS

if TYPE_CHECKING:
    from PIL import Image

Box = tuple[int, int, int, int]  # left, top, width, height in pixels
Gray = npt.NDArray[np.uint8]
Paper = npt.NDArray[np.bool_]  # where a figure is white

WHITE = 235  # gray value from which a pixel is paper; JPEG leaves a little noise on it
PURE = 0.995  # minimum share of paper in every line of a gutter
THINNEST = 3  # minimum width of a gutter in pixels, and as a share of the figure's longer side:
THINNEST_SHARE = 0.004
SMALLEST = 64  # minimum of a panel's shorter side in pixels, and as a share of the figure's shorter side:
SMALLEST_SHARE = 0.12
LONGEST_ASPECT = 4.0  # a longer piece is a caption or a scale
LEAST_INK = 0.35  # minimum share of a panel that is not paper: a film fills its frame, a drawing does not
FRAME_DEPTH = 6  # pixels from a panel's edge within which its frame begins
FRAME_INK = 0.6  # minimum ink in that line, on three of four sides: a lung drawn on white has no straight edge
DEEPEST = 6  # cuts within cuts
MOST_PANELS = 26  # a letter each
TILE_WIDTH, TILE_LENGTH = 322, 323  # TIFF tags


def panels_of(picture: Path | BinaryIO) -> list[Box]:
    """The panels of a picture file, in reading order; none if it is a single film or cannot be read."""
    from PIL import Image, ImageOps

    try:
        with Image.open(picture, formats=PILLOW_FORMATS) as image:
            if _pixels_to_decode(image) > FIGURE_PIXELS or getattr(image, "n_frames", 1) > 1:
                return []
            panels = split(np.asarray(ImageOps.exif_transpose(image).convert("L"), np.uint8))
    except Exception:  # on hostile bytes decoders raise anything; ingest reports what is wrong with the file
        return []
    return panels if len(panels) > 1 else []


def _pixels_to_decode(image: Image.Image) -> int:
    """Pixels that a decoder holds at once: those of the picture, or of one tile of a TIFF file, which may be larger."""
    tags = getattr(image, "tag_v2", {})
    return max(image.width * image.height, int(tags.get(TILE_WIDTH, 0)) * int(tags.get(TILE_LENGTH, 0)))


def split(gray: Gray) -> list[Box]:
    """The panels of a figure, row by row from left to right; the whole picture if there are fewer than two.

    Args:
        gray: (H, W) uint8, 255 is white.
    """
    height, width = gray.shape
    whole = (0, 0, width, height)
    if not gray.size:
        return [whole]
    paper = gray >= WHITE
    thinnest = max(THINNEST, round(THINNEST_SHARE * max(height, width)))
    smallest = max(SMALLEST, SMALLEST_SHARE * min(height, width))
    films = [box for box in _cut(paper, whole, thinnest, DEEPEST) if _is_panel(paper, box, smallest)]
    return in_reading_order(films) if 2 <= len(films) <= MOST_PANELS else [whole]


def in_reading_order(boxes: list[Box]) -> list[Box]:
    """Boxes row by row from left to right; a row is the highest box and those whose middle is above its bottom."""
    remaining = sorted(boxes, key=lambda box: (box[1], box[0]))
    ordered: list[Box] = []
    while remaining:
        bottom = remaining[0][1] + remaining[0][3]
        row = [box for box in remaining if box is remaining[0] or box[1] + box[3] / 2 < bottom]
        ordered += sorted(row, key=lambda box: box[0])
        remaining = [box for box in remaining if box not in row]
    return ordered


def _cut(paper: Paper, box: Box, thinnest: int, depth: int) -> list[Box]:
    """The pieces of ``box`` between its gutters, without white margins."""
    box = _trimmed(paper, box)
    left, top, width, height = box
    if not depth or width == 0:
        return [box]
    part = _part(paper, box)
    rows = _between_gutters(part.mean(axis=1) >= PURE, thinnest)
    columns = _between_gutters(part.mean(axis=0) >= PURE, thinnest) if len(rows) == 1 else []
    if len(rows) > 1:
        pieces = [(left, top + begin, width, end - begin) for begin, end in rows]
    elif len(columns) > 1:
        pieces = [(left + begin, top, end - begin, height) for begin, end in columns]
    else:
        return [box]
    return [part for piece in pieces for part in _cut(paper, piece, thinnest, depth - 1)]


def _between_gutters(white: Paper, thinnest: int) -> list[tuple[int, int]]:
    """(begin, end) of the stretches between gutters: runs of at least ``thinnest`` white lines."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], white, [False]]).astype(np.int8))).tolist()
    gutters = [(begin, end) for begin, end in zip(edges[::2], edges[1::2], strict=True) if end - begin >= thinnest]
    begins = [0, *(end for _, end in gutters)]
    ends = [*(begin for begin, _ in gutters), len(white)]
    return [(begin, end) for begin, end in zip(begins, ends, strict=True) if end > begin]


def _trimmed(paper: Paper, box: Box) -> Box:
    """``box`` without the white lines at its edges; a box of size 0 if it is white all over."""
    part = _part(paper, box)
    rows, columns = (np.flatnonzero(part.mean(axis=axis) < PURE).tolist() for axis in (1, 0))
    if not rows or not columns:
        return box[0], box[1], 0, 0
    return box[0] + columns[0], box[1] + rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1


def _is_panel(paper: Paper, box: Box, smallest: float) -> bool:
    """Is a piece large enough, not a strip, mostly ink, and framed by straight edges?"""
    _, _, width, height = box
    if min(width, height) < smallest or max(width, height) > LONGEST_ASPECT * min(width, height):
        return False
    part = _part(paper, box)
    sides = (part[:FRAME_DEPTH], part[::-1][:FRAME_DEPTH], part.T[:FRAME_DEPTH], part.T[::-1][:FRAME_DEPTH])
    framed = sum(bool((1 - side.mean(axis=1)).max() >= FRAME_INK) for side in sides)
    return 1 - float(part.mean()) >= LEAST_INK and framed >= 3


def _part(paper: Paper, box: Box) -> Paper:
    left, top, width, height = box
    return paper[top : top + height, left : left + width]
