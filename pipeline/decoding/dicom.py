"""Decode the pixels of a DICOM file, and read nothing else from it but what they show.

Only the attributes that describe pixels are read, and those that say whether they show a chest at all. No patient's
name or number, no study, device or institution is kept in memory, so none can reach a table, an image or a log;
overlays are not read. A bad optional attribute costs a warning, not the film
(DICOM PS3.3 C.7.6.3, C.11.1, C.11.2, C.11.6; https://dicom.nema.org/medical/dicom/current/output/html/part03.html).
"""

import io
import logging
import math
import zlib

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from pipeline.decoding.contract import BadImage, Limits, Picture
from pipeline.decoding.dicom_attributes import Attributes
from pipeline.decoding.dicom_display import show, show_color
from pipeline.decoding.dicom_pixels import PixelFormat, decode_pixels
from pipeline.decoding.dicom_subject import SUBJECT_KEYWORDS, subject_of

OVERLAY_BITS = [Tag(group, 0x0102) for group in range(0x6000, 0x6020, 2)]  # which bits of the pixels hold overlays
PIXEL_KEYWORDS = [
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
    "PresentationLUTShape",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "PixelData",
]
PIXELS = Tag("PixelData")
PIXEL_TAGS = [*(Tag(keyword) for keyword in (*PIXEL_KEYWORDS, *SUBJECT_KEYWORDS)), *OVERLAY_BITS]
PIXEL_DATA = (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")  # the tag in either byte order
DEFLATED = b"1.2.840.10008.1.2.1.99"
PLAIN = b"1.2.840.10008.1.2.1".ljust(len(DEFLATED), b"\0")
PREAMBLE = 128
HEADER_BYTES = 4096  # in which the transfer syntax stands
MAX_INFLATED = 400_000_000
MAX_READS = 100_000  # of the elements of a file that a worker parses itself; a film has a few hundred elements
MAX_DESCRIPTION = 1_000_000  # bytes of their values without the pixels; those of a film with tables: 100,000 or so
FUNCTIONAL_GROUPS = ("FrameVOILUTSequence", "PixelValueTransformationSequence")


def read_dicom(data: bytes, limits: Limits) -> Picture:
    """Decode a DICOM file of one frame, as a viewer would show it.

    Raises:
        BadImage: the file has no pixels, several frames, too few or too many pixels, or is compressed in a way for
            which no decoder is installed.
    """
    logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)  # its messages quote the values of tags
    data = _with_preamble(_inflated(data))
    dataset = _parsed(data, limits)
    attributes = _attributes(dataset)
    if not attributes.has("PixelData"):
        is_cut = "PixelData" not in dataset and any(tag in data for tag in PIXEL_DATA)
        raise BadImage("truncated DICOM file" if is_cut else "DICOM file without pixels")
    form = _pixel_format(attributes)
    limits.check_size(form.columns, form.rows, form.samples, form.allocated)
    if form.allocated > 16:
        raise BadImage(f"DICOM file with {form.allocated} bits per sample")
    size = form.pixels * form.samples * (2 if form.allocated > 8 else 1)
    limits.check_cost(2 * len(data) + 3 * size, effort=size)  # pydicom copies the pixels out of the file
    form, samples = decode_pixels(attributes, form, str(dataset.file_meta.get("TransferSyntaxUID", "")), limits)
    is_gray, is_suspect = form.photometric.startswith("MONOCHROME"), False
    if is_gray:
        pixels, is_suspect = show(samples, form, attributes)
    else:
        pixels = show_color(samples, form, attributes)
    return Picture(
        pixels,
        bit_depth=form.stored,
        photometric=form.photometric if is_gray else "PALETTE" if form.photometric == "PALETTE COLOR" else "RGB",
        is_suspect=is_suspect,
        subject=subject_of(attributes),
        warnings=tuple(attributes.warnings),
    )


class _Elements(io.BytesIO):
    """A file that seems to end when it was read very often: pydicom takes each element, however small, by itself."""

    def __init__(self, data: bytes, most_reads: float) -> None:
        super().__init__(data)
        self._reads, self._most_reads = 0, most_reads

    @property
    def is_cut(self) -> bool:
        return self._reads > self._most_reads

    def read(self, size: int | None = -1, /) -> bytes:
        self._reads += 1
        return b"" if self.is_cut else super().read(size)


