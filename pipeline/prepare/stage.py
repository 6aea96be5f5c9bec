"""Prepare: kept films as model inputs, one memory map per size.

Reads ``manifest/images-*.parquet`` and ``splits.parquet``. Writes ``arrays/<size>/``: ``images.npy``, uint8
(N, size, size, 3); ``rows.parquet``, which film each of them is, in the same order; ``inputs.json``, how they were
made: size, channels in their order, and all parameters. Excludes nothing.

Training and prediction share one code path, :func:`to_input`: resize, tone curve, enhancement channels. (The paper's
inference script resized in another way than its training scripts did.)
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
from pipeline.core.summary import Summary
from pipeline.core.tables import iter_images, shards
from pipeline.imaging.arrays import Pixels
from pipeline.imaging.png import decode_png
from pipeline.prepare.arrays import FROM_MANIFEST, FROM_SPLITS, IMAGES, INPUTS, ROWS, ROWS_SCHEMA, write_images
from pipeline.prepare.enhance import CHANNELS
from pipeline.prepare.inputs import describe, to_input
from sources.core.errors import CxnetError
from sources.core.items import KEY
from sources.core.storage import atomic_folder, read_table, write_json, write_table


@dataclass(frozen=True)
class Film:
    """One kept film on its way: ``<source>/<item_id>``, its PNG, its tone curve (256 bytes) or None."""

    name: str
    png: bytes
    tone_curve: bytes | None


@dataclass(frozen=True)
class PrepareSummary(Summary):
    """Films, and side of their square inputs (px)."""

    films: int
    size: int

    def __str__(self) -> str:
        return f"{self.films:,} films at {self.size} x {self.size} x {len(CHANNELS)} ({', '.join(CHANNELS)})"


def run(layout: Layout, params: Params, executor: Executor | None, size: int) -> PrepareSummary:
    """Write ``arrays/<size>/``: model inputs of ``size`` x ``size`` pixels.

    Raises:
        CxnetError: manifest and splits do not belong together, or a picture cannot be read.
    """
    wanted = _kept_rows(layout)
    with atomic_folder(layout.arrays(size)) as folder:
        inputs = map_images(partial(_prepare, size=size, params=params.prepare), _films(layout), executor)
        write_images(folder / IMAGES, inputs, len(wanted), size)
        write_table(folder / ROWS, wanted, ROWS_SCHEMA)
        write_json(folder / INPUTS, describe(size, params.prepare))
    return PrepareSummary(len(wanted), size)


def _kept_rows(layout: Layout) -> pd.DataFrame:
    """The kept films in the order of the image shards, with their split.

    Raises:
        CxnetError: the manifest's films and those of ``splits.parquet`` are not the same.
    """
    films = pd.concat([read_table(shard, FROM_MANIFEST) for shard in shards(layout.manifest, "images")])
    splits = read_table(layout.splits, [*KEY, *FROM_SPLITS])
    splits = splits[splits["split"].notna()]
    joined = films.merge(splits, on=list(KEY), how="inner", validate="one_to_one")
    if not len(films) == len(splits) == len(joined):
        raise CxnetError(f"{layout.manifest} and {layout.splits} hold different films; run `cxnet-data split` again.")
    return joined


def _films(layout: Layout) -> Iterator[Film]:
    for row, png in iter_images(layout.manifest, "images", [*KEY, "tone_curve"]):
        yield Film(f"{row['source']}/{row['item_id']}", png, row["tone_curve"])  # type: ignore[arg-type]


def _prepare(film: Film, size: int, params: PrepareParams) -> Pixels:
    curve = None if film.tone_curve is None else np.frombuffer(film.tone_curve, np.uint8)
    return to_input(decode_png(film.png, film.name), curve, size, params)
