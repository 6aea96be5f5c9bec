"""Decode JPEG files, and hear what libjpeg complains of.

libjpeg fills what is missing with gray and goes on, so that a film cut in the middle looks whole to most programs. Here
every complaint of it counts: data that end early, data left over, broken codes. Files that are odd but whole (no
end-of-image marker, zeros before it, a strange version number) are decoded with a warning.
"""

import re

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from pipeline.decoding import jpeg_markers as markers
from pipeline.decoding.codestreams import decode_rare_jpeg
from pipeline.decoding.complaints import complaints
from pipeline.decoding.contract import BadImage, Limits, Picture
from pipeline.decoding.jpeg_markers import PROGRESSIVES, Layout, read_layout
from pipeline.decoding.pillow_files import open_picture, orientation
from pipeline.imaging.arrays import Pixels

END_OF_IMAGE = b"\xff\xd9"
COMMON = (markers.BASELINE, markers.EXTENDED, markers.PROGRESSIVE, markers.ARITHMETIC, markers.ARITHMETIC_PROGRESSIVE)
HARMLESS = ("unknown JFIF revision", "Unknown Adobe color transform", "Invalid SOS parameters")  # complaints of headers
LEFT_OVER = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
ODD_SAMPLING = "subsampling level"  # simplejpeg knows the usual ratios of color to gray only
MAX_ROUNDS = 5
MAX_PICTURES = 20  # of one file that are looked at
CMYK_WORK_BYTES = 16  # per pixel, at the peak
SPACES = {1: "GRAY", 3: "BGR", 4: "CMYK"}
NO_END = "JPEG file without an end-of-image marker"
PADDED = "JPEG file with zeros before its end-of-image marker"
ODD_HEADER = "JPEG file with an invalid header field"


def read_jpeg(data: bytes, limits: Limits) -> Picture:
    """Decode a JPEG file; of a phone's file with several pictures (MPO) the first, unless another is as large.

    Raises:
        BadImage: it is damaged, truncated, too large, or of a kind for which no decoder is installed.
    """
    layout = read_layout(data)
    if layout.kind is None:
        raise BadImage("damaged JPEG file (header)")
    if not layout.is_complete:
        raise BadImage("truncated JPEG file")
    limits.check_size(layout.width, layout.height, max(1, len(layout.components)), layout.precision)
    if layout.kind not in COMMON or layout.precision != 8:
        return _rare(data, layout, limits)
    photometric = "MONOCHROME2" if len(layout.components) == 1 else "RGB"
    picture = open_picture(data, "JPEG", limits)
    _refuse_several(picture)
    if len(layout.components) == 4:  # Pillow handles the inverted inks of Adobe's files
        _, warnings = decode_jpeg(data, layout, limits)
        pixels = cv2.cvtColor(np.asarray(picture.convert("RGB")), cv2.COLOR_RGB2BGR)
    else:
        pixels, warnings = decode_jpeg(data, layout, limits)
    return Picture(pixels, 8, photometric, orientation(picture), warnings=warnings)


def decode_jpeg(data: bytes, layout: Layout, limits: Limits) -> tuple[Pixels, tuple[str, ...]]:
    """Decode an 8-bit JPEG picture, and hear every complaint.

    Returns:
        (H, W), (H, W, 3) BGR or (H, W, 4) CMYK, uint8, and warnings.

    Raises:
        BadImage: pixels are missing or damaged.
    """
    size, samples = layout.width * layout.height, len(layout.components)
    memory = 2 * len(data) + size * (CMYK_WORK_BYTES if samples == 4 else samples + 1) + 2 * layout.coefficients
    limits.check_cost(memory, effort=size * samples * max(1, len(layout.scans)))
    if not layout.is_complete:
        raise BadImage("truncated JPEG file")
    if samples not in SPACES:
        raise BadImage(f"JPEG file with {samples} components")
    if layout.end is not None:
        return _decode(data, SPACES[samples], layout)
    whole = data.removesuffix(END_OF_IMAGE[:1]) + END_OF_IMAGE
    try:
        pixels, warnings = _decode(whole, SPACES[samples], layout)
    except BadImage as error:
        raise BadImage("truncated JPEG file") from error
    return pixels, (NO_END, *warnings)


