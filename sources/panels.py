"""Composite figures: find the panels between white gutters, and what the caption says of each."""

import io
import re
from typing import Any

import cv2
import numpy as np
from PIL import Image

Box = tuple[int, int, int, int]  # left, top, width, height (px)

WHITE = 240  # gray level from which a pixel belongs to a gutter
GUTTER_SHARE = 0.995  # of the pixels of a row or column of a gutter
LEAST_GUTTER = 3  # px
LEAST_SIDE = 0.12  # of the figure's side: narrower parts are letters and scales, not films
LEAST_PIXELS = 80
DEEPEST = 4  # cuts within cuts
MOST_PANELS = 26
LARGEST_PIXELS = 50_000_000
MARK = re.compile(r"(?:^|(?<=[\s.;,:]))\(?([A-H])\)[\s:.,]|(?:^|(?<=[.;]\s))([A-H])[,:]\s", re.IGNORECASE)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def split(gray: np.ndarray) -> list[Box]:
    """Panels of a figure, uint8 (H, W), in reading order; the whole figure where no white gutter parts it."""
    height, width = gray.shape
    whole = (0, 0, width, height)
    found = [box for box in _cut(gray < WHITE, whole, 0) if _is_panel(box, gray.shape)]
    return found[:MOST_PANELS] if len(found) > 1 else [whole]


def decode(content: bytes) -> np.ndarray | None:
    """A figure as gray uint8 (H, W); None for anything that is no picture, or too large a one."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > LARGEST_PIXELS:
                return None
        gray: Any = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    except (cv2.error, OSError, ValueError, Image.DecompressionBombError):
        return None
    return None if gray is None else np.asarray(gray, np.uint8)


def panel_texts(caption: str) -> dict[str, str]:
    """What a caption says of each lettered panel: ``A) CXR. B) CT.`` -> ``{"A": "CXR.", "B": "CT."}``."""
    marks = list(MARK.finditer(caption))
    ends = [mark.start() for mark in marks[1:]] + [len(caption)]
    texts: dict[str, str] = {}
    for mark, end in zip(marks, ends, strict=False):
        texts.setdefault((mark[1] or mark[2]).upper(), caption[mark.end() : end].strip())
    return texts if list(texts) == list(LETTERS[: len(texts)]) else {}


def _cut(ink: np.ndarray, box: Box, depth: int) -> list[Box]:
    """``box`` cut along its gutters, rows first, then columns, then again within the parts."""
    left, top, width, height = box
    part = ink[top : top + height, left : left + width]
    for axis in (1, 0):
        spans = _spans(part.mean(axis=axis) > 1 - GUTTER_SHARE)
        if len(spans) > 1 and depth < DEEPEST:
            boxes = [
                (left, top + start, width, end - start) if axis else (left + start, top, end - start, height)
                for start, end in spans
            ]
            return [inner for piece in boxes for inner in _cut(ink, piece, depth + 1)]
    return [_trimmed(part, left, top)]


def _spans(has_ink: np.ndarray) -> list[tuple[int, int]]:
    """(start, end) of the runs with ink; runs that less than a gutter parts are one."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], has_ink, [False]]).astype(np.int8)))
    spans: list[tuple[int, int]] = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if spans and start - spans[-1][1] < LEAST_GUTTER:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans


def _trimmed(part: np.ndarray, left: int, top: int) -> Box:
    rows, columns = (np.flatnonzero(part.mean(axis=axis) > 1 - GUTTER_SHARE) for axis in (1, 0))
    if not len(rows) or not len(columns):
        return left, top, 0, 0
    return (
        left + int(columns[0]), top + int(rows[0]), int(columns[-1] - columns[0]) + 1, int(rows[-1] - rows[0]) + 1
    )  # fmt: skip


def _is_panel(box: Box, shape: tuple[int, ...]) -> bool:
    _, _, width, height = box
    least = (max(LEAST_PIXELS, LEAST_SIDE * shape[1]), max(LEAST_PIXELS, LEAST_SIDE * shape[0]))
    return width >= least[0] and height >= least[1] and max(width, height) <= 4 * min(width, height)
