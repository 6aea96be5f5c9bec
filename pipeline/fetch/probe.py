"""A source's web for a checkup: few requests, of files only the beginning, and a note of what each page showed."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sources.core.errors import StoppedError, WebError
from sources.core.formats import HEAD_BYTES, may_be_image
from sources.core.formats import content_type as type_of
from sources.core.layouts import Layout
from sources.core.source import Source
from sources.core.web import Page
from sources.download.downloads import Downloads
from sources.download.store import Store
from sources.download.web import SourceWeb
from sources.reading.layouts import shown_fields
from sources.transport.client import Client

ARCHIVES = frozenset({"application/zip", "application/gzip", "application/x-tar"})


class EnoughError(StoppedError):
    """The checkup has seen enough of a source; its listing ends here."""


@dataclass(frozen=True)
class SeenPage:
    """What a page showed of the layout that fits it best.

    Attributes:
        url: the address that was requested; ``answered``: the one that answered, after redirects.
        layout: None if the source has no layout for this address.
        shown: the fields and facts that it showed.
    """

    url: str
    answered: str
    layout: Layout | None
    shown: frozenset[str]

    @property
    def missing(self) -> list[str]:
        """The fields that it should show, and does not."""
        return [name for name in self.layout.fields if name not in self.shown] if self.layout else []

    @property
    def has_moved(self) -> bool:
        """Did another path or host answer?"""
        return _place(self.url) != _place(self.answered)


class ProbeWeb:
    """Implements :class:`sources.core.web.Web` for a checkup.

    Args:
        most_pages: so many pages are requested; the next request ends the listing.

    Attributes:
        pages, failures: what each request for a page (or archive) showed, or why it failed.
        archive_kind: the content type of the archive that lists the images, if there is one.
    """

    def __init__(self, source: Source, client: Client, origin: str, most_pages: int) -> None:
        self._source = source
        self._client = client
        self._reach = source.reach()
        store = Store(Path(), origin)  # nothing is stored
        self._web = SourceWeb(client, self._reach, Downloads(client, store, self._reach), store.folder)
        self._left = most_pages
        self.pages: list[SeenPage] = []
        self.failures: list[WebError] = []
        self.archive_kind: str | None = None

    @property
    def offline(self) -> bool:
        return self._web.offline

    def close(self) -> None:
        """Request no further page."""
        self._left = 0

    def get(
        self, url: str, headers: Mapping[str, str] | None = None, suspect: Callable[[Page], bool] | None = None
    ) -> Page:
        """The page at ``url``, noted.

        Raises:
            EnoughError: enough pages have been requested.
            WebError: the request failed.
        """
        if self._left <= 0:
            raise EnoughError()
        try:
            page = self._web.get(url, headers, suspect)
        except WebError as error:
            self.failures.append(error)
            self._left -= not self.offline  # what a copy lacks costs nobody anything
            raise
        self._left -= 1
        self.pages.append(_seen(self._source, url, page))
        return page

    def archive(self, url: str) -> Path:
        """Look at the beginning of the archive; the listing ends there, as its members are not fetched.

        Raises:
            EnoughError: it is an archive.
            WebError: it is none, or the request failed.
        """
        try:
            self.archive_kind = self.kind_of(url, is_archive)
        except WebError as error:
            self.failures.append(error)
            raise
        raise EnoughError()

    def token(self, variable: str) -> str | None:
        """See :class:`sources.core.web.Web`."""
        return self._web.token(variable)

    def kind_of(self, url: str, is_wanted: Callable[[str], bool] = may_be_image) -> str:
        """The content type of a file, recognized by its first bytes.

        Raises:
            WebError: the request failed, or the file has another type than wanted.
        """

        def attempt() -> bytes:
            ranged = {"Range": f"bytes=0-{HEAD_BYTES - 1}", "Accept-Encoding": "identity"}
            head = b""
            with self._client.open(url, self._reach, ranged) as response:
                for chunk in self._client.chunks(response, url, self._client.policy.max_file_bytes):
                    head += chunk
                    if len(head) >= HEAD_BYTES:
                        break
            return head[:HEAD_BYTES]

        kind, _ = type_of(self._client.retrying(url, attempt))
        if not is_wanted(kind):
            raise WebError(url, f"the file is of type {kind}")
        return kind


def is_archive(kind: str) -> bool:
    """Is this the content type of an archive?"""
    return kind in ARCHIVES


def _seen(source: Source, url: str, page: Page) -> SeenPage:
    """The page by the layout of which it shows most."""
    fitting = [layout for layout in source.layouts if re.search(layout.addresses, url)]
    shown = [(layout, shown_fields(layout, page.content)) for layout in fitting]
    if not shown:
        return SeenPage(url, page.url, None, frozenset())
    layout, fields = max(shown, key=lambda pair: (_share(*pair), len(pair[1])))
    return SeenPage(url, page.url, layout, frozenset(fields))


def _share(layout: Layout, shown: set[str]) -> float:
    return len(shown & set(layout.fields)) / max(1, len(layout.fields))


def _place(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return (parts.hostname or "").removeprefix("www."), parts.path.rstrip("/")
