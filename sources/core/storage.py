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
from typing import IO, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from sources.core.errors import CxnetError
from sources.core.temporary import temporary_file, temporary_folder

AnyPath = str | Path | UPath


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


def write_table(path: AnyPath, rows: pd.DataFrame, schema: pa.Schema) -> None:
    """Write ``rows`` as Parquet with exactly the columns of ``schema``; equal rows give equal bytes.

    Raises:
        WriteError: a column is missing, a value does not fit its type, or the disk cannot be written.
    """
    missing = [name for name in schema.names if name not in rows.columns]
    if missing:
        raise WriteError(path, f"columns {missing} are missing")
    try:
        table = pa.Table.from_pandas(rows[schema.names], schema=schema, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise WriteError(path, error) from error
    with atomic(path) as file:
        pq.write_table(
            table.replace_schema_metadata(schema.metadata), file, compression="zstd", write_page_checksum=True
        )


def read_table(path: AnyPath, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a Parquet file into pandas with Arrow-backed types, so that a missing value stays missing.

    Raises:
        CxnetError: the file is missing or not Parquet, or lacks one of ``columns``.
    """
    with open_parquet(path) as file:
        _require(UPath(path), file.schema_arrow, columns or ())
        table = file.read(columns=list(columns) if columns is not None else None)
    return table.to_pandas(types_mapper=pd.ArrowDtype)


@contextmanager
def open_parquet(path: AnyPath) -> Iterator[pq.ParquetFile]:
    """A Parquet file to read from; the checksum of every page is verified.

    Raises:
        CxnetError: the file is missing, is not Parquet, or is damaged; also while it is read within the ``with``.
    """
    source = UPath(path)
    try:
        with source.open("rb") as file, pq.ParquetFile(file, page_checksum_verification=True) as table:
            yield table
    except FileNotFoundError:
        raise CxnetError(f"{source} does not exist; run the stage that writes it first (`dvc repro`).") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise CxnetError(
            f"{source} is not a readable Parquet file ({error}); delete it and run its stage again."
        ) from error


def _require(path: UPath, schema: pa.Schema, columns: Sequence[str]) -> None:
    absent = set(columns) - set(schema.names)
    if absent:
        raise CxnetError(
            f"{path} has no column {sorted(absent)}; it was written by another version: run its stage again."
        )


def write_json(path: AnyPath, value: Any) -> None:
    """Write ``value`` as indented JSON with sorted keys and a final newline."""
    with atomic(path, "w") as file:
        json.dump(value, file, indent=2, sort_keys=True, ensure_ascii=False)
        file.write("\n")
