"""What a failed request means: which answers are temporary, and the reason of each failure."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

from sources.core.errors import WebError

BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
GUARDED = frozenset({401, 403, 405, 406, 429, 503})  # with which the guard of a site refuses programs


class TemporaryError(Exception):
    """A failure that may not happen again; ``wait_s`` is the wait that the server demands, or None."""

    def __init__(self, reason: str, status: int | None = None, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.wait_s = wait_s


def refuse_errors(response: requests.Response, url: str) -> None:
    """Pass a good answer.

    Raises:
        TemporaryError: the server is busy.
        WebError: the server refuses.
    """
    status = response.status_code
    if status in BUSY:
        raise TemporaryError(f"HTTP {status}", status, retry_after(response))
    if status >= 400 and status != 416:
        raise WebError(url, f"HTTP {status}", status)


def retry_after(response: requests.Response) -> float | None:
    """The seconds in ``Retry-After`` (a number or a date)."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value[:9])
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()) if value else None
    except (ValueError, TypeError):
        return None


def failure_of(url: str, error: requests.RequestException) -> Exception:
    """The error for a request without an answer."""
    text = str(error)
    if "private address" in text:
        return WebError(url, "its host is on a private network")
    if isinstance(error, requests.exceptions.SSLError):
        return WebError(url, "its certificate is not valid")
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return WebError(url, "not an address")
    if isinstance(error, requests.Timeout):
        return TemporaryError("no answer in time")
    return TemporaryError("no connection")
