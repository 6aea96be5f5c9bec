"""A ``requests`` transport that never talks to this machine's own or private network (server-side request forgery).

The address is checked on the connected socket, not on the name: a name that resolves twice to different addresses
gains nothing. Behind a proxy the proxy resolves names, and the check is the proxy's.
"""

import ipaddress
import socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError


class PrivateAddressError(NewConnectionError):
    """The host's address is not a public one."""


class GuardedAdapter(HTTPAdapter):
    """``HTTPAdapter`` whose direct connections refuse every address that is not public."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Use the guarded connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _GuardedPool, "https": _GuardedTlsPool}


def is_public(address: str) -> bool:
    """Is an IP address one of the public internet (an IPv4 address inside an IPv6 one counts as what it is)?"""
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return (inner or ip).is_global and not (inner or ip).is_multicast


class _GuardedConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(self, super()._new_conn())


class _GuardedTlsConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(self, super()._new_conn())


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
