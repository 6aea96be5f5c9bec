"""BEASF, CLAHE and histogram matching against naive per-pixel implementations: same output, and speed-up.

The naive implementations below are also the references of the tests. Run: ``python -m benchmarks.enhance``.
"""

import itertools
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pipeline.imaging.arrays import Gray
from pipeline.imaging.histogram import apply_curve, cumulative, histogram, match_curve
from pipeline.prepare.enhance import beasf, clahe

RESULTS = Path(__file__).parent / "results" / "enhance.json"
SIZES = (96, 320)
TARGET = 30.0  # least speed-up of BEASF


def main() -> None:
    cv2.setNumThreads(1)
    rows = [row for size in SIZES for row in measure(size)]
    print(f"{'method':<20}{'side':>6}{'loop ms':>10}{'ours ms':>10}{'speed-up':>10}{'differing px':>14}{'largest':>9}")
    for row in rows:
        print(
            f"{row['method']:<20}{row['side']:>6}{row['loop_ms']:>10.2f}{row['ours_ms']:>10.3f}{row['faster']:>9.0f}x"
            f"{row['differing_pixels']:>14}{row['largest_difference']:>9}"
        )
    met = all(row["faster"] >= TARGET for row in rows if row["method"] == "beasf")
    print(f"BEASF at least {TARGET:.0f} times as fast as its naive implementation: {'met' if met else 'MISSED'}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"rows": rows, "target": TARGET, "met": met}, indent=2) + "\n")


def measure(side: int) -> list[dict[str, Any]]:
    film, template = draw_film(side, seed=1), draw_film(side, seed=2)
    reference = cumulative(histogram(template))
    return [
        compare("beasf", side, lambda: beasf_by_pixel(film, 1.5), lambda: beasf(film, 1.5)),
        compare("clahe", side, lambda: clahe_by_pixel(film, 2.0, 8), lambda: clahe(film, clip=2.0, tiles=8)),
        compare(
            "histogram matching",
            side,
            lambda: match_by_pixel(film, template),
            lambda: apply_curve(film, match_curve(histogram(film), reference)),
        ),
    ]


def compare(method: str, side: int, slow: Callable[[], Gray], fast: Callable[[], Gray]) -> dict[str, Any]:
    """Time both on one thread, and count the pixels that differ."""
    slow_s, expected = seconds(slow, 3)
    fast_s, result = seconds(fast, 50)
    difference = np.abs(expected.astype(int) - result.astype(int))
    return {
        "method": method,
        "side": side,
        "loop_ms": slow_s * 1e3,
        "ours_ms": fast_s * 1e3,
        "faster": slow_s / fast_s,
        "differing_pixels": int((difference > 0).sum()),
        "largest_difference": int(difference.max()),
    }


def seconds(work: Callable[[], Gray], times: int) -> tuple[float, Gray]:
    """The time of the fastest of several runs, and the result."""
    best, result = math.inf, work()
    for _ in range(times):
        began = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - began)
    return best, result


