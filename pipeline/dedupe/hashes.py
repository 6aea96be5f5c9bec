"""Perceptual hashes of whole films and of windows of them, as unsigned 64-bit numbers.

``phash`` and ``dhash`` equal those of the `imagehash` package bit for bit. A hash of a whole film changes when it is
cropped; hashes of normalised windows (the film without its uniform border, its centre) forgive a frame or a rim.
"""

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import scipy.fftpack
from PIL import Image

from pipeline.imaging.arrays import Box, Gray
from pipeline.imaging.borders import crop

Hashes: TypeAlias = npt.NDArray[np.uint64]

SIDE = 32  # side of the picture that pHash transforms
LOW = 8  # side of the block of low frequencies that is kept
CENTRE = 0.8  # side of the centre window, as a share of the film's
WEIGHTS = (np.uint64(1) << np.arange(63, -1, -1, dtype=np.uint64)).astype(np.uint64)


def phash(gray: Gray) -> int:
    """DCT hash of a film, ``int(str(imagehash.phash(film)), 16)``.

    Args:
        gray: (H, W) uint8.

    Source: https://www.hackerfactor.com/blog/index.php?/archives/432-Looks-Like-It.html
    """
    return phash_of_square(_resize(gray, SIDE, SIDE))


def dhash(gray: Gray) -> int:
    """Hash of the signs of horizontal differences, ``int(str(imagehash.dhash(film)), 16)``.

    Source: https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html
    """
    small = _resize(gray, LOW + 1, LOW)
    return pack(small[:, 1:] > small[:, :-1])


def phash_of_square(small: Gray) -> int:
    """pHash of a film that is already (32, 32) uint8."""
    frequencies = scipy.fftpack.dct(scipy.fftpack.dct(small, axis=0), axis=1)[:LOW, :LOW]
    return pack(frequencies > np.median(frequencies))


def window_hashes(gray: Gray, box: Box) -> tuple[int, int, int, int]:
    """pHash of the film mirrored, inverted, without its border, and of its centre.

    These only have to agree with one another, so quick area averages are enough.

    Args:
        gray: (H, W) uint8.
        box: the film without its border, from :func:`pipeline.imaging.borders.tolerant_content_box`.
    """
    whole, inner = _square(gray), crop(gray, box)
    mirrored = np.ascontiguousarray(whole[:, ::-1])
    windows = (mirrored, np.bitwise_not(whole), _square(inner), _square(centre(inner)))
    first, second, third, fourth = (phash_of_square(window) for window in windows)
    return first, second, third, fourth


def centre(gray: Gray) -> Gray:
    """The middle of a film, ``CENTRE`` of each side."""
    height, width = gray.shape
    top, left = round(height * (1 - CENTRE) / 2), round(width * (1 - CENTRE) / 2)
    return gray[top : height - top, left : width - left]


def pack(bits: npt.NDArray[np.bool_]) -> int:
    """64 booleans, row by row, as one number; the first is the highest bit."""
    return int(WEIGHTS[bits.ravel()].sum())


def to_hex(value: int) -> str:
    """16 hexadecimal digits, as ``str(imagehash.ImageHash)`` writes them."""
    return f"{value:016x}"


def distance(left: int, right: int) -> int:
    """Number of bits that differ."""
    return (left ^ right).bit_count()


def _resize(gray: Gray, width: int, height: int) -> Gray:
    """As `imagehash` does it: Lanczos, by Pillow."""
    return np.asarray(Image.fromarray(gray).resize((width, height), Image.Resampling.LANCZOS))


def _square(gray: Gray) -> Gray:
    return cv2.resize(gray, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
