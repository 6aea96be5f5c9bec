"""Polite requests: only to a source's hosts, as robots.txt allows, one after another, retried patiently, and bounded.

One :class:`Client` serves a whole run. It does not know what is fetched; ``sources/download`` does. Retries are written
here rather than left to ``urllib3.Retry`` or ``tenacity``, because a wait must pause all requests to the host.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError

from sources.core.addresses import host_of, is_among
from sources.core.errors import StoppedError, WebError
from sources.transport.bodies import body_chunks
from sources.transport.gate import Gate
from sources.transport.guard import BoundedAdapter, GuardedAdapter
from sources.transport.mirror import MirrorAdapter
from sources.transport.policy import Policy
from sources.transport.robots import Robots

T = TypeVar("T")

BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class TemporaryError(Exception):
    """A failure that may not happen again; ``wait_s`` is the wait that the server demands, or None."""

    def __init__(self, reason: str, status: int | None = None, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.wait_s = wait_s


class Client:
    """Sends the requests of a run.

    Args:
        policy: the limits.
        mirror: folder that answers instead of the web, or None for the live web.
        sleep, clock, jitter, now: replaced in tests (seconds; seconds; a number in [0, 1); UTC time).
    """

    def __init__(
        self,
        policy: Policy,
        mirror: Path | None = None,
        sleep: Callable[[float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.policy = policy
        self.offline = mirror is not None
        self.stop = threading.Event()
        self.now = now
        self._jitter = jitter
        self._clock = clock
        self._gate = Gate(0.0 if mirror else policy.delay_s, policy.connections, clock, sleep or self._pause)
        self._session = _session(policy, mirror)
        self._settings_by_site: dict[tuple[str, str], dict[str, Any]] = {}
        self._robots = Robots(policy.user_agent, self._robots_txt)

    @contextmanager
    def open(
        self, url: str, hosts: tuple[str, ...], headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> Iterator[requests.Response]:
        """The response to one request, redirects followed, its body unread.

        Raises:
            WebError: the request is forbidden, or the server refuses it.
            TemporaryError: a temporary failure.
        """
        sent = dict(headers or {})
        for _ in range(self.policy.redirects + 1):
            delay_s = self._check(url, hosts)
            with self._gate.request(_host(url), delay_s), self._send(url, sent, method) as response:
                following = _redirect(response)
                if following is None:
                    _refuse_errors(response, url)
                    yield response
                    return
            if _origin(following) != _origin(url):
                sent.pop("Authorization", None)
            url = following
        raise WebError(url, f"more than {self.policy.redirects} redirects")

    def chunks(self, response: requests.Response, url: str, limit: int) -> Iterator[bytes]:
        """The decompressed body of a response, in pieces.

        Raises:
            WebError: it is larger than ``limit`` bytes.
            TemporaryError: the connection broke, or the server is too slow.
        """
        length = response.headers.get("Content-Length", "")
        if length.isdecimal() and int(length[:20]) > limit:
            raise WebError(url, f"larger than {limit / 1e6:,.0f} MB")
        began, received = self._clock(), 0
        try:
            for chunk in body_chunks(response):
                received += len(chunk)
                self._check_transfer(received, self._clock() - began, url, limit)
                yield chunk
        except (HTTPError, OSError) as error:
            raise TemporaryError(f"the connection broke ({type(error).__name__})") from error

    def retrying(self, url: str, attempt: Callable[[], T]) -> T:
        """The result of ``attempt()``, tried again after a growing, jittered wait if the failure is temporary.

        Raises:
            WebError: it still fails after the policy's retries, or the server demands too long a wait.
            StoppedError: the run is interrupted.
        """
        for turn in range(self.policy.retries + 1):
            if self.stop.is_set():
                raise StoppedError()
            try:
                return attempt()
            except TemporaryError as error:
                wait = error.wait_s if error.wait_s is not None else 2**turn * (0.5 + self._jitter())
                if turn == self.policy.retries or wait > self.policy.longest_wait_s:
                    tries = f" ({turn + 1} tries)" if turn else ""
                    raise WebError(url, f"{error.reason}{tries}", error.status) from error
                self._gate.pause(_host(url), wait)
        raise AssertionError("unreachable")

    def _check_transfer(self, received: int, seconds: float, url: str, limit: int) -> None:
        if received > limit:
            raise WebError(url, f"larger than {limit / 1e6:,.0f} MB")
        if self.stop.is_set():
            raise StoppedError()
        if seconds > self.policy.timeout_s and received < seconds * self.policy.slowest_bytes_s:
            raise TemporaryError(f"slower than {self.policy.slowest_bytes_s / 1000:g} kB/s")

    def _check(self, url: str, hosts: tuple[str, ...]) -> float:
        """Refuse what must not be requested; returns the delay that robots.txt demands."""
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
        except ValueError:
            raise WebError(url, "not an address") from None
        if parts.scheme not in ("http", "https") or not host or parts.username is not None:
            raise WebError(url, "not a plain http(s) address")
        if not is_among(host, hosts):
            raise WebError(url, f"host {host} is not one of the source's")
        if refusal := self._robots.refusal(url):
            raise WebError(url, refusal)
        return 0.0 if self.offline else self._robots.delay_s(url)

    @contextmanager
    def _send(self, url: str, headers: Mapping[str, str], method: str) -> Iterator[requests.Response]:
        try:
            request = self._session.prepare_request(requests.Request(method, url, headers=headers))
            response = self._session.send(
                request, allow_redirects=False, timeout=self.policy.timeout_s, **self._environment(url)
            )
        except requests.RequestException as error:
            raise _failure(url, error) from error
        try:
            yield response
        finally:
            response.close()

    def _environment(self, url: str) -> dict[str, Any]:
        """Proxies and certificates of the environment, looked up once per host; an offline copy needs none."""
        if self.offline:
            return {"stream": True}
        site = url.partition("://")[0], _host(url)
        if site not in self._settings_by_site:
            self._settings_by_site[site] = dict(
                requests.Session().merge_environment_settings(url, {}, True, None, None)
            )
        return self._settings_by_site[site]

    def _robots_txt(self, url: str) -> tuple[int, bytes]:
        """Status and content of a robots.txt, requested without a check; redirects may not leave its site."""

        def attempt() -> tuple[int, bytes]:
            address = url
            for _ in range(self.policy.redirects + 1):
                with self._gate.request(_host(address)), self._send(address, {}, "GET") as response:
                    status, following = response.status_code, _redirect(response)
                    if status in BUSY:
                        raise TemporaryError(f"HTTP {status}", status, _retry_after(response))
                    if following is None or not _is_same_site(following, url):
                        return status, b"".join(self.chunks(response, address, 1_000_000))
                address = following
            return 404, b""

        return self.retrying(url, attempt)

    def _pause(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise StoppedError()


def _session(policy: Policy, mirror: Path | None) -> requests.Session:
    session = requests.Session()
    session.headers = requests.structures.CaseInsensitiveDict({"User-Agent": policy.user_agent, "Accept": "*/*"})
    session.trust_env = False  # no passwords from ~/.netrc; _environment looks up proxies
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    size = max(policy.connections, 1)
    if mirror is not None:
        adapter: requests.adapters.BaseAdapter = MirrorAdapter(mirror)
    elif policy.private_hosts:
        adapter = BoundedAdapter(pool_connections=64, pool_maxsize=size)
    else:
        adapter = GuardedAdapter(pool_connections=64, pool_maxsize=size)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _host(url: str) -> str:
    return urlsplit(url).netloc.lower()


def _origin(url: str) -> tuple[str, str]:
    """Scheme and host: a token is sent to no other host, and never over http after https."""
    return urlsplit(url).scheme, _host(url)


def _is_same_site(one: str, other: str) -> bool:
    """Are two addresses on the same host, with or without ``www.``?"""
    hosts = [(host_of(url) or "").removeprefix("www.") for url in (one, other)]
    return hosts[0] == hosts[1] != ""


def _redirect(response: requests.Response) -> str | None:
    """Where the response redirects to, or None."""
    location = response.headers.get("Location")
    return urljoin(response.url, location) if response.status_code in REDIRECTS and location else None


def _refuse_errors(response: requests.Response, url: str) -> None:
    status = response.status_code
    if status in BUSY:
        raise TemporaryError(f"HTTP {status}", status, _retry_after(response))
    if status >= 400 and status != 416:
        raise WebError(url, f"HTTP {status}", status)


def _retry_after(response: requests.Response) -> float | None:
    """The seconds in ``Retry-After`` (a number or a date)."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value[:9])
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()) if value else None
    except (ValueError, TypeError):
        return None


def _failure(url: str, error: requests.RequestException) -> Exception:
    text = str(error)
    if "private address" in text:
        return WebError(url, "its host is on a private network")
    if isinstance(error, requests.exceptions.SSLError):
        return WebError(url, "its certificate is not valid")
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return WebError(url, "not an address")
    if isinstance(error, requests.Timeout):
        return TemporaryError("no answer in time")
    return TemporaryError("no connection")
