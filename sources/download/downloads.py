"""One file from the web into the store: resumed where it stopped, checked, and never fetched twice."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import requests

from sources.core.errors import StoppedError, WebError
from sources.download.sniff import HEAD_BYTES, sniff
from sources.download.store import BLOCK_BYTES, Received, Store
from sources.transport.client import Client, PassingError
from sources.transport.mirror import write_copy

Progress = Callable[[int], None]
PROMPT_S = 0.1  # a file that takes longer is one that a killed fetch would want to continue


class Downloads:
    """Fetches files of one source into its store; every address once, from whatever thread.

    Args:
        client, store, hosts: how, where to, and from which hosts.
        known: what an earlier complete fetch received, by address; None of it is asked again unless ``refresh``.
        refresh: ask for every known file whether it has changed (``If-None-Match``, ``If-Modified-Since``).
        progress: told the number of bytes as they arrive.
        record: folder in which every file is kept as an offline copy, too, or None.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        hosts: tuple[str, ...],
        known: dict[str, Received] | None = None,
        refresh: bool = False,
        progress: Progress | None = None,
        record: Path | None = None,
    ) -> None:
        self._client = client
        self._store = store
        self._hosts = hosts
        self._known = known or {}
        self._refresh = refresh
        self._progress = progress or (lambda count: None)
        self._record = record
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._failed: dict[str, WebError] = {}
        self._taken = 0
        self._has_parts = False

    def at_hand(self, url: str) -> bool:
        """Is the file at ``url`` here, so that nobody need be asked?"""
        return url in self._store.finished or (url in self._known and not self._refresh and not self._client.offline)

    def get(self, url: str) -> Received:
        """The file at ``url``.

        Raises:
            WebError: it cannot be had (told again, not tried again, when asked twice).
        """
        with self._guard:
            lock = self._locks.setdefault(url, threading.Lock())
        with lock:
            if url in self._store.finished:
                return self._store.finished[url]
            if url in self._failed:
                raise self._failed[url]
            known = self._known.get(url) if not self._client.offline else None
            if known is not None and not self._refresh:
                return known
            try:
                received = self._client.retrying(url, lambda: self._attempt(url, known))
            except WebError as error:
                self._failed[url] = error
                raise
            if self._record is not None:
                write_copy(self._record, url, self._store.folder / received.file)
            return self._store.keep(received)

    def copy(self, url: str, chunks: Iterator[bytes]) -> Received:
        """A file that does not come over the web (a folder's), by its bytes."""
        part, content = self._part(url), Content()
        with part.open("wb") as file:
            for chunk in chunks:
                self._take(file, chunk, content)
        return self._store.keep(self._finish(url, part, content, None))

    def size(self, url: str) -> int | None:
        """Bytes of the file at ``url`` as its server tells; None where it does not.

        Raises:
            WebError: it cannot be had.
        """

        def attempt() -> int | None:
            with self._client.open(url, self._hosts, method="HEAD") as response:
                told = response.headers.get("Content-Length")
                return int(told) if told and told.isdigit() else None

        return self._client.retrying(url, attempt)

    def _attempt(self, url: str, known: Received | None) -> Received:
        part = self._part(url)
        start, validator = _resume_point(part)
        headers = {"Accept-Encoding": "identity"}
        if start and validator:
            headers |= {"Range": f"bytes={start}-", "If-Range": validator}
        elif known is not None:
            headers |= _conditions(known)
        with self._client.open(url, self._hosts, headers) as response:
            if response.status_code == 304 and known is not None:
                return known
            if response.status_code == 416:
                part.unlink(missing_ok=True)
                raise PassingError("the server refused to go on with a part of the file", 416, wait_s=0.0)
            resumed = response.status_code == 206 and _begins_at(response, start)
            if response.status_code == 206 and not resumed:
                part.unlink(missing_ok=True)
                raise PassingError("the server sent another part of the file than asked", 206, wait_s=0.0)
            content = self._receive(url, response, part, start if resumed else 0)
            return self._finish(url, part, content, response)

    def _receive(self, url: str, response: requests.Response, part: Path, start: int) -> "Content":
        """Append the body to the partial file, of which ``start`` bytes are there already.

        What a continuation needs is noted when the file does not come at once: most files are small and never need it.
        """
        content = Content.of(part) if start else Content()
        if not start:
            _note_path(part).unlink(missing_ok=True)  # a note must never outlive the bytes that it is about
        limit = self._client.policy.max_file_bytes
        began, noted = time.monotonic(), False
        with part.open("ab" if start else "wb") as file:
            try:
                for chunk in self._client.chunks(response, url, limit - start):
                    self._take(file, chunk, content)
                    if not noted and time.monotonic() - began > PROMPT_S:
                        file.flush()
                        _note_validator(part, response)
                        noted = True
            except (PassingError, StoppedError):
                file.flush()
                _note_validator(part, response)
                raise
        return content

    def _take(self, file: IO[bytes], chunk: bytes, content: "Content") -> None:
        file.write(chunk)
        content.add(chunk)
        self._progress(len(chunk))
        with self._guard:
            self._taken += len(chunk)
        if self._taken > self._client.policy.max_source_bytes:
            limit = self._client.policy.max_source_bytes / 1e9
            raise WebError(Path(file.name).name, f"the source's limit of {limit:g} GB is reached (fetch.max_source_gb)")

    def _finish(self, url: str, part: Path, content: "Content", response: requests.Response | None) -> Received:
        kind, extension = sniff(content.head)
        digest = content.digest.hexdigest()
        file = self._store.adopt(part, digest, extension)
        _note_path(part).unlink(missing_ok=True)
        headers = response.headers if response is not None else {}
        is_live = response is not None and not self._client.offline
        now = self._client.now().strftime("%Y-%m-%dT%H:%M:%SZ") if is_live else None
        etag, modified = headers.get("ETag"), headers.get("Last-Modified")
        return Received(url, file, digest, content.size, kind, etag, modified, retrieved_at=now)

    def _part(self, url: str) -> Path:
        if not self._has_parts:
            self._store.parts.mkdir(parents=True, exist_ok=True)
            self._has_parts = True
        return self._store.parts / hashlib.sha256(url.encode()).hexdigest()


