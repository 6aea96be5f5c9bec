"""What decoders print instead of raising it: C libraries write their complaints to the error stream and go on."""

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_one_at_a_time = threading.Lock()  # the error stream belongs to the whole process


@contextmanager
def complaints() -> Iterator[list[str]]:
    """Collect the lines that C code writes to the error stream meanwhile; the list is filled at the end."""
    lines: list[str] = []
    with _one_at_a_time, tempfile.TemporaryFile() as file:
        sys.stderr.flush()
        stream = os.dup(2)
        try:
            os.dup2(file.fileno(), 2)
            yield lines
        finally:
            os.dup2(stream, 2)
            os.close(stream)
            file.seek(0)
            lines += file.read(100_000).decode("utf-8", "replace").splitlines()
