"""The base class of all sources, their terms of use, and the registry.

A source is one module in ``sources/`` with a subclass of :class:`Source`. It reads pages and tables through the
:class:`~sources.core.web.Web` it is given and yields an :class:`~sources.core.items.Item` for every image it *lists*.
Downloading, resuming, hashing, rate limits, robots.txt and storage are written once, in ``sources/transport`` and
``sources/download``.
"""

import importlib
import pkgutil
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cache

import sources
from sources.core.addresses import Hosts
from sources.core.errors import UsageError, unknown
from sources.core.items import Item
from sources.core.layouts import Layout
from sources.core.web import Web

FOLDER_MODULE = "folder"  # the one module without a source of its own: the profile describes folders


@dataclass(frozen=True)
class Terms:
    """What a source's license and terms of use allow.

    Attributes:
        licence: in a few words; ``url``: where to read it.
        redistributable: may the bytes be passed on (an item may say otherwise for itself).
        machine_learning: may models trained on the films be shared (False: use the films for testing only).
        needs_acceptance: automated copying is forbidden unless the user states that permission was obtained.
        token: environment variable with the API token that live access needs, or None; ``account``: the variable with
            the id of the requesting account, where the API wants that too.
        manual: what to do instead where live access is closed, in one sentence.
    """

    licence: str
    url: str | None = None
    redistributable: bool = False
    machine_learning: bool = True
    needs_acceptance: bool = False
    token: str | None = None
    account: str | None = None
    manual: str | None = None


@dataclass(frozen=True)
class Option:
    """One attribute of a source that a profile may set, to text.

    Attributes:
        name: of the attribute; ``meaning``: what its value should be; ``pattern``: a regular expression for it.
    """

    name: str
    meaning: str
    pattern: str = ".+"


class Source(ABC):
    """One collection of images. A subclass sets the attributes and implements :meth:`items`; the rest is optional.

    A source whose only list of images is inside an archive (the member names of a zip) calls ``web.archive(url)`` for a
    local path of it. The archive is downloaded once, and the driver takes the members from the same file. Where a table
    lists the images, ``items`` reads the table alone and downloads nothing large.

    Attributes:
        name: the name in commands and columns (lower case, ``_``); ``title`` and ``homepage`` are for people.
        labels: the labels that its images can have.
        hosts: the only hosts it may contact, redirects included; ``.name`` allows every subdomain of ``name``.
        api_hosts: the official APIs among them, each a host or ``host/path``; robots.txt does not decide about them.
        layouts: the forms of its pages, answers and tables that the module reads, each with the date it was last seen.
        terms: license and access.
        options: attributes that a profile may set, as ``fetch.options.<source>.<name>``.
        optional: True for a source that is not one of the paper's thirteen.
        has_pages: True for a source whose images are on pages that a person can name; it implements
            :meth:`page_items`, which ``fetch --url`` calls.
        is_local: True where :meth:`read` returns the bytes, and nothing comes from the web.
        names_pages_freely: True where a page need not be an address on ``hosts`` (a DOI, a file of saved answers).
    """

    name: str
    title: str
    homepage: str
    labels: tuple[str, ...]
    hosts: tuple[str, ...]
    terms: Terms
    api_hosts: tuple[str, ...] = ()
    layouts: tuple[Layout, ...] = ()
    options: tuple[Option, ...] = ()
    optional: bool = False
    has_pages: bool = False
    is_local: bool = False
    names_pages_freely: bool = False

    def reach(self, urls: Sequence[str] = ()) -> Hosts:
        """The hosts it may contact, and the official APIs among them.

        Args:
            urls: pages that the user named; a source may allow their hosts, too.
        """
        return Hosts(self.hosts, self.api_hosts)

    def configured(self, values: Mapping[str, str]) -> "Source":
        """A copy of the source with the user's options.

        Raises:
            UsageError: an option is unknown, or its value is not valid.
        """
        known = {option.name: option for option in self.options}
        for name, value in values.items():
            if name not in known:
                valid = f"expected one of: {', '.join(known)}" if known else "the source has none"
                raise UsageError(f"Unknown option '{name}' of source '{self.name}' (fetch.options); {valid}.")
            if not re.fullmatch(known[name].pattern, value):
                raise UsageError(f"fetch.options.{self.name}.{name} is '{value}': it should be {known[name].meaning}.")
        source = copy(self)
        vars(source).update(values)
        return source

    @abstractmethod
    def items(self, web: Web) -> Iterator[Item]:
        """Yield every image that the source lists, in a stable order."""

    def page_items(self, web: Web, url: str) -> Iterator[Item]:
        """Yield the images of the one page ``url``.

        Raises:
            UsageError: the source has no pages (the default).
        """
        raise UsageError(f"'{self.name}' has no pages; leave out --url and --urls.")

    def read(self, item: Item) -> Iterator[bytes]:
        """The bytes of an item in chunks, for a source that is local.

        Raises:
            CxnetError: the item's file cannot be read. The message becomes the reason of its row.
        """
        raise NotImplementedError(f"'{self.name}' comes from the web")

    def size(self, item: Item) -> int | None:
        """The size in bytes of an item that :meth:`read` returns; None (the default) = ask the server.

        Raises:
            CxnetError: the item's file is missing.
        """
        return None


def source_names() -> list[str]:
    """The names of all sources in the folder ``sources/``, sorted: a module has the name of its source."""
    modules = [entry.name for entry in pkgutil.iter_modules(sources.__path__) if not entry.ispkg]
    return sorted(set(modules) - {FOLDER_MODULE})


def registry() -> dict[str, Source]:
    """Every source in the folder ``sources/`` by name, in name order.

    Raises:
        RuntimeError: a module does not define the one source of its name.
    """
    return {name: get_source(name) for name in source_names()}


@cache
def get_source(name: str) -> Source:
    """The source called ``name``; no other module of a source is imported.

    Raises:
        UsageError: there is no such source; the message lists those that exist.
        RuntimeError: its module does not define the one source of that name.
    """
    if name not in source_names():
        raise unknown("source", name, source_names())
    source = vars(importlib.import_module(f"sources.{name}")).get("SOURCE")
    if not isinstance(source, Source) or source.name != name:
        raise RuntimeError(f"sources/{name}.py must define SOURCE, an instance of Source with name = '{name}'.")
    return source
