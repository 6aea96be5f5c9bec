"""What a running fetch has received so far, one line per file, so that a killed fetch can be resumed."""

import json
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from sources.core.origin import ORIGIN_KEY


@dataclass(frozen=True)
class Received:
    """One file as it was received.

    Attributes:
        url: the address that answered; ``file``: path below the source's folder.
        sha256, size, content_type: of the bytes; the type is recognized by their beginning.
        etag, last_modified: HTTP validators; ``retrieved_at``: UTC time, None for an offline copy.
        cached: it was there before this fetch.
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


class Journal:
    """The journal of one source. :meth:`add` may be called from several threads.

    Args:
        path: the file; it exists while a fetch is running and after one was killed.
        origin: what answers the requests; lines of another origin are ignored.
    """

    def __init__(self, path: Path, origin: str) -> None:
        self._path = path
        self._origin = origin
        self._mutex = threading.Lock()
        self._file: IO[str] | None = None

    @property
    def written_ns(self) -> int:
        """When the last line was written (ns since the epoch); 0 = there is none."""
        return self._path.stat().st_mtime_ns if self._path.exists() else 0

    def first_origin(self) -> str | None:
        """The origin of its first line; None if there is none."""
        for line in self._lines():
            try:
                return str(json.loads(line)[ORIGIN_KEY])
            except (ValueError, TypeError, KeyError):
                continue
        return None

    def read(self, is_there: Callable[[Received], bool]) -> dict[str, Received]:
        """What a killed fetch received, by address; without a file that still exists the journal is removed.

        Args:
            is_there: does the file still exist?
        """
        entries = [entry for line in self._lines() if (entry := self._entry(line)) and is_there(entry)]
        if not entries:
            self.remove()
        return {entry.url: entry for entry in entries}

    def add(self, received: Received) -> None:
        """Append a line."""
        with self._mutex:
            if self._file is None:
                self._file = self._path.open("a", encoding="utf-8")
            self._file.write(json.dumps({ORIGIN_KEY: self._origin, **asdict(received)}) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file; a later :meth:`add` opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        """Remove the file, when the fetch is complete."""
        self.close()
        self._path.unlink(missing_ok=True)

    def _lines(self) -> list[str]:
        text = self._path.read_text(encoding="utf-8", errors="replace") if self._path.exists() else ""
        return text.splitlines()

    def _entry(self, line: str) -> Received | None:
        """A line of this origin; None for another one, and for a line that was never finished."""
        try:
            values = json.loads(line)
            origin = values.pop(ORIGIN_KEY)
            return Received(**{**values, "cached": True}) if origin == self._origin else None
        except (ValueError, TypeError, KeyError, AttributeError):
            return None
