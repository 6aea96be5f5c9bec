"""From the pixel data of a DICOM file to numbers: decompress, order, shift and mask (PS3.5 8, PS3.3 C.7.6.3)."""

import struct
from dataclasses import dataclass, replace

import cv2
import numpy as np
from pydicom.uid import UID, RLELossless

from pipeline.decoding.codestreams import FILE_SIGNATURE, START_OF_CODESTREAM, decode_jpeg2000, decode_rare_jpeg
from pipeline.decoding.contract import BadImage, Limits
from pipeline.decoding.dicom_attributes import Attributes
from pipeline.decoding.jpeg import COMMON, decode_jpeg
from pipeline.decoding.jpeg_markers import Layout, read_layout
from pipeline.imaging.arrays import Pixels

ITEM, SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
START_OF_JPEG = b"\xff\xd8\xff"
RLE_HEADER = struct.Struct("<16I")
ADOBE_RGB = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"  # marker segment: the components are not transformed
YBR = ("YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422")


@dataclass(frozen=True)
class PixelFormat:
    """How the pixels of a file are stored: the attributes of PS3.3 C.7.6.3.1 that matter."""

    rows: int
    columns: int
    samples: int
    photometric: str
    allocated: int
    stored: int
    high: int
    is_signed: bool
    is_planar: bool
    has_overlay: bool

    @property
    def pixels(self) -> int:
        return self.rows * self.columns


def decode_pixels(attributes: Attributes, form: PixelFormat, syntax: str, limits: Limits) -> tuple[PixelFormat, Pixels]:
    """Decode the pixel data.

    Returns:
        The format, corrected by what a code stream says, and the samples, (H, W) or (H, W, C) in the order of the
        photometric interpretation: signed or not as the file says, without overlays.

    Raises:
        BadImage: there are too few pixels, they are damaged, or no decoder for them is installed.
    """
    content, kind, is_little = attributes.content("PixelData")
    stream = _code_stream(content)
    if stream is None:
        samples = _native(content, form, ("<" if is_little else ">"), is_swapped=kind == "OW" and not is_little)
        return form, _significant(samples, form, form.allocated, attributes)
    if stream.startswith((START_OF_CODESTREAM, FILE_SIGNATURE)):
        samples, bits = decode_jpeg2000(stream, limits)
        samples = samples.view(samples.dtype.str.replace("i", "u"))
        if form.photometric.startswith("YBR"):  # OpenJPEG undoes its color transform
            form = replace(form, photometric="RGB")
    elif stream.startswith(START_OF_JPEG):
        form, samples, bits = _jpeg(stream, form, limits)
    elif syntax == RLELossless:
        return form, _significant(_run_lengths(stream, form), form, form.allocated, attributes)
    else:
        name = UID(syntax).name or "unknown"
        raise BadImage(f"DICOM file with transfer syntax {name}, for which there is no decoder")
    if samples.shape[:2] != (form.rows, form.columns):
        attributes.warn("rows and columns ignored: the compressed pixels have others")
        form = replace(form, rows=samples.shape[0], columns=samples.shape[1])
    form = replace(form, samples=samples.shape[2] if samples.ndim == 3 else 1)
    return form, _significant(samples, form, bits, attributes)


def _code_stream(content: bytes) -> bytes | None:
    """The compressed frame, all its fragments joined; None for native pixels."""
    if not content.startswith(ITEM):
        is_bare = content.startswith((START_OF_JPEG, START_OF_CODESTREAM, FILE_SIGNATURE))
        return content if is_bare else None
    fragments, place = [], 0
    while content[place : place + 4] == ITEM and place + 8 <= len(content):
        (length,) = struct.unpack_from("<I", content, place + 4)
        fragments.append(content[place + 8 : place + 8 + length])
        if len(fragments[-1]) < length:
            raise BadImage("truncated DICOM file")
        place += 8 + length
    return b"".join(fragments[1:])  # the first one is a table of offsets


