"""Turn one listed image into a pool picture and its columns. Runs in the worker processes."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from upath import UPath

from pipeline.core.params import IngestParams
from pipeline.decoding.contract import BadImage
from pipeline.decoding.decode import Decoded
from pipeline.decoding.guarded import decode_guarded
from pipeline.imaging.arrays import Box, Gray
from pipeline.imaging.histogram import histogram
from pipeline.imaging.png import encode_png, shrink
from pipeline.ingest.quality import set_upright_and_measure, shipped_networks
from sources.core.items import Key

BLANK_LEVELS = 8  # a picture is blank if nearly all of its gray levels lie within a span of this width
BLANK_SHARE = 0.999  # share of the pixels that is nearly all
DISPLAY_SUSPECT = "display_suspect"  # flag: what is shown of the samples is mostly black, white or a few grays
ROTTEN = "stored file is damaged: its sha256 differs from the one recorded; fetch again"


@dataclass(frozen=True)
class Task:
    """One image to ingest.

    Attributes:
        key: (source, item_id).
        content: the file, or the bytes themselves for a member of an archive.
        box: the panel of the picture that the row stands for, or None for all of it.
        sha256: hash of the file as it was fetched, which its bytes must have; None for a member of an archive.
    """

    key: Key
    content: UPath | bytes
    box: Box | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Ingested:
    """The result of a task.

    Attributes:
        key: (source, item_id).
        columns: pixel columns by name; a missing one is unknown.
        png: the pool picture, or None if the image is not usable.
        reason: why it is not usable.
    """

    key: Key
    columns: dict[str, Any]
    png: bytes | None = None
    reason: str | None = None


def ingest_image(task: Task, params: IngestParams) -> Ingested:
    """Read, decode and measure one image. A bad image raises nothing: the result has the reason."""
    try:
        data = _read(task.content, params.max_file_mb)
        columns: dict[str, Any] = {"image_id": image_id(data, task.box)}
        if task.sha256 not in (None, columns["image_id"] if task.box is None else image_id(data, None)):
            raise BadImage(ROTTEN)
    except BadImage as error:
        return Ingested(task.key, {}, reason=str(error))
    try:
        decoded = decode_guarded(data, max_megapixels=params.max_megapixels)
        gray = cut_panel(decoded.gray, task.box)
        columns |= _describe(decoded, gray)
        refuse_unusable(gray, params)
    except BadImage as error:
        return Ingested(task.key, columns, reason=str(error))
    picture, quality = set_upright_and_measure(shrink(gray, params.long_side), shipped_networks())
    if quality.rotation in (90, 270):
        columns |= {"width": columns["height"], "height": columns["width"]}
    columns |= vars(quality)
    if decoded.display_suspect:
        columns["flags"] = [*quality.flags, DISPLAY_SUSPECT]
    return Ingested(task.key, columns, png=encode_png(picture))


def image_id(data: bytes, box: Box | None) -> str:
    """sha256 of the bytes as received; for a panel of a figure, of those bytes and ``#left,top,width,height``."""
    digest = hashlib.sha256(data)
    if box is not None:
        digest.update(("#" + ",".join(str(int(value)) for value in box)).encode())
    return digest.hexdigest()


def cut_panel(gray: Gray, box: Box | None) -> Gray:
    """The panel ``box`` of a picture, as far as it lies inside the picture; all of it for None.

    Raises:
        BadImage: the box lies outside the picture.
    """
    if box is None:
        return gray
    left, top, width, height = (int(value) for value in box)
    panel = gray[max(0, top) : max(0, top + height), max(0, left) : max(0, left + width)]
    if panel.size == 0:
        raise BadImage(f"panel {left},{top},{width},{height} lies outside the picture")
    return np.ascontiguousarray(panel)


def refuse_unusable(gray: Gray, params: IngestParams) -> None:
    """Check that a picture can be a film.

    Raises:
        BadImage: it is too small, too narrow or blank.
    """
    height, width = gray.shape
    if min(height, width) < params.min_side:
        raise BadImage(f"{width} x {height} pixels, shorter than the minimum side of {params.min_side}")
    if max(height, width) > params.max_aspect * min(height, width):
        raise BadImage(f"{width} x {height} pixels, too narrow for a film")
    sample = np.ascontiguousarray(gray[::4, ::4])
    counts = histogram(sample)
    middle = int(np.argmax(counts))
    near = counts[max(0, middle - BLANK_LEVELS // 2) : middle + BLANK_LEVELS // 2 + 1].sum()
    if near >= BLANK_SHARE * sample.size:
        raise BadImage(f"blank: all {'black' if middle < 64 else 'white' if middle > 191 else 'one gray'}")


def _read(content: UPath | bytes, max_file_mb: int) -> bytes:
    try:
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        if size > max_file_mb * 1_000_000:
            raise BadImage(f"{size:,} bytes, more than {max_file_mb} MB")
        return content if isinstance(content, bytes) else content.read_bytes()
    except FileNotFoundError:
        raise BadImage("fetched file is missing") from None
    except OSError as error:
        raise BadImage(f"fetched file cannot be read ({error.strerror})") from error


def _describe(decoded: Decoded, gray: Gray) -> dict[str, Any]:
    """The columns that depend on the decoded pixels; ``gray`` is the panel."""
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
        "file_subject": decoded.subject,
        "decode_warning": "; ".join(decoded.warnings) or None,
    }
