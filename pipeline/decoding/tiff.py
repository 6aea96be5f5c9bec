"""Decode TIFF and BigTIFF files of any depth, sample layout and byte order.

The film's page is written as a file of its own in which every sample, whatever it means, is a gray pixel of 8 or 16
bits. Pillow and libtiff decompress that reliably; what the samples mean (depth, sign, color, alpha, differences of
neighbors) is applied here. Files whose compression works on whole pixels (JPEG, fax) go to Pillow as they are.
"""

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from pipeline.decoding import jpeg_markers
from pipeline.decoding import tiff_pages as tags
from pipeline.decoding.contract import BadImage, Limits, Picture
from pipeline.decoding.jpeg import decode_jpeg
from pipeline.decoding.pillow_files import load_pixels, open_picture
from pipeline.decoding.tiff_pages import Page, film_page, lone_page
from pipeline.imaging.arrays import Pixels
from pipeline.imaging.tones import stretch

NONE, JPEG, OLD_JPEG = 1, 7, 6
OF_BYTES = {NONE, 5, 8, 32946, 32773, 34925, 50000}  # none, LZW, deflate, PackBits, LZMA, Zstandard
OF_PIXELS = {2, 3, 4, OLD_JPEG, JPEG, 50001}  # fax, JPEG, WebP
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CIELAB = 0, 1, 2, 3, 8
PHOTOMETRIC = {WHITE_IS_ZERO: "MONOCHROME1", BLACK_IS_ZERO: "MONOCHROME2", PALETTE: "PALETTE"}
COLORS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, CIELAB: 1}  # samples that are not extra
UNASSOCIATED = 2  # kind of alpha by which the colors are not yet multiplied
KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}  # sample format -> kind of number
DEPTHS = {"u": {*range(1, 17), 32, 64}, "i": {8, 16, 32, 64}, "f": {16, 32, 64}}


@dataclass(frozen=True)
class Grid:
    """How the samples of a page are stored.

    Attributes:
        width, height, samples, bits: of the page.
        kind: ``u``, ``i`` or ``f``.
        part_width, part_height: of a strip or tile, in pixels.
        planes: 1, or the number of samples if each has strips of its own.
    """

    width: int
    height: int
    samples: int
    bits: int
    kind: str
    part_width: int
    part_height: int
    planes: int


def read_tiff(data: bytes, limits: Limits) -> Picture:
    """Decode the page of a TIFF file that is the film.

    Raises:
        BadImage: it is damaged, truncated, too large, of an unusual kind, or has several full pages.
    """
    page = film_page(data)
    grid, photometric = _grid(page), page.one(tags.PHOTOMETRIC, BLACK_IS_ZERO)
    compression = page.one(tags.COMPRESSION, NONE)
    _check(page, grid, limits)
    facts = (grid.bits, PHOTOMETRIC.get(photometric, "RGB"), page.one(tags.ORIENTATION, 1))
    if compression in OF_BYTES and grid.bits > 1 and photometric in COLORS:
        pixels = _meaning(_samples(page, grid), page, photometric)
        return Picture(pixels, *facts, is_negative=photometric == WHITE_IS_ZERO)
    if compression not in OF_BYTES | OF_PIXELS:
        raise BadImage(f"TIFF file with compression {compression}, for which there is no decoder")
    if compression == JPEG:
        _check_jpeg_parts(page, grid, limits)
    return Picture(load_pixels(open_picture(lone_page(page, {}), "TIFF", limits)), *facts)


def _grid(page: Page) -> Grid:
    bits, kinds = set(page.many(tags.BITS)) or {1}, set(page.many(tags.SAMPLE_FORMAT)) or {1}
    if len(bits) > 1 or len(kinds) > 1 or not kinds <= KINDS.keys():
        raise BadImage("TIFF file with samples of different or complex kinds")
    depth, kind = bits.pop(), KINDS[kinds.pop()]
    if depth not in DEPTHS[kind]:
        raise BadImage(f"TIFF file with {depth} bits per sample, for which there is no decoder")
    samples = page.one(tags.SAMPLES, 1)
    width, height = page.width, page.height
    part_width = page.one(tags.TILE_WIDTH, width)
    part_height = page.one(tags.TILE_LENGTH, min(page.one(tags.ROWS_PER_STRIP, height), height))
    planes = samples if page.one(tags.PLANAR, 1) == 2 else 1
    return Grid(width, height, samples, depth, kind, part_width, part_height, planes)


