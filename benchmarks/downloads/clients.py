"""Clients that download the same files: the project's own, and what people use otherwise.

Each takes addresses and a folder, and returns the number of files that it downloaded.
"""

import os
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from benchmarks.peers import environment
from sources.core.items import Item
from sources.core.origin import LIVE
from sources.core.source import Source, Terms
from sources.download.driver import FetchOptions, fetch_source
from sources.download.store import Store
from sources.transport.client import Client
from sources.transport.policy import Policy

OLD_SETUPTOOLS = "setuptools<81"  # img2dataset needs pkg_resources
CONNECTIONS = 16


class Films(Source):
    """A source that lists given addresses of the server."""

    name = "films"
    title = homepage = "loopback"
    labels: tuple[str, ...] = ("covid",)
    hosts: tuple[str, ...] = ("127.0.0.1",)
    terms = Terms(licence="CC0")
    optional = True

    def __init__(self, addresses: list[str]) -> None:
        self.addresses = addresses

    def items(self, web: Any) -> Iterator[Item]:
        yield from (Item(item_id=address, url=address) for address in self.addresses)


def addresses(url: str, files: int) -> list[str]:
    return [f"{url}/{number}.png" for number in range(files)]


def ours(urls: list[str], folder: Path, update: bool = False) -> int:
    policy = Policy(delay_s=0.0, connections=CONNECTIONS, private_hosts=True)
    store = Store(folder, LIVE)
    with store.exclusive(print):
        counts = fetch_source(Films(urls), store, Client(policy), FetchOptions(update=update)).counts
    return counts["fetched"] + counts["cached"]


def bare_client(urls: list[str], folder: Path) -> int:
    """The limit that the server sets: bare sockets, kept open, which discard every body."""
    host, port = urls[0].split("/")[2].split(":")

    def read(part: list[str]) -> int:
        with socket.create_connection((host, int(port))) as connection, connection.makefile("rb") as answer:
            for url in part:
                connection.sendall(f"GET /{url.rpartition('/')[2]} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                length = 0
                while (line := answer.readline()) != b"\r\n":
                    if line.startswith(b"Content-Length:"):
                        length = int(line.split()[1])
                answer.read(length)
        return len(part)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return sum(pool.map(read, (urls[start::CONNECTIONS] for start in range(CONNECTIONS))))


def requests_loop(urls: list[str], folder: Path) -> int:
    """What a simple script does: one file after another, without checks, named by number."""
    folder.mkdir()
    for number, url in enumerate(urls):
        (folder / f"{number}.png").write_bytes(requests.get(url, timeout=30).content)
    return len(urls)


def wget(urls: list[str], folder: Path) -> int:
    listed = folder.with_suffix(".txt")
    listed.write_text("\n".join(urls))
    subprocess.run(["wget", "-q", "-i", listed, "-P", folder], check=True)
    return len(list(folder.iterdir()))


def img2dataset(urls: list[str], folder: Path) -> int:
    listed = folder.with_suffix(".txt")
    listed.write_text("\n".join(urls))
    options = f"--processes_count 1 --thread_count {CONNECTIONS} --resize_mode no --output_format files --retries 0"
    command = [str(environment("img2dataset", OLD_SETUPTOOLS) / "bin" / "img2dataset"), "--url_list", str(listed)]
    quiet = os.environ | {"NO_ALBUMENTATIONS_UPDATE": "1"}
    subprocess.run(
        [*command, "--output_folder", str(folder), *options.split()], check=True, capture_output=True, env=quiet
    )
    return len(list(folder.rglob("*.jpg"))) + len(list(folder.rglob("*.png")))


def fetch_archive(url: str, folder: str) -> None:
    """Fetch the server's archive into ``folder``."""
    policy = Policy(delay_s=0.0, private_hosts=True)
    store = Store(Path(folder), LIVE)
    with store.exclusive(print):
        fetch_source(Films([f"{url}/archive.zip"]), store, Client(policy))
