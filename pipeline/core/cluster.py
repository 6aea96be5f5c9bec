"""A Dask cluster as an executor for per-image work."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from sources.core.errors import CxnetError

if TYPE_CHECKING:
    from distributed import Client

Result = TypeVar("Result")

PATIENCE_S = 30  # for the scheduler to answer, and for its first worker to appear


class Cluster(Executor):
    """The workers of a Dask cluster as an executor.

    Attributes:
        width: how many tasks the cluster could run at a time when it was opened.
    """

    def __init__(self, client: "Client") -> None:
        self._inner = client.get_executor(pure=False)  # else equal tasks of two runs would count as one task
        self.width = sum(client.nthreads().values())

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        return self._inner.submit(fn, *args, **kwargs)


@contextmanager
def open_cluster(address: str) -> Iterator[Cluster]:
    """Yield the cluster of the Dask scheduler at ``address`` (``tcp://host:port``).

    Raises:
        CxnetError: Dask is not installed, the scheduler does not answer, it has no workers, or the workers lack this
            package or crash.
    """
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        raise CxnetError("--scheduler needs Dask; install it with `pip install cxnet-data[cluster]`.") from None
    try:
        client = Client(address, timeout=PATIENCE_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise CxnetError(
            f"No Dask scheduler answers at {address} ({error or type(error).__name__}); start one with "
            "`dask scheduler`, or omit --scheduler."
        ) from error
    with client:
        _check_workers(client, address)
        try:
            yield Cluster(client)
        except KilledWorker as error:
            raise CxnetError(
                f"Workers of {address} crashed repeatedly on one task ({error.task}); give them more memory "
                "(`dask worker --memory-limit`), then run the same command again."
            ) from error


def _check_workers(client: "Client", address: str) -> None:
    """Refuse a cluster that has no worker, or whose workers cannot import this package."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE_S)
    except TimeoutError:
        raise CxnetError(
            f"The scheduler at {address} has no worker; start some with `dask worker {address}`."
        ) from None
    try:
        client.run(_one_thread)
    except Exception as error:
        raise CxnetError(
            f"The workers of {address} cannot run this package ({type(error).__name__}: {error}); install the same "
            "cxnet-data in their environment."
        ) from error


def _one_thread() -> None:
    """Let OpenCV use one thread per task, because a worker runs several tasks at a time."""
    import cv2

    cv2.setNumThreads(1)
