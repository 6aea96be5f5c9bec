"""Polite requests: only to a source's hosts, as robots.txt allows, one after another, retried patiently, and bounded.

One :class:`Client` serves a whole run. It does not know what is fetched; ``sources/download`` does. Retries are written
here rather than left to ``urllib3.Retry`` or ``tenacity``, because a wait must pause all requests to the host.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError

from sources.core.addresses import Hosts, host_of
from sources.core.errors import StoppedError, WebError
from sources.transport.bodies import body_chunks
from sources.transport.browser_checks import BROWSER_CHECK, is_browser_check
from sources.transport.failures import BUSY, GUARDED, TemporaryError, failure_of, refuse_errors, retry_after
from sources.transport.gate import Gate
from sources.transport.guard import BoundedAdapter, GuardedAdapter
from sources.transport.health import Health
from sources.transport.mirror import MirrorAdapter
from sources.transport.policy import Policy
from sources.transport.robots import Robots

T = TypeVar("T")

REDIRECTS = frozenset({301, 302, 303, 307, 308})
ERROR_PAGE_BYTES = 1_000_000


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
        self._health = Health(policy.most_failures)

    @contextmanager
    def open(
        self, url: str, hosts: Hosts, headers: Mapping[str, str] | None = None, method: str = "GET"
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
                    if response.status_code in GUARDED and self._is_browser_check(response, url):
                        reason = f"{BROWSER_CHECK} (HTTP {response.status_code})"
                        raise TemporaryError(reason, response.status_code, retry_after(response))
                    refuse_errors(response, url)
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
            WebError: it still fails after the policy's retries, the server demands too long a wait, or the host is
                given up.
            StoppedError: the run is interrupted.
        """
        host, retries = _host(url), 0 if self.offline else self.policy.retries
        for turn in range(retries + 1):
            if self.stop.is_set():
                raise StoppedError()
            if reason := self._health.verdict(host):
                raise WebError(url, reason)
            try:
                result = attempt()
            except TemporaryError as error:
                wait = self._wait_s(turn) if error.wait_s is None else error.wait_s
                if turn == retries or wait > self.policy.longest_wait_s:
                    self._health.failed(host, error.reason)
                    tries = f" ({turn + 1} tries)" if turn else ""
                    raise WebError(url, f"{error.reason}{tries}", error.status) from error
                self._gate.pause(host, wait)
            except WebError as error:
                if error.status is not None:
                    self._health.answered(host)
                raise
            else:
                self._health.answered(host)
                return result
        raise AssertionError("unreachable")

    def back_off(self, url: str, turn: int) -> None:
        """Let the host of ``url`` rest, longer with every turn, because its answer is not complete."""
        self._gate.pause(_host(url), self._wait_s(turn))

    def _wait_s(self, turn: int) -> float:
        """A growing, jittered wait."""
        return 2**turn * (0.5 + self._jitter())

    def _check_transfer(self, received: int, seconds: float, url: str, limit: int) -> None:
        if received > limit:
            raise WebError(url, f"larger than {limit / 1e6:,.0f} MB")
        if self.stop.is_set():
            raise StoppedError()
        if seconds > self.policy.timeout_s and received < seconds * self.policy.slowest_bytes_s:
            raise TemporaryError(f"slower than {self.policy.slowest_bytes_s / 1000:g} kB/s")

    def _check(self, url: str, hosts: Hosts) -> float:
        """Refuse what must not be requested; returns the delay that robots.txt demands."""
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
        except ValueError:
            raise WebError(url, "not an address") from None
        if parts.scheme not in ("http", "https") or not host or parts.username is not None:
            raise WebError(url, "not a plain http(s) address")
        if not hosts.include(host):
            raise WebError(url, f"host {host} is not one of the source's")
        if hosts.is_api(url):
            return 0.0
        if refusal := self._robots.refusal(url):
            raise WebError(url, refusal)
        return 0.0 if self.offline else self._robots.delay_s(url)

    def _is_browser_check(self, response: requests.Response, url: str) -> bool:
        """Does the body of an error check the browser? A body that cannot be read does not."""
        head = b""
        with suppress(TemporaryError, WebError):
            for chunk in self.chunks(response, url, ERROR_PAGE_BYTES):
                head += chunk
        return is_browser_check(head)

    @contextmanager
    def _send(self, url: str, headers: Mapping[str, str], method: str) -> Iterator[requests.Response]:
        try:
            request = self._session.prepare_request(requests.Request(method, url, headers=headers))
            response = self._session.send(
                request, allow_redirects=False, timeout=self.policy.timeout_s, **self._environment(url)
            )
        except requests.RequestException as error:
            raise failure_of(url, error) from error
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
                        raise TemporaryError(f"HTTP {status}", status, retry_after(response))
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
    """Host and port; "" for what is not an address."""
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


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
