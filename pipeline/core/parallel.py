"""Per-image work on several processes, in order and with bounded memory: ``map_images(fn, items, executor)``.

The executor is a local process pool or a Dask cluster. The result depends neither on which nor on its size. If a worker
of a cluster is lost, another one repeats its tasks.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import TypeVar

from pipeline.core.cluster import open_cluster
from sources.core.processes import process_pool

Given = TypeVar("Given")
Result = TypeVar("Result")

AHEAD = 4  # tasks in the queue per worker: enough to keep all of them busy, few enough to save memory


@contextmanager
def open_executor(workers: int = 0, scheduler: str | None = None) -> Iterator[Executor | None]:
    """Yield an executor: a Dask cluster's, a local process pool, or None (work in this process) for one worker.

    Args:
        workers: local processes; 0 = one per core.
        scheduler: address of a Dask scheduler (``tcp://host:port``), or None.

    Raises:
        CxnetError: the cluster does not answer, has no workers, or its workers lack this package or crash.
    """
    if scheduler is not None:
        with open_cluster(scheduler) as cluster:
            yield cluster
        return
    count = workers or os.cpu_count() or 1
    if count == 1:
        yield None
        return
    with process_pool(count, one_thread) as pool:
        yield pool


def map_images(
    fn: Callable[[Given], Result], items: Iterable[Given], executor: Executor | None, ahead: int | None = None
) -> Iterator[Result]:
    """Yield ``fn(item)`` for each item, in the order of ``items``, holding only a few items and results at a time."""
    if executor is None:
        yield from map(fn, items)
        return
    limit = ahead or AHEAD * getattr(executor, "width", os.cpu_count() or 1)
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(executor.submit(fn, item))
        if len(waiting) >= limit:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def one_thread() -> None:
    """Let a worker process use one thread, because there is one process per core."""
    import cv2

    cv2.setNumThreads(1)
