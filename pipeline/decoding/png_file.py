"""Decode PNG files, after the checks that libpng leaves out (PNG specification, 5.3 and 5.6)."""

import struct
import zlib

import cv2
import numpy as np

from pipeline.decoding.contract import BadImage, Limits, Picture
from pipeline.decoding.pillow_files import SEVERAL, open_picture, orientation

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 200_000  # real files: a chunk per 8 kB or more
SAMPLES = {0: 1, 2: 3, 3: 3, 4: 4, 6: 4}  # color type -> channels of the decoded picture
PHOTOMETRIC = {0: "MONOCHROME2", 3: "PALETTE", 4: "MONOCHROME2"}


def read_png(data: bytes, limits: Limits) -> Picture:
    """Decode a PNG file.

    Raises:
        BadImage: it is damaged, truncated, too large, or an animation.
    """
    if len(data) < 29 or data[12:16] != b"IHDR":
        raise BadImage("damaged PNG file (header)")
    width, height, bits, color = struct.unpack_from(">IIBB", data, 16)
    samples = SAMPLES.get(color, 4)
    limits.check_size(width, height, samples, bits)
    has_exif = _check_chunks(data)
    picture = open_picture(data, "PNG", limits)
    stored, eight_bit = samples * -(-bits // 8), (samples if bits > 8 else 0) + (3 if samples > 3 else 0) + 1
    limits.check_cost(2 * len(data) + width * height * (stored + eight_bit), effort=width * height * stored)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise BadImage("damaged file: pixels cannot be decoded")
    # In a file without EXIF, Pillow would decode all pixels just to find none.
    may_turn = has_exif or "Raw profile type exif" in picture.info
    return Picture(pixels, bits, PHOTOMETRIC.get(color, "RGB"), orientation(picture) if may_turn else 1)


def _check_chunks(data: bytes) -> bool:
    """Check that the file is whole, and return whether a chunk of EXIF precedes its end.

    Raises:
        BadImage: a critical chunk has a wrong checksum, the file ends early, or it holds several frames.
    """
    view, start, has_exif = memoryview(data), len(SIGNATURE), False
    for _ in range(MAX_CHUNKS):
        if start + 12 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, start)
        end = start + 8 + length
        if end + 4 > len(data):
            break
        if kind == b"acTL" and length >= 4 and struct.unpack_from(">I", data, start + 8)[0] > 1:
            raise BadImage(SEVERAL)
        if kind[0] & 0x20 == 0 and zlib.crc32(view[start + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise BadImage("damaged PNG file (wrong checksum)")
        if kind == b"IEND":
            return has_exif
        has_exif |= kind == b"eXIf"
        start = end + 4
    else:
        raise BadImage(f"PNG file with more than {MAX_CHUNKS:,} chunks")
    raise BadImage("truncated PNG file")
