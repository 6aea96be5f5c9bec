"""Burnt-in text and drawn marks: a mask of letters, arrows, boxes and lines, and the share that it covers.

What machines and people draw into a picture is flat: strokes of one gray, far from what surrounds them on both sides,
with sudden rims. Wires, tubes and ribs are rounded and fade. So flat thin parts with sudden rims are looked for, and
kept where they stand in a line as letters do, or are as even and as stark as only drawn figures are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.imaging.arrays import Gray

STROKE = 21  # px of a picture of 1,024, strokes are thinner
LEAST_STEP = 40  # gray levels that a stroke stands out
LEAST_HEIGHT, MOST_HEIGHT = 6, 80  # px of a letter
LEAST_PIXELS = 8
SUDDEN = 0.45  # share of a stroke's step that its rim makes from one pixel to the next
EVEN = 0.25  # spread of a stroke's gray, as a share of its step
STARK = 110  # gray levels that a drawn figure that is no letter stands out
LETTERS = 3  # of a line
LOOSE = 0.7  # share of SUDDEN, and of EVEN turned round, that is asked of a letter beside two sure ones
FRAME = 0.6  # share of a side from which a part along it is the picture's frame
GROWN = 2  # px, rim of the mask
BLOCK = 256  # letters that are held against all others at once: a page of text has thousands

Box = Sequence[int]  # left, top, width, height
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Part:
    """One connected flat part.

    Attributes:
        outline: its contour, as OpenCV gives it; ``box``: left, top, width, height.
        step: gray levels it stands out; ``sudden``: of its rim; ``even``: of its gray, both as shares of the step.
    """

    outline: np.ndarray
    box: Box
    step: float
    sudden: float
    even: float


def share(gray: Gray) -> float:
    """Share of the picture that text and drawn marks cover."""
    return float(np.count_nonzero(find_marks(gray)) / gray.size)


def find_marks(gray: Gray) -> Gray:
    """Mask (H, W) uint8, 255 on burnt-in text and drawn marks with a rim of 2 px, 0 elsewhere."""
    mask = np.zeros(gray.shape, np.uint8)
    for picture in (gray, np.bitwise_not(gray)):
        thin, parts = flat_parts(picture)
        drawn = [part.outline for part in marks_among(parts, gray.shape)]
        if drawn:
            filled = cv2.drawContours(np.zeros(gray.shape, np.uint8), drawn, -1, 255, cv2.FILLED)
            mask |= filled & thin
    return cv2.dilate(mask, np.ones((2 * GROWN + 1, 2 * GROWN + 1), np.uint8)) if mask.any() else mask


def flat_parts(gray: Gray) -> tuple[Gray, list[Part]]:
    """Thin parts brighter than what surrounds them: mask (H, W) uint8 0 | 255, and each part measured."""
    side = max(3, round(STROKE * max(gray.shape) / 1024) | 1)
    over = cv2.subtract(gray, cv2.morphologyEx(gray, cv2.MORPH_OPEN, np.ones((side, side), np.uint8)))
    _, thin = cv2.threshold(over, LEAST_STEP, 255, cv2.THRESH_BINARY)
    outlines, _ = cv2.findContours(thin, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    boxes = [cv2.boundingRect(outline) for outline in outlines]
    found = (
        _measured(gray, over, thin, outline, box)
        for outline, box in zip(outlines, boxes, strict=True)
        if box[2] * box[3] >= LEAST_PIXELS
    )
    return thin, [part for part in found if part is not None]


def _measured(gray: Gray, over: Gray, thin: Gray, outline: np.ndarray, box: Box) -> Part | None:
    """The part within ``outline`` and its ``box``; None where it can be neither a letter nor a drawn figure."""
    left, top, width, height = box
    x, y = max(0, left - 1), max(0, top - 1)
    window = np.s_[y : top + height + 1, x : left + width + 1]
    inside = cv2.drawContours(np.zeros(gray[window].shape, np.uint8), [outline - (x, y)], -1, 255, cv2.FILLED)
    own = (inside & thin[window]) > 0
    rise = np.sort(over[window][own])
    if len(rise) < LEAST_PIXELS:
        return None
    step = float(rise[len(rise) * 4 // 5])
    if step < STARK and not LEAST_HEIGHT <= height <= MOST_HEIGHT:
        return None
    core = gray[window][own & (over[window] > 0.8 * step)]
    sudden = _rim_slope(gray[window], own) / step
    return Part(outline, box, step, sudden, float(core.std()) / step)


def _rim_slope(window: Gray, own: Gray) -> float:
    """Mean of the steepest third of the slopes of a part and its rim, gray levels from one pixel to the next."""
    signed = window.astype(np.int16)
    slope = np.zeros(window.shape, np.int16)
    slope[1:] = np.abs(signed[1:] - signed[:-1])
    slope[:, 1:] = np.maximum(slope[:, 1:], np.abs(signed[:, 1:] - signed[:, :-1]))
    steep = np.sort(slope[cv2.dilate(own.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0])
    return float(steep[-max(1, len(steep) // 3) :].mean())


def marks_among(parts: list[Part], shape: tuple[int, ...]) -> list[Part]:
    """The parts that are letters in a line, or drawn figures; a frame round the picture is neither."""
    inner = [part for part in parts if not _is_frame(part, shape)]
    boxes = np.array([part.box for part in inner], np.int32).reshape(-1, 4)
    step, sudden, even = np.array([(part.step, part.sudden, part.even) for part in inner]).reshape(-1, 3).T
    letter = (boxes[:, 3] >= LEAST_HEIGHT) & (boxes[:, 3] <= MOST_HEIGHT)
    flat = (sudden >= SUDDEN) & (even <= EVEN)
    line = _mask_where(flat & letter, lambda sure: _neighbours(boxes[sure], boxes[sure]) >= LETTERS)  # itself is one
    near = letter & ~line & (sudden >= LOOSE * SUDDEN) & (even <= EVEN / LOOSE)
    beside = _mask_where(near, lambda loose: _neighbours(boxes[loose], boxes[line]) >= LETTERS - 1)
    drawn = line | beside | (flat & (step >= STARK))
    return [part for part, is_drawn in zip(inner, drawn, strict=True) if is_drawn]


def _mask_where(asked: Mask, answer: Callable[[Mask], Mask]) -> Mask:
    """``answer`` for those that are ``asked``, False for the others."""
    found = np.zeros(len(asked), bool)
    found[asked] = answer(asked)
    return found


def _is_frame(part: Part, shape: tuple[int, ...]) -> bool:
    """Does the part run along most of a side of the picture?"""
    left, top, width, height = part.box
    at_side = left <= 2 or left + width >= shape[1] - 2
    at_end = top <= 2 or top + height >= shape[0] - 2
    return (at_side and height > FRAME * shape[0]) or (at_end and width > FRAME * shape[1])


def _neighbours(letters: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How many of ``others`` stand in one line with each of ``letters``, not far off; boxes int32 (N, 4) and (M, 4)."""
    found = np.zeros(len(letters), np.int32)
    x, y, w, h = others.T
    for start in range(0, len(letters), BLOCK):
        left, top, width, height = letters[start : start + BLOCK].T[..., None]
        tall, low = np.maximum(height, h), np.minimum(height, h)
        apart = np.maximum(x - left - width, left - x - w)
        on_line = (low > 0.55 * tall) & (np.abs(top + height - y - h) < 0.25 * tall) & (apart < 2 * tall)
        found[start : start + BLOCK] = on_line.sum(axis=1)
    return found
