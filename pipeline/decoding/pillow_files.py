"""Read what Pillow reads: the headers of most formats, and the pixels of GIF, BMP, PPM, WEBP and AVIF files.

Pillow opens the one format that the first bytes show, never whatever it finds: some of its formats start programs.
"""

import io
import struct
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

from pipeline.decoding.contract import BadImage, Limits, Picture
from pipeline.imaging.arrays import Pixels
from sources.core.formats import PILLOW_FORMATS

ORIENTATION_TAG = 0x0112
SEVERAL = "animated or with several pages: not a single film"
WITH_ALPHA = ("LA", "PA", "RGBA", "La", "RGBa")
BIT_DEPTHS = {"1": 1, "I": 16}  # of a mode of Pillow, if not 8
PHOTOMETRIC = {"1": "MONOCHROME2", "I": "MONOCHROME2", "L": "MONOCHROME2", "LA": "MONOCHROME2", "P": "PALETTE"}
WORK_BYTES = {"WEBP": 20, "AVIF": 20, "GIF": 14, "BMP": 12, "PPM": 12}  # per pixel, at the peak of reading such a file
ROWS = 512  # rows that are converted at a time


def open_picture(data: bytes, name: str, limits: Limits) -> Image.Image:
    """Read the header alone; Pillow decodes nothing before ``load``.

    Raises:
        BadImage: it is not a header of this format, or the picture is too large.
    """
    if name not in PILLOW_FORMATS:
        raise BadImage(f"{name} files are not read with Pillow")
    try:
        picture = Image.open(io.BytesIO(data), formats=[name])
    except Image.DecompressionBombError as error:
        raise BadImage(f"more than {limits.max_megapixels:g} megapixels") from error
    except Image.UnidentifiedImageError as error:
        raise BadImage(f"damaged {name} file (header)") from error
    limits.check_size(*picture.size)
    return picture


def read_with_pillow(name: str, data: bytes, limits: Limits) -> Picture:
    """Decode a GIF, BMP, PPM, WEBP or AVIF file.

    Raises:
        BadImage: it is damaged, truncated, too large, or holds several frames.
    """
    limits.check_cost(2 * len(data), effort=0, is_fragile=name == "AVIF")
    picture = open_picture(data, name, limits)
    if getattr(picture, "is_animated", False):
        raise BadImage(SEVERAL)
    size = picture.width * picture.height
    limits.check_cost(2 * len(data) + WORK_BYTES[name] * size, effort=4 * size)
    bit_depth, photometric = BIT_DEPTHS.get(picture.mode, 8), PHOTOMETRIC.get(picture.mode, "RGB")
    return Picture(load_pixels(picture), bit_depth, photometric, orientation(picture))


def load_pixels(picture: Image.Image) -> Pixels:
    """Decode an opened picture: (H, W), (H, W, 3) BGR or (H, W, 4) BGRA.

    Raises:
        BadImage: it is damaged or truncated.
    """
    try:
        picture.load()
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        word = "truncated" if "truncated" in str(error) else "damaged"
        raise BadImage(f"{word} {picture.format} file") from error
    if picture.mode == "L" or picture.mode.startswith(("I", "F")):
        return _by_rows(picture, np.asarray)
    if picture.mode == "1":
        return _by_rows(picture, lambda rows: np.asarray(rows.convert("L")))
    if picture.mode in WITH_ALPHA or "transparency" in picture.info:
        return _by_rows(picture, lambda rows: cv2.cvtColor(np.asarray(rows.convert("RGBA")), cv2.COLOR_RGBA2BGRA))
    return _by_rows(picture, lambda rows: cv2.cvtColor(np.asarray(rows.convert("RGB")), cv2.COLOR_RGB2BGR))


def orientation(picture: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 if the file has none, or an impossible one."""
    try:
        value = int(picture.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # damaged EXIF must not cost the film
        return 1
    return value if 1 <= value <= 8 else 1


def _by_rows(picture: Image.Image, read: Callable[[Image.Image], Pixels]) -> Pixels:
    """The pixels of a picture, read a few rows at a time: Pillow makes two copies of what it hands out."""
    pixels: Pixels | None = None
    for top in range(0, picture.height, ROWS):
        rows = read(picture.crop((0, top, picture.width, min(top + ROWS, picture.height))))
        if pixels is None:
            pixels = np.empty((picture.height, *rows.shape[1:]), rows.dtype)
        pixels[top : top + ROWS] = rows
    assert pixels is not None  # no picture is without rows
    return pixels
