"""Find burned-in text and drawn marks: letters, arrows, boxes and lines.

What machines and people draw into a picture is flat: strokes of one gray level, well brighter or darker than both
sides, with sharp rims. Wires, tubes and ribs are rounded and fade. So thin flat parts with sharp rims are candidates,
and count as marks if they stand in a line, as letters do, or if their contrast is too strong for anatomy.

A page of text has thousands of parts, so all parts of a picture are measured at once, from lists of their pixels.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

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

Chosen = npt.NDArray[np.bool_]  # (N,), which of N parts
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PartPixels:
    """The pixels of numbered parts, as a list.

    Attributes:
        places: (P,) int64, row * width + column of each pixel.
        numbers: (P,) int64, the part that it belongs to.
        rise: (P,) uint8, gray levels between the pixel and the surroundings.
    """

    places: Ints
    numbers: Ints
    rise: npt.NDArray[np.uint8]

    def of(self, chosen: Chosen) -> "PartPixels":
        """The pixels of the chosen parts; the parts keep their numbers."""
        belongs = chosen[self.numbers]
        return PartPixels(self.places[belongs], self.numbers[belongs], self.rise[belongs])


@dataclass(frozen=True, eq=False)
class Parts:
    """The connected flat parts of a picture that can be letters or drawn figures.

    Attributes:
        boxes: (N, 5) int64: 0 for a part brighter or 1 for one darker than its surroundings; left, top, width, height.
        step: (N,) gray levels between a part and its surroundings.
        sharpness: (N,) slope of its rim from one pixel to the next, as a share of the step.
        spread: (N,) standard deviation of its gray levels, as a share of the step.
        pixels: their pixels.
    """

    boxes: Ints
    step: Floats
    sharpness: Floats
    spread: Floats
    pixels: PartPixels


def share(gray: Gray) -> float:
    """Share of the picture under text and drawn marks."""
    return float(np.count_nonzero(find_marks(gray)) / gray.size)


def find_marks(gray: Gray) -> Gray:
    """Mask, (H, W) uint8: 255 on burnt-in text and drawn marks and 2 px around them, 0 elsewhere."""
    mask = np.zeros(gray.shape, np.uint8)
    parts = flat_parts(gray)
    marks = select_marks(parts)
    if not marks.any():
        return mask
    mask.ravel()[parts.pixels.of(marks).places] = 255
    return cv2.dilate(mask, np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8))


def flat_parts(gray: Gray) -> Parts:
    """Measure the thin parts of a picture that are brighter or darker than their surroundings."""
    side = max(3, round(STROKE * max(gray.shape) / 1024) | 1)
    square = np.ones((side, side), np.uint8)
    brighter = cv2.subtract(gray, cv2.morphologyEx(gray, cv2.MORPH_OPEN, square))
    darker = cv2.subtract(cv2.morphologyEx(gray, cv2.MORPH_CLOSE, square), gray)
    boxes, pixels = _separate(brighter, darker)
    step = _steps(pixels, len(boxes))
    spread = _spreads(gray, pixels, step)
    possible = _where((step > 0) & (spread <= MAX_SPREAD / LOOSE), lambda part: _may_be_marks(boxes[part], step[part]))
    pixels = pixels.of(possible)
    pixels = replace(pixels, numbers=(np.cumsum(possible) - 1)[pixels.numbers])
    boxes, step, spread = boxes[possible], step[possible], spread[possible]
    return Parts(boxes, step, _rim_slopes(gray, pixels, boxes) / step, spread, pixels)


def _separate(*rises: Gray) -> tuple[Ints, PartPixels]:
    """Boxes and pixels of the connected parts that rise from their surroundings, numbered throughout.

    What lies in a hole of a part belongs to it. Tiny parts and frames around the picture are left out.

    Args:
        rises: how much the pixels are brighter than their surroundings, and how much they are darker, (H, W) uint8.
    """
    boxes: list[Ints] = []
    pixels: list[tuple[Ints, Ints, Gray]] = []
    for kind, rise in enumerate(rises):
        thin = rise > MIN_STEP
        outlines, _ = cv2.findContours(thin.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        outlines = [outline for outline in outlines if len(outline) > 1]  # a single pixel has an outline of one
        found = _boxes(outlines, kind)
        kept = (found[:, 3] * found[:, 4] >= MIN_PIXELS) & ~_are_frames(found, thin.shape)
        numbered = np.zeros(thin.shape, np.int32)
        first = sum(map(len, boxes)) + 1
        for number, outline in enumerate(itertools.compress(outlines, kept.tolist()), first):
            cv2.drawContours(numbered, [outline], -1, number, cv2.FILLED)
        places = np.flatnonzero(thin)
        places = places[numbered.ravel()[places] > 0]
        boxes.append(found[kept])
        pixels.append((places, numbered.ravel()[places].astype(np.int64) - 1, rise.ravel()[places]))
    return np.concatenate(boxes), PartPixels(*map(np.concatenate, zip(*pixels, strict=True)))


def _boxes(outlines: Sequence[npt.NDArray[Any]], kind: int) -> Ints:
    """Kind, left, top, width and height of every outline, (N, 5)."""
    if not outlines:
        return np.zeros((0, 5), np.int64)
    starts = np.cumsum([0, *map(len, outlines[:-1])])
    corners = np.concatenate(outlines)[:, 0]
    first, last = np.minimum.reduceat(corners, starts), np.maximum.reduceat(corners, starts)
    return np.concatenate([np.full((len(first), 1), kind), first, last - first + 1], axis=1)


def _steps(pixels: PartPixels, count: int) -> Floats:
    """The step of each part, the rise that one in five of its pixels exceeds; 0 for a part of too few pixels."""
    ordered = np.sort(pixels.numbers << 8 | pixels.rise)
    sizes = np.bincount(pixels.numbers, minlength=count)
    steps = np.zeros(count)
    enough = sizes >= MIN_PIXELS
    steps[enough] = ordered[(np.cumsum(sizes) - sizes + sizes * 4 // 5)[enough]] & 255
    return steps


def _spreads(gray: Gray, pixels: PartPixels, step: Floats) -> Floats:
    """The spread of each part; infinite for a part without a step. Its faint rim does not count."""
    core = pixels.rise > 0.8 * step[pixels.numbers]
    numbers, levels = pixels.numbers[core], gray.ravel()[pixels.places[core]].astype(np.float64)
    count, total, squares = (np.bincount(numbers, of, len(step)) for of in (None, levels, levels * levels))
    return np.divide(np.sqrt(count * squares - total * total), count * step, np.full(len(step), np.inf), where=step > 0)


def _may_be_marks(boxes: Ints, step: Floats) -> Chosen:
    """Whether parts can be drawn figures or make up a line of letters, whatever their rims are like."""
    beside = _where(_are_letters(boxes), lambda letter: _letters_in_line(boxes[letter], boxes[letter]) > 1)  # itself
    return beside | (step >= MIN_STARK_STEP)


def _rim_slopes(gray: Gray, pixels: PartPixels, boxes: Ints) -> Floats:
    """Mean of the steepest third of the slopes in each part and on its rim, in gray levels per pixel."""
    width = gray.shape[1]
    numbers, places = np.divmod(_widened(pixels, gray.shape), gray.size)
    y, x = np.divmod(places, width)
    left, top = boxes[numbers, 1:3].T - 1  # of the window in which slopes count
    levels = gray.ravel()
    here = levels[places].astype(np.int64)
    down = np.abs(here - levels[places - np.minimum(y, 1) * width]) * (y > top)
    right = np.abs(here - levels[places - np.minimum(x, 1)]) * (x > left)
    ordered = np.sort(numbers << 8 | np.maximum(down, right))
    sizes = np.bincount(numbers, minlength=len(boxes))
    ends, steep = np.cumsum(sizes), np.maximum(1, sizes // 3)
    sums = np.concatenate([[0], np.cumsum(ordered & 255)])
    return (sums[ends] - sums[ends - steep]) / steep


def _widened(pixels: PartPixels, shape: tuple[int, ...]) -> Ints:
    """The parts and 1 px around them: part * size of the picture + place, (Q,), each once, ascending."""
    height, width = shape
    y, x = np.divmod(pixels.places, width)
    first = pixels.numbers * height * width + pixels.places
    above, below, left, right = -np.minimum(y, 1) * width, (y < height - 1) * width, -np.minimum(x, 1), x < width - 1
    column = np.stack([first + above, first, first + below])
    ordered = np.sort(np.stack([column + left, column, column + right]), axis=None)
    return ordered[np.diff(ordered, prepend=-1) > 0]


def select_marks(parts: Parts) -> Chosen:
    """The parts that are letters in a line or drawn figures."""
    boxes, sharpness, spread = parts.boxes, parts.sharpness, parts.spread
    letter = _are_letters(boxes)
    flat = (sharpness >= MIN_SHARPNESS) & (spread <= MAX_SPREAD)
    line = _where(flat & letter, lambda sure: _letters_in_line(boxes[sure], boxes[sure]) >= LETTERS)  # with itself
    near = letter & ~line & (sharpness >= LOOSE * MIN_SHARPNESS) & (spread <= MAX_SPREAD / LOOSE)
    beside = _where(near, lambda loose: _letters_in_line(boxes[loose], boxes[line]) >= LETTERS - 1)
    return line | beside | (flat & (parts.step >= MIN_STARK_STEP))


def _where(places: Chosen, test: Callable[[Chosen], Chosen]) -> Chosen:
    """The result of ``test`` at ``places``, False elsewhere."""
    result = np.zeros(len(places), bool)
    if places.any():
        result[places] = test(places)
    return result


def _are_letters(boxes: Ints) -> Chosen:
    """Whether parts have the height of a letter."""
    return (boxes[:, 4] >= MIN_HEIGHT) & (boxes[:, 4] <= MAX_HEIGHT)


def _are_frames(boxes: Ints, shape: tuple[int, ...]) -> Chosen:
    """Whether parts run along most of a side of the picture."""
    _, left, top, width, height = boxes.T
    at_side = (left <= 2) | (left + width >= shape[1] - 2)
    at_end = (top <= 2) | (top + height >= shape[0] - 2)
    return (at_side & (height > FRAME * shape[0])) | (at_end & (width > FRAME * shape[1]))


def _letters_in_line(letters: Ints, others: Ints) -> Ints:
    """For each of ``letters``, boxes (N, 5), how many of ``others`` (M, 5) are nearby on the same line."""
    counts = np.zeros(len(letters), np.int64)
    kinds, x, y, w, h = others.T
    for start in range(0, len(letters), BLOCK):
        kind, left, top, width, height = letters[start : start + BLOCK].T[..., None]
        tall, low = np.maximum(height, h), np.minimum(height, h)
        apart = np.maximum(x - left - width, left - x - w)
        near = (low > 0.55 * tall) & (np.abs(top + height - y - h) < 0.25 * tall) & (apart < 2 * tall)
        counts[start : start + BLOCK] = (near & (kind == kinds)).sum(axis=1)
    return counts
