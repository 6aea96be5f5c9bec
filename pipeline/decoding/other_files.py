"""Read the formats that films seldom have: JPEG 2000, HEIC and NumPy arrays."""

import io
import math

import numpy as np

from pipeline.decoding.codestreams import decode_jpeg2000
from pipeline.decoding.contract import BadImage, Limits, Picture, check_installed
from pipeline.imaging.array_errors import ARRAY_ERRORS
from pipeline.imaging.arrays import Pixels
from pipeline.imaging.tones import stretch

try:
    import pi_heif
except ImportError:
    pi_heif = None

NPY_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_jpeg2000(data: bytes, limits: Limits) -> Picture:
    """Decode a JPEG 2000 file or code stream.

    Raises:
        BadImage: it is damaged, truncated or too large, or no decoder is installed.
    """
    pixels, bits = decode_jpeg2000(data, limits)
    return _colored(pixels, bits)


def read_heic(data: bytes, limits: Limits) -> Picture:
    """Decode the main picture of a HEIC file; libheif turns it upright.

    Raises:
        BadImage: it is damaged, truncated or too large, or no decoder is installed.
    """
    check_installed(pi_heif, "HEIC file", "cxnet-data[heic]")
    limits.check_cost(2 * len(data), effort=0, is_fragile=True)  # on some headers, libheif ends the process
    try:
        file = pi_heif.open_heif(io.BytesIO(data))
    except (ValueError, OSError, EOFError, SyntaxError) as error:
        raise BadImage("damaged HEIC file (header)") from error
    width, height = file.size
    limits.check_size(width, height, samples=4)
    limits.check_cost(2 * len(data) + 16 * width * height, effort=4 * width * height)
    try:
        pixels = np.array(file)  # a copy: the memory behind the view ends with the file
    except (ValueError, OSError, EOFError, RuntimeError) as error:
        raise BadImage("damaged or truncated HEIC file") from error
    return _colored(pixels, int(file.info.get("bit_depth", 8)))


def read_npy(data: bytes, limits: Limits) -> Picture:
    """Read a picture that NumPy saved: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) numbers, also in a batch of one.

    Raises:
        BadImage: it is not such an array, is truncated or too large, or holds Python objects.
    """
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    if version not in NPY_HEADERS:
        raise BadImage(f"NPY file of version {version[0]}.{version[1]}")
    try:
        shape, is_fortran, kind = NPY_HEADERS[version](file)
    except ARRAY_ERRORS as error:  # also of a header that is longer than NumPy reads
        raise BadImage("damaged NPY file (header)") from error
    if kind.kind not in "buif" or kind.itemsize > 8:
        raise BadImage(f"NPY file of {kind.name}, not of numbers")
    whole = shape
    while shape[:1] == (1,) and (len(shape) > 3 or (len(shape) == 3 and shape[2] not in (3, 4))):
        shape = shape[1:]
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in (1, 3, 4)):
        raise BadImage(f"NPY file of shape {whole}, not a picture")
    limits.check_size(shape[1], shape[0], math.prod(shape[2:]), 8 * kind.itemsize)
    limits.check_cost(2 * len(data) + 2 * math.prod(shape) * kind.itemsize, effort=math.prod(shape))
    if len(data) - file.tell() < math.prod(shape) * kind.itemsize:
        raise BadImage("truncated NPY file")
    array = np.frombuffer(data, kind, math.prod(shape), file.tell()).reshape(whole, order="F" if is_fortran else "C")
    pixels = array.reshape(shape)
    if kind.kind == "b":
        return _colored(pixels.astype(np.uint8), 1)
    return _colored(np.ascontiguousarray(pixels).astype(kind.newbyteorder("="), copy=False), 8 * kind.itemsize)


def _colored(pixels: Pixels, bits: int) -> Picture:
    """A picture of RGB, RGBA or gray samples; those of fewer than 8 bits are spread over all of these."""
    if bits < 8 and pixels.dtype == np.uint8:
        pixels = stretch(pixels, 0, 2**bits - 1)
    if pixels.ndim == 2:
        return Picture(pixels, bits, "MONOCHROME2")
    if pixels.shape[2] == 1:
        return Picture(np.ascontiguousarray(pixels[..., 0]), bits, "MONOCHROME2")
    if pixels.shape[2] == 2:  # gray with alpha
        pixels = pixels[..., [0, 0, 0, 1]]
    elif pixels.shape[2] > 4:
        raise BadImage(f"picture of {pixels.shape[2]} channels")
    order = [2, 1, 0, 3][: pixels.shape[2]]
    photometric = "RGB"
    return Picture(np.ascontiguousarray(pixels[..., order]), bits, photometric)
