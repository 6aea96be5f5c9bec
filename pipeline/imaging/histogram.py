"""Histograms of 8-bit films, and the tone curve that gives one film the histogram of another.

Histogram matching of the paper's multiclass runs, without the public code's flaws: the result is rounded, not
truncated, and a curve covers all 256 tones, so that it also fits tones that only resizing brings about.
"""

import cv2
import numpy as np
import numpy.typing as npt

TONES = 256
EXACT = 2**24  # OpenCV counts in float32, which is exact up to here

Image = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]


def match_curve(counts: Counts, reference: Shares) -> Image:
    """The tone curve that brings a film's histogram to a reference.

    Tones of the film are sent to the tones of the reference that stand at the same share of the pixels, linearly
    interpolated (as in the public code's ``match_histogram``), and rounded once. Tones that the film lacks lie on the
    line between their neighbours. The curve never falls, and stays within the tones that the reference has.

    Args:
        counts: pixels per tone of the film, int64 (256,).
        reference: cumulative shares of the reference, float64 (256,), ending in 1.

    Returns:
        Look-up table, uint8 (256,).
    """
    given = np.flatnonzero(counts)
    wanted = np.flatnonzero(np.diff(reference, prepend=0.0) > 0)
    sent = np.interp(cumulative(counts)[given], reference[wanted], wanted)
    return np.rint(np.interp(np.arange(TONES), given, sent)).astype(np.uint8)


def apply_curve(image: Image, curve: Image) -> Image:
    """``curve[image]``: one table look-up per pixel, uint8 (H, W)."""
    return np.asarray(cv2.LUT(image, curve), np.uint8)


def histogram(image: Image) -> Counts:
    """Pixels per tone of a film (H, W) uint8: int64 (256,). Bin number is grey level, whatever the film's range."""
    rows = max(1, EXACT // image.shape[1])
    blocks = (image[top : top + rows] for top in range(0, image.shape[0], rows))
    return np.sum([_count(block) for block in blocks], axis=0, dtype=np.int64)


def cumulative(counts: Counts) -> Shares:
    """Share of pixels that are at most so bright, float64 (256,)."""
    return np.cumsum(counts) / counts.sum()


def _count(block: Image) -> Counts:
    return cv2.calcHist([block], [0], None, [TONES], [0, TONES]).astype(np.int64).ravel()
