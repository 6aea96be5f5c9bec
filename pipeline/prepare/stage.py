"""Prepare: kept films as model inputs, one memory map per size.

Reads ``manifest/images-*.parquet`` and ``splits.parquet``. Writes ``arrays/<size>/``: ``images.npy``, uint8
(N, size, size, 3); ``rows.parquet``, which film each of them is, in the same order; ``inputs.json``, how they were
made: size, channels in their order, and all parameters. Excludes nothing.

Training and prediction share one code path, :func:`to_input`: resize, tone curve, enhancement channels. (The paper's
inference script resized in another way than its training scripts did.)
"""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
from PIL import Image as Pictures
from upath import UPath

from pipeline.core.layout import Layout
from pipeline.core.parallel import map_images
from pipeline.core.params import Params, PrepareParams
from pipeline.core.schema import MANIFEST_SCHEMA, SPLITS_SCHEMA
from pipeline.core.summary import Summary
from pipeline.core.tables import iter_images, shards
from pipeline.imaging.histogram import Image, apply_curve
from pipeline.prepare.enhance import CHANNELS, channels, check_channels
from sources.core.errors import CxnetError
from sources.core.items import KEY
from sources.core.storage import atomic, atomic_folder, read_table, write_json, write_table

IMAGES, ROWS, INPUTS = "images.npy", "rows.parquet", "inputs.json"
VERSION = 1  # of what to_input does; part of what a model records
FROM_MANIFEST = (*KEY, "image_id", "label")
FROM_SPLITS = ("group_id", "split", "fold")
ROWS_SCHEMA = pa.schema(
    [MANIFEST_SCHEMA.field(name) for name in FROM_MANIFEST] + [SPLITS_SCHEMA.field(name) for name in FROM_SPLITS],
    metadata=MANIFEST_SCHEMA.metadata,
)


@dataclass(frozen=True)
class Film:
    """One kept film on its way: ``<source>/<item_id>``, its PNG, its tone curve (256 bytes) or None."""

    name: str
    png: bytes
    tone_curve: bytes | None


@dataclass(frozen=True)
class Arrays:
    """Prepared inputs.

    Attributes:
        images: memory map, uint8 (N, size, size, 3), channels as ``inputs["channels"]``.
        rows: the N films, in the same order; columns as :data:`ROWS_SCHEMA`.
        inputs: how the images were made; a model must record it.
    """

    images: Image
    rows: pd.DataFrame
    inputs: dict[str, Any]


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
        _write_images(folder / IMAGES, inputs, len(wanted), size)
        write_table(folder / ROWS, wanted, ROWS_SCHEMA)
        write_json(folder / INPUTS, describe(size, params.prepare))
    return PrepareSummary(len(wanted), size)


def to_input(gray: Image, tone_curve: Image | None, size: int, params: PrepareParams) -> Image:
    """One film as the input of a model: the only way from a pool picture to what a network sees.

    Resized bicubically (rounded and clipped, never wrapped), tone curve, then the enhancement channels. ``pad`` fills
    the shorter side with black after enhancing, so that padding neither changes a film nor is changed.

    Args:
        gray: pool picture (H, W) uint8, cropped where a crop is wanted.
        tone_curve: look-up table uint8 (256,), or None to leave the tones.
        size: side of the result in pixels.
        params: aspect policy and strength of the enhancements.

    Returns:
        (size, size, 3) uint8, channels in the order of :data:`pipeline.prepare.enhance.CHANNELS`.
    """
    width, height = fit(gray.shape[1], gray.shape[0], size) if params.aspect == "pad" else (size, size)
    film = resize(gray, width, height)
    if tone_curve is not None:
        film = apply_curve(film, tone_curve)
    film = channels(film, gamma=params.beasf_gamma, clip=params.clahe_clip, tiles=params.clahe_tiles)
    return _pad(film, size)


