"""The paper's enhancements BEASF and CLAHE, and the three channels of every model input.

Models record :data:`CHANNELS`; :func:`check_channels` refuses models that were trained on another order.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from scipy.special import expit

from pipeline.imaging.arrays import Gray, Pixels
from pipeline.imaging.histogram import TONES, Counts, Curve, apply_curve, histogram
from sources.core.errors import CxnetError

CHANNELS = ("beasf", "clahe", "original")  # the order in the notebooks that train COVID-CXNet
FLAT = 1e-6  # with a smaller gamma the curve is the identity after rounding


def channels(image: Gray, *, gamma: float = 1.5, clip: float = 2.0, tiles: int = 8) -> Pixels:
    """The channels :data:`CHANNELS` of a film (H, W) uint8, as (H, W, 3) uint8.

    The defaults are those of the paper: BEASF with gamma 1.5, CLAHE with clip limit 2.0 and 8 x 8 tiles.
    """
    return np.dstack([beasf(image, gamma), clahe(image, clip=clip, tiles=tiles), image])


def check_channels(recorded: Sequence[str], where: str) -> None:
    """Refuse channels in another order than :data:`CHANNELS`.

    Args:
        recorded: the order in a model or in prepared inputs.
        where: their name, for the message.

    Raises:
        CxnetError: the orders differ.
    """
    if tuple(recorded) != CHANNELS:
        raise CxnetError(
            f"{where} has the channels ({', '.join(recorded)}), this version makes ({', '.join(CHANNELS)}); "
            f"make it again with this version."
        )


def beasf(image: Gray, gamma: float = 1.5) -> Gray:
    """Bi-histogram equalization with adaptive sigmoid functions (Arriaga-Garcia et al. 2014).

    A sigmoid around their median stretches the tones up to the mean, another one those above it. The curve is
    monotonic; the tones 0, m, m + 1 and 255 do not change, where m is the mean.

    Args:
        image: film (H, W) uint8.
        gamma: steepness of the sigmoids; 0 leaves the film unchanged.

    Returns:
        (H, W) uint8.
    """
    return apply_curve(image, beasf_curve(*landmarks(histogram(image)), gamma))


def landmarks(counts: Counts) -> tuple[int, int, int]:
    """The mean of a histogram, and the medians of the tones up to the mean and above it."""
    mean = int((np.arange(TONES) * counts).sum() // counts.sum())
    return mean, _median(counts[: mean + 1]), mean + 1 + _median(counts[mean + 1 :])


def beasf_curve(mean: int, lower_median: int, upper_median: int, gamma: float) -> Curve:
    """The look-up table of BEASF, uint8 (256,); the identity if the mean leaves one half with a single tone."""
    if mean == 0 or mean >= TONES - 2 or gamma < FLAT:
        return np.arange(TONES, dtype=np.uint8)
    tones = np.arange(TONES)
    lower = expit(5 * gamma * (tones[: mean + 1] - lower_median) / mean)
    upper = expit(5 * gamma * (tones[mean + 1 :] - upper_median) / (255 - mean))
    curve = np.concatenate([_stretch(lower, 0, mean), _stretch(upper, mean + 1, 255)])
    return np.rint(curve).astype(np.uint8)


def clahe(image: Gray, *, clip: float = 2.0, tiles: int = 8) -> Gray:
    """Contrast-limited adaptive histogram equalization (OpenCV) with ``tiles`` x ``tiles`` tiles, (H, W) uint8."""
    return np.asarray(cv2.createCLAHE(clip, (tiles, tiles)).apply(image), np.uint8)


def _median(counts: Counts) -> int:
    """First tone at which more than half of the pixels are counted; 0 without pixels."""
    if not counts.any():
        return 0
    reached = np.cumsum(counts)
    return int(np.argmax(2 * reached > reached[-1]))


def _stretch(values: npt.NDArray[np.float64], low: int, high: int) -> npt.NDArray[np.float64]:
    """Shift and scale increasing values so that they run from ``low`` to ``high``."""
    return low + (high - low) * ((values - values[0]) / (values[-1] - values[0]))
