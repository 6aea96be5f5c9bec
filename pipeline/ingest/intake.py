"""One listed image on its way into the pool: bytes in, columns and a pool picture out. Runs in the worker processes."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from upath import UPath

from pipeline.core.params import IngestParams
from pipeline.imaging.arrays import Gray
from pipeline.imaging.decode import BadImage, Decoded, decode
from pipeline.imaging.png import encode_png, shrink
from pipeline.ingest.quality import put_right_and_measure, shipped_judges

PLAIN_LEVELS = 8  # a picture whose pixels differ by no more shows nothing
PLAIN_SHARE = 0.999  # so does one that has so many pixels within that span

Key = tuple[str, str]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Task:
    """One image to take in.

    Attributes:
        key: (source, item_id).
        path: the file; ``data`` is set instead for a member of an archive.
        box: left, top, width, height of one panel of the picture (px), or None for all of it.
    """

    key: Key
    path: UPath | None = None
    data: bytes | None = None
    box: Box | None = None


@dataclass(frozen=True)
class Taken:
    """What came of a task.

    Attributes:
        key: (source, item_id).
        columns: values of the pixel columns; those that are missing are unknown.
        png: the pool picture, or None where the image is not usable.
        reason: why it is not usable.
    """

    key: Key
    columns: dict[str, Any]
    png: bytes | None = None
    reason: str | None = None


def take_in(task: Task, params: IngestParams) -> Taken:
    """Read, decode and measure one image; a bad one comes back with its reason, never as an exception."""
    try:
        data = _read(task, params)
        columns: dict[str, Any] = {"image_id": image_id(data, task.box)}
    except BadImage as error:
        return Taken(task.key, {}, reason=str(error))
    try:
        decoded = decode(data, max_megapixels=params.max_megapixels)
        gray = cut(decoded.gray, task.box)
        columns |= _describe(decoded, gray)
        refuse_unusable(gray, params)
    except BadImage as error:
        return Taken(task.key, columns, reason=str(error))
    picture, measures = put_right_and_measure(shrink(gray, params.long_side), shipped_judges())
    if measures["rotation"] in (90, 270):
        columns |= {"width": columns["height"], "height": columns["width"]}
    return Taken(task.key, columns | measures, png=encode_png(picture))


def image_id(data: bytes, box: Box | None) -> str:
    """sha256 of the bytes as received; for one panel of a figure, of those bytes followed by ``#left,top,w,h``."""
    digest = hashlib.sha256(data)
    if box is not None:
        digest.update(("#" + ",".join(str(int(value)) for value in box)).encode())
    return digest.hexdigest()


def cut(gray: Gray, box: Box | None) -> Gray:
    """The panel ``box`` of a picture, cut at the picture's edges.

    Raises:
        BadImage: the box lies outside.
    """
    if box is None:
        return gray
    left, top, width, height = (int(value) for value in box)
    panel = gray[max(0, top) : max(0, top + height), max(0, left) : max(0, left + width)]
    if panel.size == 0:
        raise BadImage(f"panel {left},{top},{width},{height} lies outside the picture")
    return np.ascontiguousarray(panel)


def refuse_unusable(gray: Gray, params: IngestParams) -> None:
    """Raise for a picture that is too small, too narrow or shows nothing.

    Raises:
        BadImage: with the reason.
    """
    height, width = gray.shape
    if min(height, width) < params.min_side:
        raise BadImage(f"{width} x {height} pixels, shorter than {params.min_side} on one side")
    if max(height, width) > params.max_aspect * min(height, width):
        raise BadImage(f"{width} x {height} pixels, a strip and not a film")
    sample = gray[::4, ::4]
    counts = np.bincount(sample.ravel(), minlength=256)
    middle = int(np.argmax(counts))
    near = counts[max(0, middle - PLAIN_LEVELS // 2) : middle + PLAIN_LEVELS // 2 + 1].sum()
    if near >= PLAIN_SHARE * sample.size:
        raise BadImage(f"blank: {'black' if middle < 64 else 'white' if middle > 191 else 'one gray'} all over")


def _read(task: Task, params: IngestParams) -> bytes:
    limit = params.max_file_mb * 1_000_000
    try:
        size = len(task.data) if task.data is not None else task.path.stat().st_size  # type: ignore[union-attr]
        if size > limit:
            raise BadImage(f"{size:,} bytes, more than {params.max_file_mb} MB")
        return task.data if task.data is not None else task.path.read_bytes()  # type: ignore[union-attr]
    except FileNotFoundError:
        raise BadImage("the fetched file is gone") from None
    except OSError as error:
        raise BadImage(f"the fetched file cannot be read ({error.strerror})") from error


def _describe(decoded: Decoded, gray: Gray) -> dict[str, Any]:
    height, width = gray.shape
    digest = hashlib.sha256(np.array([width, height], "<u4").tobytes())
    digest.update(gray.data)
    return {
        "format": decoded.format,
        "width": width,
        "height": height,
        "bit_depth": decoded.bit_depth,
        "photometric": decoded.photometric,
        "pixel_sha256": digest.hexdigest(),
        "is_color": decoded.is_color,
    }
