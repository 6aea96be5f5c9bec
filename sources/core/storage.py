"""Atomic files and Parquet tables: a killed command leaves the old file or the new one, never a partial one.

Paths are ``UPath`` objects, so that a bucket URL (``s3://...``) works wherever a folder does.
"""

import io
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from sources.core.errors import CxnetError
from sources.core.seal import BrokenSealError, UnsealedError, check_seal, sealed_writer
from sources.core.temporary import temporary_file, temporary_folder

if TYPE_CHECKING:
    import pandas as pd

AnyPath = str | Path | UPath
DIFFERENCES_NAMED = 3  # between a table and the one that is expected


def is_local(path: UPath) -> bool:
    """Is ``path`` in this machine's file system, and not in a bucket?"""
    return path.protocol in ("", "file")


class WriteError(CxnetError):
    """A file or folder that cannot be written.

    Attributes:
        path: what should have been written.
        reason: why it cannot, without a final period.
    """

    def __init__(self, path: AnyPath, reason: object) -> None:
        super().__init__(f"Cannot write {path}: {reason}.")
        self.path = UPath(path)
        self.reason = reason


@contextmanager
def atomic(path: AnyPath, mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a temporary file beside ``path``; on a clean exit it is renamed to ``path``, otherwise it is removed.

    Raises:
        WriteError: the disk is full, or the folder cannot be written.
    """
    target = UPath(path)
    try:
        with _replacement(target, mode) as file:
            yield file
    except OSError as error:
        raise WriteError(target, error.strerror or error) from error


@contextmanager
def _replacement(target: UPath, mode: str) -> Iterator[IO[Any]]:
    if not is_local(target):  # an object store shows an upload only when it is complete
        with _upload(target, mode) as file:
            yield file
        return
    local = Path(target.path)
    local.parent.mkdir(parents=True, exist_ok=True)
    with temporary_file(local.parent, f".{local.name}.", ".tmp") as (handle, temporary):
        with os.fdopen(handle, mode, encoding=None if "b" in mode else "utf-8", closefd=False) as file:
            yield file
        os.fsync(handle)
        os.fchmod(handle, 0o644)
        temporary.replace(local)


@contextmanager
def _upload(target: UPath, mode: str) -> Iterator[IO[Any]]:
    """A new object that becomes visible on a clean exit only; closing it after a failure would show a partial one."""
    upload = target.fs.open(target.path, "wb", autocommit=False)
    file = upload if "b" in mode else io.TextIOWrapper(upload, encoding="utf-8", write_through=True)
    try:
        yield file
        upload.close()
        upload.commit()
    except BaseException:
        _discard(upload)
        raise


def _discard(upload: Any) -> None:
    """Abandon an unfinished upload; it becomes visible neither now nor when Python collects the object."""
    upload.discard()
    upload.closed = True


@contextmanager
def atomic_folder(path: AnyPath) -> Iterator[UPath]:
    """Yield a new, empty folder that replaces ``path`` on a clean exit; after a failure ``path`` is as it was.

    A bucket cannot rename objects. There the new objects are written beside ``path`` and then copied by the server, so
    that only a reader during the copying can see some old and some new objects.

    Raises:
        WriteError: the disk is full, or the folder or a file in it cannot be written.
    """
    target = UPath(path)
    try:
        with _renamed(Path(target.path)) if is_local(target) else _copied(target) as folder:
            try:
                yield folder
            except WriteError as error:
                raise WriteError(_final_place(error.path, folder, target), error.reason) from error
    except OSError as error:
        raise WriteError(target, error.strerror or error) from error


def _final_place(path: UPath, folder: UPath, target: UPath) -> UPath:
    """Where a file of a new folder will be once the folder has replaced ``target``."""
    inside = path.path.removeprefix(f"{folder.path}/")
    return target / inside if inside != path.path else path


@contextmanager
def _renamed(target: Path) -> Iterator[UPath]:
    target.parent.mkdir(parents=True, exist_ok=True)
    old = target.with_name(f".{target.name}.old")
    if old.exists() and not target.exists():  # a run was killed between the two renames below
        old.rename(target)
    with temporary_folder(target.parent, f".{target.name}.", ".tmp") as workplace:
        new = workplace / "new"  # a child, because only its owner can open the folder around it
        new.mkdir()
        yield UPath(new)
        shutil.rmtree(old, ignore_errors=True)
        if target.exists():
            target.rename(old)
        new.rename(target)
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _copied(target: UPath) -> Iterator[UPath]:
    new = target.with_name(f".{target.name}.new")
    _remove_objects(new, _objects(new))  # left behind by a run that was killed
    try:
        yield new
        written = _objects(new)
        for name in written:
            target.fs.copy(f"{new.path}{name}", f"{target.path}{name}")
        _remove_objects(target, [name for name in _objects(target) if name not in written])
    finally:
        _remove_objects(new, _objects(new))


def _objects(folder: UPath) -> list[str]:
    """Names of the objects in a bucket folder, relative to it, each with a leading slash."""
    folder.fs.invalidate_cache()
    return [path[len(folder.path) :] for path in folder.fs.find(folder.path)]


def _remove_objects(folder: UPath, names: Sequence[str]) -> None:
    if names:
        folder.fs.rm([f"{folder.path}{name}" for name in names])


def write_table(path: AnyPath, rows: "pd.DataFrame", schema: pa.Schema) -> None:
    """Write ``rows`` as Parquet with exactly the columns of ``schema``; equal rows give equal bytes.

    Raises:
        WriteError: a column is missing, a value does not fit its type, or the disk cannot be written.
    """
    missing = [name for name in schema.names if name not in rows.columns]
    if missing:
        raise WriteError(path, f"columns {missing} are missing")
    try:
        table = pa.Table.from_pandas(rows[schema.names], schema=schema, preserve_index=False)
    except pa.ArrowException as error:
        raise WriteError(path, error) from error
    with atomic(path) as file, sealed_writer(file, schema, compression="zstd") as writer:
        writer.write_table(table)


def read_table(path: AnyPath, columns: Sequence[str] | None = None, schema: pa.Schema | None = None) -> "pd.DataFrame":
    """Read a Parquet file into pandas with Arrow-backed types, so that a missing value stays missing.

    Args:
        path: the file.
        columns: the columns to read; None = all.
        schema: what the whole table must be, see :func:`open_parquet`.

    Raises:
        CxnetError: the file is missing, damaged or another table, or lacks one of ``columns``.
    """
    import pandas as pd

    return read_arrow(path, columns, schema).to_pandas(types_mapper=pd.ArrowDtype)


def read_arrow(path: AnyPath, columns: Sequence[str] | None = None, schema: pa.Schema | None = None) -> pa.Table:
    """As :func:`read_table`, but without pandas, which takes half a second to import."""
    with open_parquet(path, schema) as file:
        _require(UPath(path), file.schema_arrow, columns or ())
        return file.read(columns=list(columns) if columns is not None else None)


@contextmanager
def open_parquet(path: AnyPath, schema: pa.Schema | None = None) -> Iterator[pq.ParquetFile]:
    """A Parquet file to read from; the checksums of its footer and of every page that is read are verified.

    Args:
        path: the file.
        schema: the columns, types and version that it must have. Without it, the file may come from another program
            or version, and its footer may have no checksum.

    Raises:
        CxnetError: the file is missing, is not Parquet, is damaged (also while it is read within the ``with``), or is
            not the table of ``schema``.
    """
    source = UPath(path)
    try:
        with source.open("rb") as file:
            _check_seal(source, file, required=schema is not None)
            with pq.ParquetFile(file, page_checksum_verification=True) as table:
                if schema is not None:
                    _require_table(source, table.schema_arrow, schema)
                yield table
    except FileNotFoundError:
        raise CxnetError(f"{source} does not exist; run the stage that writes it first (`cxnet-data run`).") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError, BrokenSealError) as error:
        raise CxnetError(
            f"{source} is not a readable Parquet file ({error}); delete it and run its stage again."
        ) from error


def _check_seal(path: UPath, file: IO[bytes], required: bool) -> None:
    try:
        check_seal(file)
    except UnsealedError:
        if required:
            raise CxnetError(
                f"{path} has no checksum: it is damaged, or another version or program wrote it; delete it and run its "
                "stage again."
            ) from None


def _require(path: UPath, schema: pa.Schema, columns: Sequence[str]) -> None:
    absent = set(columns) - set(schema.names)
    if absent:
        raise CxnetError(
            f"{path} has no column {sorted(absent)}; it was written by another version: run its stage again."
        )


def _require_table(path: UPath, actual: pa.Schema, expected: pa.Schema) -> None:
    """Refuse a table with other columns, types or another version of their meaning."""
    types = dict(zip(expected.names, expected.types, strict=True))
    differences = [
        *(f"no column {name}" for name in expected.names if name not in actual.names),
        *(f"a column {name}" for name in actual.names if name not in types),
        *(
            f"{name} as {column} instead of {types[name]}"
            for name, column in zip(actual.names, actual.types, strict=True)
            if column != types.get(name, column)
        ),
    ]
    version = (actual.metadata or {}).get(b"version")
    if not differences and version != expected.metadata[b"version"]:
        differences = [f"version {(version or b'unknown').decode(errors='replace')}"]
    if not differences and actual.names != expected.names:
        differences = ["its columns in another order"]
    if differences:
        more = ", ..." if len(differences) > DIFFERENCES_NAMED else ""
        raise CxnetError(
            f"{path} is not the table that belongs there, or another version wrote it (it has "
            f"{', '.join(differences[:DIFFERENCES_NAMED])}{more}); delete it and run its stage again."
        )


def write_json(path: AnyPath, value: Any) -> None:
    """Write ``value`` as indented JSON with sorted keys and a final newline."""
    with atomic(path, "w") as file:
        json.dump(value, file, indent=2, sort_keys=True, ensure_ascii=False)
        file.write("\n")