def draw_film(side: int, seed: int) -> Gray:
    """Two dark lungs in a bright body on a dark background, with noise: (side, side) uint8."""
    rng = np.random.default_rng(seed)
    film = np.full((side, side), 20 + 10 * seed, np.uint8)
    cv2.ellipse(film, (side // 2, side // 2), (side // 2, side * 6 // 10), 0, 0, 360, 190, -1)
    for middle in (side * 3 // 10, side * 7 // 10):
        cv2.ellipse(film, (middle, side // 2), (side // 7, side // 3), 0, 0, 360, 70, -1)
    blurred = cv2.GaussianBlur(film, (0, 0), side / 40).astype(float)
    return np.clip(np.rint(blurred + rng.normal(0, 6, film.shape)), 0, 255).astype(np.uint8)


# ------------------------------------------------------------------------------------- naive implementations


def beasf_by_pixel(image: Gray, gamma: float) -> Gray:
    """BEASF as in the paper: every sum is a loop, and the sigmoid is evaluated for every pixel."""
    pixels = [int(value) for value in image.ravel()]
    m = sum(pixels) // len(pixels)
    if m == 0 or m >= 254 or gamma == 0:
        return image.copy()
    counts = [0] * 256
    for value in pixels:
        counts[value] += 1
    c_lower, c_upper = _half_mass(counts, 0, m), _half_mass(counts, m + 1, 255)

    def value_of(tone: int) -> float:
        first, last, center, width = (0, m, c_lower, m) if tone <= m else (m + 1, 255, c_upper, 255 - m)

        def sigmoid(at: int) -> float:
            return 1 / (1 + math.exp(-5 * gamma * (at - center) / width))

        share = (sigmoid(tone) - sigmoid(first)) / (sigmoid(last) - sigmoid(first))
        return round(first + (last - first) * share)

    return np.array([value_of(value) for value in pixels], np.uint8).reshape(image.shape)


def _half_mass(counts: list[int], first: int, last: int) -> int:
    """The smallest tone from first to last at which the cumulative count exceeds half of their total."""
    half, reached = sum(counts[first : last + 1]) / 2, 0
    for tone in range(first, last + 1):
        reached += counts[tone]
        if reached > half:
            return tone
    return first


def match_by_pixel(image: Gray, template: Gray) -> Gray:
    """:func:`match_exactly`, rounded."""
    return np.rint(match_exactly(image, template)).astype(np.uint8)


def match_exactly(image: Gray, template: Gray) -> np.ndarray:
    """Map each pixel to the template's tone at the same cumulative share, interpolated; float64 (H, W)."""
    steps = _steps(template)
    shares = dict(_steps(image))

    def value_of(tone: int) -> float:
        share = shares[tone]
        if share <= steps[0][1]:
            return steps[0][0]
        for (low, below), (high, above) in itertools.pairwise(steps):
            if share <= above:
                return low + (high - low) * (share - below) / (above - below)
        return steps[-1][0]

    return np.array([value_of(int(tone)) for tone in image.ravel()], np.float64).reshape(image.shape)


def _steps(image: Gray) -> list[tuple[int, float]]:
    """(tone, share of pixels at most as bright) of each tone in the image."""
    pixels = sorted(int(value) for value in image.ravel())
    return sorted({tone: (place + 1) / len(pixels) for place, tone in enumerate(pixels)}.items())


def clahe_by_pixel(image: Gray, clip: float, tiles: int) -> Gray:
    """CLAHE: one clipped equalization curve per tile; each pixel blends the curves of the four nearest tile centers.

    Works in single precision, as OpenCV does, so that ties round to the same side.
    """
    height, width = image.shape
    border = (0, -height % tiles, 0, -width % tiles)
    padded = np.asarray(cv2.copyMakeBorder(image, *border, cv2.BORDER_REFLECT_101), np.uint8)
    tile_h, tile_w = padded.shape[0] // tiles, padded.shape[1] // tiles
    curves = [
        [_tile_curve(padded[y * tile_h : (y + 1) * tile_h, x * tile_w : (x + 1) * tile_w], clip) for x in range(tiles)]
        for y in range(tiles)
    ]
    result = np.empty_like(image)
    for y in range(height):
        top, bottom, down = _neighbors(y, tile_h, tiles)
        for x in range(width):
            left, right, across = _neighbors(x, tile_w, tiles)
            tone = image[y, x]
            upper = curves[top][left][tone] * (1 - across) + curves[top][right][tone] * across
            lower = curves[bottom][left][tone] * (1 - across) + curves[bottom][right][tone] * across
            result[y, x] = round(upper * (1 - down) + lower * down)
    return result


def _neighbors(at: int, step: int, tiles: int) -> tuple[int, int, np.float32]:
    """The two tiles whose centers enclose a pixel, and its relative distance from the first."""
    place = np.float32(at) * (np.float32(1) / np.float32(step)) - np.float32(0.5)
    first = math.floor(place)
    return max(first, 0), min(first + 1, tiles - 1), place - first


def _tile_curve(tile: Gray, clip: float) -> list[np.float32]:
    """The equalization curve of one tile; counts above the clip limit are spread evenly over all tones."""
    counts = [0] * 256
    for value in tile.ravel():
        counts[int(value)] += 1
    limit = max(int(clip * tile.size / 256), 1)
    excess = sum(max(count - limit, 0) for count in counts)
    counts = [min(count, limit) + excess // 256 for count in counts]
    left = excess % 256
    step = max(256 // left, 1) if left else 256
    for tone in range(0, 256, step):
        if left == 0:
            break
        counts[tone] += 1
        left -= 1
    reached, curve = 0, []
    for count in counts:
        reached += count
        curve.append(np.float32(min(round(np.float32(reached) * (np.float32(255) / np.float32(tile.size))), 255)))
    return curve


if __name__ == "__main__":
    main()
