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

from pipeline.imaging.tones import Gray

Hashes: TypeAlias = npt.NDArray[np.uint64]
Box: TypeAlias = tuple[int, int, int, int]  # left, top, width, height (px)

SIDE = 32  # side of the picture that pHash transforms
LOW = 8  # side of the block of low frequencies that is kept
CENTRE = 0.8  # side of the centre window, as a share of the film's
PLAIN_SHARE = 0.95  # of a row or column of a border lies near its middle tone: a few letters may stand in it
PLAIN_LEVELS = 6  # gray levels
EVERY = 3  # every third pixel of a row or column tells its tone
LEAST_LEFT = 1 / 8  # of the picture
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
    """pHash of the film mirrored, inverted, without its border (``box``, of :func:`framed_box`), and of its centre.

    These only have to agree with one another, so that they come from quick area averages.
    """
    whole, inner = _square(gray), cut(gray, box)
    mirrored = np.ascontiguousarray(whole[:, ::-1])
    windows = (mirrored, np.bitwise_not(whole), _square(inner), _square(centre(inner)))
    first, second, third, fourth = (phash_of_square(window) for window in windows)
    return first, second, third, fourth


def framed_box(gray: Gray) -> Box:
    """The part of a picture inside plain rows and columns (borders, the page of a screenshot), a few letters or not.

    The whole picture where little of it would be left.
    """
    height, width = gray.shape
    left, top, right, bottom = 0, 0, width, height
    for _ in range(2):  # what a border hides is seen once the sides across are cut
        rows = np.flatnonzero(_shows_something(gray[top:bottom, left:right:EVERY]))
        if not len(rows):
            break
        top, bottom = top + int(rows[0]), top + int(rows[-1]) + 1
        columns = np.flatnonzero(_shows_something(np.ascontiguousarray(gray[top:bottom:EVERY, left:right].T)))
        if not len(columns):
            break
        left, right = left + int(columns[0]), left + int(columns[-1]) + 1
    box = (left, top, right - left, bottom - top)
    return box if box[2] * box[3] > LEAST_LEFT * gray.size else (0, 0, width, height)


def cut(gray: Gray, box: Box) -> Gray:
    """The part of a picture in ``box``."""
    left, top, width, height = box
    return gray[top : top + height, left : left + width]


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


def _shows_something(lines: Gray) -> npt.NDArray[np.bool_]:
    """For each row: is it more than a plain tone with a few letters on it?"""
    half = lines.shape[1] // 2
    middle = np.partition(lines, half, axis=1)[:, half : half + 1].astype(np.int16)
    return np.asarray((np.abs(lines - middle) <= PLAIN_LEVELS).mean(axis=1) < PLAIN_SHARE)
