"""What a probe sees of a film: all of it, or only what should not matter.

Each sight turns prepared films of one size into features, float32 (N, d). None of them learns anything.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.imaging.marks import find_marks
from pipeline.prepare.arrays import Arrays
from pipeline.prepare.enhance import CHANNELS

Features: TypeAlias = npt.NDArray[np.float32]
Sight = Callable[[Arrays, pd.DataFrame], Features]

COARSE, TINY, SHAPE = 32, 8, 16  # px
BORDER = 0.1  # share of the width
BINS, RINGS = 32, 24
FORMATS = ("JPEG", "PNG", "DICOM", "TIFF")


def _original(arrays: Arrays, place: int) -> npt.NDArray[np.uint8]:
    return np.asarray(arrays.images[place][..., CHANNELS.index("original")])


def _each(arrays: Arrays, see: Callable[[int], npt.NDArray[np.floating]]) -> Features:
    """One row of features per film."""
    return np.stack([np.asarray(see(place), np.float32).ravel() for place in range(len(arrays.rows))])


def _coarse(image: npt.NDArray[np.generic], side: int) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.resize(np.asarray(image, np.float32), (side, side), interpolation=cv2.INTER_AREA), np.float32)


def full_film(arrays: Arrays, rows: pd.DataFrame) -> Features:
    """The whole film, 32 x 32."""
    return _each(arrays, lambda place: _coarse(_original(arrays, place), COARSE))


def lungs_only(arrays: Arrays, rows: pd.DataFrame) -> Features:
    """The lungs; everything else has their mean."""

    def see(place: int) -> npt.NDArray[np.float32]:
        image, mask = _original(arrays, place).astype(np.float32), arrays.mask(place)
        return _coarse(np.where(mask, image, image[mask].mean() if mask.any() else 0), COARSE)

    return _each(arrays, see)


def lungs_masked_out(arrays: Arrays, rows: pd.DataFrame) -> Features:
    """Everything but the lungs, which have the mean of the rest."""

    def see(place: int) -> npt.NDArray[np.float32]:
        image, mask = _original(arrays, place).astype(np.float32), arrays.mask(place)
        return _coarse(np.where(mask, image[~mask].mean() if not mask.all() else 0, image), COARSE)

    return _each(arrays, see)


def border(arrays: Arrays, rows: pd.DataFrame) -> Features:
    """The outer tenth of the film on each side."""
    side = 40
    width = round(side * BORDER)
    ring = np.ones((side, side), bool)
    ring[width:-width, width:-width] = False
    return _each(arrays, lambda place: _coarse(_original(arrays, place), side)[ring])


def tiny(arrays: Arrays, rows: pd.DataFrame) -> Features:
    """The film as 8 x 8 pixels."""
    return _each(arrays, lambda place: _coarse(_original(arrays, place), TINY))


def tones(arrays: Arrays, rows: pd.DataFrame) -> Features:
    """The histogram, without any place."""

    def see(place: int) -> npt.NDArray[np.float64]:
        counts = np.bincount(_original(arrays, place).ravel() // (256 // BINS), minlength=BINS)
        return np.sqrt(counts / counts.sum())

    return _each(arrays, see)


def power_spectrum(arrays: Arrays, rows: pd.DataFrame) -> Features:
    """How much detail of each size the film has, in any direction."""

    def see(place: int) -> npt.NDArray[np.float64]:
        image = _original(arrays, place).astype(np.float64)
        side = image.shape[0]
        window = np.hanning(side)[:, None] * np.hanning(side)[None]
        power = np.abs(np.fft.fftshift(np.fft.fft2((image - image.mean()) * window))) ** 2
        y, x = np.indices(power.shape) - side // 2
        ring = np.minimum((np.hypot(x, y) * RINGS / (side / 2)).astype(int), RINGS)
        sums, counts = np.bincount(ring.ravel(), power.ravel()), np.bincount(ring.ravel())
        return np.log1p(sums / counts)[:RINGS]

    return _each(arrays, see)


def file_only(arrays: Arrays, rows: pd.DataFrame) -> Features:
    """Size, aspect, bit depth, format and bytes per pixel of the file; not a single pixel."""
    width, height = (rows[name].astype(float).to_numpy() for name in ("width", "height"))
    size = rows["file_size"].astype(float).fillna(0).to_numpy()
    columns = [np.log(width), np.log(height), width / height, rows["bit_depth"].astype(float).fillna(8).to_numpy()]
    columns += [np.log1p(size / (width * height)), rows["is_color"].fillna(False).astype(float).to_numpy()]
    columns += [(rows["format"] == name).fillna(False).to_numpy(float) for name in FORMATS]
    return np.stack(columns, axis=1).astype(np.float32)


def text_only(arrays: Arrays, rows: pd.DataFrame) -> Features:
    """Where text and drawn marks are, without what is below them."""
    return _each(arrays, lambda place: _coarse(find_marks(_original(arrays, place)), SHAPE))


def mask_shape(arrays: Arrays, rows: pd.DataFrame) -> Features:
    """The outline of the lungs."""
    return _each(arrays, lambda place: _coarse(arrays.mask(place), SHAPE))


SIGHTS: Mapping[str, Sight] = {
    "full film": full_film,
    "lungs only": lungs_only,
    "lungs masked out": lungs_masked_out,
    "border": border,
    "8 x 8": tiny,
    "histogram": tones,
    "power spectrum": power_spectrum,
    "file, no pixel": file_only,
    "text and marks": text_only,
    "mask shape": mask_shape,
}
HARMLESS = ("full film", "lungs only")  # what a model should see; anything else is a shortcut
