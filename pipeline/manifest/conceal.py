"""The kept films with text and drawn marks in-painted: ``data/concealed/images-*.parquet``.

Reads ``data/manifest/images-*.parquet`` and writes the same rows in the same shards, so that whatever was done with the
films can be done again without what is written on them (the paper's Fig. 17 shows the two side by side,
arXiv:2006.13807). Nothing but the marks changes; excludes nothing.
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np
import pyarrow as pa
from tqdm import tqdm
from upath import UPath

from pipeline.core.layout import Layout
from pipeline.core.parallel import map_images
from pipeline.core.params import Params
from pipeline.core.schema import IMAGE_FIELD, IMAGES_SCHEMA
from pipeline.core.shards import open_images_writer
from pipeline.core.summary import Summary
from pipeline.core.tables import shards
from pipeline.imaging.arrays import Gray
from pipeline.imaging.marks import find_marks
from pipeline.imaging.png import decode_png, encode_png
from sources.core.storage import atomic, atomic_folder, open_parquet

RADIUS = 4  # px from which a mark's pixels are guessed
BATCH_ROWS = 32


@dataclass(frozen=True)
class ConcealSummary(Summary):
    """Films, and those on which something was concealed."""

    films: int
    changed: int

    def __str__(self) -> str:
        return f"{self.films:,} films, {self.changed:,} with marks concealed"


def run(layout: Layout, params: Params, executor: Executor | None = None) -> ConcealSummary:
    """Write ``data/concealed``.

    Raises:
        CxnetError: there is no manifest, or it cannot be read.
    """
    films = changed = 0
    with atomic_folder(layout.concealed) as folder, tqdm(desc="conceal", unit="img", disable=None) as progress:
        for shard in shards(layout.manifest, "images"):
            for before, after in _conceal_shard(shard, folder / shard.name, executor):
                films += 1
                changed += before != after
                progress.update()
    return ConcealSummary(films, changed)


def conceal(gray: Gray) -> Gray:
    """The picture, (H, W) uint8, with its marks in-painted from around them (Telea 2004); else unchanged."""
    mask = find_marks(gray)
    return np.asarray(cv2.inpaint(gray, mask, RADIUS, cv2.INPAINT_TELEA), np.uint8) if mask.any() else gray


def _conceal_png(png: bytes) -> bytes:
    """As :func:`conceal`, from PNG to PNG; a film without marks keeps its bytes. Runs in the worker processes."""
    gray = decode_png(png)
    clean = conceal(gray)
    return png if clean is gray else encode_png(clean)


def _conceal_shard(source: UPath, target: UPath, executor: Executor | None) -> Iterator[tuple[bytes, bytes]]:
    """Write one shard and yield every picture before and after."""
    with open_parquet(source) as shard, atomic(target) as out:
        before = (
            row["bytes"]
            for batch in shard.iter_batches(BATCH_ROWS, columns=[IMAGE_FIELD.name])
            for row in batch[0].to_pylist()
        )
        after = map_images(_conceal_png, before, executor)
        with open_images_writer(out) as writer:
            for batch in shard.iter_batches(BATCH_ROWS):
                images = batch.column(IMAGE_FIELD.name).to_pylist()
                clean = list(islice(after, len(images)))
                values = [image | {"bytes": png} for image, png in zip(images, clean, strict=True)]
                rows = pa.Table.from_batches([batch]).drop_columns(IMAGE_FIELD.name).cast(_without_image())
                writer.write_table(rows.append_column(IMAGE_FIELD, pa.array(values, IMAGE_FIELD.type)))
                yield from zip((image["bytes"] for image in images), clean, strict=True)


def _without_image() -> pa.Schema:
    return IMAGES_SCHEMA.remove(IMAGES_SCHEMA.get_field_index(IMAGE_FIELD.name))
