"""Figures of several panels: find the films in one picture by the white gutters between them.

Journals join films, CT slices and drawings into one figure; every panel is an image of its own. A gutter is a straight
white strip across the whole figure, or across the part that earlier gutters have left (a recursive X-Y cut:
Nagy and Seth, ICPR 1984). White margins are cut off; strips of text and drawings on paper are no panels.
"""

from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

Box = tuple[int, int, int, int]  # left, top, width, height in pixels
Gray = npt.NDArray[np.uint8]
Paper = npt.NDArray[np.bool_]  # where a figure is white

WHITE = 235  # gray value from which a pixel is paper; JPEG leaves a little noise on it
PURE = 0.995  # share of the pixels of a gutter's line that are paper
THINNEST = 3  # px; and this share of the figure's longer side:
THINNEST_SHARE = 0.004
SMALLEST = 64  # px of a panel's shorter side; and this share of the figure's shorter side:
SMALLEST_SHARE = 0.12
LONGEST_ASPECT = 4.0  # a longer piece is a caption or a scale
LEAST_INK = 0.35  # share of a panel that is no paper: a film fills its frame, a drawing does not
FRAME_DEPTH = 6  # px from a panel's edge within which its frame begins
FRAME_INK = 0.6  # share of that line that is no paper; on three of four sides: a lung on white has no straight edge
DEEPEST = 6  # cuts within cuts
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MOST_PIXELS = 60_000_000


def panels_of(picture: Path | BinaryIO) -> list[Box]:
    """The panels of a picture file, in reading order; none where it is one film, or no readable picture."""
    try:
        with Image.open(picture) as image:
            if image.width * image.height > MOST_PIXELS or getattr(image, "n_frames", 1) > 1:
                return []
            found = split(np.asarray(ImageOps.exif_transpose(image).convert("L"), np.uint8))
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        return []  # what is wrong with it is said where it is decoded
    return found if len(found) > 1 else []


def split(gray: Gray) -> list[Box]:
    """The panels of a figure, row by row from left to right; the whole picture where there are not two of them.

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
    return in_reading_order(films) if 2 <= len(films) <= len(LETTERS) else [whole]


def in_reading_order(boxes: list[Box]) -> list[Box]:
    """Boxes row by row from left to right; a box whose middle lies beside the highest one left stands in its row."""
    left = sorted(boxes, key=lambda box: (box[1], box[0]))
    ordered: list[Box] = []
    while left:
        bottom = left[0][1] + left[0][3]
        row = [box for box in left if box is left[0] or box[1] + box[3] / 2 < bottom]
        ordered += sorted(row, key=lambda box: box[0])
        left = [box for box in left if box not in row]
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
    return [found for piece in pieces for found in _cut(paper, piece, thinnest, depth - 1)]


def _between_gutters(white: Paper, thinnest: int) -> list[tuple[int, int]]:
    """(begin, end) of the stretches of lines between runs of at least ``thinnest`` white ones."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], white, [False]]).astype(np.int8))).tolist()
    gutters = [(begin, end) for begin, end in zip(edges[::2], edges[1::2], strict=True) if end - begin >= thinnest]
    begins = [0, *(end for _, end in gutters)]
    ends = [*(begin for begin, _ in gutters), len(white)]
    return [(begin, end) for begin, end in zip(begins, ends, strict=True) if end > begin]


def _trimmed(paper: Paper, box: Box) -> Box:
    """``box`` without the white lines at its edges; without size where it is white all over."""
    part = _part(paper, box)
    rows, columns = (np.flatnonzero(part.mean(axis=axis) < PURE).tolist() for axis in (1, 0))
    if not rows or not columns:
        return box[0], box[1], 0, 0
    return box[0] + columns[0], box[1] + rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1


def _is_panel(paper: Paper, box: Box, smallest: float) -> bool:
    """Is a piece large enough, no strip, mostly ink, and framed by straight edges?"""
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