def _decode(data: bytes, space: str, layout: Layout) -> tuple[Pixels, tuple[str, ...]]:
    """Decode; on a complaint that may be harmless, once more without its cause."""
    result, warnings = _complaint(data, space), list[str]()
    if isinstance(result, str) and ODD_SAMPLING in result:
        return _with_opencv(data, space), ()
    if isinstance(result, str) and any(words in result for words in HARMLESS):
        data, warnings = _with_valid_header(data, layout), [ODD_HEADER]
        result = _complaint(data, space)
    for _ in range(MAX_ROUNDS):  # libjpeg counts a few bytes less than there are
        left = LEFT_OVER.search(result) if isinstance(result, str) else None
        shorter = data if left is None else _without_zeros(data, int(left[1]))
        if shorter == data:
            break
        data, warnings = shorter, [*warnings, PADDED]
        result = _complaint(data, space)
    if isinstance(result, str):
        raise BadImage(_reason(result))
    return result, tuple(dict.fromkeys(warnings))


def _complaint(data: bytes, space: str) -> Pixels | str:
    """The decoded pixels, or the first complaint of libjpeg."""
    try:
        pixels = simplejpeg.decode_jpeg(data, space)
    except ValueError as error:
        return str(error)
    return pixels[..., 0] if space == "GRAY" else pixels


def _with_opencv(data: bytes, space: str) -> Pixels:
    """As :func:`_complaint`, for ratios of color to gray that simplejpeg does not know."""
    flag = cv2.IMREAD_GRAYSCALE if space == "GRAY" else cv2.IMREAD_COLOR
    with complaints() as lines:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
    heard = [line for line in lines if "JPEG" in line]
    if pixels is None or heard:
        raise BadImage(_reason(" ".join(heard) or "pixels cannot be decoded"))
    return pixels


def _with_valid_header(data: bytes, layout: Layout) -> bytes:
    """The file with the values that libjpeg expects in fields that change no pixel."""
    fixed = bytearray(data)
    if layout.jfif is not None:
        fixed[layout.jfif] = 1
    if layout.adobe is not None and fixed[layout.adobe] > 2:
        fixed[layout.adobe] = 2 if len(layout.components) == 4 else 1
    if layout.kind not in PROGRESSIVES:
        for scan in layout.scans:
            end = scan.start + 3 + 2 * len(scan.components)
            fixed[end : end + 3] = b"\x00\x3f\x00"
    return bytes(fixed)


def _without_zeros(data: bytes, count: int) -> bytes:
    """The file without ``count`` bytes before the end of its first picture, if these are zeros."""
    end = (read_layout(data).end or len(data)) - len(END_OF_IMAGE)
    return data[: end - count] + END_OF_IMAGE if data[end - count : end] == bytes(count) else data


def _reason(complaint: str) -> str:
    if "premature end" in complaint.lower():
        return "truncated JPEG file"
    return f"damaged JPEG file ({complaint.removeprefix('Corrupt JPEG data: ')})"


def _refuse_several(picture: Image.Image) -> None:
    """Check that a file of several pictures (MPO) holds previews only, beside the first one."""
    size, full = picture.size, 1
    for number in range(1, min(getattr(picture, "n_frames", 1), MAX_PICTURES)):
        try:
            picture.seek(number)
        except Exception:  # a damaged preview must not cost the film
            break
        full += picture.size == size
    if getattr(picture, "n_frames", 1) > 1:
        picture.seek(0)
    if full > 1:
        raise BadImage(f"JPEG file with {full} pictures of full size: not a single film")


def _rare(data: bytes, layout: Layout, limits: Limits) -> Picture:
    """12 bits, lossless, JPEG-LS: what medical archives hold."""
    pixels = decode_rare_jpeg(data, layout, limits)
    if pixels.ndim == 3:
        return Picture(np.ascontiguousarray(pixels[..., ::-1]), layout.precision, "RGB")
    return Picture(pixels, layout.precision, "MONOCHROME2")
