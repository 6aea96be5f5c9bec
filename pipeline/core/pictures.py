"""A few pictures out of the pool by name, without reading the rest."""

from collections.abc import Iterable

import cv2
import numpy as np
import pyarrow.dataset as ds

from pipeline.core.layout import Layout
from pipeline.core.tables import shards
from sources.core.items import KEY

Name = tuple[str, str]


def read_pictures(layout: Layout, names: Iterable[Name]) -> dict[Name, bytes]:
    """PNG bytes of the pool pictures called ``(source, item_id)``; a row without a picture is left out.

    The pool is sorted by name, so that only the row groups that can hold a wanted name are read.
    """
    wanted: dict[str, list[str]] = {}
    for source, item_id in names:
        wanted.setdefault(source, []).append(item_id)
    files = shards(layout.pool, "pool")
    pool = ds.dataset([file.path for file in files], format="parquet", filesystem=_filesystem(layout))
    found: dict[Name, bytes] = {}
    for source, item_ids in sorted(wanted.items()):
        rows = (ds.field("source") == source) & ds.field("item_id").isin(item_ids)
        for row in pool.to_table(columns=[*KEY, "image"], filter=rows).to_pylist():
            if row["image"] is not None and row["image"]["bytes"] is not None:
                found[row["source"], row["item_id"]] = row["image"]["bytes"]
    return found


def thumbnail(png: bytes, height: int = 132, tone_curve: bytes | None = None) -> bytes:
    """A small JPEG of a pool picture, through its tone curve if it has one; at most twice as wide as high."""
    gray = np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE))
    width = min(max(1, round(gray.shape[1] * height / gray.shape[0])), 2 * height)
    small = cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA)
    if tone_curve is not None:
        small = cv2.LUT(small, np.frombuffer(tone_curve, np.uint8))
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 78])[1].tobytes()


def _filesystem(layout: Layout) -> object | None:
    """None for local folders; the bucket's file system else."""
    return None if layout.pool.protocol in ("", "file") else layout.pool.fs
