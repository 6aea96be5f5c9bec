"""Find burnt-in text and drawn marks: letters, arrows, boxes and lines.

What machines and people draw into a picture is flat: strokes of one gray level, well brighter or darker than both
sides, with sharp rims. Wires, tubes and ribs are rounded and fade. So thin flat parts with sharp rims are candidates,
and count as marks if they stand in a line, as letters do, or if their contrast is too strong for anatomy.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.imaging.arrays import Gray

STROKE = 21  # px in a picture of 1,024: maximum width of a stroke
MIN_STEP = 40  # gray levels between a stroke and its surroundings
MIN_HEIGHT, MAX_HEIGHT = 6, 80  # px of a letter
MIN_PIXELS = 8
MIN_SHARPNESS = 0.45  # slope of a stroke's rim from one pixel to the next, as a share of its step
MAX_SPREAD = 0.25  # standard deviation of a stroke's gray levels, as a share of its step
MIN_STARK_STEP = 110  # gray levels between a drawn figure that is no letter and its surroundings
LETTERS = 3  # minimum in a line
LOOSE = 0.7  # a letter beside two certain ones may miss MIN_SHARPNESS and MAX_SPREAD by this factor
FRAME = 0.6  # a part along this share of a side is the frame of the picture
RIM = 2  # px by which the mask is widened
BLOCK = 256  # letters compared with all others at once, since a page of text has thousands

Places = npt.NDArray[np.bool_]  # (N,), which of N parts


@dataclass(frozen=True, eq=False)
class Part:
    """One connected flat part.

    Attributes:
        outline: its contour, as OpenCV returns it.
        box: left, top, width, height (px).
        step: gray levels between the part and its surroundings.
        sharpness: slope of its rim from one pixel to the next, as a share of the step.
        spread: standard deviation of its gray levels, as a share of the step.
    """

    outline: np.ndarray
    box: Sequence[int]
    step: float
    sharpness: float
    spread: float


def share(gray: Gray) -> float:
    """Share of the picture under text and drawn marks."""
    return float(np.count_nonzero(find_marks(gray)) / gray.size)


def find_marks(gray: Gray) -> Gray:
    """Mask, (H, W) uint8: 255 on burnt-in text and drawn marks and 2 px around them, 0 elsewhere."""
    mask = np.zeros(gray.shape, np.uint8)
    for picture in (gray, np.bitwise_not(gray)):
        thin, parts = flat_parts(picture)
        outlines = [part.outline for part in select_marks(parts, gray.shape)]
        if outlines:
            filled = cv2.drawContours(np.zeros(gray.shape, np.uint8), outlines, -1, 255, cv2.FILLED)
            mask |= filled & thin
    return cv2.dilate(mask, np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8)) if mask.any() else mask


def flat_parts(gray: Gray) -> tuple[Gray, list[Part]]:
    """Thin parts brighter than their surroundings: their mask, (H, W) uint8 0 | 255, and each part measured."""
    side = max(3, round(STROKE * max(gray.shape) / 1024) | 1)
    over = cv2.subtract(gray, cv2.morphologyEx(gray, cv2.MORPH_OPEN, np.ones((side, side), np.uint8)))
    _, thin = cv2.threshold(over, MIN_STEP, 255, cv2.THRESH_BINARY)
    outlines, _ = cv2.findContours(thin, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    boxes = [cv2.boundingRect(outline) for outline in outlines]
    measured = (
        _measure(gray, over, thin, outline, box)
        for outline, box in zip(outlines, boxes, strict=True)
        if box[2] * box[3] >= MIN_PIXELS
    )
    return thin, [part for part in measured if part is not None]


def _measure(gray: Gray, over: Gray, thin: Gray, outline: np.ndarray, box: Sequence[int]) -> Part | None:
    """The part inside ``outline``; None if it can be neither a letter nor a drawn figure."""
    left, top, width, height = box
    x, y = max(0, left - 1), max(0, top - 1)
    window = np.s_[y : top + height + 1, x : left + width + 1]
    inside = cv2.drawContours(np.zeros(gray[window].shape, np.uint8), [outline - (x, y)], -1, 255, cv2.FILLED)
    own = (inside & thin[window]) > 0
    rise = np.sort(over[window][own])
    if len(rise) < MIN_PIXELS:
        return None
    step = float(rise[len(rise) * 4 // 5])
    if step < MIN_STARK_STEP and not MIN_HEIGHT <= height <= MAX_HEIGHT:
        return None
    core = gray[window][own & (over[window] > 0.8 * step)]
    return Part(outline, box, step, _rim_slope(gray[window], own) / step, float(core.std()) / step)


def _rim_slope(window: Gray, own: Gray) -> float:
    """Mean of the steepest third of the slopes in a part and on its rim, in gray levels per pixel."""
    signed = window.astype(np.int16)
    slope = np.zeros(window.shape, np.int16)
    slope[1:] = np.abs(signed[1:] - signed[:-1])
    slope[:, 1:] = np.maximum(slope[:, 1:], np.abs(signed[:, 1:] - signed[:, :-1]))
    steep = np.sort(slope[cv2.dilate(own.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0])
    return float(steep[-max(1, len(steep) // 3) :].mean())


def select_marks(parts: list[Part], shape: tuple[int, ...]) -> list[Part]:
    """The parts that are letters in a line or drawn figures. A frame around the picture is neither."""
    inner = [part for part in parts if not _is_frame(part, shape)]
    boxes = np.array([part.box for part in inner], np.int32).reshape(-1, 4)
    step, sharpness, spread = np.array([(part.step, part.sharpness, part.spread) for part in inner]).reshape(-1, 3).T
    letter = (boxes[:, 3] >= MIN_HEIGHT) & (boxes[:, 3] <= MAX_HEIGHT)
    flat = (sharpness >= MIN_SHARPNESS) & (spread <= MAX_SPREAD)
    line = _where(flat & letter, lambda sure: _letters_in_line(boxes[sure], boxes[sure]) >= LETTERS)  # with itself
    near = letter & ~line & (sharpness >= LOOSE * MIN_SHARPNESS) & (spread <= MAX_SPREAD / LOOSE)
    beside = _where(near, lambda loose: _letters_in_line(boxes[loose], boxes[line]) >= LETTERS - 1)
    marks = line | beside | (flat & (step >= MIN_STARK_STEP))
    return [part for part, is_mark in zip(inner, marks, strict=True) if is_mark]


def _where(places: Places, test: Callable[[Places], Places]) -> Places:
    """The result of ``test`` at ``places``, False elsewhere."""
    result = np.zeros(len(places), bool)
    result[places] = test(places)
    return result


def _is_frame(part: Part, shape: tuple[int, ...]) -> bool:
    """Whether the part runs along most of a side of the picture."""
    left, top, width, height = part.box
    at_side = left <= 2 or left + width >= shape[1] - 2
    at_end = top <= 2 or top + height >= shape[0] - 2
    return (at_side and height > FRAME * shape[0]) or (at_end and width > FRAME * shape[1])


def _letters_in_line(letters: np.ndarray, others: np.ndarray) -> np.ndarray:
    """For each of ``letters``, boxes int32 (N, 4), how many of ``others`` (M, 4) are nearby on the same line."""
    counts = np.zeros(len(letters), np.int32)
    x, y, w, h = others.T
    for start in range(0, len(letters), BLOCK):
        left, top, width, height = letters[start : start + BLOCK].T[..., None]
        tall, low = np.maximum(height, h), np.minimum(height, h)
        apart = np.maximum(x - left - width, left - x - w)
        on_line = (low > 0.55 * tall) & (np.abs(top + height - y - h) < 0.25 * tall) & (apart < 2 * tall)
        counts[start : start + BLOCK] = on_line.sum(axis=1)
    return counts
