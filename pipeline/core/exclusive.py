"""One command at a time in one folder: a second one is refused at once, with a message that names the first."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sources.core.errors import CxnetError
from sources.core.file_locks import try_lock

NOTE_BYTES = 1000


class Hold:
    """A lock file that is held.

    Attributes:
        descriptor: its file descriptor. A child process that inherits it holds the lock, too: should this process be
            killed, the folder is free only when the child has ended, too.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def note(self, text: str) -> None:
        """Write into the file who holds it, for the message to a second command."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, text.encode()[:NOTE_BYTES], 0)


@contextmanager
def exclusive(path: Path, what: str) -> Iterator[Hold]:
    """Hold the lock file ``path`` for the length of a ``with`` statement. The system frees it when a process dies.

    Args:
        path: the file; it stays behind, as another process may be waiting to open it.
        what: what holds it, for the message: "Another `cxnet-data run`".

    Raises:
        CxnetError: another process holds it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise CxnetError(f"Cannot write {path}: {error.strerror}; choose a folder that you can write to.") from error
    try:
        if not try_lock(descriptor):
            note = os.pread(descriptor, NOTE_BYTES, 0).decode(errors="replace")
            who = f" ({note})" if note else ""
            raise CxnetError(f"{what} is running here{who}; wait until it has finished, or stop it.")
        hold = Hold(descriptor)
        hold.note(f"process {os.getpid()}")
        yield hold
    finally:
        os.close(descriptor)
