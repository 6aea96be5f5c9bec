"""Decode the members of the JPEG family that OpenCV and Pillow cannot: what medical archives store.

GDCM reads JPEG Lossless, JPEG-LS and JPEG of 12 bits; OpenJPEG reads JPEG 2000. Both are fed from what the code stream
itself says, since headers around it may lie and GDCM would then write beyond its memory.
"""

import struct

import numpy as np

from pipeline.decoding import jpeg_markers as markers
from pipeline.decoding.complaints import complaints
from pipeline.decoding.contract import BadImage, Limits, check_installed
from pipeline.decoding.jpeg_markers import Layout
from pipeline.imaging.arrays import Pixels

try:
    import gdcm
except ImportError:
    gdcm = None  # type: ignore[assignment]
try:
    import openjpeg
except ImportError:
    openjpeg = None  # type: ignore[assignment]

SYNTAXES = {  # process of a JPEG frame -> its name, and the transfer syntax that makes GDCM decode it
    markers.BASELINE: ("JPEG Baseline", "1.2.840.10008.1.2.4.50"),
    markers.EXTENDED: ("JPEG Extended", "1.2.840.10008.1.2.4.51"),
    markers.LOSSLESS: ("JPEG Lossless", "1.2.840.10008.1.2.4.57"),
    markers.JPEG_LS: ("JPEG-LS", "1.2.840.10008.1.2.4.80"),
}
FILE_SIGNATURE = b"\x00\x00\x00\x0cjP  \r\n\x87\n"  # of a JPEG 2000 file around a code stream
START_OF_CODESTREAM = b"\xff\x4f\xff\x51"
END_OF_CODESTREAM = b"\xff\xd9"
SIZE_SEGMENT = struct.Struct(">HHIIIIIIIIH")  # length, capabilities, size, offset, tile size, tile offset, components


def decode_rare_jpeg(stream: bytes, layout: Layout, limits: Limits) -> Pixels:
    """Decode a JPEG stream that is not of 8 bits and baseline or progressive: unsigned (H, W) or (H, W, 3) RGB.

    Raises:
        BadImage: it is damaged, truncated or too large, or no decoder for it is installed.
    """
    if layout.kind not in SYNTAXES:
        process = (layout.kind or 0xC0) - 0xC0
        raise BadImage(f"JPEG file of an unusual process (SOF{process}), for which there is no decoder")
    name, syntax = SYNTAXES[layout.kind]
    samples, size = len(layout.components), layout.width * layout.height
    check_installed(gdcm, f"{name} with {layout.precision} bits", "python-gdcm")
    limits.check_size(layout.width, layout.height, samples, layout.precision)
    width = 1 if layout.precision <= 8 else 2
    limits.check_cost(3 * len(stream) + 5 * size * samples * width, size * samples, is_fragile=True)  # GDCM copies
    if samples not in (1, 3) or not 2 <= layout.precision <= 16:
        raise BadImage(f"{name} file with {samples} components of {layout.precision} bits")
    if layout.end is None:
        raise BadImage(f"truncated {name} file")
    with complaints() as lines:
        content = _with_gdcm(stream, layout, syntax)
    is_damaged = any("corrupt" in line.lower() or "premature" in line.lower() for line in lines)
    if is_damaged or content is None or len(content) != size * samples * width:
        raise BadImage(f"damaged or truncated {name} file")
    shape = (layout.height, layout.width) if samples == 1 else (layout.height, layout.width, samples)
    return np.frombuffer(content, f"<u{width}").reshape(shape)


def decode_jpeg2000(stream: bytes, limits: Limits) -> tuple[Pixels, int]:
    """Decode a JPEG 2000 code stream, or a file around one.

    Returns:
        (H, W) or (H, W, C), signed or not, and the bits per sample.

    Raises:
        BadImage: it is damaged, truncated or too large, or no decoder for it is installed.
    """
    check_installed(openjpeg, "JPEG 2000", "pylibjpeg-openjpeg")
    start = stream.find(START_OF_CODESTREAM)
    if start < 0 or len(stream) < start + 4 + SIZE_SEGMENT.size + 3:
        raise BadImage("damaged JPEG 2000 file (header)")
    _, _, right, bottom, left, top, across, down, _, _, samples = SIZE_SEGMENT.unpack_from(stream, start + 4)
    bits = (stream[start + 4 + SIZE_SEGMENT.size] & 0x7F) + 1
    width, height = right - left, bottom - top
    limits.check_size(width, height, samples, bits)
    limits.check_size(min(across, right), min(down, bottom), samples, bits)
    # OpenJPEG holds every sample in 4 bytes, and a tile twice
    limits.check_cost(2 * len(stream) + 10 * width * height * samples, width * height * samples, is_fragile=True)
    if END_OF_CODESTREAM not in stream[-4:]:
        raise BadImage("truncated JPEG 2000 file")
    with complaints():
        try:
            pixels = openjpeg.decode(stream if stream.startswith(FILE_SIGNATURE) else stream[start:])
        except RuntimeError as error:
            raise BadImage("damaged or truncated JPEG 2000 file") from error
    return pixels, bits


def _with_gdcm(stream: bytes, layout: Layout, syntax: str) -> bytes | None:
    """All samples of a stream, pixel by pixel, little-endian; None if GDCM cannot decode it."""
    fragment, fragments = gdcm.Fragment(), gdcm.SequenceOfFragments.New()
    fragment.SetByteStringValue(stream)
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((layout.width, layout.height, 1))
    image.SetDataElement(element)
    samples, bits = len(layout.components), layout.precision
    color = gdcm.PhotometricInterpretation.RGB if samples == 3 else gdcm.PhotometricInterpretation.MONOCHROME2
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(color))
    if samples > 1:
        image.SetPlanarConfiguration(0)
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    image.SetPixelFormat(gdcm.PixelFormat(samples, 8 if bits <= 8 else 16, bits, bits - 1, 0))
    text: str | None = image.GetBuffer()  # GDCM returns its bytes as text
    return None if text is None else text.encode("utf-8", "surrogateescape")
