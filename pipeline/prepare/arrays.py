"""The files of the ``prepare`` stage: ``images.npy``, ``rows.parquet`` and ``inputs.json`` of one size.

Arrays have no checksum of their own. The one in ``inputs.json`` covers ``images.npy`` and the rest of ``inputs.json``;
it is compared whenever the arrays are opened, so that no model learns from damaged pixels.
"""

import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
from upath import UPath

from pipeline.core.experiments import Inputs
from pipeline.core.layout import Layout
from pipeline.core.schema import MANIFEST_SCHEMA, SPLITS_SCHEMA
from pipeline.imaging.array_errors import ARRAY_ERRORS
from pipeline.imaging.arrays import Pixels
from pipeline.prepare.enhance import CHANNELS, check_channels
from sources.core.errors import CxnetError
from sources.core.items import KEY
from sources.core.storage import atomic, is_local, read_table, write_json
from sources.core.text import counted

IMAGES, ROWS, INPUTS = "images.npy", "rows.parquet", "inputs.json"
CHECKSUM = "checksum"  # in inputs.json
FROM_MANIFEST = (*KEY, "image_id", "label", "view", "age", "sex", "pediatric", "patient_key")
FROM_SPLITS = ("group_id", "split", "fold")
ROWS_SCHEMA = pa.schema(
    [MANIFEST_SCHEMA.field(name) for name in FROM_MANIFEST] + [SPLITS_SCHEMA.field(name) for name in FROM_SPLITS],
    metadata=MANIFEST_SCHEMA.metadata,
)


@dataclass(frozen=True)
class Arrays:
    """Prepared inputs.

    Attributes:
        images: memory map, uint8 (N, size, size, 3), with the channels ``inputs["channels"]``.
        rows: the N films in the same order, with the columns of :data:`ROWS_SCHEMA`.
        inputs: how the images were made, see :func:`pipeline.prepare.inputs.recipe`; each model records it.
    """

    images: Pixels
    rows: pd.DataFrame
    inputs: dict[str, Any]


def read_arrays(layout: Layout, name: str) -> Arrays:
    """The prepared inputs of this name; images are read once to check them, and again when they are used.

    Raises:
        CxnetError: the files are absent or damaged, or have the channels in another order.
    """
    folder = layout.arrays(name)
    size = Inputs.parse(name).size
    inputs = _read_inputs(folder / INPUTS)
    check_channels(inputs["channels"], str(folder))
    recorded = inputs.pop(CHECKSUM, None)
    rows = read_table(folder / ROWS, schema=ROWS_SCHEMA)
    local = _local_copy(folder / IMAGES)
    images = _open_images(local, folder / IMAGES)
    if images.shape != (len(rows), size, size, len(CHANNELS)) or images.dtype != np.uint8:
        raise CxnetError(f"{folder / IMAGES} does not match {ROWS}; run `cxnet-data prepare {name}` again.")
    if recorded != _checksum(inputs, _sha256(local)):
        problem = "has no checksum" if recorded is None else "is damaged, or its checksum is,"
        raise CxnetError(f"{folder / IMAGES} {problem} in {INPUTS}; run `cxnet-data prepare {name}` again.")
    return Arrays(images, rows, inputs)


def write_inputs(path: UPath, inputs: dict[str, Any], images_sha256: str) -> None:
    """Write how the images were made, see :func:`pipeline.prepare.inputs.recipe`, with the checksum."""
    write_json(path, inputs | {CHECKSUM: _checksum(inputs, images_sha256)})


def write_images(path: UPath, images: Iterable[Pixels], count: int, size: int) -> str:
    """Write ``count`` images to one ``.npy`` array, with one of them in memory at a time.

    Returns:
        The sha256 of the file.

    Raises:
        CxnetError: there are more or fewer images.
    """
    shape = (count, size, size, len(CHANNELS))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    digest = hashlib.sha256(header.getvalue())
    written = 0
    with atomic(path) as file:
        file.write(header.getvalue())
        for image in images:
            content = image.tobytes()
            file.write(content)
            digest.update(content)
            written += 1
        if written != count:
            pictures, rows = counted(written, "picture"), counted(count, "row")
            raise CxnetError(f"The manifest holds {pictures} for {rows}; run the manifest stage again.")
    return digest.hexdigest()


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


def _local_copy(path: UPath) -> str:
    """The path of an array; one in a bucket is copied to a temporary file first."""
    return path.path if is_local(path) else str(fsspec.open_local(f"simplecache::{path}", **_options(path)))


def _open_images(local: str, path: UPath) -> Pixels:
    """Map the array ``local``, known to the user as ``path``, into memory."""
    try:
        return np.asanyarray(np.load(local, mmap_mode="r", allow_pickle=False))
    except ARRAY_ERRORS as error:
        raise CxnetError(f"{path} is not a readable array ({error}); run the prepare stage again.") from error


def _sha256(local: str) -> str:
    """Hash of a file; its pages are read, not mapped, so that they do not count as memory of this process."""
    with Path(local).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checksum(inputs: dict[str, Any], images_sha256: str) -> str:
    return hashlib.sha256(json.dumps([inputs, images_sha256], sort_keys=True).encode()).hexdigest()


def _options(path: UPath) -> dict[str, Any]:
    return {path.protocol: dict(path.storage_options)}
