"""The structure of a JPEG file, from its markers: frame, scans and end (ITU-T T.81, annex B). No pixel is decoded."""

import re
import struct
from dataclasses import dataclass, field

from pipeline.decoding.contract import BadImage

MAX_SCANS = 100  # real progressive files: about 10; a file of empty scans would take minutes
MAX_MARKERS = 20_000  # real files: some dozens
MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")  # but for restarts, which belong to the scan
START, END, SCAN, APP0, APP14 = 0xD8, 0xD9, 0xDA, 0xE0, 0xEE
BASELINE, EXTENDED, PROGRESSIVE, LOSSLESS = 0xC0, 0xC1, 0xC2, 0xC3
ARITHMETIC, ARITHMETIC_PROGRESSIVE, JPEG_LS = 0xC9, 0xCA, 0xF7
FRAMES = {*range(0xC0, 0xD0), JPEG_LS} - {0xC4, 0xC8, 0xCC}
PROGRESSIVES = (PROGRESSIVE, ARITHMETIC_PROGRESSIVE)


@dataclass(frozen=True)
class Component:
    """One component of a frame: its identifier, and its sampling factors."""

    identifier: int
    horizontal: int
    vertical: int


@dataclass(frozen=True)
class Scan:
    """One scan.

    Attributes:
        components: identifiers of those it holds.
        first, last: coefficients of a progressive scan.
        low: bits that are still missing below the ones it brings.
        start: where its header stands, after the marker.
    """

    components: tuple[int, ...]
    first: int
    last: int
    low: int
    start: int


@dataclass
class Layout:
    """What the markers of a JPEG file say.

    Attributes:
        kind: the marker of the frame, which names the process; None without a frame.
        precision, height, width: of the frame.
        components: of the frame.
        scans: in their order.
        end: where the end-of-image marker ends; None without one.
        jfif: where the major version of JFIF stands, or None; ``adobe``: where Adobe's color transform stands.
    """

    kind: int | None = None
    precision: int = 0
    height: int = 0
    width: int = 0
    components: tuple[Component, ...] = ()
    scans: list[Scan] = field(default_factory=list)
    end: int | None = None
    jfif: int | None = None
    adobe: int | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the scans bring all of the picture: a progressive file that was cut between two scans does not."""
        if not self.scans:
            return False
        if self.kind not in PROGRESSIVES:
            brought = {identifier for scan in self.scans for identifier in scan.components}
            return {part.identifier for part in self.components} <= brought
        missing = dict.fromkeys(range(64), 1)
        for scan in self.scans:
            if self.components and self.components[0].identifier in scan.components:
                missing.update(dict.fromkeys(range(scan.first, scan.last + 1), scan.low))
        return not any(missing.values())

    @property
    def coefficients(self) -> int:
        """Numbers that a decoder holds until the last scan; 0 for a file that is decoded line by line."""
        if self.kind not in PROGRESSIVES and len(self.scans) == 1:
            return 0
        across = max((part.horizontal for part in self.components), default=1) or 1
        down = max((part.vertical for part in self.components), default=1) or 1
        shares = (part.horizontal * part.vertical / (across * down) for part in self.components)
        return int(self.width * self.height * sum(shares))


def read_layout(data: bytes) -> Layout:
    """The structure of the first picture in ``data``.

    Raises:
        BadImage: there are more scans or markers than any honest file has.
    """
    layout, place = Layout(), 2
    for _ in range(MAX_MARKERS):
        found = MARKER.search(data, place)
        if found is None:
            return layout
        marker, place = data[found.start() + 1], found.end()
        if marker == END:
            layout.end = place
            return layout
        if marker == START or place + 2 > len(data):
            continue
        _read_segment(data, marker, place, layout)
        place += struct.unpack_from(">H", data, place)[0]
    raise BadImage(f"JPEG file with more than {MAX_MARKERS:,} markers")


def _read_segment(data: bytes, marker: int, place: int, layout: Layout) -> None:
    """Note what a segment says; one that is cut says nothing."""
    length = struct.unpack_from(">H", data, place)[0]
    body = data[place + 2 : place + length] if marker in (*FRAMES, SCAN) else data[place + 2 : place + min(length, 16)]
    if marker in FRAMES and len(body) >= 6 and layout.kind is None:
        layout.kind = marker
        layout.precision, layout.height, layout.width = struct.unpack_from(">BHH", body)
        parts = [body[start : start + 3] for start in range(6, 6 + 3 * body[5], 3)]
        layout.components = tuple(Component(part[0], part[1] >> 4, part[1] & 15) for part in parts if len(part) == 3)
    elif marker == SCAN and body and len(body) >= 4 + 2 * body[0]:
        if len(layout.scans) == MAX_SCANS:
            raise BadImage(f"JPEG file with more than {MAX_SCANS} scans")
        first, last, bits = body[1 + 2 * body[0] : 4 + 2 * body[0]]
        layout.scans.append(Scan(tuple(body[1 : 1 + 2 * body[0] : 2]), first, last, bits & 15, place))
    elif marker == APP0 and body.startswith(b"JFIF\0"):
        layout.jfif = place + 7
    elif marker == APP14 and body.startswith(b"Adobe") and len(body) >= 12:
        layout.adobe = place + 13
