"""Whether a picture has the fine detail that its size promises, or is blurred or enlarged from a thumbnail.

Blur lets detail fade slowly toward fine scales; in an enlarged thumbnail detail ends abruptly where the thumbnail's own
pixels ended. Both show in the power spectrum. Small networks tell them apart (``weights/fineness.npz``, trained by
``training/classifiers/fineness.py``; accuracy in docs/quality-model-card.md).
"""

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
from scipy.fft import rfft2

from pipeline.classifiers.networks import Networks, Vectors
from pipeline.imaging.arrays import Gray, Pixels

KINDS = ("fine", "blurred", "upscaled")
TILE = 512  # px, largest side of the square whose spectrum is taken
STEP = 64  # px, the square's side is a multiple of this
BANDS = 28  # of spatial frequency, equally wide on a logarithmic scale
MIN_FREQUENCY, MAX_FREQUENCY = 4 / TILE, 0.5  # cycles per pixel
SECTORS = 2  # along the sides and diagonally: blur fades in a circle, an enlarged thumbnail ends in a square
FLOOR = 1e-3  # gray levels squared; rounding to 8 bits alone gives 1/12


def classify(gray: Gray, networks: Networks) -> tuple[str, float]:
    """Name the kind of a picture, and how probable it is.

    Args:
        gray: (H, W) uint8 without plain borders.
        networks: over :data:`KINDS`.

    Returns:
        ``fine`` and the probability of fine detail; or ``blurred`` or ``upscaled``, whichever is more likely, and the
        probability that detail is missing in either way. Which of the two it is, is less certain.
    """
    fine, *lacking = networks.probabilities(spectrum(gray)[None])[0]
    if fine >= 0.5:
        return KINDS[0], float(fine)
    return KINDS[1 + int(np.argmax(lacking))], float(1 - fine)


def spectrum(gray: Gray) -> Vectors:
    """What the networks see, float32 (SECTORS * BANDS + 1,): log power per band, and log size of the picture.

    The power is that of the central square; frequencies are in cycles per pixel.
    """
    height, width = gray.shape
    side = max(STEP, min(TILE, min(width, height) // STEP * STEP))
    x, y = max(0, width - side) // 2, max(0, height - side) // 2
    tile: Pixels = gray[y : y + side, x : x + side].astype(np.float32)
    if tile.shape != (side, side):
        tile = cv2.copyMakeBorder(
            tile, 0, side - tile.shape[0], 0, side - tile.shape[1], borderType=cv2.BORDER_REFLECT_101
        )
    window, band, weights = _bands(side)
    tile -= tile.mean()
    tile *= window
    waves = np.abs(rfft2(tile, overwrite_x=True))
    waves *= waves
    power = np.bincount(band, weights=waves.ravel(), minlength=SECTORS * BANDS + 1)[:-1] / weights
    size = np.log2(max(gray.shape) / 1024)
    return np.append(np.log10(power + FLOOR), size).astype(np.float32)


@lru_cache(maxsize=TILE // STEP)
def _bands(side: int) -> tuple[Vectors, npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Everything about the spectrum that depends on the side of the square alone.

    Returns:
        The Hann window, float32 (side, side); the band of every frequency, flattened, where SECTORS * BANDS stands for
        none; and the weight by which the power of each band is divided, (SECTORS * BANDS,).
    """
    hann = np.hanning(side)
    window = np.outer(hann, hann).astype(np.float32)
    down, right = np.abs(np.fft.fftfreq(side))[:, None], np.abs(np.fft.rfftfreq(side))[None]
    radius = np.hypot(down, right)
    place = np.log(np.maximum(radius, 1e-9) / MIN_FREQUENCY) / np.log(MAX_FREQUENCY / MIN_FREQUENCY) * BANDS
    diagonal = np.minimum(down, right) > np.tan(np.pi / 8) * np.maximum(down, right)
    inside = (place >= 0) & (place < BANDS)
    band = np.where(inside, place.astype(int) + BANDS * diagonal, SECTORS * BANDS).ravel()
    counts = np.bincount(band, minlength=SECTORS * BANDS + 1)[:-1] * float((window**2).sum())
    return window, band, np.maximum(counts, 1)
