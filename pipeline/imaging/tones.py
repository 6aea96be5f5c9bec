"""Scale samples of more than 8 bits to 8 bits: which range of values becomes 0..255."""

import cv2
import numpy as np

from pipeline.imaging.arrays import Gray, Pixels

NOT_FINITE = "samples that are not finite numbers: shown black or white"  # a warning; such a copy is never kept
TAIL = 0.005  # share of the darkest and of the brightest samples that do not decide on the range
MARGIN = 0.25  # share by which the range is widened on both sides, but not beyond the samples
FULL = 0.5  # a picture that uses this share of the 16-bit range is only divided
STEPS = 65_536  # values that are counted singly
ROWS = 512  # rows that are scaled at a time, to save memory
FEW_LEVELS = 12.0  # effective gray levels below which a display shows little,
MANY_LEVELS = 3.0  # if the samples have so many times as many
MOST = 0.7  # share of pixels that a display may turn black or white although their samples differ


def to_8_bit(samples: Pixels) -> Pixels:
    """Scale samples of any depth to uint8, of the same shape.

    A 16-bit picture that uses at least half of the 65,536 values is divided by 257, so that an 8-bit film saved with 16
    bits comes back unchanged. Any other (12 bits in 16, 40 levels in use, a float TIFF) is stretched over the range it
    uses: percentiles 0.5 to 99.5, widened by a quarter to spare bone and air, but not beyond the smallest and largest
    sample. One burned-in marker at 65,535 therefore does not darken the whole film.

    Args:
        samples: (H, W) or (H, W, C), integers or floats. NaN and minus infinity become 0, infinity becomes 255.
    """
    low, high = used_range(samples)
    if samples.dtype == np.uint16 and high - low >= FULL * 65535:
        return cv2.convertScaleAbs(samples, alpha=1 / 257)
    return stretch(samples, low, high)


def used_range(samples: Pixels) -> tuple[float, float]:
    """The range that :func:`to_8_bit` stretches, estimated from a sparse grid; (0, 0) if no sample is finite."""
    sparse = samples[:: max(1, samples.shape[0] // 512), :: max(1, samples.shape[1] // 512)]
    finite = sparse[np.isfinite(sparse)] if sparse.dtype.kind == "f" else sparse
    if finite.size == 0:
        return 0.0, 0.0
    dark, bright = (float(value) for value in np.quantile(finite, (TAIL, 1 - TAIL)))
    margin = MARGIN * (bright - dark)
    return max(float(finite.min()), dark - margin), min(float(finite.max()), bright + margin)


def stretch(samples: Pixels, low: float, high: float) -> Pixels:
    """Map ``low`` to 0 and ``high`` to 255, linearly, clipped outside; all 0 if the range is empty."""
    if not high > low:
        return np.zeros(samples.shape, np.uint8)
    scaled = np.empty(samples.shape, np.uint8)
    for top in range(0, len(samples), ROWS):
        rows = (samples[top : top + ROWS].astype(np.float32) - low) * (255.0 / (high - low))
        scaled[top : top + ROWS] = np.clip(np.rint(np.nan_to_num(rows, nan=0.0)), 0, 255)
    return scaled


def loses_detail(samples: Pixels, gray: Gray) -> bool:
    """Whether a display leaves most of a picture black, white or in a few grays although its samples differ.

    Args:
        samples: (H, W) or (H, W, C), as stored; NaN counts for nothing.
        gray: what is shown of them, (H, W) uint8.
    """
    first = samples if samples.ndim == 2 else samples[..., 0]
    steps = max(1, gray.shape[0] // 512), max(1, gray.shape[1] // 512)
    stored, shown = first[:: steps[0], :: steps[1]].ravel(), gray[:: steps[0], :: steps[1]].ravel()
    if stored.dtype.kind == "f":
        stored, shown = stored[np.isfinite(stored)], shown[np.isfinite(stored)]
    if not stored.size:
        return False
    levels = _effective_levels(shown)
    if levels >= FEW_LEVELS and ((shown == 0) | (shown == 255)).mean() <= MOST:
        return False
    if _effective_levels(stored) < MANY_LEVELS * levels:
        return False
    lost = sum(_differing(stored[shown == end]) for end in (0, 255)) / stored.size
    return bool(levels < FEW_LEVELS or lost > MOST)


def _effective_levels(values: Pixels) -> float:
    """Exponential of the entropy of the values: how many there are, not counting the rare ones."""
    counts = _counts(values)
    shares = counts[counts > 0] / values.size
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _differing(values: Pixels) -> int:
    """How many values differ from the most common one: a border, or air, may well be all black."""
    return values.size - int(_counts(values).max(initial=0))


def _counts(values: Pixels) -> Pixels:
    """How often each value occurs; a wide range is divided into 65,536 steps first."""
    if not values.size:
        return np.zeros(0, np.int64)
    low, high = float(values.min()), float(values.max())
    is_narrow = values.dtype.kind in "ui" and high - low < STEPS
    scale = 1.0 if is_narrow or high == low else (STEPS - 1) / (high - low)
    return np.bincount(((values.astype(np.float64) - low) * scale).astype(np.int64))
