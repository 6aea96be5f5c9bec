"""The folder of one source, ``data/raw/<source>/``: its lock (``items.parquet``), its receipt, the bytes as received.

Files are named by their content: ``files/<sha256>.<ext>``. ``.journal.jsonl`` has a line for every page and file of a
running fetch, so that a killed fetch can be resumed; ``.parts/`` has the unfinished files; ``other_origins/`` has what
other profiles fetched.
"""

import hashlib
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from sources.core.errors import CxnetError
from sources.core.items import LOCK_SCHEMA
from sources.core.lock import read_lock
from sources.core.origin import ORIGIN_KEY, OWN, SANDBOX, in_words
from sources.core.storage import read_table, write_json, write_table
from sources.core.text import counted
from sources.download.journal import Journal, Received
from sources.download.origins import RECEIPT, bring_back, place_of, set_aside
from sources.download.turns import alone_in

log = logging.getLogger(__name__)

BLOCK_BYTES = 1 << 20
COLUMNS = (  # of items.parquet, in the order of the attributes of Received
    *("fetched_url", "file", "file_sha256", "file_size", "content_type"),
    *("etag", "last_modified", "retrieved_at"),
)


class Store:
    """Files and tables of one source. All methods may be called from several threads.

    Args:
        folder: a local folder.
        origin: what answers the requests: :data:`LIVE`, the name of the offline copy, or :data:`OWN`. Files of one
            origin are never used for another.
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
        return self.folder / RECEIPT

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

        What another origin answered is set aside for the time being, and what this one answered before comes back.

        Args:
            notify: receives a message if there is another fetch to wait for, or files are set aside.
            stop: set when the run is interrupted; it ends the wait.

        Raises:
            CxnetError: the folder cannot be written.
            StoppedError: the run was interrupted while it waited.
        """
        with alone_in(self.folder, notify, stop), closing(self._journal):
            self._take_turn(notify)
            self._resume()
            yield

    @contextmanager
    def looked_at(self, notify: Callable[[str], None], stop: threading.Event | None = None) -> Iterator["Store"]:
        """The same for one who changes nothing: yields the store of this origin, wherever its files are.

        Raises:
            CxnetError: the folder cannot be written.
            StoppedError: the run was interrupted while it waited.
        """
        with alone_in(self.folder, notify, stop):
            is_here = self._current_origin() in (None, self.origin)
            store = self if is_here else Store(place_of(self.folder, self.origin), self.origin)
            with closing(store._journal):
                store._resume()
                yield store

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
        """What the last complete fetch (its ``rows``) received, by address, if the file is still as it was.

        Only a file that was changed after the lock was written is read for that.
        """
        if rows is None:
            return {}
        with_file = rows[rows["file"].notna()].drop_duplicates("fetched_url")
        columns = [with_file[name].astype(object).where(with_file[name].notna(), None).tolist() for name in COLUMNS]
        stored, written_ns = self._stored(), self.items.stat().st_mtime_ns
        by_address, damaged = {}, 0
        for values in zip(*columns, strict=True):
            received = replace(Received(*values), cached=True)
            if received.file in stored and self._is_intact(received, stored[received.file], written_ns):
                by_address[received.url] = received
            else:
                damaged += received.file in stored
        if damaged:
            changed = counted(damaged, "file is not", "files are not")
            log.warning("%s: %s what was fetched any more, and will be replaced", self.files, changed)
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
        self.write_unfinished(rows, receipt)
        self._journal.remove()
        if self.parts.is_dir():
            for part in self.parts.iterdir():
                part.unlink()
            self.parts.rmdir()

    def write_unfinished(self, rows: pd.DataFrame, receipt: dict[str, Any]) -> None:
        """The same for a fetch that the next one continues."""
        write_table(self.items, rows, LOCK_SCHEMA)
        write_json(self.receipt, {ORIGIN_KEY: self.origin, **receipt})

    def note(self, facts: dict[str, Any]) -> None:
        """Add facts to the receipt."""
        write_json(self.receipt, self._read_receipt() | facts)

    def prune(self) -> None:
        """Remove the files that no row of the lock names any more."""
        for name in self._stored().keys() - set(read_table(self.items, ["file"])["file"].dropna()):
            (self.folder / name).unlink(missing_ok=True)

    def _take_turn(self, notify: Callable[[str], None]) -> None:
        """Set aside what another origin answered, and bring back what waits for this one.

        Raises:
            CxnetError: it cannot be moved.
        """
        try:
            current = self._current_origin()
            if current not in (None, self.origin):
                place = set_aside(self.folder, current)
                notify(
                    f"{self.folder} held files from {in_words(current)}; they are kept in {place} and come back with "
                    "the next fetch from there"
                )
            is_free = current == self.origin or not self.items.exists()  # a lock without a receipt is the user's own
            if is_free and place_of(self.folder, self.origin).is_dir():
                bring_back(self.folder, self.origin)
        except OSError as error:
            raise CxnetError(f"The files in {self.folder} cannot be moved: {error.strerror}.") from error

    def _resume(self) -> None:
        """Take over what a killed fetch received."""
        for remnant in self.folder.glob(".*.tmp"):  # a table that was being written when a fetch was killed
            remnant.unlink()
        stored, written_ns = self._stored(), self._journal.written_ns
        self.finished = self._journal.read(
            lambda entry: entry.file in stored and self._is_intact(entry, stored[entry.file], written_ns)
        )

    def _is_intact(self, received: Received, found: os.stat_result, written_ns: int) -> bool:
        """Has a stored file its size and, if it was changed after a time, its sha256?"""
        if found.st_size != received.size:
            return False
        return found.st_ctime_ns <= written_ns or sha256_of(self.folder / received.file) == received.sha256

    def _stored(self) -> dict[str, os.stat_result]:
        """Every stored file, by its path below the source's folder."""
        if not self.files.is_dir():
            return {}
        with os.scandir(self.files) as entries:
            return {f"files/{entry.name}": entry.stat() for entry in entries}

    def _current_origin(self) -> str | None:
        """Whose files the folder holds; None if nobody knows, and for a folder of the user's own."""
        return None if self.origin == OWN else self._receipt_origin() or self._journal.first_origin()

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
