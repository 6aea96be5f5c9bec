"""Decode an image of any supported format to one 8-bit gray picture, or explain why that is impossible.

The bytes come from the web and may be hostile. The format is taken from the bytes, never from a name; an image that is
too large is refused from its header, before any pixel is decoded; and whatever a decoder does with damaged data ends as
:class:`BadImage`.

Color becomes ITU-R BT.601 luma, transparent parts become black, EXIF orientation is applied, and samples of more than 8
bits are scaled by :func:`pipeline.imaging.tones.to_8_bit`. Only pixels leave this module: no EXIF, no text, no tags.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from pipeline.imaging.arrays import Gray, Pixels
from pipeline.imaging.dicom import DicomError, decode_dicom
from pipeline.imaging.tones import to_8_bit
from sources.core.formats import image_format

COLOR_LEVELS = 24  # a pixel whose channels differ by more is visibly colored
COLOR_SHARE = 0.001  # minimum share of such pixels in a color image
ORIENTATION_TAG = 0x0112
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
UPRIGHT = {  # EXIF orientation -> what makes the stored picture upright
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: image.swapaxes(0, 1)[:, ::-1],
    7: lambda image: image.swapaxes(0, 1)[::-1, ::-1],
    8: lambda image: image.swapaxes(0, 1)[::-1],
}


class BadImage(Exception):  # noqa: N818 - it is an outcome of every fetch, not a failure of the program
    """The bytes are not a usable picture; the message becomes the reason of the row."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """One decoded picture.

    Attributes:
        gray: (H, W) uint8 with EXIF orientation applied; dense parts such as bone are bright, unless the image is a
            negative.
        format: JPEG | PNG | WEBP | GIF | TIFF | BMP | DICOM.
        bit_depth: bits per sample as received.
        photometric: MONOCHROME1 | MONOCHROME2 | RGB | PALETTE, as received.
        is_color: whether the channels differ visibly.
    """

    gray: Gray
    format: str
    bit_depth: int
    photometric: str
    is_color: bool

    @property
    def width(self) -> int:
        return int(self.gray.shape[1])

    @property
    def height(self) -> int:
        return int(self.gray.shape[0])


def decode(data: bytes, *, max_megapixels: float) -> Decoded:
    """Decode one image file.

    Args:
        data: the whole file as received.
        max_megapixels: larger images are refused from their header, before any pixel is decoded.

    Raises:
        BadImage: ``data`` is empty, not an image, too large, damaged, truncated, or holds several frames.
    """
    name = sniff(data)
    reader = _decode_dicom if name == "DICOM" else _decode_picture
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # decoders warn about odd tags and quote their values
            return reader(data, name, max_megapixels)
    except (BadImage, KeyboardInterrupt):
        raise
    except Exception as error:  # on hostile bytes decoders raise anything: struct.error, IndexError, RecursionError
        raise BadImage(f"damaged {name} file ({type(error).__name__})") from error


def sniff(data: bytes) -> str:
    """The format of ``data``, from its first bytes.

    Raises:
        BadImage: ``data`` is empty, a web page, or in an unsupported format.
    """
    if not data:
        raise BadImage("empty file")
    if known := image_format(data):
        return known.name
    if data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<", b"{")):
        raise BadImage("a web page or API response, not an image")
    raise BadImage("not an image in a supported format")


def check_size(width: int, height: int, max_megapixels: float) -> None:
    """Check the size in pixels that a header gives.

    Raises:
        BadImage: there are no pixels, or more than ``max_megapixels``.
    """
    if width < 1 or height < 1:
        raise BadImage(f"{width} x {height} pixels according to the header")
    if width * height > max_megapixels * 1e6:
        raise BadImage(f"{width} x {height} pixels, more than {max_megapixels:g} megapixels")


def _decode_dicom(data: bytes, name: str, max_megapixels: float) -> Decoded:
    try:
        dicom = decode_dicom(data, check=lambda width, height: check_size(width, height, max_megapixels))
    except DicomError as error:
        raise BadImage(str(error)) from error
    gray, is_color = _gray(dicom.pixels)
    return Decoded(gray, name, dicom.bit_depth, dicom.photometric, is_color)


def _decode_picture(data: bytes, name: str, max_megapixels: float) -> Decoded:
    picture = _open(data, name, max_megapixels)
    if getattr(picture, "is_animated", False):
        raise BadImage("animated or with several pages: not a single film")
    bit_depth, photometric = _samples(picture, data, name)
    if name == "JPEG" and _has_end_of_image(data):
        pixels = _decode_jpeg(data, picture)
    elif name == "PNG":
        _check_png(data)
        pixels = _decode_with_opencv(data)
    else:
        pixels = _decode_with_pillow(picture)
    gray, is_color = _gray(pixels)
    turn = UPRIGHT.get(_orientation(picture)) if _may_have_exif(picture, data, name) else None
    upright = np.ascontiguousarray(turn(gray)) if turn else gray
    return Decoded(upright, name, bit_depth, photometric, is_color)


def _open(data: bytes, name: str, max_megapixels: float) -> Image.Image:
    """Read the header alone; Pillow decodes nothing before ``load``."""
    try:
        picture = Image.open(io.BytesIO(data), formats=[name])
    except Image.DecompressionBombError as error:
        raise BadImage(f"more than {max_megapixels:g} megapixels") from error
    except Image.UnidentifiedImageError as error:
        raise BadImage(f"damaged {name} file (header)") from error
    check_size(*picture.size, max_megapixels)
    return picture


def _samples(picture: Image.Image, data: bytes, name: str) -> tuple[int, str]:
    """Bits per sample and photometric interpretation as received."""
    if name == "PNG":
        photometric = {0: "MONOCHROME2", 3: "PALETTE", 4: "MONOCHROME2"}.get(data[25], "RGB")
        return data[24], photometric
    if name == "TIFF":
        tags = getattr(picture, "tag_v2", {})
        kinds = {0: "MONOCHROME1", 1: "MONOCHROME2", 3: "PALETTE"}
        return int(np.ravel(tags.get(258, 1))[0]), kinds.get(int(tags.get(262, 2)), "RGB")
    words = {"1": "MONOCHROME2", "L": "MONOCHROME2", "LA": "MONOCHROME2", "P": "PALETTE"}
    return 1 if picture.mode == "1" else 8, words.get(picture.mode, "RGB")


def _has_end_of_image(data: bytes) -> bool:
    """Whether an end-of-image marker follows the last scan. If not, OpenCV would silently fill what is missing."""
    return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")


def _decode_jpeg(data: bytes, picture: Image.Image) -> Pixels:
    if picture.mode not in ("L", "RGB"):  # CMYK: Pillow handles the inverted inks of Adobe's files
        return _decode_with_pillow(picture)
    flag = cv2.IMREAD_GRAYSCALE if picture.mode == "L" else cv2.IMREAD_COLOR
    return _decode_with_opencv(data, flag | cv2.IMREAD_IGNORE_ORIENTATION)


def _decode_with_opencv(data: bytes, flag: int = cv2.IMREAD_UNCHANGED) -> Pixels:
    """(H, W), (H, W, 3) BGR or (H, W, 4) BGRA, uint8 or uint16."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    if pixels is None:
        raise BadImage("damaged file: pixels cannot be decoded")
    return pixels


