"""A checksum of the footer of a Parquet file, in the file itself.

Every page of a Parquet file can carry a checksum, but its footer, which says where the columns are and what they are
called, has none: one flipped bit there can turn one column into another. We write

    pages | seal | footer | length of the footer (4 bytes) | PAR1

Other readers find the pages by their positions and never look at the seal.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

MAGIC = b"cxnet-seal-1\0\0\0\0"
SEAL_BYTES = len(MAGIC) + hashlib.sha256().digest_size
TAIL_BYTES = 8  # length of the footer, PAR1


class UnsealedError(Exception):
    """A Parquet file without a seal: another program wrote it, or an earlier version of this one."""


class BrokenSealError(Exception):
    """The footer is not the one that was written."""


@contextmanager
def sealed_writer(file: IO[bytes], schema: pa.Schema, **options: Any) -> Iterator[pq.ParquetWriter]:
    """Yield a Parquet writer into an open file; at the end of the ``with`` the footer is sealed."""
    sink = _Sink(file)
    # Pages end where their content says so: a store that keeps equal chunks once holds most of two versions once.
    options = {"use_content_defined_chunking": True, **options}
    with pq.ParquetWriter(sink, schema, write_page_checksum=True, **options) as writer:
        yield writer
        sink.hold_back()
    sink.seal()


def check_seal(file: IO[bytes]) -> None:
    """Compare the footer of an open Parquet file with its seal.

    Raises:
        UnsealedError: there is no seal.
        BrokenSealError: the footer or the seal is damaged.
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - TAIL_BYTES))
    tail = file.read(TAIL_BYTES)
    length = SEAL_BYTES + int.from_bytes(tail[:4], "little") + TAIL_BYTES
    if length > size:
        raise UnsealedError
    file.seek(size - length)
    block = file.read(length)
    file.seek(0)
    if block[: len(MAGIC)] != MAGIC:
        raise UnsealedError
    if block[:SEAL_BYTES] != _seal(block[SEAL_BYTES:]):
        raise BrokenSealError("the checksum of its footer does not match")


class _Sink:
    """What a Parquet writer writes to; the end of the file is held back until it is sealed."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._written = 0
        self._held: bytearray | None = None

    def write(self, data: Any) -> int:
        """Write bytes, or hold them back."""
        view = memoryview(data).cast("B")
        if self._held is None:
            self._file.write(view)
        else:
            self._held += view
        self._written += len(view)
        return len(view)

    def tell(self) -> int:
        """The number of bytes so far: the writer notes where columns begin."""
        return self._written

    def flush(self) -> None:
        """Do nothing: whoever opened the file flushes it."""

    def close(self) -> None:
        """Do nothing: whoever opened the file closes it."""

    def hold_back(self) -> None:
        """Hold back all that is written from now on."""
        self._held = bytearray()

    def seal(self) -> None:
        """Write what was held back, with the seal before the footer."""
        held = bytes(self._held or b"")
        start = len(held) - TAIL_BYTES - int.from_bytes(held[-TAIL_BYTES:-4], "little")
        self._file.write(held[:start] + _seal(held[start:]) + held[start:])


def _seal(footer: bytes) -> bytes:
    return MAGIC + hashlib.sha256(footer).digest()
