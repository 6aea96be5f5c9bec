"""Keep results that come before their turn on disk instead of in memory."""

import json
import tempfile
from types import TracebackType
from typing import IO, Self

from pipeline.ingest.intake import Ingested
from sources.core.items import Key


class Spool:
    """A temporary file of results, by key. Use as a context manager."""

    def __init__(self) -> None:
        self._places: dict[Key, tuple[int, int, int]] = {}  # start, bytes of the JSON part, bytes of the PNG part
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

    def put(self, result: Ingested) -> None:
        """Store one result under its key."""
        head = json.dumps([result.columns, result.reason, result.png is None]).encode()
        body = result.png or b""
        start = self._file.seek(0, 2)
        self._file.write(head)
        self._file.write(body)
        self._places[result.key] = (start, len(head), len(body))

    def take(self, key: Key) -> Ingested:
        """Return the result for ``key`` and forget it.

        Raises:
            KeyError: there is none, or it was taken before.
        """
        start, head, body = self._places.pop(key)
        self._file.seek(start)
        columns, reason, has_no_png = json.loads(self._file.read(head))
        return Ingested(key, columns, None if has_no_png else self._file.read(body), reason)
