"""A loopback server with latency, in a process of its own: many small PNG files and one large archive."""

import multiprocessing
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import cv2
import numpy as np

LATENCY_S = 0.02
SIDE = 387  # pixels; noise of this size is a PNG of 150 KB


def serve(listener: socket.socket, files: int, archive_mb: int) -> None:
    """Answer ``/<number>.png`` after a delay and ``/archive.zip`` at once, with one thread per connection."""
    noise = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE), np.uint8)
    body = cv2.imencode(".png", noise)[1].tobytes()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer_requests, args=(connection, body, files, archive_mb), daemon=True).start()


def answer_requests(connection: socket.socket, body: bytes, files: int, archive_mb: int) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    block = bytes(1_000_000)
    with suppress(ConnectionError), connection, connection.makefile("rb") as request:
        while first := request.readline():
            while request.readline() not in (b"\r\n", b""):
                pass
            method, path = first.split()[:2]
            name = path[1:].partition(b".")[0]
            if path == b"/archive.zip":
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (archive_mb * len(block) + 4))
                connection.sendall(b"PK\x03\x04")
                for _ in range(archive_mb):
                    connection.sendall(block)
            elif name.isdigit() and int(name) < files:
                time.sleep(LATENCY_S)
                content = body + b"%08d" % int(name)
                head = b'HTTP/1.1 200 OK\r\nETag: "%s"\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n'
                connection.sendall(head % (name, len(content)) + (content if method == b"GET" else b""))
            else:
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


@contextmanager
def serving(files: int, archive_mb: int) -> Iterator[str]:
    """Run the server and yield its address."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    process = multiprocessing.get_context("fork").Process(target=serve, args=(listener, files, archive_mb), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        process.kill()
        listener.close()
