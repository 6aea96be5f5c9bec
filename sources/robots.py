"""robots.txt, read once per host and honoured (RFC 9309): absent = all allowed, unreadable = nothing allowed."""

import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from protego import Protego

from sources.errors import CxnetError

NOTHING_ALLOWED = "User-agent: *\nDisallow: /"


class Robots:
    """What the robots.txt files of the hosts allow.

    Args:
        user_agent: our name.
        read: status and content of the file at an address; raises ``CxnetError`` when it cannot be had.
    """

    def __init__(self, user_agent: str, read: Callable[[str], tuple[int, bytes]]) -> None:
        self._user_agent = user_agent
        self._read = read
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._sites: dict[str, Protego] = {}

    def allows(self, url: str) -> bool:
        """May ``url`` be asked?"""
        return bool(self._site(url).can_fetch(url, self._user_agent))

    def delay_s(self, url: str) -> float:
        """The least time between two requests that the host asks for, at most a minute."""
        return min(60.0, float(self._site(url).crawl_delay(self._user_agent) or 0.0))

    def _site(self, url: str) -> Protego:
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        with self._lock:
            lock = self._locks.setdefault(site, threading.Lock())
        with lock:
            if site not in self._sites:
                self._sites[site] = Protego.parse(self._rules(f"{site}/robots.txt"))
            return self._sites[site]

    def _rules(self, url: str) -> str:
        try:
            status, content = self._read(url)
        except CxnetError:
            return NOTHING_ALLOWED
        if status == 200:
            return content.decode("utf-8", "replace")
        return "" if status < 500 else NOTHING_ALLOWED