def _parsed(data: bytes, limits: Limits) -> Dataset:
    """The attributes of pixels that a file has.

    Raises:
        CostlyImage: they are so many or so long that a helper process should parse them.
    """
    file = _Elements(data, MAX_READS if limits.has_helper else math.inf)
    try:
        dataset = pydicom.dcmread(file, specific_tags=PIXEL_TAGS)
    finally:  # pydicom may fail where the file seems to end
        limits.check_cost(0, effort=0, is_fragile=file.is_cut)
    limits.check_cost(0, effort=0, is_fragile=_described(dataset) > MAX_DESCRIPTION)
    return dataset


def _described(dataset: Dataset) -> int:
    """Bytes of the values but the pixels, which are parsed when they are used."""
    size = 0
    for tag in dataset.keys():  # noqa: SIM118 - iterating would parse them
        element = dataset.get_item(tag)
        if isinstance(element, RawDataElement):
            size += 0 if tag == PIXELS else len(element.value or b"")
        elif element.VR == "SQ":
            size += sum(map(_described, element.value))
    return size


def _attributes(dataset: Dataset) -> Attributes:
    """The attributes of a file; those of its functional groups stand in for missing ones."""
    warnings: list[str] = []
    top, fallbacks = Attributes(dataset, warnings), []
    for groups in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        for frame in top.items(groups)[:1]:
            fallbacks += [item for group in FUNCTIONAL_GROUPS for item in frame.items(group)[:1]]
    return Attributes(dataset, warnings, fallbacks)


def _pixel_format(attributes: Attributes) -> PixelFormat:
    """How the pixels are stored; what is missing or impossible is replaced by what is usual."""
    if not attributes.has("Rows") or not attributes.has("Columns"):
        raise BadImage("damaged DICOM file (no rows or columns)")
    samples = attributes.count("SamplesPerPixel", 1)
    photometric = attributes.text("PhotometricInterpretation")
    if not photometric:
        photometric = "MONOCHROME2" if samples == 1 else "RGB"
        attributes.warn(f"photometric interpretation missing: taken as {photometric}")
    if (frames := attributes.count("NumberOfFrames", 1)) > 1:
        raise BadImage(f"DICOM file with {frames} frames")
    allocated = attributes.count("BitsAllocated", 16)
    stored = attributes.count("BitsStored", allocated)
    if not 1 <= stored <= allocated:
        attributes.warn("bits stored ignored: not within the bits allocated")
        stored = allocated
    high = attributes.count("HighBit", stored - 1)
    if not stored - 1 <= high < allocated:
        attributes.warn("high bit ignored: not within the bits allocated")
        high = stored - 1
    return PixelFormat(
        rows=attributes.count("Rows", 0),
        columns=attributes.count("Columns", 0),
        samples=samples,
        photometric=photometric,
        allocated=allocated,
        stored=stored,
        high=high,
        is_signed=attributes.count("PixelRepresentation", 0) == 1,
        is_planar=attributes.count("PlanarConfiguration", 0) == 1,
        has_overlay=any(_is_used(attributes.dataset, tag) for tag in OVERLAY_BITS),
    )


def _is_used(dataset: Dataset, tag: BaseTag) -> bool:
    """Whether an overlay lies in the bits of the pixels: in any case, unless its bit position is readable and 0."""
    try:
        return tag in dataset and dataset[tag].value not in (0, None)
    except Exception:  # pydicom raises anything on damaged values
        return True


def _inflated(data: bytes) -> bytes:
    """The file without the deflated transfer syntax; pydicom would inflate it however large it becomes."""
    if DEFLATED not in data[:HEADER_BYTES]:
        return data
    start = PREAMBLE + 4
    while data[start : start + 2] == b"\x02\x00":  # the file meta information, explicit and little-endian
        is_long = data[start + 4 : start + 6] in (b"OB", b"UN", b"OW", b"SQ", b"UT")
        length = int.from_bytes(data[start + 8 : start + 12] if is_long else data[start + 6 : start + 8], "little")
        start += (12 if is_long else 8) + length
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = machine.decompress(data[start:], MAX_INFLATED)
    except zlib.error as error:
        raise BadImage("damaged DICOM file (deflated data)") from error
    if not machine.eof:
        is_large = len(content) >= MAX_INFLATED
        raise BadImage(f"more than {MAX_INFLATED / 1e6:g} MB of deflated data" if is_large else "truncated DICOM file")
    return data[:start].replace(DEFLATED, PLAIN) + content


def _with_preamble(data: bytes) -> bytes:
    """The file with the preamble and the mark that some exports leave out."""
    if data[PREAMBLE : PREAMBLE + 4] == b"DICM":
        return data
    return bytes(PREAMBLE) + (b"" if data.startswith(b"DICM") else b"DICM") + data
