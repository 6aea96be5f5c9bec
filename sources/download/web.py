"""The one way to the web: polite, bounded, and blind to whether it talks to the live site or to an offline copy.

A source's ``items(web)`` gets a :class:`Web`; how requests behave is in ``client.py``, how files arrive in
``downloads.py``.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any

from sources.core.errors import UsageError
from sources.download.downloads import Downloads
from sources.transport.client import Client, WebError
from sources.transport.mirror import write_copy

__all__ = ["Page", "Web", "WebError"]


@dataclass(frozen=True)
class Page:
    """A page, a table or an API answer.

    Attributes:
        url: the address that answered, after redirects.
        content: bytes as received (decompressed).
        headers: names in lower case.
    """

    url: str
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The content as text, in the encoding that the server tells, else UTF-8; never fails."""
        told = Message()
        told["content-type"] = self.headers.get("content-type", "")
        try:
            return self.content.decode(told.get_content_charset("utf-8"), "replace")
        except (LookupError, ValueError):
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The content as JSON.

        Raises:
            WebError: it is none.
        """
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            raise WebError(self.url, "the answer is not JSON") from None


class Web:
    """The web as one source sees it: its own hosts only.

    Args:
        client: sends the requests.
        hosts: the only hosts that are asked.
        downloads: where archives go, so that the same copy serves the list and the films.
        record: folder in which every page is kept as an offline copy, or None.
    """

    def __init__(
        self, client: Client, hosts: tuple[str, ...], downloads: Downloads, folder: Path, record: Path | None = None
    ) -> None:
        self._client = client
        self._hosts = hosts
        self._downloads = downloads
        self._folder = folder
        self._record = record

    @property
    def offline(self) -> bool:
        """Does an offline copy answer?"""
        return self._client.offline

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Page:
        """The page at ``url``, whole.

        Raises:
            WebError: it cannot be had; ``status`` is the HTTP status where there is one.
        """
        limit = self._client.policy.max_page_bytes

        def attempt() -> Page:
            with self._client.open(url, self._hosts, headers) as response:
                content = b"".join(self._client.chunks(response, url, limit))
                told = {name.lower(): value for name, value in response.headers.items()}
                return Page(response.url or url, content, told)

        page = self._client.retrying(url, attempt)
        if self._record is not None:
            write_copy(self._record, url, page.content)
        return page

    def archive(self, url: str) -> Path:
        """A local copy of the archive at ``url``, fetched once into the source's store.

        Raises:
            WebError: it cannot be had.
        """
        return self._folder / self._downloads.get(url).file

    def token(self, variable: str) -> str | None:
        """The API token in the environment variable; None in an offline copy, which needs none.

        Raises:
            UsageError: the live web needs it and it is not set.
        """
        if self.offline:
            return None
        token = os.environ.get(variable, "").strip()
        if not token:
            raise UsageError(
                f"Set the environment variable {variable} (README, Real sources, says what it holds) and run it again."
            )
        return token
