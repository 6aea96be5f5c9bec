"""Lung masks: stored as small PNG files, and laid over the input of a network.

A mask covers a whole film with a square grid of cells, whatever the film's aspect ratio.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.imaging.arrays import Gray

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LungBox:
    """Part of a film: from ``left`` and ``top`` up to, but without, ``right`` and ``bottom`` (px)."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def whole(cls, width: int, height: int) -> "LungBox":
        """The whole film."""
        return cls(0, 0, width, height)

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def scaled(self, from_size: tuple[int, int], to_size: tuple[int, int]) -> "LungBox":
        """The smallest box of another size of the film, (width, height), that covers all of this one."""
        (width, height), (new_width, new_height) = from_size, to_size
        return LungBox(
            self.left * new_width // width,
            self.top * new_height // height,
            -(-self.right * new_width // width),
            -(-self.bottom * new_height // height),
        )

    def of(self, film: Gray) -> Gray:
        """This part of a film (H, W), as a view."""
        return film[self.top : self.bottom, self.left : self.right]


def encode_mask(mask: Mask) -> bytes:
    """A mask as PNG of one bit per pixel; equal masks give equal bytes."""
    picture = np.where(mask, 255, 0).astype(np.uint8)
    return bytes(cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_BILEVEL, 1, cv2.IMWRITE_PNG_COMPRESSION, 9])[1])


def decode_mask(png: bytes) -> Mask:
    """Decode what :func:`encode_mask` wrote, bool (H, W)."""
    picture = np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)
    return np.asarray(picture > 127, bool)


def mask_of_size(mask: Mask, width: int, height: int) -> Gray:
    """A mask on the grid as one of the film's pixels, uint8 0 and 255."""
    return mask_of_part(mask, LungBox.whole(width, height), (width, height), (width, height))


def mask_of_part(mask: Mask, part: LungBox, film: tuple[int, int], size: tuple[int, int]) -> Gray:
    """The mask of a part of a film that is resized, uint8 0 and 255.

    Args:
        mask: bool (G, G) over the whole film.
        part: of the film (px).
        film: width and height of the film (px).
        size: width and height of the result (px).
    """
    cells = [side / length for side, length in zip(mask.shape[::-1], film, strict=True)]  # per pixel of the film
    starts, lengths = (part.left, part.top), (part.width, part.height)
    matrix = np.zeros((2, 3))
    for axis in (0, 1):
        step = cells[axis] * lengths[axis] / size[axis]
        matrix[axis, axis] = step
        matrix[axis, 2] = cells[axis] * starts[axis] + step / 2 - 0.5  # the middles of pixels lie on each other
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(
        np.where(mask, 255, 0).astype(np.float32), matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.where(laid > 127.5, 255, 0).astype(np.uint8)
