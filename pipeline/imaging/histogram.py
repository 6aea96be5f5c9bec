"""Histograms of 8-bit films, and the tone curve that gives one film the histogram of another.

This is the histogram matching of the paper's multiclass runs without the flaws of its public code: results are rounded,
not truncated, and a curve covers all 256 tones, so that it also fits tones that only resizing produces.
"""

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.imaging.arrays import Gray

TONES = 256
EXACT = 2**24  # OpenCV counts in float32, which is exact up to this number

Curve = npt.NDArray[np.uint8]  # tone curve: look-up table (256,)
Counts = npt.NDArray[np.int64]  # pixels per tone: (256,)
Shares = npt.NDArray[np.float64]  # cumulative shares per tone: (256,), ending in 1


def match_curve(counts: Counts, reference: Shares) -> Curve:
    """The tone curve that gives a film the histogram of a reference.

    Each tone of the film is mapped to the tone of the reference with the same cumulative share, linearly interpolated
    (as in the public code's ``match_histogram``) and rounded once. Tones that the film lacks are interpolated between
    their neighbors. The curve never falls, and stays within the tones of the reference.

    Args:
        counts: pixels per tone of the film, int64 (256,).
        reference: cumulative shares of the reference, float64 (256,), ending in 1.

    Returns:
        A look-up table, uint8 (256,).
    """
    present = np.flatnonzero(counts)
    targets = np.flatnonzero(np.diff(reference, prepend=0.0) > 0)
    mapped = np.interp(cumulative(counts)[present], reference[targets], targets)
    return np.rint(np.interp(np.arange(TONES), present, mapped)).astype(np.uint8)


def apply_curve(gray: Gray, curve: Curve) -> Gray:
    """``curve[gray]``, (H, W) uint8: one table look-up per pixel."""
    return np.asarray(cv2.LUT(gray, curve), np.uint8)


def histogram(gray: Gray) -> Counts:
    """Pixels per gray level of a film, (H, W) uint8: int64 (256,)."""
    rows = max(1, EXACT // gray.shape[1])
    blocks = (gray[top : top + rows] for top in range(0, gray.shape[0], rows))
    return np.sum([_count(block) for block in blocks], axis=0, dtype=np.int64)


def cumulative(counts: Counts) -> Shares:
    """Share of pixels that are at most as bright as each tone, float64 (256,)."""
    return np.cumsum(counts) / counts.sum()


def quantile(counts: Counts, share: float) -> float:
    """The gray level below which a share of the pixels lies, interpolated as ``np.quantile`` does it."""
    reached = np.cumsum(counts)
    place = (reached[-1] - 1) * share
    low, high = (int(np.searchsorted(reached, rank, side="right")) for rank in (int(place), int(place) + 1))
    return low + (min(high, TONES - 1) - low) * (place - int(place))


def _count(block: Gray) -> Counts:
    return cv2.calcHist([block], [0], None, [TONES], [0, TONES]).astype(np.int64).ravel()
