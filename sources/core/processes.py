"""A pool of worker processes that never outlive the process that started them.

However that process ends (``kill -9`` included), its workers notice and end. Signals that ask to end (ctrl-C, SIGTERM
from a batch system, SIGHUP from a closed terminal) often reach a whole process group; workers leave them to the parent.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path

from sources.core.errors import CxnetError

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # signals that ask a program to end
SETTLE_S = 0.5  # for a signal to this process that reached its workers first
SEMAPHORES = Path("/dev/shm")  # where Linux shows named semaphores as files


class _Worker(SpawnProcess):
    """A process that ignores signals to its whole group: only its parent ends it."""

    def start(self) -> None:
        """Start the process; what it starts with is blocked until its end."""
        with _blocked():
            super().start()

    def terminate(self) -> None:
        """End the process at once; SIGTERM would not reach it."""
        self.kill()


class _Workers(SpawnContext):
    """Fresh interpreters, because forks of a process with threads may hang."""

    Process = _Worker  # type: ignore[assignment]


@contextmanager
def process_pool(workers: int, prepare: Callable[[], object] | None = None) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of processes; ``prepare`` runs once in each of them.

    After a failure or an interrupt, they are killed: they only compute, and nobody waits for their results.

    Raises:
        CxnetError: a worker was killed, for example because the memory ran out.
    """
    _name_semaphores()
    others = set(multiprocessing.active_children())
    with _blocked():
        resource_tracker.ensure_running()  # type: ignore[attr-defined]  # typeshed lacks it
    pool = ProcessPoolExecutor(workers, mp_context=_Workers(), initializer=_begin, initargs=(prepare,))
    try:
        yield pool
    except BrokenProcessPool as error:
        time.sleep(SETTLE_S)  # an interrupt that is on its way explains it better
        raise CxnetError(
            "A worker process was killed, most likely because the memory ran out; run the same command again with "
            "fewer --workers."
        ) from error
    except BaseException:
        for worker in set(multiprocessing.active_children()) - others:
            worker.kill()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin(prepare: Callable[[], object] | None) -> None:
    """Prepare a worker."""
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    if prepare is not None:
        prepare()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()  # returns when the kernel closes the parent's end of a pipe, however the parent ended
        os._exit(1)


@contextmanager
def _blocked() -> Iterator[None]:
    """Block the signals that ask to end; a process that is started meanwhile never gets them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _name_semaphores() -> None:
    """Name this process's semaphores after it, and remove those of processes that were killed with all helpers.

    Elsewhere than on Linux the names stay as they are.
    """
    if not (sys.platform == "linux" and SEMAPHORES.is_dir()):
        return
    space = f"cxnet-{Path('/proc/self/ns/pid').stat().st_ino}-"  # numbers of processes differ between containers
    for path in SEMAPHORES.glob(f"sem.{space}*"):
        pid, started = path.name.removeprefix(f"sem.{space}").split("-")[:2]
        if _started(pid) != started:
            with suppress(OSError):  # another user's
                path.unlink()
    own = f"{space}{os.getpid()}-{_started('self')}"
    multiprocessing.current_process()._config["semprefix"] = f"/{own}"  # type: ignore[attr-defined]


def _started(pid: str) -> str | None:
    """When a process was started, in ticks since the machine's start, or None if it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        return None
