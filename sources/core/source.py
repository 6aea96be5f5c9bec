"""What a source is, and what it says of one image.

A source is one module in this folder with one class that has the attributes of :class:`Source`. It reads pages and
tables through the ``Web`` it is given and yields an :class:`Item` for every image it *lists*; downloading, resuming,
hashing, rate limits, robots.txt and storing are written once, in ``web.py`` and ``fetch.py``.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import sources
from sources.core.errors import unknown

if TYPE_CHECKING:
    from sources.download.web import Web

LABELS = ("normal", "cap", "covid", "other")
VIEWS = ("PA", "AP", "AP_SUPINE", "L", "CT", "OTHER", "unknown")
FRONTAL = ("PA", "AP", "AP_SUPINE")


@dataclass(frozen=True)
class Item:
    """One image as its source lists it. What the source does not give stays None: nothing is guessed.

    Attributes:
        item_id: unique within the source and stable over time.
        url: address of the bytes (of the archive, when ``member`` is set).
        member: path inside the archive at ``url``.
        alternates: further addresses of the same image, tried in order when ``url`` is gone (or, when ``member`` is
            set, further archives that may hold that member, where the source does not say which one does).
        page_url: the page, table or API answer a person can check.
        label: one of :data:`LABELS`, or None when the source does not tell; ``finding`` is the source's own word.
        view: one of :data:`VIEWS`; ``modality`` is the source's own word (X-ray, CT, CR, ...).
        patient_id, study_id: as the source writes them; the store prefixes them with the source's name.
        age: years; ``sex``: F or M; ``pediatric``: True or False where the source tells (age below 18).
        offset_days: day of the film relative to admission or first symptoms, as the source counts.
        rt_pcr: positive or negative.
        licence: SPDX-like word of the source; ``attribution``: whom to credit; ``redistributable``: may the bytes be
            passed on under that licence (unknown = False).
        skip: why the bytes are not wanted although the image is listed (e.g. ``CT by metadata``); None = fetch them.
        box: crop (left, top, width, height) in pixels of the fetched picture, for one panel of a composite figure;
            ``panel`` is its letter.
        mask_urls: addresses of lung masks of this film.
    """

    item_id: str
    url: str
    member: str | None = None
    alternates: tuple[str, ...] = ()
    page_url: str | None = None
    label: str | None = None
    finding: str | None = None
    view: str = "unknown"
    modality: str | None = None
    patient_id: str | None = None
    study_id: str | None = None
    age: float | None = None
    sex: str | None = None
    pediatric: bool | None = None
    offset_days: float | None = None
    rt_pcr: str | None = None
    licence: str | None = None
    attribution: str | None = None
    redistributable: bool = False
    skip: str | None = None
    box: tuple[int, int, int, int] | None = None
    panel: str | None = None
    mask_urls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Terms:
    """What a source's licence and terms of use allow.

    Attributes:
        licence: in a few words; ``url``: where it stands.
        redistributable: may bytes be passed on (an item may be stricter or freer: it says so itself).
        machine_learning: may models trained on the films be shared (False: films serve for testing at most).
        needs_acceptance: automated copying is forbidden unless the user states that permission was obtained.
        token: environment variable with the API token that live access needs, or None; ``account``: the one with the
            id of the account that asks, where the API wants that too.
        manual: what to do instead, in one sentence, where live access is closed.
    """

    licence: str
    url: str | None = None
    redistributable: bool = False
    machine_learning: bool = True
    needs_acceptance: bool = False
    token: str | None = None
    account: str | None = None
    manual: str | None = None


@runtime_checkable
class Source(Protocol):
    """One collection of images.

    Attributes:
        name: the name in commands and columns (lower case, ``_``); ``title`` and ``homepage`` are for people.
        labels: the labels its images can carry.
        hosts: the only hosts it may touch (redirects included).
        terms: licence and access.
        optional: True for a source that is not one of the paper's thirteen.

    Optional hooks:
        read(item): ``Iterator[bytes]`` of the item's file, for a source whose bytes do not come over the web
            (``folder``); the fetch driver copies from it instead of downloading ``item.url``. It raises
            ``CxnetError`` for a file that is gone. ``size(item)``: the bytes of that file, for a dry run.
        page_items(web, url): ``Iterator[Item]`` of the one case page at ``url``, for a source whose images stand on
            pages that a person can name: ``items`` uses it for every page it lists, ``fetch --url`` for those given.
            Those stand on its hosts, or with ``names_pages_freely = True`` are what it can read (a DOI, a file).

    A source whose list stands only inside an archive (a zip's member names) asks ``web.archive(url)`` for a local path
    of that archive: it is downloaded once into the source's store, and the fetch driver takes the members from the same
    copy. Where a table lists the images, ``items`` fetches the table alone and nothing large.
    """

    name: str
    title: str
    homepage: str
    labels: tuple[str, ...]
    hosts: tuple[str, ...]
    terms: Terms
    optional: bool

    def items(self, web: "Web") -> Iterator[Item]:
        """Yield every image the source lists, in a stable order."""
        ...


@cache
def registry() -> dict[str, Source]:
    """Every source of the folder ``sources/`` by name, in name order.

    Raises:
        RuntimeError: two modules define the same name.
    """
    found: dict[str, Source] = {}
    modules = [entry for entry in pkgutil.iter_modules(sources.__path__) if not entry.ispkg]
    for module in sorted(modules, key=lambda entry: entry.name):
        for source in _defined_in(importlib.import_module(f"sources.{module.name}")):
            if source.name in found:
                raise RuntimeError(f"Two sources are named '{source.name}' (second one in sources/{module.name}.py).")
            found[source.name] = source
    return dict(sorted(found.items()))


def get_source(name: str) -> Source:
    """The source called ``name``.

    Raises:
        UsageError: there is none; the message lists those that are.
    """
    if name not in registry():
        raise unknown("source", name, list(registry()))
    return registry()[name]


def unparsed(url: str, selector: str) -> Item:
    """The row of a page that parses to no image where one is expected; ``selector`` is what found nothing."""
    reason = f"parse: no image found at {url} (selector {selector})"
    return Item(item_id=f"page {url}", url=url, page_url=url, skip=reason)


def _defined_in(module: Any) -> list[Source]:
    """Instances of the classes that ``module`` itself lists in ``SOURCES``."""
    return list(getattr(module, "SOURCES", ()))
