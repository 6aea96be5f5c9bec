"""The ``prepare`` stage: kept films as model inputs, one memory map per size and region.

Reads ``manifest/images-*.parquet``, ``splits.parquet`` and the masks of ``segment.parquet``. Writes
``arrays/<inputs>/``: ``images.npy``, the inputs as uint8 (N, size, size, 3); ``masks.npy``, where their lungs are, as
bits; ``rows.parquet``, the films in the same order; ``inputs.json``, how the inputs were made, and a checksum.
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
from pipeline.core.schema import IMAGES_SCHEMA, SEGMENT_SCHEMA, SPLITS_SCHEMA, WHOLE_FILM
from pipeline.core.summary import Summary
from pipeline.core.tables import iter_images, shards
from pipeline.imaging.arrays import Pixels
from pipeline.imaging.masks import LungBox, Mask, decode_mask
from pipeline.imaging.png import decode_png
from pipeline.prepare.arrays import (
    FROM_MANIFEST,
    FROM_SPLITS,
    INPUTS,
    ROWS,
    ROWS_SCHEMA,
    write_arrays,
    write_inputs,
)
from pipeline.prepare.enhance import CHANNELS
from pipeline.prepare.inputs import as_shown, mask_of_input, recipe, to_input
from sources.core.errors import CxnetError
from sources.core.items import KEY, Key
from sources.core.storage import atomic_folder, read_table, write_table
from sources.core.text import counted


@dataclass(frozen=True)
class _Picture:
    """A kept film for a worker.

    Attributes:
        name: ``<source>/<item_id>``.
        png: its picture.
        tone_curve: 256 bytes, or None.
        lungs: box of its lungs; None = not known, and the whole film counts.
        mask: of its lungs, PNG; None = there is no plausible one.
    """

    name: str
    png: bytes
    tone_curve: bytes | None
    lungs: tuple[int, int, int, int] | None
    mask: bytes | None


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
        hashes = write_arrays(folder, films, len(rows), wanted.size)
        write_table(folder / ROWS, rows, ROWS_SCHEMA)
        write_inputs(folder / INPUTS, recipe(wanted, params.prepare, params.segment), hashes)
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
    masks = _masks(layout)
    for row, png in iter_images(layout.manifest, "images", [*KEY, "tone_curve", "lung_box"]):
        key = row["source"], row["item_id"]
        yield _Picture("/".join(key), png, row["tone_curve"], row["lung_box"], masks.get(key))


def _masks(layout: Layout) -> dict[Key, bytes]:
    """The plausible lung masks, by film."""
    table = read_table(layout.segment, [*KEY, "lung_reason", "lung_mask"], SEGMENT_SCHEMA)
    whole = table["lung_reason"].fillna("").str.startswith(WHOLE_FILM)
    found = table[table["lung_mask"].notna() & ~whole]
    return {(source, item): png for source, item, _, png in found.itertuples(index=False, name=None)}


def _prepare(picture: _Picture, wanted: Inputs, params: PrepareParams) -> tuple[Pixels, Mask]:
    """Input and lung mask of a film. Runs in the worker processes."""
    curve = None if picture.tone_curve is None else np.frombuffer(picture.tone_curve, np.uint8)
    gray = decode_png(picture.png, picture.name)
    lungs = LungBox(*picture.lungs) if picture.lungs is not None else LungBox.whole(*gray.shape[::-1])
    mask = None if picture.mask is None else decode_mask(picture.mask)
    shown = as_shown(gray, wanted, lungs)
    return to_input(shown, curve, wanted.size, params), mask_of_input(mask, gray, wanted, lungs, params)
