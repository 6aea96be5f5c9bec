"""One queue per host: how many requests are under way at once, and how soon the next may start."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class _Queue:
    slots: threading.Semaphore
    lock: threading.Lock = field(default_factory=threading.Lock)
    free_at: float = 0.0


class Gate:
    """Lets requests pass, host by host; shared by all sources of a run.

    Args:
        delay_s: least time between the starts of two requests to one host.
        connections: requests under way at once per host.
        clock, sleep: seams for tests.
    """

    def __init__(
        self,
        delay_s: float,
        connections: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._delay_s = delay_s
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._queues: defaultdict[str, _Queue] = defaultdict(lambda: _Queue(threading.Semaphore(connections)))

    @contextmanager
    def request(self, host: str, delay_s: float = 0.0) -> Iterator[None]:
        """Hold one of the host's places; enters when the host may be asked again (``delay_s``: as robots.txt asks)."""
        queue = self._queue(host)
        with queue.slots:
            self._wait(queue, max(self._delay_s, delay_s))
            yield

    def hold(self, host: str, seconds: float) -> None:
        """Let nobody ask ``host`` for so long: it said that it is busy."""
        queue = self._queue(host)
        with queue.lock:
            queue.free_at = max(queue.free_at, self._clock() + seconds)

    def _wait(self, queue: _Queue, delay_s: float) -> None:
        with queue.lock:
            start = max(self._clock(), queue.free_at)
            queue.free_at = start + delay_s
        if (wait := start - self._clock()) > 0:
            self._sleep(wait)

    def _queue(self, host: str) -> _Queue:
        with self._lock:
            return self._queues[host]
