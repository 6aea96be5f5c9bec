"""Read a few pictures from the pool by name, without reading the rest."""

from collections.abc import Iterable

import cv2
import numpy as np
import pyarrow.dataset as ds

from pipeline.core.layout import Layout
from pipeline.core.tables import shards
from pipeline.imaging.arrays import Gray
from sources.core.items import KEY, Key
from sources.core.storage import is_local


def read_pictures(layout: Layout, keys: Iterable[Key]) -> dict[Key, bytes]:
    """The pool pictures of the rows ``keys`` as PNG files; rows without a picture are left out.

    The pool is sorted by key, so only the row groups that can hold one of them are read.

    Raises:
        CxnetError: there is no pool.
    """
    wanted: dict[str, list[str]] = {}
    for source, item_id in keys:
        wanted.setdefault(source, []).append(item_id)
    files = shards(layout.pool, "pool")
    pool = ds.dataset([file.path for file in files], format="parquet", filesystem=_filesystem(layout))
    pictures: dict[Key, bytes] = {}
    for source, item_ids in sorted(wanted.items()):
        rows = (ds.field("source") == source) & ds.field("item_id").isin(item_ids)
        for row in pool.to_table(columns=[*KEY, "image"], filter=rows).to_pylist():
            if row["image"] is not None and row["image"]["bytes"] is not None:
                pictures[row["source"], row["item_id"]] = row["image"]["bytes"]
    return pictures


def thumbnail(gray: Gray, height: int = 132, tone_curve: bytes | None = None) -> bytes:
    """A small JPEG of a picture, (H, W) uint8, at most twice as wide as high.

    Args:
        gray: the picture.
        height: of the JPEG (px).
        tone_curve: 256 bytes that are applied to the picture, or None.
    """
    width = min(max(1, round(gray.shape[1] * height / gray.shape[0])), 2 * height)
    small = cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA)
    if tone_curve is not None:
        small = cv2.LUT(small, np.frombuffer(tone_curve, np.uint8))
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 78])[1].tobytes()


def _filesystem(layout: Layout) -> object | None:
    """The file system of a bucket; None for local folders."""
    return None if is_local(layout.pool) else layout.pool.fs
