"""From a pool picture to the input of a network: resize, apply the tone curve, add the enhancement channels.

Training and prediction both use :func:`to_input`. (The paper's inference script resizes differently than its training
scripts.)
"""

from typing import Any

import numpy as np
from PIL import Image

from pipeline.classifiers.lungs import network_sha256
from pipeline.core.experiments import Inputs
from pipeline.core.params import PrepareParams, SegmentParams
from pipeline.imaging.arrays import Gray, Pixels
from pipeline.imaging.conceal import conceal
from pipeline.imaging.histogram import Curve, apply_curve
from pipeline.imaging.masks import LungBox, Mask, mask_of_part
from pipeline.prepare.enhance import CHANNELS, channels

VERSION = 1  # of to_input; models record it


def to_input(gray: Gray, tone_curve: Curve | None, size: int, params: PrepareParams) -> Pixels:
    """Make the input of a network from a picture.

    If the aspect ratio is kept, the shorter side is padded with black after the enhancements, so that the padding does
    not influence them.

    Args:
        gray: pool picture (H, W) uint8, or a crop of it.
        tone_curve: look-up table uint8 (256,); None keeps the tones.
        size: side of the result (px).
        params: how to treat the aspect ratio, and how strong the enhancements are.

    Returns:
        (size, size, 3) uint8, channels in the order of :data:`pipeline.prepare.enhance.CHANNELS`.
    """
    width, height = fit(gray.shape[1], gray.shape[0], size) if params.aspect == "pad" else (size, size)
    film = resize(gray, width, height)
    if tone_curve is not None:
        film = apply_curve(film, tone_curve)
    film = channels(film, gamma=params.beasf_gamma, clip=params.clahe_clip, tiles=params.clahe_tiles)
    return _pad(film, size)


def as_shown(gray: Gray, inputs: Inputs, lungs: LungBox) -> Gray:
    """What inputs of this name show of a film: all of it, all but text and marks, or its lungs.

    Args:
        gray: pool picture (H, W) uint8.
        inputs: their name.
        lungs: box of its lungs, the whole film without a plausible mask; the paper crops before all else (section 3).
    """
    if inputs.region == "lungs":
        return lungs.of(gray)
    return conceal(gray) if inputs.region == "concealed" else gray


def mask_of_input(mask: Mask | None, film: Gray, inputs: Inputs, lungs: LungBox, params: PrepareParams) -> Mask:
    """Where the lungs are in the input that :func:`to_input` makes of a film, bool (size, size).

    Args:
        mask: over the whole film, bool (G, G); None = not known, and the result is empty.
        film: pool picture (H, W) uint8.
        inputs: their name.
        lungs: box of its lungs.
        params: how the aspect ratio was treated.
    """
    laid = np.zeros((inputs.size, inputs.size), bool)
    if mask is None:
        return laid
    whole = LungBox.whole(film.shape[1], film.shape[0])
    part = lungs if inputs.region == "lungs" else whole
    fitted = (inputs.size, inputs.size) if params.aspect == "stretch" else fit(part.width, part.height, inputs.size)
    top, left = _padding(fitted[1], fitted[0], inputs.size)
    shown = mask_of_part(mask, part, (whole.width, whole.height), fitted)
    laid[top : top + fitted[1], left : left + fitted[0]] = shown > 0
    return laid


def resize(gray: Gray, width: int, height: int) -> Gray:
    """Resize bicubically to (height, width) uint8.

    Pillow averages over areas when it shrinks, so that fine ribs and vessels do not alias. It rounds and clips; the
    public code of the paper casts floats, so that overshoot at edges wraps around.
    """
    picture = Image.fromarray(np.ascontiguousarray(gray))
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC), np.uint8)


def fit(width: int, height: int, size: int) -> tuple[int, int]:
    """Width and height of a film whose longer side is scaled to ``size``; at least one pixel each."""
    scale = size / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def recipe(inputs: Inputs, params: PrepareParams, segment: SegmentParams) -> dict[str, Any]:
    """All settings behind an input; recorded with the arrays and with each model."""
    lungs = {"lungs": _lungs_recipe(segment)} if inputs.region == "lungs" else {}
    return lungs | {
        "version": VERSION,
        "size": inputs.size,
        "region": inputs.region,
        "channels": list(CHANNELS),
        "aspect": params.aspect,
        "beasf_gamma": params.beasf_gamma,
        "clahe_clip": params.clahe_clip,
        "clahe_tiles": params.clahe_tiles,
    }


def _pad(film: Pixels, size: int) -> Pixels:
    """Center a film (H, W, 3) on black."""
    height, width = film.shape[:2]
    top, left = _padding(height, width, size)
    return np.pad(film, ((top, size - height - top), (left, size - width - left), (0, 0)))


def _padding(height: int, width: int, size: int) -> tuple[int, int]:
    """Black rows above, and black columns at the left of, a film that is centered in a square."""
    return (size - height) // 2, (size - width) // 2


def _lungs_recipe(segment: SegmentParams) -> dict[str, Any]:
    """How lungs were found: the options, and the hash of the network."""
    return segment.model_dump() | {"network_sha256": network_sha256(segment.network)}