def _check(page: Page, grid: Grid, limits: Limits) -> None:
    """Check sizes, cost, and that all strips or tiles lie inside the file.

    Raises:
        BadImage: they do not.
    """
    limits.check_size(grid.width, grid.height, grid.samples, grid.bits)
    limits.check_size(grid.part_width, grid.part_height, grid.samples, grid.bits)
    size, part = (
        math.prod((*sides, grid.samples, -(-grid.bits // 8)))
        for sides in ((grid.width, grid.height), (grid.part_width, grid.part_height))
    )
    limits.check_cost(2 * len(page.data) + 2.5 * size + (part if page.one(tags.COMPRESSION, NONE) > NONE else 0), size)
    is_tiled = tags.TILE_WIDTH in page.entries
    offsets = page.many(tags.TILE_OFFSETS if is_tiled else tags.OFFSETS)
    sizes = page.many(tags.TILE_SIZES if is_tiled else tags.SIZES)
    across, down = -(-grid.width // grid.part_width), -(-grid.height // grid.part_height)
    if len(offsets) < across * down * grid.planes:
        raise BadImage("damaged TIFF file (strips or tiles are missing)")
    # Without sizes, libtiff estimates them.
    ends = (offset + length for offset, length in zip(offsets, sizes or [0] * len(offsets), strict=False))
    if max(ends, default=0) > len(page.data):
        raise BadImage("truncated TIFF file")


def _samples(page: Page, grid: Grid) -> Pixels:
    """All samples, (H, W, S), as numbers of the page's kind."""
    planes = [_plane(page, grid, number) for number in range(grid.planes)]
    return planes[0] if len(planes) == 1 else np.concatenate(planes, axis=2)


def _plane(page: Page, grid: Grid, number: int) -> Pixels:
    """The samples of one plane, (H, W, samples in this plane)."""
    samples = grid.samples // grid.planes
    predictor = page.one(tags.PREDICTOR, 1)
    as_words = grid.bits % 16 == 0 and predictor != 3
    units = [-(-sides * samples * grid.bits // (16 if as_words else 8)) for sides in (grid.width, grid.part_width)]
    is_tiled = tags.TILE_WIDTH in page.entries
    parts = -(-grid.width // grid.part_width) * -(-grid.height // grid.part_height)
    changes: dict[int, tuple[int, ...] | None] = {
        **dict.fromkeys((tags.PREDICTOR, tags.EXTRA_SAMPLES, tags.COLORS, tags.SAMPLE_FORMAT, tags.PLANAR)),
        tags.WIDTH: (units[0],),
        tags.BITS: (16 if as_words else 8,),
        tags.SAMPLES: (1,),
        tags.PHOTOMETRIC: (BLACK_IS_ZERO,),
    }
    if is_tiled:
        changes[tags.WIDTH], changes[tags.TILE_WIDTH] = (-(-grid.width // grid.part_width) * units[1],), (units[1],)
    for tag in (tags.TILE_OFFSETS, tags.TILE_SIZES) if is_tiled else (tags.OFFSETS, tags.SIZES):
        if values := page.many(tag):
            changes[tag] = values[number * parts : (number + 1) * parts]
    with _of_any_size():
        raw = load_pixels(TiffImageFile(io.BytesIO(lone_page(page, changes))))
    return _numbers(raw, page.order, grid, samples, predictor)


@contextmanager
def _of_any_size() -> Iterator[None]:
    """Without Pillow's own limit: a page whose size was checked may have more samples than that counts pixels."""
    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _numbers(raw: Pixels, order: str, grid: Grid, samples: int, predictor: int) -> Pixels:
    """What the decompressed bytes or words of a plane mean: (H, W, samples).

    Args:
        raw: (H, bytes or words), of whole tiles if the page is tiled.
        order: the byte order of the file.
        samples: in this plane.
        predictor: 1 none, 2 differences of neighbors, 3 differences of floats.
    """
    parts = -(-grid.width // grid.part_width)
    across = parts * grid.part_width
    blocks = raw.reshape(len(raw), parts, -1)
    if predictor == 3:
        numbers = _floats(blocks, samples, grid.bits)
    elif grid.bits % 8:
        numbers = _unpacked(blocks, samples * grid.part_width, grid.bits)
    else:
        words = np.ascontiguousarray(blocks.astype(blocks.dtype.newbyteorder("="), copy=False))
        if grid.bits > 16 and order == ">":  # words are in native order, but the first is the high one
            words = np.ascontiguousarray(words.reshape(*words.shape[:2], -1, grid.bits // 16)[..., ::-1])
        numbers = words.reshape(len(raw), parts, -1).view(f"u{grid.bits // 8}")
    numbers = numbers.reshape(len(raw), parts, grid.part_width, samples)
    if predictor == 2:
        numbers = np.cumsum(numbers, axis=2, dtype=numbers.dtype)
    if grid.kind != "u" and grid.bits % 8 == 0 and predictor != 3:
        numbers = numbers.view(f"{grid.kind}{grid.bits // 8}")
    return numbers.reshape(len(raw), across, samples)[: grid.height, : grid.width]


def _unpacked(blocks: Pixels, count: int, bits: int) -> Pixels:
    """Samples of 2 to 15 bits from bytes, the highest bit first: (H, parts, count)."""
    numbers = np.empty((*blocks.shape[:2], count), np.uint16 if bits > 8 else np.uint8)
    weights = 1 << np.arange(bits - 1, -1, -1)
    for row, block in enumerate(blocks):
        digits = np.unpackbits(block, axis=1)[:, : count * bits].reshape(len(block), count, bits)
        numbers[row] = digits @ weights
    return numbers


def _floats(blocks: Pixels, samples: int, bits: int) -> Pixels:
    """Undo the predictor for floats: bytes of equal weight stand together, and are differences (TIFF technote 3)."""
    summed = np.cumsum(blocks.reshape(*blocks.shape[:2], -1, samples), axis=2, dtype=np.uint8)
    weights = summed.reshape(*blocks.shape[:2], bits // 8, -1)
    return np.ascontiguousarray(weights.swapaxes(2, 3)).view(f">f{bits // 8}")[..., 0].astype(f"f{bits // 8}")


def _meaning(samples: Pixels, page: Page, photometric: int) -> Pixels:
    """Gray, BGR or BGRA from the samples of a page."""
    colors = COLORS[photometric]
    if samples.shape[2] < colors:
        raise BadImage(f"damaged TIFF file ({samples.shape[2]} samples per pixel)")
    if photometric == PALETTE:
        table = np.array(page.many(tags.COLORS), np.uint16).reshape(3, -1) >> 8
        return np.ascontiguousarray(table.astype(np.uint8)[::-1].T[np.minimum(samples[..., 0], table.shape[1] - 1)])
    bits = page.one(tags.BITS, 1)
    if bits < 8:
        samples = stretch(samples, 0, 2**bits - 1)
    extra = page.many(tags.EXTRA_SAMPLES)
    order = [0, 0, 0] if colors == 1 else [2, 1, 0]
    if extra[:1] == (UNASSOCIATED,) and samples.shape[2] > colors and samples.dtype in (np.uint8, np.uint16):
        return np.ascontiguousarray(samples[..., [*order, colors]])
    return np.ascontiguousarray(samples[..., 0] if colors == 1 else samples[..., order])


def _check_jpeg_parts(page: Page, grid: Grid, limits: Limits) -> None:
    """Check that every strip or tile is a whole JPEG stream: libtiff does not pass on what libjpeg complains of.

    Raises:
        BadImage: one is not.
    """
    is_tiled = tags.TILE_WIDTH in page.entries
    offsets = page.many(tags.TILE_OFFSETS if is_tiled else tags.OFFSETS)
    sizes = page.many(tags.TILE_SIZES if is_tiled else tags.SIZES)
    tables = bytes(page.many(tags.JPEG_TABLES)).removesuffix(b"\xff\xd9")
    for offset, size in zip(offsets, sizes, strict=False):
        stream = page.data[offset : offset + size]
        whole = tables + stream[2:] if tables else stream
        layout = jpeg_markers.read_layout(whole)
        if layout.kind is None or layout.precision != 8:
            raise BadImage(f"TIFF file with JPEG of {layout.precision} bits, for which there is no decoder")
        limits.check_size(layout.width, layout.height, len(layout.components))
        decode_jpeg(whole, layout, limits)
