"""The ``prepare`` stage: kept films as model inputs, one memory map per size.

Reads ``manifest/images-*.parquet`` and ``splits.parquet``. Writes ``arrays/<size>/``: ``images.npy``, the inputs as
uint8 (N, size, size, 3); ``rows.parquet``, the films in the same order; ``inputs.json``, how the inputs were made.
Excludes nothing.
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from pipeline.core.layout import Layout
from pipeline.core.parallel import map_images
from pipeline.core.params import Params, PrepareParams
from pipeline.core.schema import IMAGES_SCHEMA, SPLITS_SCHEMA
from pipeline.core.summary import Summary
from pipeline.core.tables import iter_images, shards
from pipeline.imaging.arrays import Pixels
from pipeline.imaging.png import decode_png
from pipeline.prepare.arrays import FROM_MANIFEST, FROM_SPLITS, IMAGES, INPUTS, ROWS, ROWS_SCHEMA, write_images
from pipeline.prepare.enhance import CHANNELS
from pipeline.prepare.inputs import recipe, to_input
from sources.core.errors import CxnetError
from sources.core.items import KEY
from sources.core.storage import atomic_folder, read_table, write_json, write_table
from sources.core.text import counted


@dataclass(frozen=True)
class _Picture:
    """The picture of a kept film for a worker: ``<source>/<item_id>``, PNG, and tone curve (256 bytes) or None."""

    name: str
    png: bytes
    tone_curve: bytes | None


@dataclass(frozen=True)
class PrepareSummary(Summary):
    """Films, and the side of their square inputs (px)."""

    films: int
    size: int

    def __str__(self) -> str:
        return f"{counted(self.films, 'film')} at {self.size} x {self.size} x {len(CHANNELS)} ({', '.join(CHANNELS)})"


def run(layout: Layout, params: Params, executor: Executor | None, size: int) -> PrepareSummary:
    """Write ``arrays/<size>/``: model inputs of ``size`` x ``size`` pixels.

    Raises:
        CxnetError: the manifest and the splits hold different films, or a picture cannot be read.
    """
    rows = _kept_rows(layout)
    with atomic_folder(layout.arrays(size)) as folder:
        inputs = map_images(partial(_prepare, size=size, params=params.prepare), _pictures(layout), executor)
        write_images(folder / IMAGES, inputs, len(rows), size)
        write_table(folder / ROWS, rows, ROWS_SCHEMA)
        write_json(folder / INPUTS, recipe(size, params.prepare))
    return PrepareSummary(len(rows), size)


def _kept_rows(layout: Layout) -> pd.DataFrame:
    """The kept films in the order of the image shards, with their split.

    Raises:
        CxnetError: the manifest and the splits hold different films.
    """
    films = pd.concat([read_table(shard, FROM_MANIFEST, IMAGES_SCHEMA) for shard in shards(layout.manifest, "images")])
    splits = read_table(layout.splits, [*KEY, *FROM_SPLITS], SPLITS_SCHEMA)
    splits = splits[splits["split"].notna()]
    joined = films.merge(splits, on=list(KEY), how="inner", validate="one_to_one")
    if not len(films) == len(splits) == len(joined):
        raise CxnetError(f"{layout.manifest} and {layout.splits} hold different films; run `cxnet-data split` again.")
    return joined


def _pictures(layout: Layout) -> Iterator[_Picture]:
    for row, png in iter_images(layout.manifest, "images", [*KEY, "tone_curve"]):
        yield _Picture(f"{row['source']}/{row['item_id']}", png, row["tone_curve"])  # type: ignore[arg-type]


def _prepare(picture: _Picture, size: int, params: PrepareParams) -> Pixels:
    """Runs in the worker processes."""
    curve = None if picture.tone_curve is None else np.frombuffer(picture.tone_curve, np.uint8)
    return to_input(decode_png(picture.png, picture.name), curve, size, params)
