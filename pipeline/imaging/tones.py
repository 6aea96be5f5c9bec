"""Scale samples of more than 8 bits to 8 bits: which range of values becomes 0..255."""

import cv2
import numpy as np

from pipeline.imaging.arrays import Pixels

TAIL = 0.005  # share of the darkest and of the brightest samples that do not decide on the range
MARGIN = 0.25  # share by which the range is widened on both sides, but not beyond the samples
FULL = 0.5  # a picture that uses this share of the 16-bit range is only divided


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
    scaled = (samples.astype(np.float32) - low) * (255.0 / (high - low))
    return np.clip(np.rint(np.nan_to_num(scaled, nan=0.0)), 0, 255).astype(np.uint8)
