"""The one writer of Parquet shards: rows with their pictures, a few of them in memory at a time."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from pipeline.core.schema import IMAGE_FIELD
from sources.core.seal import sealed_writer
from sources.core.storage import atomic, atomic_folder

# A row group is what a reader or writer holds at a time. Each costs the time of four films, so groups of small
# pictures have more rows.
GROUP_ROWS, MOST_GROUP_ROWS = 64, 512
GROUP_BYTES = 16 << 20  # of pictures, from which a group needs no more than GROUP_ROWS


class ShardWriter:
    """Writes rows, in the order they come, to ``<prefix>-00000.parquet``, ... of ``shard_rows`` rows each.

    Pictures are stored as they are, because PNG is compressed already; all other columns are compressed. Use it in a
    ``with`` statement: a clean exit completes the last shard (one without rows, if no row came).
    """

    def __init__(self, folder: UPath, prefix: str, schema: pa.Schema, shard_rows: int) -> None:
        self._folder, self._prefix, self._schema, self._shard_rows = folder, prefix, schema, shard_rows
        self._rows: list[dict[str, Any]] = []  # of the row group to come
        self._bytes = 0  # of their pictures
        self._shards = self._rows_in_shard = 0
        self._writer: pq.ParquetWriter | None = None
        self._open = ExitStack()  # the writer and its file

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._open.__exit__(kind, error, trace)  # removes the unfinished file
            return
        with self._open:  # as well, if the last rows cannot be written
            self._write_group()
            if self._writer is not None or not self._shards:
                self._end_shard()

    def add(self, row: dict[str, Any]) -> None:
        """Append one row; columns that it lacks are null."""
        self._rows.append(row)
        self._bytes += len((row.get(IMAGE_FIELD.name) or {}).get("bytes") or b"")
        full = len(self._rows) >= (GROUP_ROWS if self._bytes >= GROUP_BYTES else MOST_GROUP_ROWS)
        if full or self._rows_in_shard + len(self._rows) == self._shard_rows:
            self._write_group()
        if self._rows_in_shard == self._shard_rows:
            self._end_shard()

    def _write_group(self) -> None:
        if self._rows:
            group = pa.Table.from_pylist(self._rows, schema=self._schema)
            self._shard().write_table(group, row_group_size=len(group))
            self._rows_in_shard += len(self._rows)
            self._rows, self._bytes = [], 0

    def _shard(self) -> pq.ParquetWriter:
        """The writer of the current shard; a new one where none is open."""
        if self._writer is None:
            path = self._folder / f"{self._prefix}-{self._shards:05d}.parquet"
            file = self._open.enter_context(atomic(path))
            self._writer = self._open.enter_context(sealed_writer(file, self._schema, **shard_format(self._schema)))
            self._shards += 1
        return self._writer

    def _end_shard(self) -> None:
        self._shard()
        self._open.close()
        self._writer, self._rows_in_shard = None, 0


@contextmanager
def replace_shards(folder: UPath, prefix: str, schema: pa.Schema, shard_rows: int) -> Iterator[ShardWriter]:
    """Yield a writer of a new folder of shards that replaces ``folder`` on a clean exit; a failure leaves the old one.

    Raises:
        CxnetError: the disk is full, or the folder cannot be written.
    """
    with atomic_folder(folder) as new, ShardWriter(new, prefix, schema, shard_rows) as writer:
        yield writer


def with_picture(row: Mapping[str, Any], png: bytes) -> dict[str, Any]:
    """A row of the manifest with its picture; the picture is named after the image's hash."""
    return {**row, IMAGE_FIELD.name: {"bytes": png, "path": f"{row['image_id']}.png"}}


def shard_format(schema: pa.Schema) -> dict[str, Any]:
    """Options of a Parquet writer that neither compresses nor indexes pictures."""
    columns = [path for entry in schema for path in _leaves(entry)]
    small = [path for path in columns if not path.startswith(f"{IMAGE_FIELD.name}.")]
    return {
        "compression": {path: "NONE" if path == f"{IMAGE_FIELD.name}.bytes" else "ZSTD" for path in columns},
        "use_dictionary": small,
        "write_statistics": small,
    }


def _leaves(entry: pa.Field) -> list[str]:
    """The names that Parquet gives to the columns of a field."""
    if pa.types.is_struct(entry.type):
        return [f"{entry.name}.{child.name}" for child in entry.type]
    if pa.types.is_list(entry.type) or pa.types.is_fixed_size_list(entry.type):
        return [f"{entry.name}.list.element"]
    return [entry.name]
