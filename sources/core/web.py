"""What a source may ask of the web: pages, archives and tokens. ``sources/download/web.py`` implements it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any, Protocol

from sources.core.errors import WebError


@dataclass(frozen=True)
class Page:
    """A page, a table or an API answer.

    Attributes:
        url: the address that answered, after redirects.
        content: the bytes as received, decompressed.
        headers: response headers, names in lower case.
    """

    url: str
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The content as text, in the encoding that the server names, else UTF-8; never fails."""
        header = Message()
        header["content-type"] = self.headers.get("content-type", "")
        try:
            return self.content.decode(header.get_content_charset("utf-8"), "replace")
        except (LookupError, ValueError):
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The content as JSON.

        Raises:
            WebError: the content is not JSON.
        """
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            raise WebError(self.url, "the answer is not JSON") from None


class Web(Protocol):
    """The web as one source sees it. A source cannot tell the live web from a mirror or the sandbox."""

    @property
    def offline(self) -> bool:
        """Does an offline copy answer instead of the live web?"""
        ...

    def get(
        self, url: str, headers: Mapping[str, str] | None = None, suspect: Callable[[Page], bool] | None = None
    ) -> Page:
        """The page at ``url``.

        Args:
            suspect: is a page probably not the real answer, such as the empty list of a busy server? Then it is
                requested again after a while; what comes in the end is returned.

        Raises:
            WebError: the request failed.
        """
        ...

    def archive(self, url: str) -> Path:
        """A local copy of the archive at ``url``, downloaded once and shared with the fetch of its members.

        Raises:
            WebError: the request failed.
        """
        ...

    def token(self, variable: str) -> str | None:
        """The API token in an environment variable; None offline, where no token is needed.

        Raises:
            UsageError: the live web needs the token and the variable is not set.
        """
        ...
