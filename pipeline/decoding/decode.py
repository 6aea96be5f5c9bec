"""Decode an image of any supported format to one 8-bit gray picture, or explain why that is impossible.

The bytes come from the web and may be hostile. The format is taken from the bytes, never from a name; an image that is
too large is refused from its header, before any pixel is decoded; and whatever a decoder does with damaged data ends as
:class:`BadImage`. :func:`pipeline.decoding.guarded.decode_guarded` also survives decoders that hang or crash.

Color becomes ITU-R BT.601 luma, transparent parts become black (:mod:`pipeline.decoding.transparency`), the orientation
in EXIF is applied, and samples of more than 8 bits are scaled by :func:`pipeline.imaging.tones.to_8_bit`. Only pixels
leave this package: no EXIF, no text, no tags.
"""

import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from pipeline.decoding.contract import BadImage, CostlyImage, Limits, Picture
from pipeline.decoding.dicom import read_dicom
from pipeline.decoding.jpeg import read_jpeg
from pipeline.decoding.other_files import read_heic, read_jpeg2000, read_npy
from pipeline.decoding.pillow_files import read_with_pillow
from pipeline.decoding.png_file import read_png
from pipeline.decoding.tiff import read_tiff
from pipeline.decoding.transparency import background, blocks, color_of
from pipeline.imaging.arrays import Gray, Pixels
from pipeline.imaging.tones import NOT_FINITE, loses_detail, to_8_bit
from sources.core.formats import HEAD_BYTES, image_format, other_format

COLOR_LEVELS = 24  # a pixel whose channels differ by more is visibly colored
COLOR_SHARE = 0.001  # minimum share of such pixels in a color image
MAX_INFLATED = 400_000_000  # bytes of a file that is stored compressed by gzip
READERS: dict[str, Callable[[bytes, Limits], Picture]] = {
    "DICOM": read_dicom,
    "HEIC": read_heic,
    "JPEG": read_jpeg,
    "JPEG2000": read_jpeg2000,
    "NPY": read_npy,
    "PNG": read_png,
    "TIFF": read_tiff,
    **{name: partial(read_with_pillow, name) for name in ("AVIF", "BMP", "GIF", "PPM", "WEBP")},
}
UPRIGHT = {  # EXIF orientation -> what makes the stored picture upright
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: image.swapaxes(0, 1)[:, ::-1],
    7: lambda image: image.swapaxes(0, 1)[::-1, ::-1],
    8: lambda image: image.swapaxes(0, 1)[::-1],
}


@dataclass(frozen=True, eq=False)
class Decoded:
    """One decoded picture.

    Attributes:
        gray: (H, W) uint8, upright as EXIF says; dense parts such as bone are bright, unless the image is a negative.
        format: JPEG | PNG | WEBP | GIF | TIFF | BMP | DICOM | JPEG2000 | HEIC | AVIF | NPY | PPM.
        bit_depth: bits per sample as received.
        photometric: MONOCHROME1 | MONOCHROME2 | RGB | PALETTE, as received.
        is_color: whether the channels differ visibly.
        display_suspect: whether the reduction to 8 bits leaves most of the picture black, white or in a few grays.
        subject: what the file says that it shows, if that is no chest film.
        warnings: what was wrong with the file, although the picture could be decoded.
    """

    gray: Gray
    format: str
    bit_depth: int
    photometric: str
    is_color: bool
    display_suspect: bool = False
    subject: str | None = None
    warnings: tuple[str, ...] = ()

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
    return decode_within(data, Limits(max_megapixels))


