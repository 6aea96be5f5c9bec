"""A real web server on loopback that serves files, with faults where a test wants them."""

import gzip
import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Fault = Callable[["Answer", int], bool]  # (answer, earlier requests for this path) -> whether it has answered


@dataclass(frozen=True)
class Request:
    """A request that the server received."""

    method: str
    path: str
    headers: dict[str, str]
    at: float


@dataclass
class Site:
    """What the server serves: content and faults by path (with query); and the requests that it received."""

    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    latency_s: float = 0.0
    url: str = ""
    most_at_once: int = 0
    at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def counts(self) -> Counter[str]:
        """The number of GET requests by path."""
        return Counter(request.path for request in self.requests if request.method == "GET")

    def headers_of(self, path: str) -> list[dict[str, str]]:
        """The headers of every request for ``path``, with names in lower case."""
        return [request.headers for request in self.requests if request.path == path]


@contextmanager
def serving(**facts: object) -> Iterator[Site]:
    """Run a site on a free port of 127.0.0.1."""
    site = Site(**facts)  # type: ignore[arg-type]
    server = _Server(("127.0.0.1", 0), Answer)
    server.site = site
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    site: Site

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that hang up: some tests are about them."""


class Answer(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: _Server
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        site = self.server.site
        with site.lock:
            before = sum(request.path == self.path and request.method == self.command for request in site.requests)
            headers = {name.lower(): value for name, value in self.headers.items()}
            site.requests.append(Request(self.command, self.path, headers, time.monotonic()))
            site.at_once += 1
            site.most_at_once = max(site.most_at_once, site.at_once)
        try:
            if site.latency_s:
                time.sleep(site.latency_s)
            with suppress(ConnectionError):
                fault = site.faults.get(self.path)
                if fault is None or not fault(self, before):
                    self.serve()
        finally:
            with site.lock:
                site.at_once -= 1

    def do_HEAD(self) -> None:
        self.do_GET()

    def serve(self, etag: str | None = None) -> None:
        """Answer correctly: 200, 206, 304, 404 or 416."""
        content = self.server.site.files.get(self.path)
        if content is None:
            self.respond(404, b"not here")
            return
        etag = etag or f'"{hashlib.sha1(content).hexdigest()}"'
        validators = {"ETag": etag, "Accept-Ranges": "bytes", "Content-Type": self.kind()}
        if self.headers.get("If-None-Match") == etag:
            self.respond(304, b"", validators)
            return
        start = self._start(content, etag)
        if start is None:
            self.respond(200, content, validators)
        elif start >= len(content):
            self.respond(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        else:
            span = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.respond(206, content[start:], validators | {"Content-Range": span})

    def kind(self) -> str:
        return self.server.site.kinds.get(self.path, "application/octet-stream")

    def respond(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Send a complete answer."""
        self.head(status, {"Content-Length": str(len(body))} | (headers or {}))
        if self.command != "HEAD":
            self.wfile.write(body)

    def head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def hang_up(self) -> None:
        self.wfile.flush()
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Print nothing."""

    def _start(self, content: bytes, etag: str) -> int | None:
        wanted = self.headers.get("Range", "")
        if not wanted.startswith("bytes=") or self.headers.get("If-Range", etag) != etag:
            return None
        return int(wanted.removeprefix("bytes=").partition("-")[0])


# ------------------------------------------------------------------------------------------------------- faults


def busy(times: int, status: int = 503, **headers: str) -> Fault:
    """``status`` for the first requests, then a correct answer."""

    def fault(answer: Answer, before: int) -> bool:
        if before < times:
            answer.respond(status, b"busy", {name.replace("_", "-"): value for name, value in headers.items()})
        return before < times

    return fault


def dropped(after: int, times: int = 1) -> Fault:
    """Break the connection after so many bytes of the body."""

    def fault(answer: Answer, before: int) -> bool:
        if before >= times:
            return False
        content = answer.server.site.files[answer.path]
        etag = f'"{hashlib.sha1(content).hexdigest()}"'
        start = answer._start(content, etag) or 0
        headers = {"Content-Length": str(len(content) - start), "ETag": etag, "Content-Type": answer.kind()}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        answer.head(206 if start else 200, headers)
        answer.wfile.write(content[start : start + after])
        answer.hang_up()
        return True

    return fault


def wrong_length(difference: int, times: int = 1) -> Fault:
    """A Content-Length that is too large by ``difference``."""

    def fault(answer: Answer, before: int) -> bool:
        if before >= times:
            return False
        content = answer.server.site.files[answer.path]
        answer.head(200, {"Content-Length": str(len(content) + difference)})
        answer.wfile.write(content)
        answer.hang_up()
        return True

    return fault


def nonsense_length(text: str) -> Fault:
    """A Content-Length that is not a number."""

    def fault(answer: Answer, before: int) -> bool:
        answer.head(200, {"Content-Length": text, "Connection": "close"})
        answer.wfile.write(answer.server.site.files[answer.path])
        answer.hang_up()
        return True

    return fault


def gzipped(cut: int = 0, times: int = 1_000_000, content: bytes | None = None) -> Fault:
    """A gzipped body without its last ``cut`` bytes, with the right Content-Length for the rest."""

    def fault(answer: Answer, before: int) -> bool:
        if before >= times:
            return False
        whole = gzip.compress(answer.server.site.files[answer.path] if content is None else content, mtime=0)
        answer.respond(200, whole[: len(whole) - cut], {"Content-Encoding": "gzip"})
        return True

    return fault


def packed(body: bytes) -> Fault:
    """A body that is gzip already, with the header for it."""

    def fault(answer: Answer, before: int) -> bool:
        answer.respond(200, body, {"Content-Encoding": "gzip"})
        return True

    return fault


def redirected(place: str, status: int = 302) -> Fault:
    """Redirect to another address."""

    def fault(answer: Answer, before: int) -> bool:
        answer.respond(status, b"", {"Location": place})
        return True

    return fault


def endless(answer: Answer, before: int) -> bool:
    """A body that never ends."""
    answer.head(200, {"Connection": "close"})
    while True:
        answer.wfile.write(b"x" * 65536)


def dripping(interval_s: float, times: int = 1_000_000) -> Fault:
    """Send one byte at a time."""

    def fault(answer: Answer, before: int) -> bool:
        if before >= times:
            return False
        content = answer.server.site.files[answer.path]
        answer.head(200, {"Content-Length": str(len(content))})
        for index in range(len(content)):
            answer.wfile.write(content[index : index + 1])
            time.sleep(interval_s)
        return True

    return fault


def dripping_head(answer: Answer, before: int) -> bool:
    """Headers that never end, one byte at a time."""
    answer.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(2000):
        answer.wfile.write(b"a")
        time.sleep(0.02)
    return True


def silent(seconds: float, times: int = 1_000_000) -> Fault:
    """Send nothing for so long, then hang up."""

    def fault(answer: Answer, before: int) -> bool:
        if before < times:
            time.sleep(seconds)
            answer.hang_up()
        return before < times

    return fault


def flapping(answer: Answer, before: int) -> bool:
    """A new ETag with every request, for the same bytes."""
    answer.serve(etag=f'"{before}"')
    return True
