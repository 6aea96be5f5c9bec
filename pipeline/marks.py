"""Burnt-in text and drawn marks: a mask of letters, arrows, boxes and lines, and the share that it covers.

What machines and people draw into a picture is flat: strokes of one gray, far from what surrounds them on both sides,
with sudden rims. Wires, tubes and ribs are rounded and fade. So flat thin parts with sudden rims are looked for, and
kept where they stand in a line as letters do, or are as even and as stark as only drawn figures are.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.tones import Gray

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


@dataclass(frozen=True, eq=False)
class Part:
    """One connected flat part.

    Attributes:
        outline: its contour, as OpenCV gives it; ``box``: left, top, width, height.
        step: gray levels it stands out; ``sudden``: of its rim; ``even``: of its gray, both as shares of the step.
    """

    outline: np.ndarray
    box: tuple[int, int, int, int]
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
    found = (_measured(gray, over, thin, outline) for outline in outlines)
    return thin, [part for part in found if part is not None]


def _measured(gray: Gray, over: Gray, thin: Gray, outline: np.ndarray) -> Part | None:
    """The part within ``outline``, or None where it has too few pixels."""
    left, top, width, height = cv2.boundingRect(outline)
    if width * height < LEAST_PIXELS:
        return None
    x, y = max(0, left - 1), max(0, top - 1)
    window = np.s_[y : top + height + 1, x : left + width + 1]
    inside = cv2.drawContours(np.zeros(gray[window].shape, np.uint8), [outline - (x, y)], -1, 255, cv2.FILLED)
    own = (inside & thin[window]) > 0
    rise = np.sort(over[window][own])
    if len(rise) < LEAST_PIXELS:
        return None
    step = float(rise[len(rise) * 4 // 5])
    core = gray[window][own & (over[window] > 0.8 * step)]
    sudden = _rim_slope(gray[window], own) / step
    return Part(outline, (left, top, width, height), step, sudden, float(core.std()) / step)


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
    flat = [part for part in inner if part.sudden >= SUDDEN and part.even <= EVEN]
    letters = [part for part in flat if _is_letter(part)]
    line = [part for part in letters if sum(_beside(part, other) for other in letters) >= LETTERS - 1]
    near = [part for part in inner if part not in line and _is_letter(part) and part.sudden >= LOOSE * SUDDEN]
    line += [
        part
        for part in near
        if part.even <= EVEN / LOOSE and sum(_beside(part, other) for other in line) >= LETTERS - 1
    ]
    return line + [part for part in flat if part.step >= STARK and part not in line]


def _is_letter(part: Part) -> bool:
    return LEAST_HEIGHT <= part.box[3] <= MOST_HEIGHT


def _is_frame(part: Part, shape: tuple[int, ...]) -> bool:
    """Does the part run along most of a side of the picture?"""
    left, top, width, height = part.box
    at_side = left <= 2 or left + width >= shape[1] - 2
    at_end = top <= 2 or top + height >= shape[0] - 2
    return (at_side and height > FRAME * shape[0]) or (at_end and width > FRAME * shape[1])


def _beside(part: Part, other: Part) -> bool:
    """Do two letters stand in one line, not far from each other?"""
    if part is other:
        return False
    (left, top, width, height), (x, y, w, h) = part.box, other.box
    tall = max(height, h)
    apart = max(x - left - width, left - x - w)
    return min(height, h) > 0.55 * tall and abs((top + height) - (y + h)) < 0.25 * tall and apart < 2 * tall
