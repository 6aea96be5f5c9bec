"""The folder of one source, ``data/raw/<source>/``: its lock (``items.parquet``), its receipt, the bytes as received.

Files are named by their content: ``files/<sha256>.<ext>``. ``.journal.jsonl`` has a line for every page and file of a
running fetch, so that a killed fetch can be resumed; ``.parts/`` has the unfinished files.
"""

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout

from sources.core.errors import CxnetError, StoppedError
from sources.core.items import LOCK_SCHEMA
from sources.core.lock import read_lock
from sources.core.storage import read_table, write_json, write_table
from sources.core.web import LIVE, SANDBOX
from sources.download.journal import ORIGIN_KEY, Journal, Received

BLOCK_BYTES = 1 << 20
WAIT_S = 0.2  # how often a waiting fetch looks whether it has been interrupted
COLUMNS = (  # of items.parquet, in the order of the attributes of Received
    *("fetched_url", "file", "file_sha256", "file_size", "content_type"),
    *("etag", "last_modified", "retrieved_at"),
)


class Store:
    """Files and tables of one source. All methods may be called from several threads.

    Args:
        folder: a local folder.
        origin: what answers the requests: :data:`LIVE`, or the name of the offline copy. Files of one origin are never
            used for another.
    """

    def __init__(self, folder: Path, origin: str) -> None:
        self.folder = folder
        self.origin = origin
        self._journal = Journal(folder / ".journal.jsonl", origin)
        self.finished: dict[str, Received] = {}

    @property
    def files(self) -> Path:
        return self.folder / "files"

    @property
    def parts(self) -> Path:
        return self.folder / ".parts"

    @property
    def items(self) -> Path:
        return self.folder / "items.parquet"

    @property
    def receipt(self) -> Path:
        return self.folder / "fetch.json"

    @property
    def masks(self) -> Path:
        return self.folder / "masks.parquet"

    @property
    def is_sandbox(self) -> bool:
        """Does the sandbox answer, whose files are not the published ones?"""
        return self.origin.startswith(SANDBOX)

    @contextmanager
    def exclusive(self, notify: Callable[[str], None], stop: threading.Event | None = None) -> Iterator[None]:
        """Use the source's folder alone: a second fetch of the same source waits for the first.

        Args:
            notify: receives a message if there is another fetch to wait for.
            stop: set when the run is interrupted; it ends the wait.

        Raises:
            CxnetError: the folder cannot be written.
            StoppedError: the run was interrupted while it waited.
        """
        file_lock = self._locked_folder(notify, stop or threading.Event())
        try:
            self._resume()
            yield
        finally:
            self._journal.close()
            file_lock.release()

    def previous(self) -> pd.DataFrame | None:
        """The rows of the last complete fetch from this origin, or None.

        Raises:
            CxnetError: they cannot be read.
        """
        return self.rows() if self.items.exists() and self._receipt_origin() == self.origin else None

    def rows(self) -> pd.DataFrame:
        """The rows of the lock, whatever their origin.

        Raises:
            CxnetError: the lock is missing, damaged, or was written by another version.
        """
        return read_lock(self.items)

    def pages(self) -> tuple[str, ...]:
        """The pages that earlier fetches from this origin were given by address."""
        receipt = self._read_receipt()
        return tuple(map(str, receipt.get("pages") or ())) if receipt.get(ORIGIN_KEY) == self.origin else ()

    def previous_files(self, rows: pd.DataFrame | None) -> dict[str, Received]:
        """What the last complete fetch (its ``rows``) received, by address, if the file is still there."""
        if rows is None:
            return {}
        with_file = rows[rows["file"].notna()].drop_duplicates("fetched_url")
        columns = [with_file[name].astype(object).where(with_file[name].notna(), None).tolist() for name in COLUMNS]
        sizes = self._sizes()
        by_address = {}
        for values in zip(*columns, strict=True):
            received = replace(Received(*values), cached=True)
            if sizes.get(received.file) == received.size:
                by_address[received.url] = received
        return by_address

    def holds(self, received: Received) -> bool:
        """Is the file still there, with its size?"""
        path = self.folder / received.file
        return path.is_file() and path.stat().st_size == received.size

    def keep(self, received: Received) -> Received:
        """Record a received file in the journal."""
        self.finished[received.url] = received
        self._journal.add(received)
        return received

    def adopt(self, part: Path, sha256: str, extension: str) -> str:
        """Name a complete partial file by its content; returns the path below the source's folder."""
        name = f"files/{sha256}.{extension}"
        target = self.folder / name
        try:
            part.replace(target)
        except FileNotFoundError:
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
        return name

    def write(self, rows: pd.DataFrame, receipt: dict[str, Any]) -> None:
        """Write the lock and the receipt of a complete fetch; the journal is no longer needed then."""
        if self.items.exists() and self._receipt_origin() == LIVE != self.origin:
            self._set_live_lock_aside()
        write_table(self.items, rows, LOCK_SCHEMA)
        write_json(self.receipt, {ORIGIN_KEY: self.origin, **receipt})
        self._journal.remove()
        if self.parts.is_dir():
            for part in self.parts.iterdir():
                part.unlink()
            self.parts.rmdir()

    def prune(self) -> None:
        """Remove the files that no row of the lock names any more, nor one of the live lock that is set aside."""
        named: set[str] = set()
        for path in (self.items, self._aside("items.parquet")):
            if path.exists():
                named |= set(read_table(path, ["file"])["file"].dropna())
        for name in self._sizes().keys() - named:
            (self.folder / name).unlink(missing_ok=True)

    def _locked_folder(self, notify: Callable[[str], None], stop: threading.Event) -> FileLock:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file_lock = FileLock(self.folder / ".lock", thread_local=False)
            if _acquire(file_lock, 0):
                return file_lock
            notify(f"another fetch of {self.folder.name} is running; waiting for it to end")
            while not stop.is_set():
                if _acquire(file_lock, WAIT_S):
                    return file_lock
        except (OSError, NotImplementedError) as error:  # not every file system can lock a file
            reason = error.strerror if isinstance(error, OSError) else error
            raise CxnetError(f"Cannot write {self.folder}: {reason}; choose another --root.") from error
        raise StoppedError

    def _resume(self) -> None:
        """Take over what a killed fetch from this origin received; forget one from another origin."""
        for remnant in self.folder.glob(".*.tmp"):  # a table that was being written when a fetch was killed
            remnant.unlink()
        if self.origin == LIVE != self._receipt_origin():
            self._restore_live_lock()
        self.finished = self._journal.read(self.holds)

    def _set_live_lock_aside(self) -> None:
        """Keep the lock of the live web while an offline copy is used: ``--locked`` needs it later."""
        for name in ("items.parquet", "fetch.json"):
            (self.folder / name).replace(self._aside(name))

    def _restore_live_lock(self) -> None:
        if self._aside("items.parquet").exists():
            for name in ("items.parquet", "fetch.json"):
                if self._aside(name).exists():  # there is no receipt if a fetch was killed while setting them aside
                    self._aside(name).replace(self.folder / name)

    def _aside(self, name: str) -> Path:
        return self.folder / f"live-{name}"

    def _sizes(self) -> dict[str, int]:
        """The size of every stored file in bytes, by its path below the source's folder."""
        if not self.files.is_dir():
            return {}
        with os.scandir(self.files) as entries:
            return {f"files/{entry.name}": entry.stat().st_size for entry in entries}

    def _receipt_origin(self) -> str | None:
        return self._read_receipt().get(ORIGIN_KEY)

    def _read_receipt(self) -> dict[str, Any]:
        """The receipt; empty if it is missing or damaged."""
        try:
            receipt = json.loads(self.receipt.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return receipt if isinstance(receipt, dict) else {}


def sha256_of(path: Path) -> str:
    """sha256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def local_folder(path: Any) -> Path:
    """``path`` as a local folder.

    Raises:
        CxnetError: it is in a bucket, where a download cannot be resumed.
    """
    if path.protocol not in ("", "file"):
        raise CxnetError(f"Sources are fetched into a local folder, not into {path}; fetch there, then copy data/raw.")
    return Path(path.path).absolute()


def _acquire(file_lock: FileLock, timeout_s: float) -> bool:
    """Try to acquire a file lock for so long; was it acquired?"""
    try:
        file_lock.acquire(timeout=timeout_s)
    except Timeout:
        return False
    return True
