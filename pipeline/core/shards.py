"""Writing shards of rows with their pictures: a few rows in memory, the pool's whole folder replaced at once."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from pipeline.core.schema import IMAGE_FIELD, IMAGES_SCHEMA
from sources.core.errors import CxnetError
from sources.core.storage import discard, replace_folder

GROUP_ROWS = 64  # rows per row group: what a reader or writer holds at a time


class ShardWriter:
    """Writes rows, in the order they come, as ``<prefix>-00000.parquet``, ... of ``shard_rows`` rows each."""

    def __init__(self, folder: UPath, prefix: str, schema: pa.Schema, shard_rows: int) -> None:
        self.folder, self.prefix, self.schema, self.shard_rows = folder, prefix, schema, shard_rows
        self.names: list[str] = []
        self._rows: list[dict[str, Any]] = []
        self._in_shard = 0
        self._file: Any = None
        self._writer: pq.ParquetWriter | None = None

    def add(self, row: dict[str, Any]) -> None:
        """Append one row; absent columns are null."""
        self._rows.append(row)
        if len(self._rows) == GROUP_ROWS or self._in_shard + len(self._rows) == self.shard_rows:
            self._flush()
        if self._in_shard == self.shard_rows:
            self._end_shard()

    def close(self) -> None:
        """Write what is left; a pool without rows is one empty shard."""
        self._flush()
        if not self.names:
            self._begin_shard()
        self._end_shard()

    def abandon(self) -> None:
        """Close what is open after a failure; its content is of no use."""
        if self._file is None:
            return
        with suppress(OSError):
            self._writer.close()  # type: ignore[union-attr]
        if hasattr(self._file, "discard"):  # an object store shows what is closed
            discard(self._file)
        else:
            self._file.close()

    def _flush(self) -> None:
        if not self._rows:
            return
        if self._writer is None:
            self._begin_shard()
        group = pa.Table.from_pylist(self._rows, schema=self.schema)
        self._writer.write_table(group, row_group_size=GROUP_ROWS)  # type: ignore[union-attr]
        self._in_shard += len(self._rows)
        self._rows = []

    def _begin_shard(self) -> None:
        name = f"{self.prefix}-{len(self.names):05d}.parquet"
        self.names.append(name)
        self._file = (self.folder / name).open("wb")
        leaves = [path for entry in self.schema for path in _leaves(entry)]
        self._writer = pq.ParquetWriter(
            self._file,
            self.schema,
            compression={path: "NONE" if path == f"{IMAGE_FIELD.name}.bytes" else "ZSTD" for path in leaves},
            use_dictionary=[path for path in leaves if not path.startswith(IMAGE_FIELD.name)],
            write_statistics=[path for path in leaves if not path.startswith(IMAGE_FIELD.name)],
            write_page_checksum=True,
        )

    def _end_shard(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._file.close()
        self._writer, self._file, self._in_shard = None, None, 0


def open_images_writer(file: IO[bytes]) -> pq.ParquetWriter:
    """A writer of one shard of kept films with their pictures (``IMAGES_SCHEMA``)."""
    return pq.ParquetWriter(file, IMAGES_SCHEMA, compression="zstd", use_dictionary=False, write_page_checksum=True)


def _leaves(entry: pa.Field) -> list[str]:
    """Parquet column paths of a field."""
    if pa.types.is_struct(entry.type):
        return [f"{entry.name}.{child.name}" for child in entry.type]
    if pa.types.is_list(entry.type) or pa.types.is_fixed_size_list(entry.type):
        return [f"{entry.name}.list.element"]
    return [entry.name]


@contextmanager
def replace_shards(folder: UPath, prefix: str, schema: pa.Schema, shard_rows: int) -> Iterator[ShardWriter]:
    """A writer into a temporary folder that becomes ``folder`` on a clean exit; a failure leaves the old one.

    In an object store, which cannot rename a folder, shards are written in place and those left over are removed.

    Raises:
        CxnetError: the disk is full, or the folder cannot be written.
    """
    local = folder.protocol in ("", "file")
    try:
        with replace_folder(Path(folder.path)) if local else nullcontext(folder) as target:
            writer = ShardWriter(UPath(target), prefix, schema, shard_rows)
            try:
                yield writer
                writer.close()
            finally:
                writer.abandon()
            _remove_stale(UPath(target), prefix, writer.names)
    except OSError as error:
        raise CxnetError(f"Cannot write {folder}: {error.strerror or error}.") from error


def _remove_stale(folder: UPath, prefix: str, names: Collection[str]) -> None:
    """Shards of an earlier, longer result."""
    for path in list(folder.glob(f"{prefix}-*.parquet")):
        if path.name not in names:
            path.unlink()
