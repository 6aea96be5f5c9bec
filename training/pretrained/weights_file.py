"""The file of pretrained weights: on this machine, or downloaded once and kept in the user's cache."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import requests

from pipeline.core.experiments import WeightsParams
from sources.core.errors import CxnetError, UsageError
from sources.core.storage import atomic

MAX_BYTES = 2_000_000_000
CHUNK_BYTES = 1 << 20
TIMEOUT_S = (10, 60)  # to connect, and between two pieces


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights, its hash, and how users call it."""

    path: Path
    sha256: str
    name: str


def find_weights(weights: WeightsParams) -> WeightsFile:
    """The file that a profile names.

    Raises:
        UsageError: there is no such file.
        CxnetError: it cannot be downloaded, or has another hash than the profile says.
    """
    if weights.url is not None:
        return WeightsFile(_cached(weights.url, str(weights.sha256)), str(weights.sha256), weights.url)
    path = Path(str(weights.path))
    if not path.is_file():
        raise UsageError(
            f"Backbone weights {path} do not exist; correct 'weights' of the experiment or leave it empty."
        )
    found = _sha256(path)
    if weights.sha256 not in (None, found):
        raise CxnetError(f"{path} is not the file that the profile means: its sha256 is {found}.")
    return WeightsFile(path, found, path.name)


def cache_folder() -> Path:
    """Where downloaded weights are kept: below ``XDG_CACHE_HOME``, or ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cxnet-data" / "weights"


def _cached(url: str, sha256: str) -> Path:
    path = cache_folder() / sha256 / (Path(unquote(urlsplit(url).path)).name or "weights")
    if path.is_file() and _sha256(path) == sha256:
        return path
    try:
        with requests.get(url, stream=True, timeout=TIMEOUT_S, headers={"User-Agent": "cxnet-data"}) as response:
            if response.status_code != 200:
                raise CxnetError(f"{url} answers {response.status_code}; download the weights, and name the file.")
            _write(response, path, url, sha256)
    except requests.RequestException:
        raise CxnetError(f"{url} cannot be downloaded; check the address and the connection, and try again.") from None
    return path


def _write(response: requests.Response, path: Path, url: str, sha256: str) -> None:
    """Write a download; nothing is left of one that is too large or has another hash."""
    digest, received = hashlib.sha256(), 0
    with atomic(path) as file:
        for piece in response.iter_content(CHUNK_BYTES):
            received += len(piece)
            if received > MAX_BYTES:
                raise CxnetError(f"{url} has more than {MAX_BYTES:,} bytes; only smaller files are read.")
            digest.update(piece)
            file.write(piece)
        if digest.hexdigest() != sha256:
            raise CxnetError(
                f"{url} is not the file that the profile means: its sha256 is {digest.hexdigest()}, not {sha256}."
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
