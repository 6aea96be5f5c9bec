"""Quality of one pool picture: gray in; measures, and the flags that follow from them, out.

Flags tell what a user may want to look at or leave out (``manifest.exclude_flags``); none excludes a film by itself.
Where the networks and thresholds come from and how far they can be trusted: docs/quality-model-card.md.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from pipeline.classifiers import fineness
from pipeline.classifiers.networks import Networks, shipped
from pipeline.classifiers.upright import Stand, judge, put_right
from pipeline.imaging import marks
from pipeline.imaging.arrays import Gray
from pipeline.imaging.borders import collimated_share, without_border

FLAGS = (
    "rotated",
    "inverted",
    "mirrored",
    "border",
    "collimated",
    "text",
    "blurred",
    "upscaled",
    "few_levels",
)
BORDER = 0.02  # least share of the picture
COLLIMATED = 0.02
TEXT = 0.004  # a side marker alone covers less
FEW_LEVELS = 44.0
COMB = 0.68
FINE_SURE = 0.9  # least probability that a picture lacks fine detail
TEETH, TREND = 2.0, 12.0  # gray levels: widths that smooth a histogram for its teeth and for its trend


@dataclass(frozen=True)
class Judges:
    """The networks that judge: what is shown, how it stands, which side the heart is on, whether detail is missing."""

    views: Networks
    upright: Networks
    side: Networks
    fineness: Networks


def shipped_judges() -> Judges:
    """The networks that come with the package."""
    return Judges(shipped("views"), shipped("upright"), shipped("side"), shipped("fineness"))


def put_right_and_measure(gray: Gray, judges: Judges) -> tuple[Gray, dict[str, Any]]:
    """A picture, (H, W) uint8, put upright and positive; and all its measures and flags by column name."""
    stand = judge(without_border(gray), judges.views, judges.upright, judges.side)
    upright = put_right(gray, stand.rotation, stand.inverted)
    return upright, _measure(upright, stand, judges.fineness)


def _measure(gray: Gray, stand: Stand, fine: Networks) -> dict[str, Any]:
    inner = without_border(gray)
    detail, detail_score = fineness.judge(inner, fine)
    found: dict[str, Any] = {
        "rotation": stand.rotation,
        "inverted": stand.inverted,
        "upright_score": round(stand.score, 4),
        "mirrored_score": round(stand.mirrored_score, 4),
        "sharpness": sharpness(gray),
        "detail": detail,
        "detail_score": round(detail_score, 4),
        "gray_levels": gray_levels(inner),
        "clipped_share": clipped_share(gray),
        "border_share": 1.0 - inner.size / gray.size,
        "collimated_share": collimated_share(inner),
        "text_share": marks.share(gray),
    }
    said = {
        "rotated": stand.rotation != 0,
        "inverted": stand.inverted,
        "mirrored": stand.mirrored,
        "border": found["border_share"] >= BORDER,
        "collimated": found["collimated_share"] >= COLLIMATED,
        "text": found["text_share"] >= TEXT,
        "blurred": detail == "blurred" and detail_score >= FINE_SURE,
        "upscaled": detail == "upscaled" and detail_score >= FINE_SURE,
        "few_levels": found["gray_levels"] < FEW_LEVELS or comb(inner) > COMB,
    }
    return found | {"flags": [name for name in FLAGS if said[name]]}


def sharpness(gray: Gray) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al. 2000)."""
    return float(cv2.meanStdDev(cv2.Laplacian(gray, cv2.CV_16S))[1][0, 0] ** 2)


def clipped_share(gray: Gray) -> float:
    """Share of pixels at 0 or 255."""
    counts = cv2.calcHist([gray], [0], None, [256], [0, 256]).ravel()
    return float((counts[0] + counts[255]) / gray.size)


def gray_levels(gray: Gray) -> float:
    """How many gray levels the picture uses, rare ones counting little: the exponential of the histogram's entropy.

    Black and white do not count.
    """
    shares = _histogram(gray)
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def comb(gray: Gray) -> float:
    """How far the histogram is a comb with wide gaps, as JPEG noise leaves it of a picture that had few gray levels."""
    shares = _histogram(gray)
    trend = gaussian_filter1d(shares, TREND, mode="nearest")
    teeth = gaussian_filter1d(shares, TEETH, mode="nearest") / np.maximum(trend, 1e-9) - 1
    return float(np.sqrt((trend * teeth * teeth).sum() / max(trend.sum(), 1e-9)))


def _histogram(gray: Gray) -> np.ndarray:
    """Shares of the gray levels 1 to 254."""
    counts = cv2.calcHist([gray], [0], None, [256], [0, 256]).ravel()[1:255].astype(float)
    return counts / max(counts.sum(), 1.0)
