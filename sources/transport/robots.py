"""robots.txt, read once per host and obeyed (RFC 9309): absent = all allowed, unreadable = nothing allowed."""

import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from protego import Protego

from sources.core.errors import WebError


class Robots:
    """What the robots.txt files of the hosts allow.

    Args:
        user_agent: our name.
        read: returns status and content of the file at an address; raises ``WebError`` if the request fails.
    """

    def __init__(self, user_agent: str, read: Callable[[str], tuple[int, bytes]]) -> None:
        self._user_agent = user_agent
        self._read = read
        self._mutex = threading.Lock()
        self._site_mutexes: dict[str, threading.Lock] = {}
        self._sites: dict[str, Protego | str] = {}

    def refusal(self, url: str) -> str | None:
        """Why ``url`` may not be requested; None = it may."""
        rules = self._site(url)
        if isinstance(rules, str):
            return rules
        return None if rules.can_fetch(url, self._user_agent) else "robots.txt forbids it"

    def delay_s(self, url: str) -> float:
        """The minimum time between two requests that the host demands, at most a minute."""
        rules = self._site(url)
        return 0.0 if isinstance(rules, str) else min(60.0, float(rules.crawl_delay(self._user_agent) or 0.0))

    def _site(self, url: str) -> "Protego | str":
        """The rules of a host, or why they cannot be read."""
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        with self._mutex:
            site_mutex = self._site_mutexes.setdefault(site, threading.Lock())
        with site_mutex:
            if site not in self._sites:
                self._sites[site] = self._rules(f"{site}/robots.txt")
            return self._sites[site]

    def _rules(self, url: str) -> "Protego | str":
        try:
            status, content = self._read(url)
        except WebError as error:
            return f"its robots.txt cannot be read: {error.reason}"
        if status >= 500:
            return f"its robots.txt cannot be read: HTTP {status}"
        return Protego.parse(content.decode("utf-8", "replace") if status == 200 else "")
