"""Per-image work on several processes: ``map_images(fn, items, executor)``, in order, with bounded memory.

The executor is a local process pool or a Dask cluster; the result does not depend on which, nor on its size. A worker
of a cluster may be lost in mid-stage: what it worked on is done again by another.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, TypeVar

from sources.core.errors import CxnetError

if TYPE_CHECKING:
    from distributed import Client

Given = TypeVar("Given")
Result = TypeVar("Result")

AHEAD = 4  # tasks waiting per worker: enough to keep all busy, few enough to keep memory flat
PATIENCE_S = 30  # for the scheduler to answer, and for its first worker to appear


@contextmanager
def open_executor(workers: int = 0, scheduler: str | None = None) -> Iterator[Executor | None]:
    """Yield an executor: a Dask cluster's, a local process pool, or None (work in this process) for one worker.

    Args:
        workers: local processes; 0 = one per core.
        scheduler: address of a Dask scheduler (``tcp://host:port``), or None.

    Raises:
        CxnetError: the cluster does not answer, has no workers, or its workers lack this package or die of a task.
    """
    if scheduler is not None:
        with _cluster(scheduler) as cluster:
            yield cluster
        return
    count = workers or os.cpu_count() or 1
    if count == 1:
        yield None
        return
    with ProcessPoolExecutor(count, mp_context=get_context("forkserver"), initializer=one_thread) as pool:
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
    """One thread per process: the processes are the parallelism."""
    import signal

    import cv2

    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is answered once, by the parent


# ------------------------------------------------------------------------------------------------- a Dask cluster


class Cluster(Executor):
    """The workers of a Dask cluster as an executor.

    Attributes:
        width: tasks that the cluster works on at once, when it was opened.
    """

    def __init__(self, client: "Client") -> None:
        self._inner = client.get_executor(pure=False)  # not pure: equal tasks of two runs are not one task
        self.width = sum(client.nthreads().values())

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        return self._inner.submit(fn, *args, **kwargs)


@contextmanager
def _cluster(address: str) -> Iterator[Cluster]:
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        raise CxnetError("--scheduler needs Dask; install it with `pip install cxnet-data[cluster]`.") from None
    try:
        client = Client(address, timeout=PATIENCE_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise CxnetError(
            f"No Dask scheduler answers at {address} ({error or type(error).__name__}); start one with "
            "`dask scheduler`, or leave --scheduler out."
        ) from error
    with client:
        _check_workers(client, address)
        try:
            yield Cluster(client)
        except KilledWorker as error:
            raise CxnetError(
                f"Workers of {address} died again and again of one task ({error.task}); give them more memory "
                "(`dask worker --memory-limit`), then run the same command again."
            ) from error


def _check_workers(client: "Client", address: str) -> None:
    """There is a worker, and the workers can import this package."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE_S)
    except TimeoutError:
        raise CxnetError(
            f"The scheduler at {address} has no worker; start some with `dask worker {address}`."
        ) from None
    try:
        client.run(_calm)
    except Exception as error:
        raise CxnetError(
            f"The workers of {address} cannot run this package ({type(error).__name__}: {error}); install the same "
            "cxnet-data in their environment."
        ) from error


def _calm() -> None:
    """One OpenCV thread per task: the tasks of a worker are the parallelism."""
    import cv2

    cv2.setNumThreads(1)
