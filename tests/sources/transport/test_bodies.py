import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.transport.bodies import CHUNK_BYTES, DamagedBodyError, decompressed


def pieces(content, size=7):
    return (content[start : start + size] for start in range(0, len(content), size))


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=3), st.integers(1, 50))
def test_members_are_decompressed_one_after_another(parts, size):
    packed = b"".join(gzip.compress(part) for part in parts)
    assert b"".join(decompressed(pieces(packed, size))) == b"".join(parts)


@pytest.mark.parametrize("cut", [1, 8, 20])
def test_a_truncated_stream_is_an_error(cut):
    packed = gzip.compress(bytes(range(256)) * 10)[:-cut]
    with pytest.raises(DamagedBodyError, match="the end of the gzip stream is missing"):
        list(decompressed(pieces(packed)))


def test_other_bytes_are_an_error():
    with pytest.raises(DamagedBodyError, match="not gzip"):
        list(decompressed(iter([b"<html>"])))


def test_a_bomb_comes_in_small_pieces():
    stream = decompressed(iter([gzip.compress(bytes(10_000_000))]))
    sizes = [len(next(stream)) for _ in range(20)]
    assert max(sizes) <= CHUNK_BYTES
