"""An offline copy of the web: ``https://host/path?query`` is the file ``host/path@query`` of a folder.

``wget -x --restrict-file-names=windows`` writes the same layout, so that any such copy can replace the web.
"""

import errno
import io
import logging
import mimetypes
import os
import re
import shutil
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from sources.core.addresses import SECRETS

log = logging.getLogger(__name__)

INDEXES = ("index.html", "index.json")
_SECRET = re.compile(
    rb"""((?:\b|%3F|%26)(?:access_token|appsecret_proof)(?:=|%3D|["']?\s*:\s*["']))[^&"'\\\s<>]+""", re.IGNORECASE
)
_FORBIDDEN = re.compile(r'[\\|:?"*<>\x00-\x1f]')


def mirror_path(url: str) -> str:
    """The relative path of the answer to ``url`` in an offline copy, with ``/`` between its parts.

    Path segments are percent-decoded; characters that a file name cannot have are quoted again. A query follows after
    ``@``, its ``/`` quoted; an address that ends in ``/`` is ``index.html`` in that folder. Access tokens are left out.

    Raises:
        ValueError: the address has no host, or its path leaves the host's folder.
    """
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError(f"{url} has no host")
    segments = [_quoted(unquote(part)).replace("/", "%2F") for part in parts.path.split("/")[1:]] or [""]
    if any(part in (".", "..") for part in segments):
        raise ValueError(f"{url} leaves its host")
    if segments[-1] == "":
        segments[-1] = INDEXES[0]
    query = "&".join(entry for entry in parts.query.split("&") if entry.partition("=")[0] not in SECRETS)
    place = "/".join([parts.hostname.lower(), *(part for part in segments if part)])
    return f"{place}@{_quoted(unquote(query)).replace('/', '%2F')}" if query else place


def write_copy(folder: Path, url: str, content: bytes | Path) -> None:
    """Save the answer to ``url`` (bytes, or a file with them) in an offline copy, without access tokens.

    An address that no offline copy can have (it leaves its host, or is too long for a file name) is skipped.
    """
    try:
        target = folder / mirror_path(url)
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copyfile(content, target)
        else:
            target.write_bytes(_SECRET.sub(rb"\1", content))
    except (ValueError, FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        log.warning("%s is not recorded: %s", url, error)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        log.warning("%s is not recorded: %s", url, error.strerror)


class MirrorAdapter(BaseAdapter):
    """A ``requests`` adapter that answers from a folder in mirror layout; an absent file is a 404.

    Args:
        folder: the offline copy. Links to places outside it are not followed.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder.resolve()

    def send(  # type: ignore[no-untyped-def]
        self, request: requests.PreparedRequest, stream=False, timeout=None, verify=True, cert=None, proxies=None
    ) -> requests.Response:
        """The response to a request."""
        path = self.find(request.url or "")
        response = requests.Response()
        response.request = request
        response.url = request.url or ""
        response.status_code, response.reason = (200, "OK") if path else (404, "Not Found")
        response.headers["Content-Length"] = str(path.stat().st_size if path else 0)
        if path:
            response.headers["Content-Type"] = content_type(path)
        body = path.open("rb") if path and request.method != "HEAD" else io.BytesIO()
        response.raw = HTTPResponse(body=body, preload_content=False, status=response.status_code)
        return response

    def close(self) -> None:
        """Do nothing: no connection is open."""

    def find(self, url: str) -> Path | None:
        """The file that answers ``url``, or None."""
        try:
            path = self._folder / mirror_path(url)
            candidates = [path, *(path / index for index in INDEXES), self._folder / _encoded_path(url)]
            if path.name == INDEXES[0]:
                candidates.insert(1, path.with_name(INDEXES[1]))
            file = next((place for place in candidates if place.is_file()), None)
            return file if file and file.resolve().is_relative_to(self._folder) else None
        except (ValueError, OSError):
            return None


def content_type(path: Path) -> str:
    """The type that a server would state for a file: by its name, else by its first character (pages, API answers)."""
    by_name = mimetypes.guess_type(path.name.partition("@")[0])[0]
    if by_name:
        return by_name
    with path.open("rb") as file:
        head = file.read(64).lstrip()[:1]
    return {b"<": "text/html; charset=utf-8", b"{": "application/json", b"[": "application/json"}.get(
        head, "application/octet-stream"
    )


def _encoded_path(url: str) -> str:
    """The path of a query in another spelling: form-encoded (``+`` for a space) or fully quoted."""
    parts = urlsplit(url)
    pairs = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key not in SECRETS]
    query = "&".join(f"{key}={value}" for key, value in pairs)
    base = f"{parts.hostname}{unquote(parts.path)}".lstrip(os.sep)
    return f"{base}@{_quoted(query).replace('/', '%2F')}" if query else base


def _quoted(text: str) -> str:
    return _FORBIDDEN.sub(lambda match: f"%{ord(match[0]):02X}", text)
