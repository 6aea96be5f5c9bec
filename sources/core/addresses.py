"""Web addresses: which are valid, and whose they are. Nothing here sends a request."""

from urllib.parse import quote, urlsplit


def web_address(text: str) -> str | None:
    """``text`` if it is an http(s) address, else None."""
    return text if host_of(text) else None


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
