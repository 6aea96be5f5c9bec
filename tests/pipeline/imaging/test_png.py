import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.imaging.png import decode_png, encode_png, shrink
from sources.core.errors import CxnetError

pictures = arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60)))


@given(pictures)
def test_a_picture_comes_back_unchanged(picture):
    np.testing.assert_array_equal(decode_png(encode_png(picture), "nih/1"), picture)


def test_equal_pictures_give_equal_bytes():
    picture = np.arange(200, dtype=np.uint8).reshape(10, 20)
    assert encode_png(picture) == encode_png(np.asfortranarray(picture))


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
