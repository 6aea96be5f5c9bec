"""Decode the pixels of a DICOM file, and read nothing else from it.

Only the attributes that describe pixels are read. No patient, study, device or institution tag is kept in memory, so
none can reach a table, an image or a log. Values pass through the modality LUT or rescale, then the VOI LUT or window
(linear, linear exact, sigmoid); then MONOCHROME1 is inverted (DICOM PS3.3 C.7.6.3, C.11.1, C.11.2;
https://dicom.nema.org/medical/dicom/current/output/html/part03.html).
"""

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi, get_decoder, pixel_array

from pipeline.imaging.arrays import Gray, Pixels
from pipeline.imaging.tones import stretch, used_range

PIXEL_TAGS = [
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PlanarConfiguration",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "RescaleSlope",
    "RescaleIntercept",
    "ModalityLUTSequence",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "VOILUTSequence",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "PixelData",
]
DEFLATED = b"1.2.840.10008.1.2.1.99"
MIN_IN_WINDOW = 0.02  # a window that shows a smaller share of the pixels is a mistake


class DicomError(Exception):
    """The file does not hold exactly one usable picture; the message becomes the reason of the row."""


@dataclass(frozen=True, eq=False)
class DicomPixels:
    """Decoded pixels.

    Attributes:
        pixels: (H, W) or (H, W, 3) BGR, uint8.
        bit_depth: BitsStored.
        photometric: MONOCHROME1 | MONOCHROME2 | RGB | PALETTE, as received; MONOCHROME1 is already inverted.
    """

    pixels: Pixels
    bit_depth: int
    photometric: str


def decode_dicom(data: bytes, check: Callable[[int, int], None]) -> DicomPixels:
    """Decode a DICOM file of one frame.

    Args:
        data: the whole file.
        check: called with width and height before any pixel is decoded; raises if that is too large.

    Raises:
        DicomError: the file has no pixels, several frames, or a transfer syntax for which no decoder is installed.
    """
    if DEFLATED in data:  # pydicom would inflate the whole file, however large
        raise DicomError("DICOM file with deflated transfer syntax")
    logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)  # its messages quote the values of tags
    attributes = pydicom.dcmread(io.BytesIO(data), specific_tags=PIXEL_TAGS)
    _check(attributes, check)
    return _decode(attributes)


def _check(attributes: Dataset, check: Callable[[int, int], None]) -> None:
    if "PixelData" not in attributes:
        raise DicomError("DICOM file without pixels")
    frames = int(attributes.get("NumberOfFrames") or 1)
    if frames != 1:
        raise DicomError(f"DICOM file with {frames} frames")
    check(int(attributes.Columns), int(attributes.Rows))
    if int(attributes.BitsAllocated) > 16:
        raise DicomError(f"DICOM file with {int(attributes.BitsAllocated)} bits per sample")
    syntax = attributes.file_meta.TransferSyntaxUID
    if syntax.is_compressed and not get_decoder(syntax).is_available:
        raise DicomError(f"DICOM file with transfer syntax {syntax.name}, for which no decoder is installed")


def _decode(attributes: Dataset) -> DicomPixels:
    photometric = str(attributes.PhotometricInterpretation)
    samples = pixel_array(attributes)
    depth = int(attributes.BitsStored)
    if photometric.startswith("MONOCHROME"):
        gray = _to_gray(samples, attributes)
        return DicomPixels(255 - gray if photometric == "MONOCHROME1" else gray, depth, photometric)
    if photometric == "PALETTE COLOR":
        samples = apply_color_lut(samples, attributes)
        return DicomPixels(_bgr(samples, 16), depth, "PALETTE")
    return DicomPixels(_bgr(samples, depth), depth, "RGB")


def _bgr(samples: Pixels, depth: int) -> Pixels:
    """RGB of any depth, (H, W, 3), to BGR uint8."""
    eight = samples if samples.dtype == np.uint8 else stretch(samples, 0, 2**depth - 1)
    return cv2.cvtColor(eight, cv2.COLOR_RGB2BGR)


def _to_gray(samples: Pixels, attributes: Dataset) -> Gray:
    """Apply the modality and VOI transformations, as one look-up table over the stored values to save memory.

    If the file's window shows nothing, the whole range of values is used instead.
    """
    lowest, highest = int(samples.min()), int(samples.max())
    stored = np.arange(lowest, highest + 1, dtype=np.int32 if lowest < 0 else np.uint16)
    values = apply_modality_lut(stored, attributes).astype(np.float64)
    index = samples.astype(np.int32) - lowest
    windowed = _windowed(stored, values, attributes)
    if windowed is not None and _shows(windowed[index[::8, ::8]]):
        return windowed[index]
    low, high = used_range(values[index[::2, ::2]])
    return stretch(values, low, high)[index]


def _windowed(stored: Pixels, values: Pixels, attributes: Dataset) -> Pixels | None:
    """``values`` through the file's first VOI LUT or window, as uint8; None if it has neither."""
    if attributes.get("VOILUTSequence"):
        table = attributes.VOILUTSequence[0]
        rounded = np.rint(values).astype(np.int32) if (values != np.rint(values)).any() else values.astype(np.int32)
        return stretch(apply_voi(rounded, attributes), 0, 2 ** int(table.LUTDescriptor[2]) - 1)
    center, width = _first(attributes.get("WindowCenter")), _first(attributes.get("WindowWidth"))
    if center is None or width is None or width <= 0:
        return None
    function = str(attributes.get("VOILUTFunction") or "LINEAR").upper()
    return np.rint(255 * window(values, center, width, function)).astype(np.uint8)


def window(values: Pixels, center: float, width: float, function: str) -> Pixels:
    """Map ``values`` to 0..1 by LINEAR, LINEAR_EXACT or SIGMOID (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
    if function == "LINEAR_EXACT":
        return np.clip((values - center) / width + 0.5, 0, 1)
    if width <= 1:
        return (values > center - 0.5).astype(np.float64)
    return np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0, 1)


def _first(value: object) -> float | None:
    """The first of one or several numbers, since a file may offer several windows; None if there is none."""
    if value is None or value == "":
        return None
    if isinstance(value, str | int | float):
        return float(value)
    numbers = list(value)  # type: ignore[call-overload]
    return float(numbers[0]) if numbers else None


def _shows(gray: Gray) -> bool:
    """Whether enough of the picture lies inside the window."""
    return bool(((gray > 0) & (gray < 255)).mean() >= MIN_IN_WINDOW)
