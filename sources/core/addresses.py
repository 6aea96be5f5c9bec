"""Web addresses: which are valid, and whose they are. Nothing here sends a request."""

from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

SECRETS = frozenset({"access_token"})  # parameters of an address that nobody else may see


@dataclass(frozen=True)
class Hosts:
    """The only hosts that a source may contact, redirects included.

    Attributes:
        names: the hosts; ``.name`` stands for every subdomain of ``name``.
        apis: the official APIs among them, each a host or ``host/path``: their own terms apply, not robots.txt.
    """

    names: tuple[str, ...]
    apis: tuple[str, ...] = ()

    def include(self, host: str) -> bool:
        """May ``host`` be contacted?"""
        return is_among(host, self.names)

    def is_api(self, url: str) -> bool:
        """Does ``url`` belong to one of the official APIs?"""
        place = f"{host_of(url)}{unquote(path_of(url))}/"
        if any(part in (".", "..") for part in place.split("/")):  # the server may understand another path
            return False
        return any(place.startswith(f"{api}/") for api in self.apis)


def web_address(text: str) -> str | None:
    """``text`` without an access token if it is an http(s) address, else None."""
    return without_secrets(text) if host_of(text) else None


def without_secrets(url: str) -> str:
    """An address without the access token that an API may repeat in it: tables and copies are shared."""
    place, mark, query = url.partition("?")
    pairs = query.split("&")
    kept = [pair for pair in pairs if pair.partition("=")[0].lower() not in SECRETS]
    return url if len(kept) == len(pairs) else place + (mark if kept else "") + "&".join(kept)


def host_of(url: str) -> str | None:
    """The host of an http(s) address in lower case; None for anything else."""
    try:
        parts = urlsplit(url)
        return parts.hostname if parts.scheme in ("http", "https") else None
    except ValueError:
        return None


def is_among(host: str, hosts: tuple[str, ...]) -> bool:
    """Is ``host`` one of ``hosts``? An entry ``.name`` stands for every subdomain of ``name``."""
    return any(host == entry or (entry.startswith(".") and host.endswith(entry)) for entry in hosts)


def path_of(url: str) -> str:
    """The path of an address; "" for one that cannot be parsed."""
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def raw_github(repository: str, commit: str, path: str) -> str:
    """Address of the file ``path`` of a GitHub repository at a fixed commit."""
    return f"https://raw.githubusercontent.com/{repository}/{commit}/{quote(path)}"
