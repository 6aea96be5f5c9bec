"""The folder of one source, ``data/raw/<source>/``: its lock file, its receipt, and the bytes exactly as received.

``files/<sha256>.<ext>`` are named by their content. ``.journal.jsonl`` has a line per page and file of a fetch under
way, so that a killed fetch goes on where it was; ``.parts/`` holds what has arrived of unfinished files.
"""

import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

import pandas as pd

from sources.core.errors import CxnetError
from sources.core.items import LOCK_SCHEMA
from sources.core.storage import read_table, write_json, write_table

LIVE = "live"
DRAWN = "sandbox"
BLOCK_BYTES = 1 << 20
COLUMNS = (  # of items.parquet, in the order of the attributes of Received
    *("fetched_url", "file", "file_sha256", "file_size", "content_type"),
    *("etag", "last_modified", "retrieved_at"),
)


@dataclass(frozen=True)
class Received:
    """One file as it was received.

    Attributes:
        url: the address that answered; ``file``: path below the source's folder.
        sha256, size, content_type: of the bytes, the type as sniffed.
        etag, last_modified: HTTP validators; ``retrieved_at``: UTC time, None for an offline copy.
        cached: it was there already.
    """

    url: str
    file: str
    sha256: str
    size: int
    content_type: str
    etag: str | None = None
    last_modified: str | None = None
    retrieved_at: str | None = None
    cached: bool = False


class Store:
    """Files and tables of one source. All methods may be called from several threads.

    Args:
        folder: a local folder.
        world: what answers: :data:`LIVE`, or the offline copy's name. What one world gave is never taken for another's.
    """

    def __init__(self, folder: Path, world: str) -> None:
        self.folder = folder
        self.world = world
        self._lock = threading.Lock()
        self._journal: IO[str] | None = None
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
    def is_drawn(self) -> bool:
        """Is this world a drawing, whose files are not the published ones?"""
        return self.world.startswith(DRAWN)

    @property
    def journal(self) -> Path:
        return self.folder / ".journal.jsonl"

    @contextmanager
    def alone(self, say: Callable[[str], None]) -> Iterator[None]:
        """Hold the source's folder: a second fetch of it says so and waits until the first has ended.

        Raises:
            CxnetError: the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = (self.folder / ".lock").open("w")
        except OSError as error:
            raise CxnetError(f"Cannot write {self.folder}: {error.strerror}; choose another --root.") from error
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"another fetch of {self.folder.name} is under way; waiting for it to end")
                fcntl.flock(handle, fcntl.LOCK_EX)
            self._take_over()
            try:
                yield
            finally:
                if self._journal:
                    self._journal.close()
                    self._journal = None

    def previous(self) -> pd.DataFrame | None:
        """The rows of the last complete fetch in this world, or None.

        Raises:
            CxnetError: they cannot be read.
        """
        return self.rows() if self.items.exists() and self._world_of(self.receipt) == self.world else None

    def rows(self) -> pd.DataFrame:
        """The rows of the lock, whichever world they are of.

        Raises:
            CxnetError: it is absent, damaged, or was written by another version.
        """
        rows = read_table(self.items)
        if absent := [name for name in LOCK_SCHEMA.names if name not in rows]:
            raise CxnetError(
                f"{self.items} has no column {absent}: another version wrote it; move it away and fetch again."
            )
        return rows

    def pages(self) -> tuple[str, ...]:
        """The pages that were asked for by address in earlier fetches of this world."""
        told = self._told(self.receipt)
        return tuple(map(str, told.get("pages") or ())) if told.get("world") == self.world else ()

    def previous_files(self, rows: pd.DataFrame | None) -> dict[str, Received]:
        """What the last complete fetch (its ``rows``) received, by address, as far as it is still there."""
        if rows is None:
            return {}
        there = rows[rows["file"].notna()].drop_duplicates("fetched_url")
        columns = [there[name].astype(object).where(there[name].notna(), None).tolist() for name in COLUMNS]
        sizes = self._sizes()
        found = {}
        for values in zip(*columns, strict=True):
            received = replace(Received(*values), cached=True)
            if sizes.get(received.file) == received.size:
                found[received.url] = received
        return found

    def _sizes(self) -> dict[str, int]:
        """Bytes of every stored file, by its path below the source's folder."""
        if not self.files.is_dir():
            return {}
        with os.scandir(self.files) as entries:
            return {f"files/{entry.name}": entry.stat().st_size for entry in entries}

    def holds(self, received: Received) -> bool:
        """Is the file still there, with its size?"""
        path = self.folder / received.file
        return path.is_file() and path.stat().st_size == received.size

    def keep(self, received: Received) -> Received:
        """Write a received file down in the journal."""
        with self._lock:
            self.finished[received.url] = received
            if self._journal is None:
                self._journal = self.journal.open("a", encoding="utf-8")
            self._journal.write(json.dumps({"world": self.world, **asdict(received)}) + "\n")
            self._journal.flush()
        return received

    def adopt(self, part: Path, sha256: str, extension: str) -> str:
        """Give a complete partial file its name by content; the path below the source's folder."""
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
        if self.items.exists() and self._world_of(self.receipt) == LIVE != self.world:
            self._set_aside()
        write_table(self.items, rows, LOCK_SCHEMA)
        write_json(self.receipt, {"world": self.world, **receipt})
        self._clear()

    def _take_over(self) -> None:
        """Go on with a killed fetch of this world; forget one of another world."""
        self.finished = {}
        for remnant in self.folder.glob(".*.tmp"):  # of a table that was being written when a fetch was killed
            remnant.unlink()
        if self.world == LIVE and self._world_of(self.receipt) != LIVE and self._aside("items.parquet").exists():
            for name in ("items.parquet", "fetch.json"):
                if self._aside(name).exists():  # the receipt is not, where setting aside was killed between the two
                    self._aside(name).replace(self.folder / name)
        journal = self.journal.read_text(encoding="utf-8", errors="replace") if self.journal.exists() else ""
        for line in journal.splitlines():
            try:
                entry = json.loads(line)
                if entry.pop("world") == self.world:
                    received = Received(**{**entry, "cached": True})
                    if self.holds(received):
                        self.finished[received.url] = received
            except (ValueError, TypeError, KeyError):
                continue  # the line that was being written when the fetch was killed
        if not self.finished:
            self.journal.unlink(missing_ok=True)

    def _set_aside(self) -> None:
        """Keep the lock of the live web while an offline copy is used: it is what ``--locked`` needs later."""
        for name in ("items.parquet", "fetch.json"):
            (self.folder / name).replace(self._aside(name))

    def _aside(self, name: str) -> Path:
        return self.folder / f"live-{name}"

    def _clear(self) -> None:
        if self._journal:
            self._journal.close()
            self._journal = None
        self.journal.unlink(missing_ok=True)
        if self.parts.is_dir():
            for part in self.parts.iterdir():
                part.unlink()
            self.parts.rmdir()

    def _world_of(self, receipt: Path) -> str | None:
        return self._told(receipt).get("world")

    @staticmethod
    def _told(receipt: Path) -> dict[str, Any]:
        """What a receipt says; nothing where it is absent or damaged."""
        try:
            found = json.loads(receipt.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


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
        CxnetError: it is a bucket; parts of files cannot be continued there.
    """
    if path.protocol not in ("", "file"):
        raise CxnetError(f"Sources are fetched into a local folder, not into {path}; fetch there, then copy data/raw.")
    return Path(path.path).absolute()
