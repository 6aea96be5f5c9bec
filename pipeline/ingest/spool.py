"""Results that come before their turn wait on disk, not in memory."""

import json
import tempfile
from types import TracebackType
from typing import IO, Self

from pipeline.ingest.intake import Key, Taken


class Spool:
    """A temporary file of results, asked for by key. Use as a context manager."""

    def __init__(self) -> None:
        self._places: dict[Key, tuple[int, int, int]] = {}
        self._file: IO[bytes]

    def __enter__(self) -> Self:
        self._file = tempfile.TemporaryFile(prefix="cxnet-")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __contains__(self, key: Key) -> bool:
        return key in self._places

    def put(self, taken: Taken) -> None:
        """Keep one result."""
        head = json.dumps([taken.columns, taken.reason, taken.png is None]).encode()
        body = taken.png or b""
        start = self._file.seek(0, 2)
        self._file.write(head)
        self._file.write(body)
        self._places[taken.key] = (start, len(head), len(body))

    def take(self, key: Key) -> Taken:
        """Give back the result for ``key``, once."""
        start, head, body = self._places.pop(key)
        self._file.seek(start)
        columns, reason, without_picture = json.loads(self._file.read(head))
        return Taken(key, columns, None if without_picture else self._file.read(body), reason)
