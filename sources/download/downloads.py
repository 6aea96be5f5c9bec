"""One file from the web into the store: resumed where it stopped, checked, and never downloaded twice."""

import hashlib
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import requests

from sources.core.addresses import Hosts
from sources.core.errors import StoppedError, WebError
from sources.core.formats import HEAD_BYTES, content_type
from sources.download.store import BLOCK_BYTES, Received, Store
from sources.transport.browser_checks import BROWSER_CHECK, is_browser_check
from sources.transport.client import Client
from sources.transport.failures import TemporaryError
from sources.transport.mirror import write_copy

Progress = Callable[[int], None]
ERROR_PAGE_BYTES = 1_000_000
ERROR_KEYS = frozenset({"error", "errors", "message", "fault", "code", "status", "statusCode", "detail"})
PROMPT_S = 0.1  # a download that takes longer is worth resuming if the fetch is killed


class Downloads:
    """Downloads files of one source into its store; every address once, from any number of threads.

    Args:
        client, store, hosts: what sends the requests, where files go, and the only hosts that may be contacted.
        known: files of an earlier complete fetch, by address; they are not requested again unless ``refresh``.
        refresh: ask for every known file whether it has changed (``If-None-Match``, ``If-Modified-Since``).
        progress: called with the number of bytes as they arrive.
        record: folder in which every file is also saved as an offline copy, or None.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        hosts: Hosts,
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
        self._mutexes: dict[str, threading.Lock] = {}
        self._failed: dict[str, WebError] = {}
        self._total = 0
        self._has_parts = False

    def is_available(self, url: str) -> bool:
        """Is the file at ``url`` here already, so that no request is needed?"""
        return url in self._store.finished or (url in self._known and not self._refresh and not self._client.offline)

    def get(self, url: str) -> Received:
        """The file at ``url``.

        Raises:
            WebError: the download failed; a second call raises the same error without another try.
        """
        with self._guard:
            mutex = self._mutexes.setdefault(url, threading.Lock())
        with mutex:
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
            if known is not None and received.sha256 == known.sha256:
                received = known  # the same bytes are no change, whatever the validators say
            if self._record is not None:
                write_copy(self._record, url, self._store.folder / received.file)
            return self._store.keep(received)

    def size(self, url: str) -> int | None:
        """The size in bytes that the server states for the file at ``url``, or None.

        Raises:
            WebError: the request failed.
        """

        def attempt() -> int | None:
            with self._client.open(url, self._hosts, method="HEAD") as response:
                length = response.headers.get("Content-Length")
                return int(length) if length and length.isdigit() else None

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
                raise TemporaryError("the server refused to resume the download", 416, wait_s=0.0)
            resumed = response.status_code == 206 and _begins_at(response, start)
            if response.status_code == 206 and not resumed:
                part.unlink(missing_ok=True)
                raise TemporaryError("the server sent another part of the file than requested", 206, wait_s=0.0)
            content = self._receive(url, response, part, start if resumed else 0)
            if reason := _error_page(part, content):
                part.unlink()
                raise TemporaryError(reason, response.status_code)
            return self._finish(url, part, content, response)

    def _receive(self, url: str, response: requests.Response, part: Path, start: int) -> "Content":
        """Append the body to the partial file, which has ``start`` bytes already.

        What resuming needs is written down only if the file takes a while: most files are small and never need it.
        """
        content = Content.of(part) if start else Content()
        if not start:
            _note_path(part).unlink(missing_ok=True)  # a note must never outlive the bytes that it describes
        limit = self._client.policy.max_file_bytes
        began, noted = time.monotonic(), False
        with part.open("ab" if start else "wb") as file:
            try:
                for chunk in self._client.chunks(response, url, limit - start):
                    self._write(file, chunk, content)
                    if not noted and time.monotonic() - began > PROMPT_S:
                        file.flush()
                        _note_validator(part, response)
                        noted = True
            except (TemporaryError, StoppedError):
                file.flush()
                _note_validator(part, response)
                raise
        return content

    def _write(self, file: IO[bytes], chunk: bytes, content: "Content") -> None:
        file.write(chunk)
        content.add(chunk)
        self._progress(len(chunk))
        with self._guard:
            self._total += len(chunk)
        if self._total > self._client.policy.max_source_bytes:
            limit = self._client.policy.max_source_bytes / 1e9
            raise WebError(Path(file.name).name, f"the source's limit of {limit:g} GB is reached (fetch.max_source_gb)")

    def _finish(self, url: str, part: Path, content: "Content", response: requests.Response) -> Received:
        kind, extension = content_type(content.head)
        digest = content.digest.hexdigest()
        file = self._store.adopt(part, digest, extension)
        _note_path(part).unlink(missing_ok=True)
        now = None if self._client.offline else self._client.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        etag, modified = response.headers.get("ETag"), response.headers.get("Last-Modified")
        return Received(url, file, digest, content.size, kind, etag, modified, retrieved_at=now)

    def _part(self, url: str) -> Path:
        if not self._has_parts:
            self._store.parts.mkdir(parents=True, exist_ok=True)
            self._has_parts = True
        return self._store.parts / hashlib.sha256(url.encode()).hexdigest()


class Content:
    """What is known about bytes while they arrive: their sha256, their number and their beginning."""

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
        """Add the next bytes."""
        if self.size < HEAD_BYTES:
            self.head = (self.head + chunk)[:HEAD_BYTES]
        self.size += len(chunk)
        self.digest.update(chunk)


def _error_page(part: Path, content: Content) -> str | None:
    """Why a complete body is a temporary error that the server sent with status 200; None = it is the file."""
    kind = content_type(content.head)[0]
    if kind not in ("text/html", "application/json") or content.size > ERROR_PAGE_BYTES:
        return None
    body = part.read_bytes()
    if kind == "text/html":
        return BROWSER_CHECK if is_browser_check(body) else None
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict) or ERROR_KEYS.isdisjoint(answer):
        return None
    return f"an error in JSON instead of the file: {' '.join(body.decode('utf-8', 'replace').split())[:120]}"


def _resume_point(part: Path) -> tuple[int, str | None]:
    """Bytes that have arrived, and the validator that shows whether the rest still belongs to them."""
    try:
        validator = json.loads(_note_path(part).read_text(encoding="utf-8"))
        return part.stat().st_size, validator if isinstance(validator, str) else None
    except (OSError, ValueError):
        return 0, None


def _note_validator(part: Path, response: requests.Response) -> None:
    """Write down what If-Range needs; a download with a weak ETag or an encoded body cannot be resumed."""
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
