"""Measure the quality of a picture on its way into the pool, and flag what is unusual about it.

Flags mark what a user may want to look at or leave out (``manifest.exclude_flags``); a flag excludes nothing by itself.
docs/quality-model-card.md explains where the networks and thresholds come from and how far to trust them.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from pipeline.classifiers import fineness
from pipeline.classifiers.networks import Networks, shipped
from pipeline.classifiers.upright import Orientation, detect_orientation, set_upright
from pipeline.imaging import marks
from pipeline.imaging.arrays import Gray
from pipeline.imaging.borders import collimated_share, without_border
from pipeline.imaging.histogram import Counts, histogram

MIN_BORDER = 0.02  # share of the picture from which on a border is flagged
MIN_COLLIMATED = 0.02
MIN_TEXT = 0.004  # a side marker alone covers less
MIN_GRAY_LEVELS = 44.0
MAX_COMB = 0.68
DARK = 32  # gray levels that the noise of a black background stays below
MIN_BACKGROUND = 0.1  # share of the pixels in a mode of dark levels that is a background
NOISE = 0.01  # a background ends where a level has so small a share of its pixels
MIN_LACKING = 0.9  # probability that fine detail is missing
TEETH, TREND = 2.0, 12.0  # gray levels: widths that smooth a histogram for its teeth and for its trend


@dataclass(frozen=True)
class QualityNetworks:
    """The networks that quality depends on.

    Attributes:
        views: what the picture shows.
        upright: how it was rotated and whether it is a negative.
        side: on which side the heart is.
        fineness: whether fine detail is missing.
    """

    views: Networks
    upright: Networks
    side: Networks
    fineness: Networks


@dataclass(frozen=True)
class Quality:
    """Measurements and flags of one picture; the fields are columns of the pool (``pipeline/core/schema.py``).

    Attributes:
        rotation: degrees clockwise by which the picture was rotated, now undone.
        inverted: whether it was a negative, now undone.
        upright_score: probability of this rotation and inversion together.
        mirrored_score: probability that left and right are exchanged.
        sharpness: variance of the Laplacian.
        detail: fine | blurred | upscaled.
        detail_score: probability that detail is fine or, for the other two, missing.
        gray_levels: effective number of gray levels.
        clipped_share: share of pixels at 0 or 255.
        border_share: share of the picture in plain borders.
        collimated_share: share of the rest in the collimator's shadow.
        text_share: share of the picture under text and drawn marks.
        flags: names of what is unusual, in a fixed order.
    """

    rotation: int
    inverted: bool
    upright_score: float
    mirrored_score: float
    sharpness: float
    detail: str
    detail_score: float
    gray_levels: float
    clipped_share: float
    border_share: float
    collimated_share: float
    text_share: float
    flags: list[str]


def shipped_networks() -> QualityNetworks:
    """The networks that come with the package."""
    return QualityNetworks(shipped("views"), shipped("upright"), shipped("side"), shipped("fineness"))


def set_upright_and_measure(gray: Gray, networks: QualityNetworks) -> tuple[Gray, Quality]:
    """Undo the rotation and inversion of a picture, (H, W) uint8, and measure the result."""
    inner = without_border(gray)
    orientation = detect_orientation(inner, networks.views, networks.upright, networks.side)
    upright, inner = (set_upright(part, orientation.rotation, orientation.inverted) for part in (gray, inner))
    return upright, _measure(upright, inner, orientation, networks.fineness)


def _measure(gray: Gray, inner: Gray, orientation: Orientation, networks: Networks) -> Quality:
    """Measure an upright picture; ``inner`` is the part of it inside plain borders."""
    counts = histogram(inner)
    detail, detail_score = fineness.classify(inner, networks)
    border, collimated, text = 1.0 - inner.size / gray.size, collimated_share(inner), marks.share(gray)
    levels = gray_levels(counts)
    flags = {
        "rotated": orientation.rotation != 0,
        "inverted": orientation.inverted,
        "mirrored": orientation.mirrored,
        "border": border >= MIN_BORDER,
        "collimated": collimated >= MIN_COLLIMATED,
        "text": text >= MIN_TEXT,
        "blurred": detail == "blurred" and detail_score >= MIN_LACKING,
        "upscaled": detail == "upscaled" and detail_score >= MIN_LACKING,
        "few_levels": levels < MIN_GRAY_LEVELS or comb(counts) > MAX_COMB,
    }
    return Quality(
        rotation=orientation.rotation,
        inverted=orientation.inverted,
        upright_score=round(orientation.score, 4),
        mirrored_score=round(orientation.mirrored_score, 4),
        sharpness=sharpness(gray),
        detail=detail,
        detail_score=round(detail_score, 4),
        gray_levels=levels,
        clipped_share=clipped_share(counts if inner.size == gray.size else histogram(gray)),
        border_share=border,
        collimated_share=collimated,
        text_share=text,
        flags=[name for name, is_set in flags.items() if is_set],
    )


def sharpness(gray: Gray) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al. 2000)."""
    laplacian = cv2.Laplacian(gray, cv2.CV_16S)
    mean = cv2.sumElems(laplacian)[0] * (1 / gray.size)
    mean_square = round(cv2.norm(laplacian, cv2.NORM_L2SQR)) * (1 / gray.size)
    return float(np.sqrt(max(mean_square - mean * mean, 0)) ** 2)  # to the last bit what cv2.meanStdDev makes of it


def clipped_share(counts: Counts) -> float:
    """Share of pixels at 0 or 255, of a histogram."""
    return float(np.float32(counts[0] + counts[255]) / np.float32(counts.sum()))


def gray_levels(counts: Counts) -> float:
    """Effective number of gray levels: the exponential of a histogram's entropy, so that rare levels count little.

    Pure black, pure white and the noise of a black background do not count.
    """
    shares = _inner_shares(counts)
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def comb(counts: Counts) -> float:
    """How comb-like a histogram is, from 0: the trace of few gray levels under JPEG noise."""
    shares = _inner_shares(counts)
    trend = gaussian_filter1d(shares, TREND, mode="nearest")
    teeth = gaussian_filter1d(shares, TEETH, mode="nearest") / np.maximum(trend, 1e-9) - 1
    return float(np.sqrt((trend * teeth * teeth).sum() / max(trend.sum(), 1e-9)))


def _inner_shares(counts: Counts) -> npt.NDArray[np.float64]:
    """Shares of the gray levels 1 to 254, or of those above a black background."""
    inner = counts[1:255].astype(float)
    inner[: _background_end(inner)] = 0
    return np.asarray(inner / max(inner.sum(), 1.0))


def _background_end(inner: npt.NDArray[np.float64]) -> int:
    """How many of the darkest levels are the noise of a black background that covers much of the picture.

    Such a background is a narrow mode: its few levels would hide how many the rest of the picture has, and look like a
    tooth of a comb.
    """
    mode = int(np.argmax(inner[:DARK]))
    reached = np.cumsum(inner[: DARK + 1])
    ends = np.flatnonzero(inner[mode : DARK + 1] <= NOISE * reached[mode:])
    if not len(ends):
        return 0
    end = mode + int(ends[0])
    return end if reached[end] >= MIN_BACKGROUND * inner.sum() and inner[end:].any() else 0
