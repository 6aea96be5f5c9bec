"""From a film to what a network sees: resize, tone curve, enhancement channels."""

from typing import Any

import numpy as np
from PIL import Image

from pipeline.core.params import PrepareParams
from pipeline.imaging.arrays import Gray, Pixels
from pipeline.imaging.histogram import Curve, apply_curve
from pipeline.prepare.enhance import CHANNELS, channels

VERSION = 1  # of what to_input does; part of what a model records


def to_input(gray: Gray, tone_curve: Curve | None, size: int, params: PrepareParams) -> Pixels:
    """One film as the input of a model: the only way from a pool picture to what a network sees.

    Resized bicubically (rounded and clipped, never wrapped), tone curve, then the enhancement channels. ``pad`` fills
    the shorter side with black after enhancing, so that padding neither changes a film nor is changed.

    Args:
        gray: pool picture (H, W) uint8, cropped where a crop is wanted.
        tone_curve: look-up table uint8 (256,), or None to leave the tones.
        size: side of the result in pixels.
        params: aspect policy and strength of the enhancements.

    Returns:
        (size, size, 3) uint8, channels in the order of :data:`pipeline.prepare.enhance.CHANNELS`.
    """
    width, height = fit(gray.shape[1], gray.shape[0], size) if params.aspect == "pad" else (size, size)
    film = resize(gray, width, height)
    if tone_curve is not None:
        film = apply_curve(film, tone_curve)
    film = channels(film, gamma=params.beasf_gamma, clip=params.clahe_clip, tiles=params.clahe_tiles)
    return _pad(film, size)


def resize(gray: Gray, width: int, height: int) -> Gray:
    """Bicubic, area-aware where it shrinks, so that fine ribs and vessels do not alias; (height, width) uint8.

    Pillow rounds and clips; the public code cast a float result, so that overshoot beside edges wrapped around.
    """
    picture = Image.fromarray(np.ascontiguousarray(gray))
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC), np.uint8)


def fit(width: int, height: int, size: int) -> tuple[int, int]:
    """Width and height of a film scaled so that its longer side is ``size``; at least one pixel each."""
    scale = size / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def describe(size: int, params: PrepareParams) -> dict[str, Any]:
    """All that decides what :func:`to_input` makes of a picture; recorded beside the arrays and in every model."""
    return {
        "version": VERSION,
        "size": size,
        "channels": list(CHANNELS),
        "aspect": params.aspect,
        "beasf_gamma": params.beasf_gamma,
        "clahe_clip": params.clahe_clip,
        "clahe_tiles": params.clahe_tiles,
    }


def _pad(film: Pixels, size: int) -> Pixels:
    """Centre a film (H, W, 3) on black."""
    height, width = film.shape[:2]
    top, left = (size - height) // 2, (size - width) // 2
    return np.pad(film, ((top, size - height - top), (left, size - width - left), (0, 0)))
