"""What a viewer shows of DICOM samples: modality, VOI and presentation transformations (PS3.3 C.11.1, C.11.2, C.11.6).

Every transformation is computed once per possible value, as a look-up table. Padding decides on nothing and is black.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.decoding.contract import BadImage
from pipeline.decoding.dicom_attributes import Attributes
from pipeline.decoding.dicom_pixels import PixelFormat, to_bgr
from pipeline.imaging.arrays import Gray, Pixels
from pipeline.imaging.tones import loses_detail, stretch, used_range

MIN_IN_WINDOW = 0.02  # a window that shows a smaller share of the pixels is a mistake
NEARLY_FULL = 0.9  # a table whose largest entry is this share of a power of two uses that many bits
FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
ROWS = 512  # rows that are mapped at a time, to save memory
PALETTES = ("Red", "Green", "Blue")

Values = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LookUpTable:
    """A modality or VOI look-up table.

    Attributes:
        entries: what the inputs become.
        first: the input of the first entry.
        top: the largest possible entry.
    """

    entries: npt.NDArray[np.uint16]
    first: int
    top: int

    def apply(self, values: Values) -> Values:
        """The entries for ``values``; those beyond the table get its first or last entry."""
        places = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1).astype(np.int64)
        return self.entries[places].astype(np.float64)


def show(samples: Pixels, form: PixelFormat, attributes: Attributes) -> tuple[Gray, bool]:
    """The gray picture, (H, W) uint8, and whether it lost most of what the samples hold.

    If the file's tables and windows show nothing, the whole range of values is used instead.

    Args:
        samples: (H, W), integers of up to 16 bits.
    """
    if samples.ndim != 2:
        raise BadImage(f"DICOM file with {form.samples} samples of gray per pixel")
    padding = _padding(samples, form, attributes)
    is_shown = None if padding is None else ~padding
    lowest, highest = int(samples.min()), int(samples.max())
    stored = np.arange(lowest, highest + 1, dtype=np.int32)
    values = _modality(stored.astype(np.float64), form, attributes)
    table = _displayed(samples, lowest, values, is_shown, attributes)
    if is_inverse(form, attributes):
        table = 255 - table
    gray = _mapped(samples, lowest, table)
    if padding is not None:
        gray[_from_the_edge(padding)] = 0
    return gray, _is_suspect(samples, gray, padding)


def is_inverse(form: PixelFormat, attributes: Attributes) -> bool:
    """Whether the smallest value is white: MONOCHROME1, or INVERSE as presentation; both together are one inversion."""
    return form.photometric == "MONOCHROME1" or attributes.text("PresentationLUTShape") == "INVERSE"


def show_color(samples: Pixels, form: PixelFormat, attributes: Attributes) -> Pixels:
    """The color picture, (H, W, 3) BGR uint8."""
    if form.photometric == "PALETTE COLOR":
        tables = [_table(attributes, form, f"{name}PaletteColorLookupTable") for name in PALETTES]
        if samples.ndim != 2 or any(table is None for table in tables):
            raise BadImage("damaged DICOM file (palette)")
        numbers = samples.astype(np.float64)
        return cv2.merge([stretch(table.apply(numbers), 0, table.top) for table in tables[::-1] if table is not None])
    if samples.ndim != 3 or samples.shape[2] != 3:
        raise BadImage(f"DICOM file with {form.samples} samples per pixel as {form.photometric}")
    eight = samples if samples.dtype == np.uint8 else stretch(samples, 0, 2**form.stored - 1)
    return to_bgr(eight, form.photometric)


def window(values: Values, center: float, width: float, function: str) -> Values:
    """Map ``values`` to 0..1 by LINEAR, LINEAR_EXACT or SIGMOID (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
    if function == "LINEAR_EXACT":
        return np.clip((values - center) / width + 0.5, 0, 1)
    if width <= 1:
        return (values > center - 0.5).astype(np.float64)
    return np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0, 1)


def _padding(samples: Pixels, form: PixelFormat, attributes: Attributes) -> Mask | None:
    """Where the samples are padding (PS3.3 C.7.5.1.1.2); None if nowhere, or all over."""
    value = attributes.number("PixelPaddingValue")
    if value is None:
        return None
    limit = attributes.number("PixelPaddingRangeLimit")
    low, high = sorted(_signed(number, form) for number in (value, value if limit is None else limit))
    mask = (samples >= low) & (samples <= high)
    return mask if mask.any() and not mask.all() else None


def _from_the_edge(padding: Mask) -> Mask:
    """The padding that is connected with an edge: inside of a film, the same value may be metal or bone."""
    framed = np.pad(padding.astype(np.uint8), 1, constant_values=1)  # the frame connects all edges
    cv2.floodFill(framed, None, (0, 0), 2, flags=8)
    return framed[1:-1, 1:-1] == 2


def _signed(value: float, form: PixelFormat) -> int:
    """A value of two bytes, signed or not as the pixels are, whatever kind of number the file calls it."""
    number = int(value) & 0xFFFF
    return number - 0x10000 if form.is_signed and number >= 0x8000 else number


