"""Every way in which a command can fail: one sentence that says what is wrong and what to do about it."""

from collections.abc import Sequence
from typing import Any


class CxnetError(Exception):
    """Something failed (exit code 1): a missing file, a full disk, an address that does not answer."""

    exit_code = 1


class UsageError(CxnetError):
    """The user asked for something that does not exist or is out of range (exit code 2)."""

    exit_code = 2


class WebError(CxnetError):
    """A request that failed.

    Attributes:
        url: the address.
        reason: why it failed, without the address and without a final period: what a row of ``items.parquet`` records.
        status: the HTTP status, or None where no server answered.
    """

    def __init__(self, url: str, reason: str, status: int | None = None) -> None:
        super().__init__(f"{url}: {reason}.")
        self.url = url
        self.reason = reason
        self.status = status

    @property
    def is_gone(self) -> bool:
        """Does the server say that there is no such page (404, 410)?"""
        return self.status in (404, 410)


class ListingError(CxnetError):
    """A source whose list of images cannot be read: no answer, or not the one that was expected."""


class StoppedError(CxnetError):
    """The run is being interrupted; code that tolerates other failures must pass this one on."""

    def __init__(self) -> None:
        super().__init__("Interrupted.")


class MissingColumnError(CxnetError):
    """A table lacks a column that its reader needs."""


class RepeatedColumnError(UsageError):
    """A table has a column twice that its reader needs."""


class RefusedTextError(CxnetError):
    """An article's full text is too large, hostile or not XML, and is not read."""


class UnfinishedError(CxnetError):
    """Some sources failed with ``failures``; ``results`` holds what the others returned, in their order."""

    def __init__(self, failures: Sequence[CxnetError], results: Sequence[Any]) -> None:
        super().__init__(" ".join(map(str, failures)))
        self.exit_code = max(error.exit_code for error in failures)
        self.failures = failures
        self.results = results


def unknown(kind: str, name: str, valid: "list[str] | tuple[str, ...]") -> UsageError:
    """The error for a name that is not one of ``valid``; it lists them."""
    return UsageError(f"Unknown {kind} '{name}'; expected one of: {', '.join(valid)}.")
