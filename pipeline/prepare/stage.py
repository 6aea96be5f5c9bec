"""The ``prepare`` stage: kept films as model inputs, one memory map per size and region.

Reads ``manifest/images-*.parquet`` and ``splits.parquet``. Writes ``arrays/<inputs>/``: ``images.npy``, the inputs as
uint8 (N, size, size, 3); ``rows.parquet``, the films in the same order; ``inputs.json``, how the inputs were made, and
a checksum.
Excludes nothing.
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from pipeline.core.experiments import Inputs
from pipeline.core.layout import Layout
from pipeline.core.parallel import map_images
from pipeline.core.params import Params, PrepareParams
from pipeline.core.schema import IMAGES_SCHEMA, SPLITS_SCHEMA
from pipeline.core.summary import Summary
from pipeline.core.tables import iter_images, shards
from pipeline.imaging.arrays import Pixels
from pipeline.imaging.png import decode_png
from pipeline.prepare.arrays import (
    FROM_MANIFEST,
    FROM_SPLITS,
    IMAGES,
    INPUTS,
    ROWS,
    ROWS_SCHEMA,
    write_images,
    write_inputs,
)
from pipeline.prepare.enhance import CHANNELS
from pipeline.prepare.inputs import as_shown, recipe, to_input
from sources.core.errors import CxnetError
from sources.core.items import KEY
from sources.core.storage import atomic_folder, read_table, write_table
from sources.core.text import counted


@dataclass(frozen=True)
class _Picture:
    """The picture of a kept film for a worker: ``<source>/<item_id>``, PNG, and tone curve (256 bytes) or None."""

    name: str
    png: bytes
    tone_curve: bytes | None


@dataclass(frozen=True)
class PrepareSummary(Summary):
    """Films, the side of their square inputs (px), and what these show."""

    films: int
    inputs: Inputs

    def __str__(self) -> str:
        size = self.inputs.size
        shown = "" if self.inputs.region == "film" else f", {self.inputs.region}"
        return f"{counted(self.films, 'film')} at {size} x {size} x {len(CHANNELS)} ({', '.join(CHANNELS)}){shown}"


def run(layout: Layout, params: Params, executor: Executor | None, inputs: str) -> PrepareSummary:
    """Write ``arrays/<inputs>/``, the model inputs of this name (:class:`pipeline.core.experiments.Inputs`).

    Raises:
        UsageError: it is no such name.
        CxnetError: the manifest and the splits hold different films, or a picture cannot be read.
    """
    wanted = Inputs.parse(inputs)
    rows = _kept_rows(layout)
    with atomic_folder(layout.arrays(inputs)) as folder:
        films = map_images(partial(_prepare, wanted=wanted, params=params.prepare), _pictures(layout), executor)
        images_sha256 = write_images(folder / IMAGES, films, len(rows), wanted.size)
        write_table(folder / ROWS, rows, ROWS_SCHEMA)
        write_inputs(folder / INPUTS, recipe(wanted, params.prepare), images_sha256)
    return PrepareSummary(len(rows), wanted)


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


def _prepare(picture: _Picture, wanted: Inputs, params: PrepareParams) -> Pixels:
    """Runs in the worker processes."""
    curve = None if picture.tone_curve is None else np.frombuffer(picture.tone_curve, np.uint8)
    gray = decode_png(picture.png, picture.name)
    return to_input(as_shown(gray, wanted), curve, wanted.size, params)
