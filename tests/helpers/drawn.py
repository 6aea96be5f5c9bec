"""Drawn films, and a stand-in for the web client that answers from a site's rendered files."""

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
    """A film of which the site says everything, unless ``facts`` say otherwise; its bytes name it."""
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
    """The answer to an address that a site does not have."""
    return WebError(url, "HTTP 404", 404)


class Site:
    """Answers ``get`` and ``archive`` from rendered files, as the offline client does."""

    offline = True

    def __init__(self, files: dict[str, bytes], folder: Path) -> None:
        self.files = files
        self.folder = folder

    def token(self, variable: str) -> None:
        return None

    def get(self, url: str, headers: object = None) -> Page:
        path = mirror_path(url)
        if path not in self.files:
            raise gone(url)
        return Page(url, self.files[path])

    def archive(self, url: str) -> Path:
        target = self.folder / sha256(url.encode()).hexdigest()
        target.write_bytes(self.get(url).content)
        return target


class Copy:
    """Answers ``get`` and ``archive`` from an offline copy on disk, and says which of some addresses it holds."""

    offline = True

    def __init__(self, folder: Path) -> None:
        self.adapter = MirrorAdapter(folder)

    def token(self, variable: str) -> None:
        return None

    def get(self, url: str, headers: object = None) -> Page:
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
        return any(self.adapter.find(url) for url in (item.url, *item.alternates))


def shown(source: Source, render: Render, films: Sequence[Film], folder: Path) -> tuple[list[Item], Site]:
    """What ``source`` lists when its site shows ``films``."""
    site = Site(dict(render(films, np.random.default_rng(1))), folder)
    return list(source.items(site)), site


def bytes_of(item: Item, site: Site) -> bytes | None:
    """The bytes behind an item that is a file of its own; None where the site has no such file."""
    found = [site.files[mirror_path(url)] for url in (item.url, *item.alternates) if mirror_path(url) in site.files]
    return found[0] if found else None


def skips(items: Sequence[Item]) -> Counter[str]:
    """How many items are to be fetched, and how many are not, by the first words of the reason."""
    return Counter((item.skip or "fetch").split(":")[0] for item in items)


def by_bytes(items: Sequence[Item], site: Site) -> dict[bytes, Item]:
    """Items by the bytes that their site shows for them."""
    return {data: item for item in items if (data := bytes_of(item, site)) is not None}


class Pages:
    """Answers from a dictionary of address -> markup; an error is raised, an absent address is gone."""

    def __init__(self, pages):
        self.pages = pages
        self.asked = []

    def get(self, url):
        self.asked.append(url)
        if isinstance(self.pages.get(url), Exception):
            raise self.pages[url]
        if url not in self.pages:
            raise gone(url)
        return Page(url, self.pages[url].encode())
