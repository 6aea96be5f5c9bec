"""Perceptual hashes of a film and of parts and variants of it, as unsigned 64-bit numbers.

``phash`` and ``dhash`` equal those of the `imagehash` package bit for bit, but take a fraction of the time. Cropping a
film changes the hash of the whole; the hashes of its parts (without the plain border, the center) tolerate a frame or a
cut rim.
"""

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import scipy.fftpack
from PIL import Image

from pipeline.imaging.arrays import Box, Gray
from pipeline.imaging.borders import crop

SIDE = 32  # side of the picture that pHash transforms (px)
LOW = 8  # side of the block of low frequencies that pHash keeps
CENTER = 0.8  # side of the center, as a share of the film's side
WEIGHTS = (np.uint64(1) << np.arange(63, -1, -1, dtype=np.uint64)).astype(np.uint64)


class FilmHashes(NamedTuple):
    """The hashes of one film, each an unsigned 64-bit number.

    Attributes:
        phash: pHash of the film as it is.
        mirrored: pHash of its mirror image.
        inverted: pHash of its negative.
        trimmed: pHash without the plain border.
        center: pHash of the middle of what is inside the border.
        dhash: dHash of the film as it is.
    """

    phash: int
    mirrored: int
    inverted: int
    trimmed: int
    center: int
    dhash: int

    @property
    def phashes(self) -> tuple[int, ...]:
        """The pHash of the film as it is, then those of its variants and parts."""
        return (self.phash, self.mirrored, self.inverted, self.trimmed, self.center)


def hash_film(gray: Gray, small: Gray, box: Box) -> FilmHashes:
    """Compute all hashes of a film.

    ``phash`` and ``dhash`` come from the full picture, as `imagehash` computes them. The others are only compared with
    one another, so quick area averages of the small picture are enough.

    Args:
        gray: (H, W) uint8, the film.
        small: (h, w) uint8, the same film, shrunk.
        box: the part of ``small`` inside plain borders.
    """
    whole, inner = _square(small), crop(small, box)
    return FilmHashes(
        phash=phash(gray),
        mirrored=_phash_of_square(np.ascontiguousarray(whole[:, ::-1])),
        inverted=_phash_of_square(np.bitwise_not(whole)),
        trimmed=_phash_of_square(_square(inner)),
        center=_phash_of_square(_square(center(inner))),
        dhash=dhash(gray),
    )


def phash(gray: Gray) -> int:
    """DCT hash of a film, (H, W) uint8; equals ``int(str(imagehash.phash(film)), 16)``.

    Source: https://www.hackerfactor.com/blog/index.php?/archives/432-Looks-Like-It.html
    """
    return _phash_of_square(_resize(gray, SIDE, SIDE))


def dhash(gray: Gray) -> int:
    """Signs of the horizontal differences of a film, (H, W) uint8; equals ``int(str(imagehash.dhash(film)), 16)``.

    Source: https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html
    """
    small = _resize(gray, LOW + 1, LOW)
    return _pack(small[:, 1:] > small[:, :-1])


def center(gray: Gray) -> Gray:
    """The middle of a film, ``CENTER`` of each side, as a view."""
    height, width = gray.shape
    top, left = round(height * (1 - CENTER) / 2), round(width * (1 - CENTER) / 2)
    return gray[top : height - top, left : width - left]


def to_hex(value: int) -> str:
    """Write a hash as 16 hexadecimal digits, as ``str(imagehash.ImageHash)`` does."""
    return f"{value:016x}"


def distance(left: int, right: int) -> int:
    """Number of bits in which two hashes differ."""
    return (left ^ right).bit_count()


def _phash_of_square(small: Gray) -> int:
    """pHash of a film that is already (32, 32) uint8."""
    frequencies = scipy.fftpack.dct(scipy.fftpack.dct(small, axis=0), axis=1)[:LOW, :LOW]
    return _pack(frequencies > np.median(frequencies))


def _pack(bits: npt.NDArray[np.bool_]) -> int:
    """Pack 64 booleans into one number, row by row; the first is the highest bit."""
    return int(WEIGHTS[bits.ravel()].sum())


def _resize(gray: Gray, width: int, height: int) -> Gray:
    """Resize as `imagehash` does: Pillow's Lanczos filter."""
    return np.asarray(Image.fromarray(gray).resize((width, height), Image.Resampling.LANCZOS))


def _square(gray: Gray) -> Gray:
    return cv2.resize(gray, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
