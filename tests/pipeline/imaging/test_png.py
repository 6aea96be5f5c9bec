import io
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from pipeline.imaging.png import decode_png, encode_png, shrink
from sources.core.errors import CxnetError

pictures = arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60)))


@given(pictures)
def test_a_picture_comes_back_unchanged(picture):
    np.testing.assert_array_equal(decode_png(encode_png(picture), "nih/1"), picture)


def test_equal_pictures_give_equal_bytes():
    picture = np.arange(200, dtype=np.uint8).reshape(10, 20)
    assert encode_png(picture) == encode_png(np.asfortranarray(picture))


@given(pictures)
def test_other_readers_see_the_same_picture(picture):
    with Image.open(io.BytesIO(encode_png(picture))) as read:
        assert read.mode == "L"
        np.testing.assert_array_equal(np.asarray(read), picture)


@given(pictures)
def test_plain_zlib_would_write_the_same_bytes(picture):
    differences = np.diff(picture, axis=0, prepend=np.zeros((1, picture.shape[1]), np.uint8))
    lines = np.insert(differences, 0, 2, axis=1).tobytes()
    deflate = zlib.compressobj(1, zlib.DEFLATED, 15, 8, zlib.Z_HUFFMAN_ONLY)
    assert deflate.compress(lines) + deflate.flush() in encode_png(picture)


@pytest.mark.parametrize(
    "filter_", [cv2.IMWRITE_PNG_FILTER_UP, cv2.IMWRITE_PNG_FILTER_PAETH, cv2.IMWRITE_PNG_ALL_FILTERS]
)
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_png_files_of_another_layout_are_read_too(filter_, depth):
    gray = np.random.default_rng(3).integers(0, 256, (120, 190)).astype(np.uint8)  # several IDAT chunks
    stored = gray.astype(depth) * (257 if depth == np.uint16 else 1)
    data = cv2.imencode(".png", stored, [cv2.IMWRITE_PNG_FILTER, filter_])[1].tobytes()
    np.testing.assert_array_equal(decode_png(data), gray)


@given(pictures, st.integers(0), st.integers(1, 255))
def test_a_damaged_byte_gives_an_error_or_no_difference(picture, place, change):
    data = bytearray(encode_png(picture))
    data[place % len(data)] ^= change
    try:
        result = decode_png(bytes(data))
    except CxnetError:
        return
    np.testing.assert_array_equal(result, picture)


def test_a_header_that_states_gigabytes_takes_no_memory():
    data = encode_png(np.ones((23, 23), np.uint8))
    with pytest.raises(CxnetError, match="damaged"):
        decode_png(data[:16] + b"\x7f\xff\xff\xff" * 2 + data[24:])


@pytest.mark.parametrize("data", [b"", b"no picture", encode_png(np.zeros((8, 8), np.uint8))[:40]])
def test_a_damaged_picture_raises_an_error_that_names_the_film(data):
    with pytest.raises(CxnetError, match="stored picture of nih/1 is damaged; run `dvc repro`"):
        decode_png(data, "nih/1")


@given(pictures, st.integers(1, 80))
def test_shrink_limits_the_long_side_and_never_enlarges(picture, long_side):
    small = shrink(picture, long_side)
    assert max(small.shape) == min(long_side, max(picture.shape))
    if long_side >= max(picture.shape):
        assert small is picture


def test_shrink_averages_areas():
    picture = np.tile(np.array([[0, 100], [200, 100]], np.uint8), (8, 8))
    np.testing.assert_array_equal(shrink(picture, 8), np.full((8, 8), 100))
    assert shrink(cv2.resize(picture, (16, 4)), 8).shape == (2, 8)
