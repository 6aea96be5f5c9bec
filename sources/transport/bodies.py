"""The body of a response in pieces: as they arrive, decompressed within bounds, and checked for completeness.

``urllib3`` can decompress, too, but it accepts a truncated gzip body as complete, and it waits for a full block when a
server sends a few bytes at a time.
"""

import zlib
from collections.abc import Iterator

import requests

CHUNK_BYTES = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS


class DamagedBodyError(OSError):
    """The body does not match the server's headers."""


def body_chunks(response: requests.Response) -> Iterator[bytes]:
    """The decompressed body, as it arrives; a truncated body raises ``urllib3``'s ``HTTPError``.

    Raises:
        DamagedBodyError: the body is compressed in a way that was not requested.
    """
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    pieces = iter(lambda: response.raw.read1(CHUNK_BYTES, decode_content=False), b"")
    if encoding in ("identity", ""):
        return pieces
    if encoding in ("gzip", "x-gzip"):
        return decompressed(pieces)
    raise DamagedBodyError(f"unknown Content-Encoding {encoding[:20]!r}")


def decompressed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """A gzip stream (of one or more members) in pieces of at most 64 kB, however far it expands.

    Raises:
        DamagedBodyError: it is not gzip, or its end is missing.
    """
    member = zlib.decompressobj(_GZIP)
    begun = False
    for piece in pieces:
        while piece:
            begun = True
            try:
                yield member.decompress(piece, CHUNK_BYTES)
            except zlib.error as error:
                raise DamagedBodyError(f"not gzip ({error})") from error
            piece = member.unconsumed_tail
            if member.eof:
                piece, member, begun = member.unused_data.lstrip(b"\0"), zlib.decompressobj(_GZIP), False
    if begun:
        raise DamagedBodyError("the end of the gzip stream is missing")
