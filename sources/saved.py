"""Answers of an API that a user saved as JSON files, in place of asking the API: given to ``fetch --url``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from sources.errors import CxnetError

if TYPE_CHECKING:
    from sources.web import Web

LONGEST = 64_000_000  # bytes


def answer(web: "Web", url: str, headers: dict[str, str] | None = None) -> Any:
    """The JSON answer at an address, or in a file (a path or ``file://``).

    Raises:
        CxnetError: it cannot be had, or is not JSON.
    """
    if not is_file(url):
        return web.get(url, headers).json()
    path = file_path(url)
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST + 1)
        if len(content) > LONGEST:
            raise CxnetError(f"{path} is larger than {LONGEST // 1_000_000} MB; give one answer per file.")
        return json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        raise CxnetError(f"{path} is not a saved JSON answer ({error}).") from error


def is_file(url: str) -> bool:
    """Does ``url`` name a file of this machine rather than a page?"""
    return urlsplit(url).scheme in ("", "file")


def file_path(url: str) -> Path:
    """The path that ``url`` names."""
    return Path(unquote(urlsplit(url).path)) if url.startswith("file:") else Path(url)
