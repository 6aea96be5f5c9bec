"""Which hosts still answer in this run. A host that keeps failing is given up: no run waits for it for hours."""

import threading
from collections import Counter

from sources.core.text import counted


class Health:
    """Counts failed requests in a row per host, over all threads and sources of a run.

    Args:
        most_failures: after so many failed requests in a row, each tried several times, a host is given up.
    """

    def __init__(self, most_failures: int) -> None:
        self._most_failures = most_failures
        self._mutex = threading.Lock()
        self._failures: Counter[str] = Counter()
        self._reasons: dict[str, str] = {}

    def verdict(self, host: str) -> str | None:
        """Why ``host`` is given up; None = it is not."""
        with self._mutex:
            count = self._failures[host]
            if count < self._most_failures:
                return None
            return (
                f"{host} is given up for this run after {counted(count, 'failed request')} in a row "
                f"({self._reasons[host]}); fetch again later"
            )

    def answered(self, host: str) -> None:
        """Note an answer of ``host``, whatever it says."""
        with self._mutex:
            if self._failures[host] < self._most_failures:  # a late answer does not bring a host back
                self._failures[host] = 0

    def failed(self, host: str, reason: str) -> None:
        """Note a request that failed after all tries."""
        with self._mutex:
            if self._failures[host] < self._most_failures:
                self._failures[host] += 1
                self._reasons[host] = reason