class Content:
    """What is known of bytes while they arrive: their sha256, their number, and how they begin."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.size = 0
        self.head = b""

    @classmethod
    def of(cls, path: Path) -> "Content":
        """The content of a file."""
        content = cls()
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                content.add(block)
        return content

    def add(self, chunk: bytes) -> None:
        """Take in the next bytes."""
        if self.size < HEAD_BYTES:
            self.head = (self.head + chunk)[:HEAD_BYTES]
        self.size += len(chunk)
        self.digest.update(chunk)


def _resume_point(part: Path) -> tuple[int, str | None]:
    """Bytes that have arrived, and the validator that tells whether the rest still belongs to them."""
    try:
        validator = json.loads(_note_path(part).read_text(encoding="utf-8"))
        return part.stat().st_size, validator if isinstance(validator, str) else None
    except (OSError, ValueError):
        return 0, None


def _note_validator(part: Path, response: requests.Response) -> None:
    """Remember what If-Range needs; a weak ETag or an encoded body cannot be continued."""
    etag = response.headers.get("ETag", "")
    strong = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")
    if strong and "Content-Encoding" not in response.headers:
        _note_path(part).write_text(json.dumps(strong), encoding="utf-8")
    else:
        _note_path(part).unlink(missing_ok=True)


def _note_path(part: Path) -> Path:
    return part.with_suffix(".json")


def _conditions(known: Received) -> dict[str, str]:
    headers = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in headers.items() if value}


def _begins_at(response: requests.Response, start: int) -> bool:
    return response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
