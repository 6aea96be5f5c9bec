"""TIFF files of any sample layout, depth and byte order, as other programs write them."""

import struct
import zlib
from dataclasses import dataclass, field

import numpy as np

NONE, DEFLATE = 1, 8


@dataclass
class Page:
    """One page: its strips or tiles, and its tags."""

    tags: dict[int, tuple[int, ...]]
    parts: list[bytes] = field(default_factory=list)


def page(
    samples, bits=None, photometric=1, order="<", compression=NONE, predictor=1, tile=None, planar=1, rows=50, **more
) -> Page:
    """A page of (H, W) or (H, W, C) numbers.

    Args:
        bits: per sample; fewer than the numbers have are packed, the highest bit first.
        tile: (width, height) in pixels, or None for strips of ``rows`` rows.
        planar: 2 = each channel has strips of its own.
        more: further tags, as ``t254=(1,)``.
    """
    cube = samples[..., None] if samples.ndim == 2 else samples
    height, width, channels = cube.shape
    bits = bits or 8 * cube.dtype.itemsize
    kinds = {"u": 1, "i": 2, "f": 3}
    tags = {256: (width,), 257: (height,), 258: (bits,) * channels, 259: (compression,), 262: (photometric,)}
    tags |= {277: (channels,), 284: (planar,), 317: (predictor,), 339: (kinds[cube.dtype.kind],) * channels}
    made = Page(tags)
    across, down = tile or (width, rows)
    tags |= {322: (across,), 323: (down,)} if tile else {278: (down,)}
    for plane in np.split(cube, channels, axis=2) if planar == 2 else [cube]:
        for top in range(0, height, down):
            for left in range(0, width, across):
                block = plane[top : top + down, left : left + across]
                if tile:
                    missing = (down - block.shape[0], across - block.shape[1])
                    block = np.pad(block, ((0, missing[0]), (0, missing[1]), (0, 0)))
                content = encoded(block, bits, order, predictor)
                made.parts.append(zlib.compress(content) if compression == DEFLATE else content)
    tags |= {int(name[1:]): value for name, value in more.items()}
    return made


def encoded(block, bits, order, predictor) -> bytes:
    """The bytes of one strip or tile."""
    if predictor == 2:
        block = np.concatenate([block[:, :1], np.diff(block, axis=1)], axis=1)
    if predictor == 3:
        rows, width, channels = block.shape
        weights = np.frombuffer(block.astype(block.dtype.newbyteorder(">")).tobytes(), np.uint8)
        weights = weights.reshape(rows, width * channels, -1).swapaxes(1, 2).reshape(rows, -1, channels)
        return np.concatenate([weights[:, :1], np.diff(weights, axis=1)], axis=1).tobytes()
    if bits % 8:
        digits = (block[..., None].astype(np.int64) >> np.arange(bits - 1, -1, -1)) & 1
        return np.packbits(digits.reshape(len(block), -1).astype(np.uint8), axis=1).tobytes()
    return block.astype(block.dtype.newbyteorder(order)).tobytes()


def tiff(*pages: Page, order="<", big=False, below: Page | None = None) -> bytes:
    """A TIFF or BigTIFF file.

    Args:
        below: a page that only the first page points to.
    """
    number, counter, width = ("Q", "Q", 8) if big else ("I", "H", 4)
    head = (b"II" if order == "<" else b"MM") + struct.pack(
        order + ("HHH" if big else "H"), *((43, 8, 0) if big else (42,))
    )
    body = bytearray(head + bytes(width))
    linked = len(head)  # where the place of the next directory is to be written

    def write(one: Page, link: int | None) -> int:
        nonlocal linked
        places = []
        for part in one.parts:
            places.append(len(body))
            body.extend(part + bytes(len(part) % 2))
        is_tiled = 322 in one.tags
        tags = one.tags | {324 if is_tiled else 273: tuple(places)}
        tags |= {325 if is_tiled else 279: tuple(map(len, one.parts))}
        if link is not None:
            tags[330] = (link,)
        values = {}
        for tag, numbers in tags.items():
            content = struct.pack(f"{order}{len(numbers)}{number}", *numbers)
            if len(content) > width:
                body.extend(content)
                content = struct.pack(order + number, len(body) - len(content))
            values[tag] = content.ljust(width, b"\0")
        start = len(body)
        body.extend(struct.pack(order + counter, len(tags)))
        for tag in sorted(tags):
            body.extend(struct.pack(f"{order}HH{number}", tag, 16 if big else 4, len(tags[tag])) + values[tag])
        body.extend(bytes(width))
        return start

    child = None if below is None else write(below, None)
    for place, one in enumerate(pages):
        start = write(one, child if place == 0 else None)
        struct.pack_into(order + number, body, linked, start)
        linked = len(body) - width
    return bytes(body)
