"""Read single attributes of a DICOM file from their bytes, so that a bad one costs a warning and not the film.

pydicom parses the structure; what a value means is read here, since real files have decimal commas, numbers of the
wrong kind, empty items and stray spaces. Values are never quoted in a message.
"""

import math
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset

BINARY = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "OW": "H", "UV": "Q", "SV": "q"}
NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?")


@dataclass(frozen=True)
class Attributes:
    """The attributes of a file, or of one item of a sequence, by their keywords.

    Attributes:
        dataset: as pydicom read it.
        warnings: what was wrong, shared by all items of a file.
        fallbacks: items whose attributes stand in for missing ones, as those of functional groups do.
    """

    dataset: Dataset
    warnings: list[str]
    fallbacks: Sequence["Attributes"] = field(default=())

    def warn(self, text: str) -> None:
        """Note a warning once."""
        if text not in self.warnings:
            self.warnings.append(text)

    def has(self, keyword: str) -> bool:
        """Whether the attribute is there and not empty."""
        return self._raw(keyword) is not None

    def numbers(self, keyword: str) -> list[float]:
        """The values of a numeric attribute; NaN for one that is not a number, which is a warning."""
        element = self._raw(keyword)
        values = [] if element is None else _numbers(element, keyword)
        if not all(map(math.isfinite, values)):
            self.warn(f"{words(keyword)}: not a number")
        return [value if math.isfinite(value) else math.nan for value in values]

    def number(self, keyword: str) -> float | None:
        """The first value of a numeric attribute that is a number."""
        return next((value for value in self.numbers(keyword) if math.isfinite(value)), None)

    def count(self, keyword: str, default: int) -> int:
        """The first value as a whole number."""
        value = self.number(keyword)
        return default if value is None else int(value)

    def text(self, keyword: str) -> str:
        """A code string in capitals, or nothing."""
        element = self._raw(keyword)
        return "" if element is None else _text(element).split("\\")[0].strip(" \0").upper()

    def content(self, keyword: str) -> tuple[bytes, str, bool]:
        """(bytes, value representation, is little-endian) of an attribute; no bytes if it is missing."""
        element = self._raw(keyword)
        if isinstance(element, RawDataElement):
            return element.value or b"", element.VR or "", element.is_little_endian
        if element is not None and isinstance(element.value, bytes):
            return element.value, str(element.VR), True
        return b"", "", True

    def items(self, keyword: str) -> list["Attributes"]:
        """The items of a sequence; none if it cannot be read, which is a warning."""
        if self._raw(keyword) is None:
            return []
        try:
            value = self.dataset[keyword].value
            return [Attributes(item, self.warnings) for item in value]
        except Exception:  # pydicom raises anything on a damaged sequence
            self.warn(f"{words(keyword)} ignored: damaged")
            return []

    def _raw(self, keyword: str) -> RawDataElement | DataElement | None:
        tag = tag_for_keyword(keyword)
        assert tag is not None, keyword
        try:
            element = self.dataset.get_item(tag)
        except Exception:  # as in items
            element = None
        if element is None or element.value in (None, b"", "", []):
            return next((found for item in self.fallbacks if (found := item._raw(keyword)) is not None), None)
        return element


def words(keyword: str) -> str:
    """A keyword as words: ``RescaleSlope`` is ``rescale slope``."""
    parts = re.findall(r"LUT|VOI|[A-Z][a-z]+|[A-Z]+(?![a-z])", keyword)
    return " ".join(part if part.isupper() else part.lower() for part in parts)


def _numbers(element: RawDataElement | DataElement, keyword: str) -> list[float]:
    """All values of an element; NaN for one that is not a number."""
    value: Any = element.value
    kind = str(element.VR or "")
    if kind in ("", "UN", "US or SS", "US or OW", "OB"):
        kind = dictionary_VR(keyword)
    kind = kind.split(" or ")[0]
    if isinstance(element, RawDataElement) and kind in BINARY:
        layout = BINARY[kind]
        order = "<" if element.is_little_endian else ">"
        count = len(value) // struct.calcsize(layout)
        return [*struct.unpack_from(f"{order}{count}{layout}", value)] if count else [math.nan]
    parts = [part.strip(" \0\t\r\n") for part in _text(element).split("\\")]
    return [float(part.replace(",", ".")) if NUMBER.fullmatch(part) else math.nan for part in parts]


def _text(element: RawDataElement | DataElement) -> str:
    value: Any = element.value
    if isinstance(value, bytes):
        return value.decode("ascii", "replace")
    return "\\".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
