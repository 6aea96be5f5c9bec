"""Answers of an API that a user saved as JSON files, in place of asking the API: given to ``fetch --url``.

A file has one answer; a folder has the answers in its ``*.json`` files, in the order of their names.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sources.core.errors import CxnetError

LONGEST = 64_000_000  # bytes
MOST_FILES = 10_000


def saved_answers(url: str) -> list[Any]:
    """The answers in a file or folder (a path or ``file://``).

    Raises:
        CxnetError: there are none, or one is not JSON.
    """
    place = file_path(url)
    paths = sorted(place.glob("*.json")) if place.is_dir() else [place]
    if not paths:
        raise CxnetError(f"{place} holds no saved answer; it should have .json files.")
    return [_answer(path) for path in paths[:MOST_FILES]]


def is_file(url: str) -> bool:
    """Does ``url`` name a file of this machine rather than a page?"""
    return urlsplit(url).scheme in ("", "file")


def file_path(url: str) -> Path:
    """The path that ``url`` names."""
    return Path(unquote(urlsplit(url).path)) if url.startswith("file:") else Path(url)


def _answer(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST + 1)
        if len(content) > LONGEST:
            raise CxnetError(f"{path} is larger than {LONGEST // 1_000_000} MB; give one answer per file.")
        return json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        raise CxnetError(f"{path} is not a saved JSON answer ({error}).") from error
