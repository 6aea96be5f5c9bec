"""A small source on a loopback server, and a fetch of it with a client for tests."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from loopback import Site

from sources.core.items import Item
from sources.core.origin import LIVE
from sources.core.source import Source, Terms
from sources.core.storage import read_table
from sources.download.driver import FetchOptions, Outcome, fetch_source
from sources.download.store import Store
from sources.transport.client import Client
from sources.transport.policy import Policy

POLICY = Policy(
    contact="curator@example.org",
    delay_s=0.0,
    connections=4,
    timeout_s=1.0,
    retries=3,
    longest_wait_s=60.0,
    max_page_bytes=1_000_000,
    max_file_bytes=5_000_000,
    private_hosts=True,
)


def picture(number: int, size: int = 20_000) -> bytes:
    """Bytes that start like a PNG and depend on ``number``."""
    return b"\x89PNG\r\n\x1a\n" + np.random.default_rng(number).bytes(size)


def fill(site: Site, count: int, size: int = 20_000) -> list[str]:
    """Put ``count`` pictures and the list of them on a site, and return their paths."""
    paths = [f"/films/{number:03}.png" for number in range(count)]
    site.files |= {path: picture(number, size) for number, path in enumerate(paths)}
    relist(site, paths)
    return paths


def relist(site: Site, paths: list[str]) -> None:
    site.files["/list.json"] = json.dumps(paths).encode()


class Toy(Source):
    """Lists the pictures that ``/list.json`` of a site names."""

    name = "toy"
    title = "Toy"
    homepage = "http://127.0.0.1/"
    labels = ("covid",)
    hosts: tuple[str, ...] = ("127.0.0.1",)
    terms = Terms(licence="CC0", redistributable=True)
    optional = True

    def __init__(self, url: str) -> None:
        self.url = url

    def items(self, web: Any) -> Iterator[Item]:
        for path in web.get(f"{self.url}/list.json").json():
            yield Item(item_id=path, url=f"{self.url}{path}", patient_id="p1", label="covid")


def client(sleeps: list[float] | None = None, **limits: Any) -> Client:
    """A client that records the waits between tries in ``sleeps`` instead of waiting."""
    waited = sleeps if sleeps is not None else []
    return Client(replace(POLICY, **limits), sleep=waited.append, jitter=lambda: 0.5)


def fetch(
    source: Any,
    folder: Path,
    options: FetchOptions | None = None,
    origin: str = LIVE,
    with_client: Client | None = None,
) -> tuple[Outcome, pd.DataFrame]:
    """Fetch ``source`` into ``folder``, and return the outcome and the rows by item_id."""
    store = Store(folder, origin)
    with store.exclusive(lambda message: None):
        outcome = fetch_source(source, store, with_client or client(), options)
    return outcome, read_table(store.items).set_index("item_id")