def decode_within(data: bytes, limits: Limits) -> Decoded:
    """As :func:`decode`.

    Raises:
        BadImage: as there.
        CostlyImage: the caller has a helper process, which should decode this file.
    """
    if data.startswith(b"\x1f\x8b"):
        data = _inflated(data)
    name = sniff(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # decoders warn about odd tags and quote their values
            return _finished(READERS[name](data, limits), name)
    except (BadImage, CostlyImage, KeyboardInterrupt):
        raise
    except MemoryError as error:
        raise BadImage(f"{name} file that needs too much memory") from error
    except Exception as error:  # on hostile bytes decoders raise anything: struct.error, IndexError, RecursionError
        raise BadImage(f"damaged {name} file ({type(error).__name__})") from error


def sniff(data: bytes) -> str:
    """The format of ``data``, from its first bytes.

    Raises:
        BadImage: ``data`` is empty, a web page, or in an unsupported format.
    """
    head = data[:HEAD_BYTES]
    if not head:
        raise BadImage("empty file")
    if known := image_format(head):
        return known.name
    if data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<", b"{")):
        raise BadImage("a web page or API response, not an image")
    if other := other_format(head):
        raise BadImage(f"{other.name} file, not an image in a supported format")
    raise BadImage("not an image in a supported format")


def _inflated(data: bytes) -> bytes:
    """The content of a file that is stored compressed by gzip, which must be an image."""
    machine = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        head = machine.decompress(data, HEAD_BYTES)
        sniff(head)
        content = head + machine.decompress(machine.unconsumed_tail, MAX_INFLATED)
    except zlib.error as error:
        raise BadImage("damaged GZIP file") from error
    if not machine.eof:
        is_large = len(content) >= MAX_INFLATED
        raise BadImage(f"more than {MAX_INFLATED / 1e6:g} MB in a GZIP file" if is_large else "truncated GZIP file")
    return content


def _finished(picture: Picture, name: str) -> Decoded:
    warnings = [*picture.warnings, *_gaps(picture.pixels)]
    gray, is_color = _gray(picture.pixels, warnings)
    is_suspect = picture.is_suspect
    if picture.pixels.dtype != np.uint8:
        is_suspect |= loses_detail(picture.pixels, gray)
    if picture.is_negative:
        gray = cv2.bitwise_not(gray)
    turn = UPRIGHT.get(picture.orientation)
    upright = np.ascontiguousarray(turn(gray)) if turn else gray
    facts = (picture.bit_depth, picture.photometric, is_color, is_suspect, picture.subject, tuple(warnings))
    return Decoded(upright, name, *facts)


def _gaps(pixels: Pixels) -> list[str]:
    """The warning that some samples hold no value, as files of floats may have it."""
    if pixels.dtype.kind != "f":
        return []
    is_finite = np.isfinite(pixels)
    if not is_finite.any():
        raise BadImage("no sample holds a finite number")
    return [] if is_finite.all() else [NOT_FINITE]


def _gray(pixels: Pixels, warnings: list[str]) -> tuple[Gray, bool]:
    """Luma of decoded samples of any depth, (H, W) uint8, and whether their channels differ visibly.

    Args:
        warnings: gets one if transparency was not taken as it is.
    """
    if pixels.ndim == 2:
        return pixels if pixels.dtype == np.uint8 else to_8_bit(pixels), False
    if pixels.dtype != np.uint8:
        pixels = _eight_bit_color(pixels)
    to_color, odd = background(pixels) if pixels.shape[2] == 4 else (color_of, [])
    warnings += odd
    gray, colored, seen = np.empty(pixels.shape[:2], np.uint8), 0, 0
    for rows in blocks(pixels):
        colors = to_color(pixels[rows])
        cv2.cvtColor(colors, cv2.COLOR_BGR2GRAY, dst=gray[rows])
        spread = _spread(colors)
        colored, seen = colored + int(np.count_nonzero(spread > COLOR_LEVELS)), seen + spread.size
    return gray, bool(colored > COLOR_SHARE * seen)


def _eight_bit_color(pixels: Pixels) -> Pixels:
    """BGR or BGRA of any depth to uint8; how transparent a pixel is does not decide on the range of its color."""
    if pixels.shape[2] == 3:
        return to_8_bit(pixels)
    alpha = pixels[..., 3:] >> 8 if pixels.dtype == np.uint16 else to_8_bit(pixels[..., 3:])
    return np.concatenate([to_8_bit(pixels[..., :3]), alpha.astype(np.uint8)], axis=2)


def _spread(pixels: Pixels) -> Gray:
    """How far the channels differ in a sample of the pixels. JPEG noise stays below the threshold."""
    blue, green, red = cv2.split(np.ascontiguousarray(pixels[::4, ::4]))
    return cv2.subtract(cv2.max(cv2.max(blue, green), red), cv2.min(cv2.min(blue, green), red))
