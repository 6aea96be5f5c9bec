"""The body of an answer, piece by piece: as it arrives, unpacked within bounds, and known to be whole.

``urllib3`` could unpack it, but takes a gzip body that is cut off for a whole one, and waits for a full block where a
server drips.
"""

import zlib
from collections.abc import Iterator

import requests

CHUNK_BYTES = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS


class DamagedBodyError(OSError):
    """What arrived is not what the server's headers say."""


def arriving(response: requests.Response) -> Iterator[bytes]:
    """What has arrived, as soon as there is any; a body that breaks off raises ``urllib3``'s ``HTTPError``.

    Raises:
        DamagedBodyError: the body is packed in a way that was not asked for.
    """
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    pieces = iter(lambda: response.raw.read1(CHUNK_BYTES, decode_content=False), b"")
    if encoding in ("identity", ""):
        return pieces
    if encoding in ("gzip", "x-gzip"):
        return unpacked(pieces)
    raise DamagedBodyError(f"unknown Content-Encoding {encoding[:20]!r}")


def unpacked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """A gzip stream (several members may follow each other) in pieces of at most 64 kB, however well it is packed.

    Raises:
        DamagedBodyError: it is no gzip, or its end is missing.
    """
    member = zlib.decompressobj(_GZIP)
    begun = False
    for packed in pieces:
        while packed:
            begun = True
            try:
                yield member.decompress(packed, CHUNK_BYTES)
            except zlib.error as error:
                raise DamagedBodyError(f"no gzip ({error})") from error
            packed = member.unconsumed_tail
            if member.eof:
                packed, member, begun = member.unused_data.lstrip(b"\0"), zlib.decompressobj(_GZIP), False
    if begun:
        raise DamagedBodyError("the end of the gzip stream is missing")
