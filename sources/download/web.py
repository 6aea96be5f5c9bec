"""The web client that a source is given: its own hosts only, polite, bounded, recorded on request.

It answers for the live web, a mirror and the sandbox alike. ``sources/transport/client.py`` sends the requests,
``downloads.py`` brings archives.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from sources.core.addresses import Hosts
from sources.core.errors import UsageError
from sources.core.web import Page
from sources.download.downloads import Downloads
from sources.transport.browser_checks import BROWSER_CHECK, is_browser_check
from sources.transport.client import Client
from sources.transport.failures import TemporaryError
from sources.transport.mirror import write_copy


class SourceWeb:
    """Implements :class:`sources.core.web.Web` for one source.

    Args:
        client: sends the requests.
        hosts: the only hosts that may be contacted.
        downloads: brings archives, so that the listing and the films share one copy.
        folder: the source's folder, to which the paths of downloaded files are relative.
        record: folder in which every page is saved as an offline copy, or None.
    """

    def __init__(
        self, client: Client, hosts: Hosts, downloads: Downloads, folder: Path, record: Path | None = None
    ) -> None:
        self._client = client
        self._hosts = hosts
        self._downloads = downloads
        self._folder = folder
        self._record = record

    @property
    def offline(self) -> bool:
        """Does an offline copy answer instead of the live web?"""
        return self._client.offline

    def get(
        self, url: str, headers: Mapping[str, str] | None = None, suspect: Callable[[Page], bool] | None = None
    ) -> Page:
        """The page at ``url``.

        Args:
            suspect: is a page probably not the real answer? Then it is requested again after a while, as often as after
                a temporary failure; what comes in the end is returned.

        Raises:
            WebError: the request failed.
        """
        limit = self._client.policy.max_page_bytes

        def attempt() -> Page:
            with self._client.open(url, self._hosts, headers) as response:
                content = b"".join(self._client.chunks(response, url, limit))
                if is_browser_check(content):
                    raise TemporaryError(BROWSER_CHECK, response.status_code)
                lower_case = {name.lower(): value for name, value in response.headers.items()}
                return Page(response.url or url, content, lower_case)

        page = self._client.retrying(url, attempt)
        if suspect is not None and not self.offline:
            for turn in range(self._client.policy.retries):
                if not suspect(page):
                    break
                self._client.back_off(url, turn)
                page = self._client.retrying(url, attempt)
        if self._record is not None:
            write_copy(self._record, url, page.content)
        return page

    def archive(self, url: str) -> Path:
        """A local copy of the archive at ``url``, downloaded once.

        Raises:
            WebError: the request failed.
        """
        return self._folder / self._downloads.get(url).file

    def token(self, variable: str) -> str | None:
        """The API token in an environment variable; None offline, where no token is needed.

        Raises:
            UsageError: the live web needs the token and the variable is not set.
        """
        if self.offline:
            return None
        token = os.environ.get(variable, "").strip()
        if not token:
            raise UsageError(
                f"Set the environment variable {variable} (see README, Real sources) and run the command again."
            )
        return token
