"""Files that a source reads itself, from a local folder or a bucket, into the store: bounded, and each once."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from sources.core.errors import CxnetError, StoppedError
from sources.core.formats import content_type
from sources.download.downloads import Content, Progress
from sources.download.journal import Received
from sources.download.store import Store
from sources.transport.client import Client

Read = Callable[[], Iterator[bytes]]


class Copies:
    """Copies files of one source into its store; every address once, from any number of threads.

    Args:
        client: knows the limits, and when the run is interrupted.
        store: where files go.
        known: files of an earlier complete fetch, by address. One that has not changed is read, and not written again.
        progress: called with the number of bytes as they are read.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        known: Mapping[str, Received] | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._client = client
        self._store = store
        self._known = known or {}
        self._progress = progress or (lambda count: None)
        self._guard = threading.Lock()
        self._mutexes: dict[str, threading.Lock] = {}
        self._copied: dict[str, Received] = {}
        self._failed: dict[str, CxnetError] = {}
        self._total = 0

    def copy(self, url: str, read: Read, size: int | None = None) -> Received:
        """The file at ``url``.

        Args:
            url: its address.
            read: returns its bytes in chunks, from the start.
            size: their number, if it is known.

        Raises:
            CxnetError: it cannot be read, or is too large; a second call raises the same error without another try.
            StoppedError: the run is interrupted.
        """
        with self._guard:
            mutex = self._mutexes.setdefault(url, threading.Lock())
        with mutex:
            if url in self._copied:
                return self._copied[url]
            if url in self._failed:
                raise self._failed[url]
            try:
                received = self._unchanged(url, read, size) or self._copy(url, read, size)
            except StoppedError:
                raise
            except CxnetError as error:
                self._failed[url] = error
                raise
            self._copied[url] = self._store.keep(received)
            return received

    def _unchanged(self, url: str, read: Read, size: int | None) -> Received | None:
        """The file of the earlier fetch, if the bytes are still the same; None if there is none, or they are not."""
        known = self._known.get(url)
        if known is None or known.size != size:
            return None
        content = Content()
        for chunk in self._bounded(read, size):
            content.add(chunk)
            self._progress(len(chunk))
        received = _received(url, content)
        return received if received.file == known.file and self._store.holds(received) else None

    def _copy(self, url: str, read: Read, size: int | None) -> Received:
        part, content = self._part(url), Content()
        try:
            with part.open("wb") as file:
                for chunk in self._bounded(read, size):
                    file.write(chunk)
                    content.add(chunk)
                    self._count(len(chunk))
            received = _received(url, content)
            self._store.adopt(part, received.sha256, received.file.rpartition(".")[2])
            return received
        finally:
            part.unlink(missing_ok=True)

    def _bounded(self, read: Read, size: int | None) -> Iterator[bytes]:
        """The bytes of a file, until there are too many or the run is interrupted."""
        limit, received = self._client.policy.max_file_bytes, 0
        too_large = CxnetError(f"larger than {limit / 1e6:,.0f} MB (fetch.max_file_mb)")
        if size is not None and size > limit:
            raise too_large
        for chunk in read():
            received += len(chunk)
            if self._client.stop.is_set():
                raise StoppedError
            if received > limit:
                raise too_large
            yield chunk

    def _count(self, size: int) -> None:
        self._progress(size)
        with self._guard:
            self._total += size
        limit = self._client.policy.max_source_bytes
        if self._total > limit:
            raise CxnetError(f"the source's limit of {limit / 1e9:g} GB is reached (fetch.max_source_gb)")

    def _part(self, url: str) -> Path:
        self._store.parts.mkdir(parents=True, exist_ok=True)
        return self._store.parts / hashlib.sha256(url.encode()).hexdigest()


def _received(url: str, content: Content) -> Received:
    kind, extension = content_type(content.head)
    digest = content.digest.hexdigest()
    return Received(url, f"files/{digest}.{extension}", digest, content.size, kind)
