"""Does a picture show what its pixels promise? Blurred films and blown-up thumbnails lack fine detail, each in its way.

Blur lets detail fade slowly toward fine scales; a thumbnail that was blown up breaks off where its own pixels ended.
Both show in the power spectrum. Small networks (``weights/fineness.npz``; ``training/classifiers/fineness.py``) tell
them apart; docs/quality-model-card.md says how well.
"""

from functools import lru_cache

import cv2
import numpy as np
from scipy.fft import rfft2

from pipeline.classifiers.networks import Networks, Vectors
from pipeline.imaging.arrays import Gray

KINDS = ("fine", "blurred", "upscaled")
TILE = 512  # px, largest side of the square that is looked at
STEP = 64  # px, tiles come in these steps
BANDS = 28  # of spatial frequency, in equal steps of its logarithm
LEAST, MOST = 4 / TILE, 0.5  # cycles per pixel
SECTORS = (
    2  # along the picture's sides, and across: blur fades in a circle, a blown-up thumbnail breaks off in a square
)
FLOOR = 1e-3  # gray levels squared; rounding to 8 bits alone gives 1/12


def judge(gray: Gray, networks: Networks) -> tuple[str, float]:
    """(kind of ``KINDS``, probability) of a picture without plain border, uint8 (H, W).

    The probability is that fine detail is there, or that it is lacking; which of the two ways is less sure.
    """
    fine, *lacking = networks.probabilities(spectrum(gray)[None])[0]
    if fine >= 0.5:
        return KINDS[0], float(fine)
    return KINDS[1 + int(np.argmax(lacking))], float(1 - fine)


def spectrum(gray: Gray) -> Vectors:
    """What the networks see, float32 (SECTORS * BANDS + 1,): logarithm of the power, and of the size.

    Of the square in the middle of the picture; frequencies in cycles per pixel.
    """
    height, width = gray.shape
    side = max(STEP, min(TILE, min(width, height) // STEP * STEP))
    x, y = max(0, width - side) // 2, max(0, height - side) // 2
    tile: Gray = gray[y : y + side, x : x + side].astype(np.float32)
    if tile.shape != (side, side):
        tile = cv2.copyMakeBorder(
            tile, 0, side - tile.shape[0], 0, side - tile.shape[1], borderType=cv2.BORDER_REFLECT_101
        )
    window, band, counts = _bands(side)
    waves = np.abs(rfft2((tile - tile.mean()) * window)) ** 2
    power = np.bincount(band, weights=waves.ravel(), minlength=SECTORS * BANDS + 1)[:-1] / counts
    size = np.log2(max(gray.shape) / 1024)
    return np.append(np.log10(power + FLOOR), size).astype(np.float32)


@lru_cache(maxsize=TILE // STEP)
def _bands(side: int) -> tuple[Vectors, np.ndarray, np.ndarray]:
    """Hann window (side, side), band of every frequency (flat; the last = none) and frequencies per band."""
    hann = np.hanning(side)
    window = np.outer(hann, hann).astype(np.float32)
    down, right = np.abs(np.fft.fftfreq(side))[:, None], np.abs(np.fft.rfftfreq(side))[None]
    radius = np.hypot(down, right)
    place = np.log(np.maximum(radius, 1e-9) / LEAST) / np.log(MOST / LEAST) * BANDS
    across = np.minimum(down, right) > np.tan(np.pi / 8) * np.maximum(down, right)
    inside = (place >= 0) & (place < BANDS)
    band = np.where(inside, place.astype(int) + BANDS * across, SECTORS * BANDS).ravel()
    counts = np.bincount(band, minlength=SECTORS * BANDS + 1)[:-1] * float((window**2).sum())
    return window, band, np.maximum(counts, 1)
