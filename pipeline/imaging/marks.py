"""Find burned-in text and drawn marks: letters, arrows, boxes and lines.

What machines and people draw into a picture is flat: strokes of one gray level, well brighter or darker than both
sides, with sharp rims. Wires, tubes and ribs are rounded and fade. So thin flat parts with sharp rims are candidates,
and count as marks if they stand in a line, as letters do, or if their contrast is too strong for anatomy.

A page of text has thousands of parts, so all parts of a picture are measured at once, from lists of their pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.imaging.arrays import Gray
from pipeline.imaging.runs import Chosen, Ints, Runs, find_parts, stretches

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
MIN_LIKE = 0.55  # height of a letter as a share of its neighbor's
MAX_RISE = 0.25  # of a letter above the line of its neighbor, as a share of the taller one's height
KIND_BITS = 32  # a place in a picture takes fewer
BLOCK = 256  # letters compared with others at once, since a page of text has thousands

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Parts:
    """The connected flat parts of a picture that can be letters or drawn figures.

    Attributes:
        boxes: (N, 5) int64: 0 for a part brighter or 1 for one darker than its surroundings; left, top, width, height.
        step: (N,) gray levels between a part and its surroundings.
        sharpness: (N,) slope of its rim from one pixel to the next, as a share of the step.
        spread: (N,) standard deviation of its gray levels, as a share of the step.
        runs: their pixels, in the picture of the brighter parts and, below it, that of the darker ones.
    """

    boxes: Ints
    step: Floats
    sharpness: Floats
    spread: Floats
    runs: Runs


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
    mask.ravel()[parts.runs.of(marks).pixels()[0] % gray.size] = 255
    return cv2.dilate(mask, np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8))


def flat_parts(gray: Gray) -> Parts:
    """Measure the thin parts of a picture that are brighter or darker than their surroundings."""
    side = max(3, round(STROKE * max(gray.shape) / 1024) | 1)
    square = np.ones((side, side), np.uint8)
    rises = np.empty((2, *gray.shape), np.uint8)
    cv2.morphologyEx(gray, cv2.MORPH_TOPHAT, square, dst=rises[0])
    cv2.morphologyEx(gray, cv2.MORPH_BLACKHAT, square, dst=rises[1])
    boxes, runs = _separate(rises)
    places, numbers = runs.pixels()
    rise = rises.ravel()[places]
    step = _steps(numbers, rise, len(boxes))
    spread = _spreads(numbers, rise, gray.ravel()[places % gray.size], step)
    possible = _where((step > 0) & (spread <= MAX_SPREAD / LOOSE), lambda part: _may_be_marks(boxes[part], step[part]))
    boxes, step, spread, runs = boxes[possible], step[possible], spread[possible], runs.of(possible)
    return Parts(boxes, step, _rim_slopes(gray, runs, boxes) / step, spread, runs)


def _separate(rises: Gray) -> tuple[Ints, Runs]:
    """Boxes and pixels of the connected parts that rise from their surroundings.

    What lies in a hole of a part belongs to it. Tiny parts and frames around the picture are left out.

    Args:
        rises: how much the pixels are brighter than their surroundings, and how much they are darker, (2, H, W) uint8.
    """
    runs = find_parts(rises, MIN_STEP)
    boxes = _boxes(runs, rises.shape)
    kept = (boxes[:, 3] * boxes[:, 4] >= MIN_PIXELS) & ~_are_frames(boxes, rises.shape[1:])
    return boxes[kept], runs.of(kept)


def _boxes(runs: Runs, shape: tuple[int, ...]) -> Ints:
    """Kind, left, top, width and height of every part, (N, 5)."""
    _, height, width = shape
    row, column = np.divmod(runs.starts, width)
    left, top = (runs.by_part(np.minimum, values) for values in (column, row))
    right, bottom = (runs.by_part(np.maximum, values) for values in (column + runs.ends - runs.starts, row + 1))
    return np.stack([top // height, left, top % height, right - left, bottom - top], axis=1)


def _steps(numbers: Ints, rise: Gray, count: int) -> Floats:
    """The step of each part, the rise that one in five of its pixels exceeds; 0 for a part of too few pixels."""
    ordered = np.sort(numbers << 8 | rise)
    sizes = np.bincount(numbers, minlength=count)
    steps = np.zeros(count)
    enough = sizes >= MIN_PIXELS
    steps[enough] = ordered[(np.cumsum(sizes) - sizes + sizes * 4 // 5)[enough]] & 255
    return steps


def _spreads(numbers: Ints, rise: Gray, gray: Gray, step: Floats) -> Floats:
    """The spread of each part; infinite for a part without a step. Its faint rim does not count.

    Args:
        numbers, rise, gray: of each pixel, its part, its rise and its gray level, (P,).
    """
    core = rise > 0.8 * step[numbers]
    numbers, levels = numbers[core], gray[core].astype(np.float64)
    count, total, squares = (np.bincount(numbers, of, len(step)) for of in (None, levels, levels * levels))
    return np.divide(np.sqrt(count * squares - total * total), count * step, np.full(len(step), np.inf), where=step > 0)


def _may_be_marks(boxes: Ints, step: Floats) -> Chosen:
    """Whether parts can be drawn figures or make up a line of letters, whatever their rims are like."""
    beside = _where(_are_letters(boxes), lambda letter: _letters_in_line(boxes[letter], boxes[letter]) > 1)  # itself
    return beside | (step >= MIN_STARK_STEP)


def _rim_slopes(gray: Gray, runs: Runs, boxes: Ints) -> Floats:
    """Mean of the steepest third of the slopes in each part and on its rim, in gray levels per pixel."""
    width = gray.shape[1]
    places, numbers = runs.widened(gray.shape).pixels()
    places %= gray.size
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
    others = others[np.argsort(_lines(others))]
    lines, reach = _lines(letters), MAX_RISE / MIN_LIKE * letters[:, 4]
    heights = _lines(others)
    first = np.searchsorted(heights, lines - reach, side="left")
    last = np.searchsorted(heights, lines + reach, side="right")
    for start in range(0, len(letters), BLOCK):
        block = slice(start, start + BLOCK)
        number = np.repeat(np.arange(len(lines[block])), (last - first)[block])
        _, left, top, width, height = letters[block][number].T
        _, x, y, w, h = others[stretches(first[block], last[block])].T
        tall, low = np.maximum(height, h), np.minimum(height, h)
        apart = np.maximum(x - left - width, left - x - w)
        near = (low > MIN_LIKE * tall) & (np.abs(top + height - y - h) < MAX_RISE * tall) & (apart < 2 * tall)
        counts[block] = np.bincount(number[near], minlength=len(lines[block]))
    return counts


def _lines(letters: Ints) -> Ints:
    """Where the lower end of each letter is; far away from each other for bright and for dark letters."""
    return letters[:, 0] << KIND_BITS | letters[:, 2] + letters[:, 4]