def resize(gray: Image, width: int, height: int) -> Image:
    """Bicubic, area-aware where it shrinks, so that fine ribs and vessels do not alias; (height, width) uint8.

    Pillow rounds and clips; the public code cast a float result, so that overshoot beside edges wrapped around.
    """
    picture = Pictures.fromarray(np.ascontiguousarray(gray))
    return np.asarray(picture.resize((width, height), Pictures.Resampling.BICUBIC), np.uint8)


def fit(width: int, height: int, size: int) -> tuple[int, int]:
    """Width and height of a film scaled so that its longer side is ``size``; at least one pixel each."""
    scale = size / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def describe(size: int, params: PrepareParams) -> dict[str, Any]:
    """All that decides what :func:`to_input` makes of a picture; recorded beside the arrays and in every model."""
    return {
        "version": VERSION,
        "size": size,
        "channels": list(CHANNELS),
        "aspect": params.aspect,
        "beasf_gamma": params.beasf_gamma,
        "clahe_clip": params.clahe_clip,
        "clahe_tiles": params.clahe_tiles,
    }


def read_arrays(layout: Layout, size: int) -> Arrays:
    """The prepared inputs of one size; the images stay on disk until they are used.

    Raises:
        CxnetError: they are absent or damaged, or were made with another order of channels.
    """
    folder = layout.arrays(size)
    inputs = _read_inputs(folder / INPUTS)
    check_channels(inputs["channels"], str(folder))
    rows = read_table(folder / ROWS)
    images = _open_images(folder / IMAGES)
    if images.shape != (len(rows), size, size, len(CHANNELS)) or images.dtype != np.uint8:
        raise CxnetError(f"{folder / IMAGES} does not fit {ROWS}; run `cxnet-data prepare {size}` again.")
    return Arrays(images, rows, inputs)


# ------------------------------------------------------------------------------------------------------ the films


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


def _prepare(film: Film, size: int, params: PrepareParams) -> Image:
    gray = cv2.imdecode(np.frombuffer(film.png, np.uint8), cv2.IMREAD_GRAYSCALE)
    if gray is None:
        raise CxnetError(f"The manifest's picture of {film.name} cannot be decoded; run the manifest stage again.")
    curve = None if film.tone_curve is None else np.frombuffer(film.tone_curve, np.uint8)
    return to_input(np.asarray(gray, np.uint8), curve, size, params)


def _pad(film: Image, size: int) -> Image:
    """Centre a film (H, W, 3) on black."""
    height, width = film.shape[:2]
    top, left = (size - height) // 2, (size - width) // 2
    return np.pad(film, ((top, size - height - top), (left, size - width - left), (0, 0)))


def _write_images(path: UPath, images: Iterable[Image], count: int, size: int) -> None:
    """Write images one after the other as one ``.npy`` array, so that none but the current one is in memory."""
    shape = (count, size, size, len(CHANNELS))
    written = 0
    with atomic(path) as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        for image in images:
            file.write(image.tobytes())
            written += 1
        if written != count:
            raise CxnetError(f"The manifest holds {written} pictures for {count} rows; run the manifest stage again.")


def _read_inputs(path: UPath) -> dict[str, Any]:
    try:
        inputs = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CxnetError(f"{path} does not exist; run the prepare stage first (`dvc repro`).") from None
    except ValueError as error:
        raise CxnetError(f"{path} is not readable JSON ({error}); run the prepare stage again.") from None
    if not isinstance(inputs, dict) or not isinstance(inputs.get("channels"), list):
        raise CxnetError(f"{path} is not the description of prepared inputs; run the prepare stage again.")
    return inputs


def _open_images(path: UPath) -> Image:
    """Map the array into memory; one in a bucket is copied to a temporary file first."""
    local = path.path if path.protocol in ("", "file") else fsspec.open_local(f"simplecache::{path}", **_options(path))
    try:
        return np.asanyarray(np.load(str(local), mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError) as error:
        raise CxnetError(f"{path} is not a readable array ({error}); run the prepare stage again.") from error


def _options(path: UPath) -> dict[str, Any]:
    return {path.protocol: dict(path.storage_options)}
