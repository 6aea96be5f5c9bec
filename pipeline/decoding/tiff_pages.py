"""The pages of a TIFF or BigTIFF file, from its directories (TIFF 6.0): which one is the film. No pixel is decoded."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pipeline.decoding.contract import BadImage

MAX_PAGES = 256  # directories that are looked at; real films: up to about ten
MAX_ENTRIES = 1000  # of one directory
MAX_VALUES = 200_000  # of one entry: strips or tiles of a page
# Tags
NEW_SUBFILE, SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 255, 256, 257, 258, 259, 262
OFFSETS, ORIENTATION, SAMPLES, ROWS_PER_STRIP, SIZES, PLANAR = 273, 274, 277, 278, 279, 284
PREDICTOR, COLORS, TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_SIZES = 317, 320, 322, 323, 324, 325
SUB_PAGES, EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES = 330, 338, 339, 347
KINDS = {
    1: "B",
    2: "B",
    3: "H",
    4: "I",
    5: "Q",
    6: "b",
    7: "B",
    8: "h",
    9: "i",
    10: "q",
    13: "I",
    16: "Q",
    17: "q",
    18: "Q",
}
FILL_ORDER, FAX3, FAX4, INKS, SUBSAMPLING = 266, 292, 293, 332, 530
PIXEL_TAGS = (
    *(WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, OFFSETS, SAMPLES, ROWS_PER_STRIP, SIZES, PLANAR, FAX3),
    *(FAX4, PREDICTOR, COLORS, TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_SIZES, INKS, EXTRA_SAMPLES, SAMPLE_FORMAT),
    *(JPEG_TABLES, SUBSAMPLING),
)
REDUCED, MASK = 1, 4  # bits of NewSubfileType
THUMBNAIL = 0.5  # a page with a smaller share of the largest page's pixels, and of its shape, is a thumbnail of it
TINY = 0.05  # a page with a smaller share is one whatever its shape
SAME_SHAPE = 0.05  # by which the ratios of the sides may differ


@dataclass(frozen=True)
class Entry:
    """One entry of a directory: its kind of number, how many, and the bytes of a few or the place of many."""

    kind: int
    count: int
    value: bytes


@dataclass(frozen=True)
class Page:
    """One directory.

    Attributes:
        data: the whole file.
        order: ``<`` or ``>``.
        is_big: whether the file is a BigTIFF.
        entries: by tag.
    """

    data: bytes
    order: str
    is_big: bool
    entries: dict[int, Entry] = field(default_factory=dict)

    def many(self, tag: int) -> tuple[int, ...]:
        """All values of a tag; none if it is absent, or points beyond the file.

        Raises:
            BadImage: there are more than any honest file has.
        """
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in KINDS:
            return ()
        if entry.count > MAX_VALUES:
            raise BadImage(f"TIFF file with more than {MAX_VALUES:,} strips or tiles")
        layout = struct.Struct(f"{self.order}{entry.count}{KINDS[entry.kind]}")
        if layout.size <= len(entry.value):
            return layout.unpack_from(entry.value)
        (place,) = struct.unpack(f"{self.order}{'Q' if self.is_big else 'I'}", entry.value)
        return layout.unpack_from(self.data, place) if place + layout.size <= len(self.data) else ()

    def one(self, tag: int, default: int = 0) -> int:
        """The first value of a tag."""
        return next(iter(self.many(tag)), default)

    @property
    def width(self) -> int:
        return self.one(WIDTH)

    @property
    def height(self) -> int:
        return self.one(HEIGHT)

    @property
    def is_reduced(self) -> bool:
        """Whether the file calls it a reduced version of another page, or a mask."""
        return bool(self.one(NEW_SUBFILE) & (REDUCED | MASK)) or self.one(SUBFILE) == 2

    def is_thumbnail_of(self, other: "Page") -> bool:
        """Whether it looks like a small version of ``other``, although the file does not say so."""
        share = self.width * self.height / (other.width * other.height)
        return share <= TINY or (share <= THUMBNAIL and self._has_the_shape_of(other))

    def _has_the_shape_of(self, other: "Page") -> bool:
        return abs(self.width * other.height / (self.height * other.width) - 1) <= SAME_SHAPE


def film_page(data: bytes) -> Page:
    """The page that is the film: not a thumbnail, not a mask.

    Raises:
        BadImage: the file is damaged or truncated, or has several full pages.
    """
    pages = [page for page in _pages(data) if page.width > 0 and page.height > 0]
    if not pages:
        raise BadImage("damaged TIFF file (no page)")
    largest = max(pages, key=lambda page: (not page.is_reduced, page.width * page.height))
    full = [page for page in pages if not page.is_reduced and not page.is_thumbnail_of(largest)]
    if len(full) > 1:
        raise BadImage(f"TIFF file with {len(full)} full pages: several pages are not a single film")
    return largest


def lone_page(page: Page, changes: Mapping[int, tuple[int, ...] | None]) -> bytes:
    """A classic TIFF file with this page alone, some of its tags changed (None: left out).

    The pixels stay where they are; the new directory follows the old content.
    """
    values = {tag: page.many(tag) for tag in PIXEL_TAGS if tag in page.entries}
    values |= {tag: numbers or () for tag, numbers in changes.items()}
    tags = sorted(tag for tag, numbers in values.items() if numbers)
    data, order = page.data, page.order
    start = len(data) + len(data) % 2
    after = start + 2 + len(tags) * 12 + 4
    directory, extra = struct.pack(f"{order}H", len(tags)), b""
    for tag in tags:
        kind, numbers = 7 if tag == JPEG_TABLES else 4, values[tag]
        content = struct.pack(f"{order}{len(numbers)}{KINDS[kind]}", *numbers)
        if len(content) > 4:
            content, extra = struct.pack(f"{order}I", after + len(extra)), extra + content
        directory += struct.pack(f"{order}HHI", tag, kind, len(numbers)) + content.ljust(4, b"\0")
    head = data[:2] + struct.pack(f"{order}HI", 42, start)
    return b"".join([head, data[len(head) :], bytes(len(data) % 2), directory, bytes(4), extra])


def _pages(data: bytes) -> Iterator[Page]:
    """The directories of the file and those below them, each once."""
    order, is_big = "<" if data.startswith(b"II") else ">", data[2:4] in (b"+\0", b"\0+")
    (first,) = struct.unpack_from(f"{order}{'Q' if is_big else 'I'}", data, 8 if is_big else 4)
    if first >= len(data):
        raise BadImage("truncated TIFF file")
    waiting, seen = [first], set[int]()
    while waiting and len(seen) < MAX_PAGES:
        place = waiting.pop(0)
        if place not in seen and 0 < place < len(data):
            seen.add(place)
            page, following = _page(data, place, order, is_big)
            yield page
            waiting += [following, *page.many(SUB_PAGES)]


def _page(data: bytes, place: int, order: str, is_big: bool) -> tuple[Page, int]:
    """The directory at ``place``, and where the next one stands; 0 if that is cut off."""
    counter, number = struct.Struct(f"{order}{'Q' if is_big else 'H'}"), "Q" if is_big else "I"
    entry = struct.Struct(f"{order}HH{number}{8 if is_big else 4}s")
    page, place = Page(data, order, is_big), place + counter.size
    try:
        (count,) = counter.unpack_from(data, place - counter.size)
        for index in range(min(count, MAX_ENTRIES)):
            tag, kind, size, value = entry.unpack_from(data, place + index * entry.size)
            page.entries[tag] = Entry(kind, size, value)
        (following,) = struct.unpack_from(f"{order}{number}", data, place + count * entry.size)
    except struct.error:
        return page, 0
    return page, following