def _decode_with_pillow(picture: Image.Image) -> Pixels:
    """As :func:`_decode_with_opencv`, for formats that OpenCV cannot decode, decodes wrongly, or accepts damaged."""
    try:
        picture.load()
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        word = "truncated" if "truncated" in str(error) else "damaged"
        raise BadImage(f"{word} {picture.format} file") from error
    if picture.mode.startswith(("I", "F")):
        return np.asarray(picture)
    if picture.mode in ("1", "L"):
        return np.asarray(picture.convert("L"))
    if picture.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in picture.info:
        return cv2.cvtColor(np.asarray(picture.convert("RGBA")), cv2.COLOR_RGBA2BGRA)
    return cv2.cvtColor(np.asarray(picture.convert("RGB")), cv2.COLOR_RGB2BGR)


def _may_have_exif(picture: Image.Image, data: bytes, name: str) -> bool:
    """Whether to ask Pillow for EXIF. In a PNG file without any, it would decode all pixels just to find none."""
    return (
        name != "PNG"
        or "Raw profile type exif" in picture.info
        or any(kind == b"eXIf" for kind, _, _ in _png_chunks(data))
    )


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # damaged EXIF must not cost the film
        return 1


def _gray(pixels: Pixels) -> tuple[Gray, bool]:
    """Luma of decoded samples of any depth, (H, W) uint8, and whether their channels differ visibly."""
    eight = pixels if pixels.dtype == np.uint8 else to_8_bit(pixels)
    if eight.ndim == 2:
        return eight, False
    if eight.shape[2] == 4:
        eight = _on_black(eight)
    return cv2.cvtColor(eight, cv2.COLOR_BGR2GRAY), _is_color(eight)


def _on_black(pixels: Pixels) -> Pixels:
    """BGRA to BGR; transparent parts become black, as in a viewer with a dark background."""
    alpha = pixels[..., 3]
    if alpha.min() == 255:
        return pixels[..., :3]
    return cv2.multiply(pixels[..., :3], cv2.merge([alpha] * 3), scale=1 / 255)


def _is_color(pixels: Pixels) -> bool:
    """Whether the channels differ visibly in a sample of the pixels. JPEG noise stays below the threshold."""
    sample = np.ascontiguousarray(pixels[::4, ::4, :3])
    blue, green, red = cv2.split(sample)
    spread = cv2.subtract(cv2.max(cv2.max(blue, green), red), cv2.min(cv2.min(blue, green), red))
    return float(np.count_nonzero(spread > COLOR_LEVELS)) > COLOR_SHARE * spread.size


def _check_png(data: bytes) -> None:
    """Check what libpng lets pass (PNG specification, 5.3 and 5.6).

    Raises:
        BadImage: a critical chunk has a wrong checksum, the file ends early, or it holds several frames.
    """
    for kind, body, checksum in _png_chunks(data):
        if kind == b"acTL":
            raise BadImage("animated or with several pages: not a single film")
        if kind[0] & 0x20 == 0 and zlib.crc32(body, zlib.crc32(kind)) != checksum:
            raise BadImage("damaged PNG file (wrong checksum)")
        if kind == b"IEND":
            return
    raise BadImage("truncated PNG file")


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, int]]:
    """Type, body and checksum of each complete chunk."""
    view, start = memoryview(data), len(PNG_SIGNATURE)
    while start + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, start)
        end = start + 8 + length
        if end + 4 > len(data):
            return
        yield data[start + 4 : start + 8], view[start + 8 : end], struct.unpack_from(">I", data, end)[0]
        start = end + 4
