"""``requests`` transports that a hostile server cannot abuse: bounded heads, and no way into private networks.

A public source must not lead to this machine's own or private network (server-side request forgery). The address is
checked on the connected socket, not on the name: a name that resolves twice to different addresses gains nothing.
Behind a proxy the proxy resolves names, and the check is the proxy's.
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
PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")  # global unicast; all else is local, multicast or obsolete
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # an IPv4 address as a network of IPv6 alone sees it (RFC 6052)


class PrivateAddressError(NewConnectionError):
    """The host's address is not a public one."""


class BoundedAdapter(HTTPAdapter):
    """``HTTPAdapter`` that waits for status and headers at most twice the timeout, however slowly they drip."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Use our own connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


class GuardedAdapter(BoundedAdapter):
    """The same, refusing every address that is not public."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Use the guarded connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _GuardedPool, "https": _GuardedTlsPool}


def is_public(address: str) -> bool:
    """Is an IP address one of the public internet (an IPv4 address inside an IPv6 one counts as what it is)?"""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        translated = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in NAT64 else None
        inner = ip.ipv4_mapped or ip.sixtofour or translated
        if inner is None:
            return ip in PUBLIC_IPV6 and ip.is_global
        ip = inner
    return ip.is_global and not ip.is_multicast


class _Answer(http.client.HTTPResponse):
    """An answer whose status line and headers must come in time."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        self._deadline = time.monotonic() + 2 * (sock.gettimeout() or USUAL_TIMEOUT_S)
        super().__init__(sock, *args, **kwargs)

    def begin(self) -> None:
        """Read status and headers."""
        stream = self.fp
        self.fp = _Timed(stream, self._deadline)  # type: ignore[assignment]
        try:
            super().begin()
        finally:
            if self.fp is not None:
                self.fp = stream


class _Timed:
    """Lines of a stream until a deadline; a line that comes byte by byte does not outlast it."""

    def __init__(self, stream: Any, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def readline(self, limit: int) -> bytes:
        line = b""
        while not line.endswith(b"\n") and len(line) < limit:
            if time.monotonic() > self._deadline:
                raise TimeoutError("the headers did not come in time")
            there = self._stream.peek(1)
            if not there:
                break
            line += self._stream.readline(min(len(there), limit - len(line)))
        return line

    def close(self) -> None:
        self._stream.close()


class _Connection(HTTPConnection):
    response_class = _Answer


class _TlsConnection(HTTPSConnection):
    response_class = _Answer


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
