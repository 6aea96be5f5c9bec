"""Synthetic films, and stand-ins for the web client that answer from rendered files, a mirror, or given pages."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from sources.core.errors import WebError
from sources.core.items import Item
from sources.core.source import Source
from sources.core.web import Page
from sources.sandbox.film import Film
from sources.sandbox.packing import mirror_path
from sources.transport.mirror import MirrorAdapter

Render = Callable[[Sequence[Film], np.random.Generator], Iterator[tuple[str, bytes]]]


def film(number: int, **facts: Any) -> Film:
    """A film with all facts stated, changed by ``facts``; its bytes hold its number."""
    plain: dict[str, Any] = {
        "film_id": f"f{number:04d}",
        "exposure_id": f"e{number:04d}",
        "source": "any",
        "person": f"p{number:03d}",
        "patient_id": f"patient{number:03d}",
        "study_id": f"s{number:03d}",
        "label": "covid",
        "finding": "COVID-19",
        "view": "PA",
        "stated_view": "PA",
        "age": 61.0,
        "stated_age": 61.0,
        "sex": "F",
        "stated_sex": "F",
        "offset_days": 3,
        "rt_pcr": "positive",
        "data": b"film %d" % number,
        "extension": "jpg",
        "width": 8,
        "height": 8,
    }
    return Film(**(plain | facts))


def gone(url: str) -> WebError:
    """The error for an address that a site does not have."""
    return WebError(url, "HTTP 404", 404)


class Site:
    """Answers ``get`` and ``archive`` from rendered files, as the offline client does."""

    offline = True

    def __init__(self, files: dict[str, bytes], folder: Path) -> None:
        self.files = files
        self.folder = folder

    def token(self, variable: str) -> None:
        return None

    def get(self, url: str, headers: object = None, suspect: object = None) -> Page:
        path = mirror_path(url)
        if path not in self.files:
            raise gone(url)
        return Page(url, self.files[path])

    def archive(self, url: str) -> Path:
        target = self.folder / sha256(url.encode()).hexdigest()
        target.write_bytes(self.get(url).content)
        return target


class Mirror:
    """Answers ``get`` and ``archive`` from an offline mirror on disk."""

    offline = True

    def __init__(self, folder: Path) -> None:
        self.adapter = MirrorAdapter(folder)

    def token(self, variable: str) -> None:
        return None

    def get(self, url: str, headers: object = None, suspect: object = None) -> Page:
        path = self.adapter.find(url)
        if path is None:
            raise gone(url)
        return Page(url, path.read_bytes())

    def archive(self, url: str) -> Path:
        path = self.adapter.find(url)
        if path is None:
            raise gone(url)
        return path

    def holds(self, item: Item) -> bool:
        """Whether the mirror has the image at any of its addresses."""
        return any(self.adapter.find(url) for url in (item.url, *item.alternates))


def list_items(source: Source, render: Render, films: Sequence[Film], folder: Path) -> tuple[list[Item], Site]:
    """The items that ``source`` lists when its site shows ``films``."""
    site = Site(dict(render(films, np.random.default_rng(1))), folder)
    return list(source.items(site)), site


def bytes_of(item: Item, site: Site) -> bytes | None:
    """The bytes of an item that is a file of its own; None if the site does not have the file."""
    contents = [site.files[mirror_path(url)] for url in (item.url, *item.alternates) if mirror_path(url) in site.files]
    return contents[0] if contents else None


def skips(items: Sequence[Item]) -> Counter[str]:
    """The number of items to fetch, and of items to skip by the first words of the reason."""
    return Counter((item.skip or "fetch").split(":")[0] for item in items)


def by_bytes(items: Sequence[Item], site: Site) -> dict[bytes, Item]:
    """Items by their bytes on the site."""
    return {data: item for item in items if (data := bytes_of(item, site)) is not None}


class Pages:
    """Answers from a dictionary of address -> markup, or of address -> error to raise; other addresses are gone."""

    def __init__(self, pages):
        self.pages = pages
        self.requests = []

    def get(self, url, headers=None, suspect=None):
        self.requests.append(url)
        if isinstance(self.pages.get(url), Exception):
            raise self.pages[url]
        if url not in self.pages:
            raise gone(url)
        return Page(url, self.pages[url].encode())
