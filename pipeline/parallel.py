"""Per-image work on several processes: ``map_images(fn, items, executor)``, in order, with bounded memory.

The executor is a local process pool or a Dask cluster's; the result does not depend on which, nor on its size.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TypeVar

Given = TypeVar("Given")
Result = TypeVar("Result")

AHEAD = 4  # tasks waiting per worker: enough to keep all busy, few enough to keep memory flat


@contextmanager
def open_executor(workers: int = 0, scheduler: str | None = None) -> Iterator[Executor | None]:
    """Yield an executor: a Dask cluster's, a local process pool, or None (work in this process) for one worker.

    Args:
        workers: local processes; 0 = one per core.
        scheduler: address of a Dask scheduler (``tcp://host:port``), or None.
    """
    if scheduler is not None:
        from distributed import Client

        with Client(scheduler) as client:
            yield client.get_executor(pure=False)
        return
    count = workers or os.cpu_count() or 1
    if count == 1:
        yield None
        return
    with ProcessPoolExecutor(count, mp_context=get_context("forkserver"), initializer=_one_thread) as pool:
        yield pool


def map_images(
    fn: Callable[[Given], Result], items: Iterable[Given], executor: Executor | None, ahead: int | None = None
) -> Iterator[Result]:
    """Yield ``fn(item)`` for each item, in the order of ``items``, holding only a few items and results at a time."""
    if executor is None:
        yield from map(fn, items)
        return
    limit = ahead or AHEAD * (os.cpu_count() or 1)
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(executor.submit(fn, item))
        if len(waiting) >= limit:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _one_thread() -> None:
    """One thread per process: the processes are the parallelism."""
    import signal

    import cv2

    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is answered once, by the parent
