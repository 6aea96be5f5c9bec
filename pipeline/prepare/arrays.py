"""The files of the ``prepare`` stage: ``images.npy``, ``masks.npy``, ``rows.parquet`` and ``inputs.json`` of one size.

Arrays have no checksum of their own. Those in ``inputs.json`` are of both arrays and of the rest of ``inputs.json``;
they are compared whenever the arrays are opened, so that no model learns from damaged pixels.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

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
from pipeline.imaging.masks import Mask
from pipeline.prepare.enhance import CHANNELS, check_channels
from sources.core.errors import CxnetError
from sources.core.items import KEY
from sources.core.storage import atomic, is_local, read_table, write_json
from sources.core.text import counted

IMAGES, MASKS, ROWS, INPUTS = "images.npy", "masks.npy", "rows.parquet", "inputs.json"
CHECKSUMS = "checksums"  # in inputs.json
FROM_MANIFEST = (
    *(*KEY, "image_id", "label", "view", "age", "sex", "pediatric", "patient_key", "lung_reason"),
    *("licence", "redistributable"),
)
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
        mask_bits: memory map, uint8 (N, size, ceil(size / 8)): lung or not, eight pixels a byte.
        rows: the N films in the same order, with the columns of :data:`ROWS_SCHEMA`.
        inputs: how the images were made, see :func:`pipeline.prepare.inputs.recipe`; each model records it.
    """

    images: Pixels
    mask_bits: Pixels
    rows: pd.DataFrame
    inputs: dict[str, Any]

    def mask(self, place: int) -> Mask:
        """Where the lungs are in an image, bool (size, size); nowhere if that is not known."""
        return np.unpackbits(self.mask_bits[place], axis=1, count=self.images.shape[2]).astype(bool)


def read_arrays(layout: Layout, name: str) -> Arrays:
    """Open ``arrays/<name>/``, and check that it is whole.

    Raises:
        CxnetError: the files are absent or damaged, or have the channels in another order.
    """
    folder = layout.arrays(name)
    size = Inputs.parse(name).size
    inputs = _read_inputs(folder / INPUTS)
    check_channels(inputs["channels"], str(folder))
    recorded = inputs.pop(CHECKSUMS, None)
    rows = read_table(folder / ROWS, schema=ROWS_SCHEMA)
    opened, hashes = {}, {}
    for file, shape in _shapes(len(rows), size).items():
        local = _local_copy(folder / file)
        opened[file] = _open_array(local, folder / file)
        if opened[file].shape != shape or opened[file].dtype != np.uint8:
            raise CxnetError(f"{folder / file} does not match {ROWS}; run `cxnet-data prepare {name}` again.")
        hashes[file] = _sha256(local)
    found = _checksums(inputs, hashes)
    if not isinstance(recorded, dict) or recorded.keys() != found.keys():
        raise CxnetError(f"{folder / IMAGES} has no checksum in {INPUTS}; run `cxnet-data prepare {name}` again.")
    for file, value in found.items():
        if recorded[file] != value:
            raise CxnetError(f"{folder / file} is damaged, or its checksum is; run `cxnet-data prepare {name}` again.")
    return Arrays(opened[IMAGES], opened[MASKS], rows, inputs)


def write_inputs(path: UPath, inputs: dict[str, Any], hashes: Mapping[str, str]) -> None:
    """Write how the images were made, see :func:`pipeline.prepare.inputs.recipe`, with the checksums."""
    write_json(path, inputs | {CHECKSUMS: _checksums(inputs, hashes)})


def write_arrays(folder: UPath, films: Iterable[tuple[Pixels, Mask]], count: int, size: int) -> dict[str, str]:
    """Write the images and masks of ``count`` films to two ``.npy`` arrays, with one film in memory at a time.

    Returns:
        The sha256 of each file, by name.

    Raises:
        CxnetError: there are more or fewer films.
    """
    shapes = _shapes(count, size)
    written = 0
    with _writer(folder / IMAGES, shapes[IMAGES]) as images, _writer(folder / MASKS, shapes[MASKS]) as masks:
        for image, mask in films:
            images.write(image.tobytes())
            masks.write(np.packbits(mask, axis=1).tobytes())
            written += 1
        if written != count:
            pictures, rows = counted(written, "picture"), counted(count, "row")
            raise CxnetError(f"The manifest holds {pictures} for {rows}; run the manifest stage again.")
    return {IMAGES: images.digest.hexdigest(), MASKS: masks.digest.hexdigest()}


@dataclass
class _Hashed:
    """A file that is hashed while it is written."""

    file: IO[bytes]
    digest: Any

    def write(self, content: bytes) -> None:
        self.file.write(content)
        self.digest.update(content)


@contextmanager
def _writer(path: UPath, shape: tuple[int, ...]) -> Iterator[_Hashed]:
    """A ``.npy`` file of uint8 whose content is written piece by piece."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    with atomic(path) as file:
        hashed = _Hashed(file, hashlib.sha256())
        hashed.write(header.getvalue())
        yield hashed


def _shapes(count: int, size: int) -> dict[str, tuple[int, ...]]:
    """The shape of each array of ``count`` films."""
    return {IMAGES: (count, size, size, len(CHANNELS)), MASKS: (count, size, -(-size // 8))}


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


def _open_array(local: str, path: UPath) -> Pixels:
    """Map the array ``local``, known to the user as ``path``, into memory."""
    try:
        return np.asanyarray(np.load(local, mmap_mode="r", allow_pickle=False))
    except ARRAY_ERRORS as error:
        raise CxnetError(f"{path} is not a readable array ({error}); run the prepare stage again.") from error


def _sha256(local: str) -> str:
    """Hash of a file; its pages are read, not mapped, so that they do not count as memory of this process."""
    with Path(local).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checksums(inputs: dict[str, Any], hashes: Mapping[str, str]) -> dict[str, str]:
    """The hashes of the arrays, and that of ``inputs``."""
    return {**hashes, INPUTS: hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()}


def _options(path: UPath) -> dict[str, Any]:
    return {path.protocol: dict(path.storage_options)}
