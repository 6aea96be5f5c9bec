"""One fetch at a time in the folder of a source: a second one waits for the first to end."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from sources.core.errors import CxnetError, StoppedError

WAIT_S = 0.2  # how often a waiting fetch looks whether it has been interrupted


@contextmanager
def alone_in(folder: Path, notify: Callable[[str], None], stop: threading.Event | None = None) -> Iterator[None]:
    """Use a folder alone for the length of a ``with`` statement; it is created if necessary.

    Args:
        notify: receives a message if there is another fetch to wait for.
        stop: set when the run is interrupted; it ends the wait.

    Raises:
        CxnetError: the folder cannot be written.
        StoppedError: the run was interrupted while it waited.
    """
    file_lock = _locked(folder, notify, stop or threading.Event())
    try:
        yield
    finally:
        file_lock.release()


def _locked(folder: Path, notify: Callable[[str], None], stop: threading.Event) -> FileLock:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file_lock = FileLock(folder / ".lock", thread_local=False)
        if _acquire(file_lock, 0):
            return file_lock
        notify(f"another fetch of {folder.name} is running; waiting for it to end")
        while not stop.is_set():
            if _acquire(file_lock, WAIT_S):
                return file_lock
    except (OSError, NotImplementedError) as error:  # not every file system can lock a file
        reason = error.strerror if isinstance(error, OSError) else error
        raise CxnetError(f"Cannot write {folder}: {reason}; choose another --root.") from error
    raise StoppedError


def _acquire(file_lock: FileLock, timeout_s: float) -> bool:
    """Try to acquire a file lock for so long; was it acquired?"""
    try:
        file_lock.acquire(timeout=timeout_s)
    except Timeout:
        return False
    return True