def _modality(stored: Values, form: PixelFormat, attributes: Attributes) -> Values:
    """Stored values through the modality look-up table, or slope and intercept."""
    for item in attributes.items("ModalityLUTSequence")[:1]:
        if (table := _table(item, form, "LUT")) is not None:
            return table.apply(stored)
        attributes.warn("modality LUT ignored: empty or damaged")
    slope, intercept = attributes.number("RescaleSlope"), attributes.number("RescaleIntercept")
    if slope == 0:
        attributes.warn("rescale slope of 0 ignored")
        return stored
    return stored * (1.0 if slope is None else slope) + (intercept or 0.0)


def _displayed(
    samples: Pixels, lowest: int, values: Values, is_shown: Mask | None, attributes: Attributes
) -> npt.NDArray[np.uint8]:
    """The gray level of every value: by the first table or window of the file that shows something, else by range."""
    sparse = samples[::8, ::8].astype(np.int32) - lowest
    kept = sparse if is_shown is None else sparse[is_shown[::8, ::8]]
    has_any = False
    for table in _candidates(values, attributes):
        has_any, shown = True, table[kept]
        if shown.size == 0 or ((shown > 0) & (shown < 255)).mean() >= MIN_IN_WINDOW:
            return table
    if has_any:
        attributes.warn("window ignored: it shows almost nothing of the picture")
    sample = values[samples[::2, ::2].astype(np.int32) - lowest]
    if is_shown is not None:
        sample[~is_shown[::2, ::2]] = np.nan
    return stretch(values, *used_range(sample))


def _candidates(values: Values, attributes: Attributes) -> Iterator[npt.NDArray[np.uint8]]:
    """``values`` through every VOI table and then every window of the file, as gray levels."""
    for item in attributes.items("VOILUTSequence"):
        table = _table(item, None, "LUT", lowest=float(values.min()))
        if table is None:
            attributes.warn("VOI LUT ignored: empty or damaged")
        else:
            yield stretch(table.apply(values), 0, table.top)
    centers, widths = attributes.numbers("WindowCenter"), attributes.numbers("WindowWidth")
    function = attributes.text("VOILUTFunction") or FUNCTIONS[0]
    if function not in FUNCTIONS:
        attributes.warn("VOI LUT function ignored: unknown")
        function = FUNCTIONS[0]
    for center, width in zip(centers, widths, strict=False):
        if math.isfinite(center) and math.isfinite(width) and width > 0:
            yield np.rint(255 * window(values, center, width, function)).astype(np.uint8)
        else:
            attributes.warn("window ignored: its center or width is impossible")
    if bool(centers) != bool(widths):
        attributes.warn("window ignored: its center or width is missing")


def _table(item: Attributes, form: PixelFormat | None, prefix: str, lowest: float = 0.0) -> LookUpTable | None:
    """The table of an item; None if it is empty or damaged.

    The number of bits that the descriptor states is often wrong; what the entries hold decides. Tables of 8 bits may be
    packed two to a word.

    Args:
        form: of the pixels, for a table whose input they are; None for a VOI table.
        prefix: of the two keywords: ``LUT``, ``RedPaletteColorLookupTable``.
        lowest: the smallest input, which decides on the sign of the first one.
    """
    numbers = item.numbers(f"{prefix}Descriptor")
    content, kind, is_little = item.content(f"{prefix}Data")
    if len(numbers) != 3 or not all(map(math.isfinite, numbers)) or not content:
        return None
    count, first, bits = (int(number) & 0xFFFF for number in numbers)
    count = count or 0x10000
    is_signed = lowest < 0 if form is None else form.is_signed
    if first >= 0x8000 and is_signed:
        first -= 0x10000
    if len(content) >= 2 * count:
        entries = np.frombuffer(content, "<u2" if is_little else ">u2", count).astype(np.uint16)
    elif len(content) >= count and bits <= 8:
        packed = np.frombuffer(content[: count + count % 2].ljust(count + count % 2, b"\0"), np.uint8)
        swapped = kind == "OW" and not is_little
        entries = (packed.reshape(-1, 2)[:, ::-1].ravel() if swapped else packed)[:count].astype(np.uint16)
    else:
        return None
    return LookUpTable(entries, first, _top(int(entries.max()), bits))


def _top(largest: int, stated_bits: int) -> int:
    """The largest possible entry of a table: by the stated bits if its entries need so many, else by what they hold."""
    needed = largest.bit_length()
    if needed == stated_bits or largest == 0:
        return (1 << max(1, stated_bits)) - 1
    full = (1 << needed) - 1
    return full if largest >= NEARLY_FULL * full else largest


def _mapped(samples: Pixels, lowest: int, table: npt.NDArray[np.uint8]) -> Gray:
    gray = np.empty(samples.shape, np.uint8)
    for top in range(0, len(samples), ROWS):
        gray[top : top + ROWS] = table[samples[top : top + ROWS].astype(np.int32) - lowest]
    return gray


def _is_suspect(samples: Pixels, gray: Gray, padding: Mask | None) -> bool:
    if padding is None:
        return loses_detail(samples, gray)
    sparse = samples[::2, ::2].astype(np.float32)
    sparse[padding[::2, ::2]] = np.nan
    return loses_detail(sparse, gray[::2, ::2])