def _native(content: bytes, form: PixelFormat, order: str, is_swapped: bool) -> Pixels:
    """Uncompressed samples, (H, W) or (H, W, C), unsigned."""
    count = form.pixels * (2 if form.photometric == "YBR_FULL_422" else form.samples)
    if len(content) < -(-count * form.allocated // 8):
        raise BadImage("truncated DICOM file")
    if form.allocated == 1:
        samples = np.unpackbits(np.frombuffer(content, np.uint8), count=count, bitorder="little")
    elif form.allocated == 8:
        if is_swapped:  # bytes in big-endian words
            content = np.frombuffer(content[: len(content) // 2 * 2], np.uint16).byteswap().tobytes()
        samples = np.frombuffer(content, np.uint8, count)
    elif form.allocated == 16:
        samples = np.frombuffer(content, f"{order}u2", count).astype(np.uint16, copy=False)
    else:
        raise BadImage(f"DICOM file with {form.allocated} bits per sample")
    if form.photometric == "YBR_FULL_422":
        return _upsampled(samples.reshape(form.rows, form.columns // 2, 4))
    if form.samples == 1:
        return samples.reshape(form.rows, form.columns)
    if form.is_planar:
        return np.moveaxis(samples.reshape(form.samples, form.rows, form.columns), 0, 2)
    return samples.reshape(form.rows, form.columns, form.samples)


def _upsampled(pairs: Pixels) -> Pixels:
    """(H, W, 3) from pairs of pixels that share their colors: (H, W / 2, 4) of Y, Y, Cb, Cr."""
    left, right = pairs[..., [0, 2, 3]], pairs[..., [1, 2, 3]]
    return np.stack([left, right], axis=2).reshape(pairs.shape[0], -1, 3)


def _jpeg(stream: bytes, form: PixelFormat, limits: Limits) -> tuple[PixelFormat, Pixels, int]:
    """A member of the JPEG family, recognized by its own markers: a file may name the wrong transfer syntax."""
    layout = read_layout(stream)
    if layout.kind in COMMON and layout.precision == 8:
        limits.check_size(layout.width, layout.height, len(layout.components))
        if form.photometric == "RGB" and _is_untransformed(layout):
            stream = stream[:2] + ADOBE_RGB + stream[2:]
            layout = read_layout(stream)
        samples, _ = decode_jpeg(stream, layout, limits)
        if samples.ndim == 3:
            return replace(form, photometric="RGB"), samples[..., ::-1], 8
        return form, samples, 8
    samples = decode_rare_jpeg(stream, layout, limits)
    return form, samples, layout.precision


def _is_untransformed(layout: Layout) -> bool:
    """Whether the components of a stream of a file that says RGB are what it says: no marker speaks against it."""
    return len(layout.components) == 3 and layout.jfif is None and layout.adobe is None


def _run_lengths(stream: bytes, form: PixelFormat) -> Pixels:
    """RLE Lossless: a segment for every byte of every sample, the highest byte first (PS3.5 annex G)."""
    width = form.allocated // 8
    count, *offsets = RLE_HEADER.unpack_from(stream)
    if width not in (1, 2) or count != width * form.samples:
        raise BadImage("damaged DICOM file (run lengths)")
    ends = [*offsets[1:count], len(stream)]
    samples = np.empty((form.pixels, form.samples, width), np.uint8)
    for number, (start, end) in enumerate(zip(offsets[:count], ends, strict=True)):
        segment = _segment(stream[start:end], form.pixels)
        samples[:, number // width, width - 1 - number % width] = np.frombuffer(segment, np.uint8, form.pixels)
    shape = (form.rows, form.columns) if form.samples == 1 else (form.rows, form.columns, form.samples)
    return samples.view("<u2" if width == 2 else np.uint8).reshape(shape)


def _segment(stream: bytes, size: int) -> bytes:
    """The first ``size`` bytes of a segment of run lengths."""
    parts, place, length = [], 0, 0
    while length < size and place + 1 < len(stream):
        head = stream[place]
        if head < 128:
            part, place = stream[place + 1 : place + 2 + head], place + 2 + head
        elif head > 128:
            part, place = stream[place + 1 : place + 2] * (257 - head), place + 2
        else:
            part, place = b"", place + 1
        parts.append(part)
        length += len(part)
    if length < size:
        raise BadImage("truncated DICOM file")
    return b"".join(parts)[:size]


def _significant(samples: Pixels, form: PixelFormat, bits: int, attributes: Attributes) -> Pixels:
    """The bits that are the picture: shifted down to bit 0, overlays masked, the sign extended.

    Args:
        samples: unsigned.
        bits: that a sample occupies: BitsAllocated, or the precision of a code stream.
    """
    shift = form.high + 1 - form.stored if form.high < bits else 0
    stored = min(form.stored, bits)
    shifted = samples >> shift if shift else samples
    width = 8 * samples.dtype.itemsize
    if stored == width:
        return shifted.view(f"i{samples.dtype.itemsize}") if form.is_signed else shifted
    if not form.is_signed and int(shifted.max(initial=0)) < 1 << stored:
        return shifted
    plain = shifted & ((1 << stored) - 1)
    extended = (plain << (width - stored)).view(f"i{samples.dtype.itemsize}") >> (width - stored)
    is_clean = np.array_equal(plain, shifted) or np.array_equal(extended.view(samples.dtype), shifted)
    if is_clean or form.has_overlay or not _is_one_number(shifted, stored):
        return extended if form.is_signed else plain
    attributes.warn("bits stored ignored: the pixels use more")
    return shifted.view(f"i{samples.dtype.itemsize}") if form.is_signed else shifted


def _is_one_number(samples: Pixels, stored: int) -> bool:
    """Whether bits above ``stored`` continue the numbers below them, rather than being an overlay of their own.

    Where the upper bits differ between neighbors, a number changes little as a whole, and an overlay changes nothing in
    the bits below.
    """
    first = samples if samples.ndim == 2 else samples[..., 0]
    whole = first.astype(np.int32)
    upper, lower = whole >> stored, whole & ((1 << stored) - 1)
    edges = np.diff(upper, axis=1) != 0
    if not edges.any():
        return False
    return bool(np.median(np.abs(np.diff(whole, axis=1)[edges])) < np.median(np.abs(np.diff(lower, axis=1)[edges])))


def to_bgr(samples: Pixels, photometric: str) -> Pixels:
    """Color samples of 8 bits, (H, W, 3), as BGR."""
    if photometric in YBR:
        return cv2.cvtColor(np.ascontiguousarray(samples[..., [0, 2, 1]]), cv2.COLOR_YCrCb2BGR)
    return np.ascontiguousarray(samples[..., ::-1])
