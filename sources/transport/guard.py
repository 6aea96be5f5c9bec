"""``requests`` adapters for untrusted servers: headers must arrive in time, and private networks are out of reach.

A public source must not redirect us to this machine or its private network (server-side request forgery). The check
looks at the connected socket, not at the name, so a name that resolves to another address the second time does not get
around it. Behind a proxy, the proxy resolves names and has to do the check.

This module relies on private names of ``urllib3`` and ``http.client``; ``test_web.py`` fails if they change.
"""

import http.client
import ipaddress
import socket
import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

USUAL_TIMEOUT_S = 30.0
PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")  # global unicast; everything else is local, multicast or obsolete
RESERVED = tuple(  # whatever the version of ``ipaddress`` knows
    map(
        ipaddress.ip_network,
        ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20"),  # protocols, old 6to4 relays, documentation
    )
)
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # IPv4 addresses in an IPv6-only network (RFC 6052)


class PrivateAddressError(NewConnectionError):
    """The host's address is not a public one."""


class BoundedAdapter(HTTPAdapter):
    """An ``HTTPAdapter`` that waits at most twice the timeout for status and headers, however slowly they arrive."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Install the connections with a deadline."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


class GuardedAdapter(BoundedAdapter):
    """A :class:`BoundedAdapter` that refuses every address that is not public."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Install the connections that also check the address."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _GuardedPool, "https": _GuardedTlsPool}


def is_public(address: str) -> bool:
    """Is an IP address on the public internet? An IPv4 address embedded in an IPv6 address is checked itself."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        translated = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in NAT64 else None
        inner = ip.ipv4_mapped or ip.sixtofour or translated
        if inner is None:
            return ip in PUBLIC_IPV6 and ip.is_global and not _is_reserved(ip)
        ip = inner
    return ip.is_global and not ip.is_multicast and not _is_reserved(ip)


def _is_reserved(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(ip in network for network in RESERVED)


class _Response(http.client.HTTPResponse):
    """A response whose status line and headers must arrive in time."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        self._deadline = time.monotonic() + 2 * (sock.gettimeout() or USUAL_TIMEOUT_S)
        super().__init__(sock, *args, **kwargs)

    def begin(self) -> None:
        """Read status and headers."""
        stream = self.fp
        self.fp = _DeadlineReader(stream, self._deadline)  # type: ignore[assignment]
        try:
            super().begin()
        finally:
            if self.fp is not None:
                self.fp = stream


class _DeadlineReader:
    """Reads lines of a stream until a deadline, even if they arrive byte by byte."""

    def __init__(self, stream: Any, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def readline(self, limit: int) -> bytes:
        line = b""
        while not line.endswith(b"\n") and len(line) < limit:
            if time.monotonic() > self._deadline:
                raise TimeoutError("the headers did not arrive in time")
            buffered = self._stream.peek(1)
            if not buffered:
                break
            line += self._stream.readline(min(len(buffered), limit - len(line)))
        return line

    def close(self) -> None:
        self._stream.close()


class _Connection(HTTPConnection):
    response_class = _Response


class _TlsConnection(HTTPSConnection):
    response_class = _Response


class _GuardedConnection(_Connection):
    def _new_conn(self) -> socket.socket:
        return _checked(self, super()._new_conn())


class _GuardedTlsConnection(_TlsConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(self, super()._new_conn())


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _GuardedPool(HTTPConnectionPool):
    ConnectionCls = _GuardedConnection


class _GuardedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedTlsConnection


def _checked(connection: HTTPConnection, connected: socket.socket) -> socket.socket:
    address = str(connected.getpeername()[0])
    if not is_public(address):
        connected.close()
        raise PrivateAddressError(connection, f"{connection.host} is the private address {address}")
    return connected
