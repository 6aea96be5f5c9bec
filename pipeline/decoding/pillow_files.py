"""Read what Pillow reads: the headers of most formats, and the pixels of GIF, BMP, PPM, WEBP and AVIF files.

Pillow opens the one format that the first bytes show, never whatever it finds: some of its formats start programs.
"""

import io
import struct

import cv2
import numpy as np
from PIL import Image

from pipeline.decoding.contract import BadImage, Limits, Picture
from pipeline.imaging.arrays import Pixels
from sources.core.formats import PILLOW_FORMATS

ORIENTATION_TAG = 0x0112
SEVERAL = "animated or with several pages: not a single film"
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
    if picture.mode.startswith(("I", "F")):
        return np.asarray(picture)
    if picture.mode in ("1", "L"):
        return np.asarray(picture if picture.mode == "L" else picture.convert("L"))
    if picture.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in picture.info:
        return _converted(picture, "RGBA", cv2.COLOR_RGBA2BGRA)
    return _converted(picture, "RGB", cv2.COLOR_RGB2BGR)


def orientation(picture: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 if the file has none, or an impossible one."""
    try:
        value = int(picture.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # damaged EXIF must not cost the film
        return 1
    return value if 1 <= value <= 8 else 1


def _converted(picture: Image.Image, mode: str, order: int) -> Pixels:
    """The picture in ``mode`` with its channels reordered, a few rows at a time to save memory."""
    pixels = np.empty((picture.height, picture.width, len(mode)), np.uint8)
    for top in range(0, picture.height, ROWS):
        rows = picture.crop((0, top, picture.width, min(top + ROWS, picture.height))).convert(mode)
        cv2.cvtColor(np.asarray(rows), order, dst=pixels[top : top + ROWS])
    return pixels
