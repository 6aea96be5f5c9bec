"""Answers of JSON APIs: their parts, listings of several answers, and answers that a user saved as files.

``fetch --url`` takes saved answers in place of a request to the API: a file with one answer, or a folder whose
``*.json`` files have one answer each. They are read in the order of their names.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sources.core.errors import CxnetError, WebError
from sources.core.limits import API_ANSWERS, SAVED_ANSWER_BYTES, SAVED_ANSWERS
from sources.core.web import Page, Web

VIDEO = "a video, not an image"
NO_ADDRESS = "the API gives no address for the picture"


def mapping(value: Any) -> Mapping[str, Any]:
    """``value`` if it is a JSON object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """The objects in a JSON list; [] for anything else."""
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def string(value: Any) -> str:
    """``value`` if it is a string, stripped; "" for anything else."""
    return value.strip() if isinstance(value, str) else ""


def authorization(web: Web, variable: str) -> dict[str, str]:
    """The header with the API token in an environment variable; none offline.

    Raises:
        UsageError: the live web needs the token and the variable is not set.
    """
    token = web.token(variable)
    return {"Authorization": f"Bearer {token}"} if token else {}


def listing_answers(
    web: Web,
    addresses: Callable[[str | None], Sequence[str]],
    next_cursor: Callable[[Any], str | None],
    headers: Mapping[str, str],
    is_empty: Callable[[Any], bool],
) -> Iterator[tuple[str, Any]]:
    """(address, answer) of every answer of a listing, until ``next_cursor`` finds no cursor in one.

    Args:
        addresses: the address of the answer at a cursor (None = the first), and its older forms: offline copies that
            older versions recorded have one of them.
        is_empty: is an answer without content? A busy server sends such answers; they are requested again.

    Raises:
        WebError: a request failed, or an answer is not JSON.
    """

    def suspect(page: Page) -> bool:
        try:
            return is_empty(page.json())
        except WebError:
            return True

    cursor: str | None = None
    for _ in range(API_ANSWERS):
        address, page = _first_form(web, addresses(cursor), headers, suspect)
        answer = page.json()
        yield address, answer
        cursor = next_cursor(answer)
        if cursor is None:
            return


def _first_form(
    web: Web, addresses: Sequence[str], headers: Mapping[str, str], suspect: Callable[[Page], bool]
) -> tuple[str, Page]:
    """The first of several forms of an address that an offline copy has; on the live web, the first one."""
    current, *older = addresses
    try:
        return current, web.get(current, headers, suspect)
    except WebError as error:
        if not (web.offline and error.is_gone and older):
            raise
        return _first_form(web, older, headers, suspect)


def saved_answers(url: str) -> list[Any]:
    """The answers in a file or folder (a path or ``file://``).

    Raises:
        CxnetError: ``url`` is a web address, there are no answers, or one is not JSON.
    """
    if not is_file(url):
        raise CxnetError(f"{url} may not be read by programs; give saved answers of the API (a folder of JSON files).")
    place = local_path(url)
    paths = sorted(place.glob("*.json")) if place.is_dir() else [place]
    if not paths:
        raise CxnetError(f"{place} contains no saved answers; it should contain .json files.")
    return [_answer(path) for path in paths[:SAVED_ANSWERS]]


def is_file(url: str) -> bool:
    """Does ``url`` name a file on this machine rather than a page?"""
    try:
        return urlsplit(url).scheme in ("", "file")
    except ValueError:
        return False


def local_path(url: str) -> Path:
    """The path that ``url`` (a path or ``file://``) names."""
    return Path(unquote(urlsplit(url).path)) if url.startswith("file:") else Path(url)


def _answer(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            content = file.read(SAVED_ANSWER_BYTES + 1)
        if len(content) > SAVED_ANSWER_BYTES:
            raise CxnetError(f"{path} is larger than {SAVED_ANSWER_BYTES // 1_000_000} MB; save one answer per file.")
        return json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        raise CxnetError(f"{path} is not a saved JSON answer ({error}).") from error
