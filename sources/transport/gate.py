"""One queue per host: how many requests run at once, and how soon the next may start."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class _Queue:
    slots: threading.Semaphore
    mutex: threading.Lock = field(default_factory=threading.Lock)
    free_at: float = 0.0


class Gate:
    """Admits requests, host by host; all sources of a run share it.

    Args:
        delay_s: minimum time between the starts of two requests to one host.
        connections: maximum number of requests at once per host.
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
        self._mutex = threading.Lock()
        self._queues: defaultdict[str, _Queue] = defaultdict(lambda: _Queue(threading.Semaphore(connections)))

    @contextmanager
    def request(self, host: str, delay_s: float = 0.0) -> Iterator[None]:
        """Wait for a free slot of the host and hold it; ``delay_s`` is the minimum delay that robots.txt demands."""
        queue = self._queue(host)
        with queue.slots:
            self._wait(queue, max(self._delay_s, delay_s))
            yield

    def pause(self, host: str, seconds: float) -> None:
        """Admit no request to ``host`` for so long, because it is busy."""
        queue = self._queue(host)
        with queue.mutex:
            queue.free_at = max(queue.free_at, self._clock() + seconds)

    def _wait(self, queue: _Queue, delay_s: float) -> None:
        with queue.mutex:
            start = max(self._clock(), queue.free_at)
            queue.free_at = start + delay_s
        if (wait := start - self._clock()) > 0:
            self._sleep(wait)

    def _queue(self, host: str) -> _Queue:
        with self._mutex:
            return self._queues[host]
