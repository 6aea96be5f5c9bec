"""Scaling to 8 bits decides how every 12-bit and 16-bit film looks."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.imaging.tones import MARGIN, stretch, to_8_bit, used_range

sizes = st.tuples(st.integers(1, 30), st.integers(1, 30))
sixteen_bit = arrays(np.uint16, sizes)
any_floats = arrays(np.float32, sizes, elements=st.floats(width=32))


def ramp(low, high, shape=(40, 50), dtype=np.uint16):
    return np.linspace(low, high, shape[0] * shape[1]).round().astype(dtype).reshape(shape)


@given(sixteen_bit)
@example(np.array([[0]], np.uint16))
@example(np.array([[7, 7], [7, 65535]], np.uint16))
def test_order_is_kept(samples):
    scaled = to_8_bit(samples)
    order = np.argsort(samples, axis=None)
    assert (np.diff(scaled.ravel()[order].astype(int)) >= 0).all()


@given(st.one_of(sixteen_bit, any_floats, arrays(np.int32, sizes), arrays(np.bool_, sizes).map(lambda a: a * 1.0)))
def test_any_samples_become_8_bit_of_the_same_shape(samples):
    scaled = to_8_bit(samples)
    assert (scaled.dtype, scaled.shape) == (np.uint8, samples.shape)


@given(arrays(np.uint8, sizes))
def test_an_8_bit_film_saved_with_16_bits_comes_back_unchanged(film):
    black, white = np.zeros((1, film.shape[1]), np.uint8), np.full((1, film.shape[1]), 255, np.uint8)
    film = np.vstack([film, black, white])
    np.testing.assert_array_equal(to_8_bit(film.astype(np.uint16) * 257), film)


@given(arrays(np.uint16, sizes, elements=st.integers(0, 4095)), st.integers(0, 20_000), st.integers(1, 5))
def test_offset_and_factor_of_the_samples_do_not_matter(samples, offset, factor):
    moved = (samples.astype(np.int64) * factor + offset).astype(np.int32)
    assert np.abs(to_8_bit(moved).astype(int) - to_8_bit(samples.astype(np.int32))).max() <= 1


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_films_of_fewer_bits_use_the_whole_range(bits):
    scaled = to_8_bit(ramp(0, 2**bits - 1))
    assert (scaled.min(), scaled.max()) == (0, 255)


def test_half_of_the_16_bit_range_is_enough_to_be_only_divided():
    assert to_8_bit(ramp(10_000, 10_000 + 257 * 140)).max() == round((10_000 + 257 * 140) / 257)
    assert to_8_bit(ramp(10_000, 10_000 + 257 * 100)).max() == 255


def test_a_few_saturated_samples_hardly_change_the_rest():
    plain = ramp(500, 3000, (100, 100))
    marked = plain.copy()
    marked[:4, :4] = 65_535
    change = to_8_bit(marked).astype(int) - to_8_bit(plain)
    assert np.abs(change[4:]).max() <= 255 * MARGIN
    assert np.ptp(to_8_bit(marked)[4:].astype(int)) > 255 * (1 - 2 * MARGIN)


def test_bone_and_air_beyond_the_percentiles_are_not_cut():
    samples = ramp(1000, 2000, (100, 100))
    samples[0, :20], samples[0, 20:40] = 900, 2100  # 0.2 % of the samples each
    scaled = to_8_bit(samples)
    assert scaled[0, 0] < scaled[1:].min() and scaled[0, 20] > scaled[1:].max()


@given(st.integers(0, 65535), st.sampled_from([np.uint16, np.int32, np.float32]))
def test_a_flat_picture_is_black(level, dtype):
    assert not to_8_bit(np.full((5, 6), level, dtype)).any()


@pytest.mark.parametrize(("value", "gray"), [(np.nan, 0), (-np.inf, 0), (np.inf, 255)])
def test_samples_that_are_not_finite_do_not_change_the_others(value, gray):
    samples = ramp(0, 1000, dtype=np.float32)
    holed = samples.copy()
    holed[20, 25] = value
    assert to_8_bit(holed)[20, 25] == gray
    change = np.abs(to_8_bit(holed).astype(int) - to_8_bit(samples))
    assert np.delete(change.ravel(), 20 * 50 + 25).max() <= 1


def test_without_a_finite_sample_the_picture_is_black():
    assert used_range(np.full((3, 3), np.nan)) == (0.0, 0.0)
    assert not to_8_bit(np.full((3, 3), np.nan)).any()


@given(any_floats)
def test_the_used_range_lies_within_the_finite_samples(samples):
    low, high = used_range(samples)
    finite = samples[np.isfinite(samples)]
    assert low <= high
    if finite.size:
        assert finite.min() <= low and high <= finite.max()


def test_channels_are_scaled_together():
    gray = ramp(0, 4000)
    scaled = to_8_bit(np.dstack([gray, gray // 2, gray // 4]))
    assert scaled.shape == (40, 50, 3)
    assert [int(scaled[..., channel].max()) for channel in range(3)] == [255, 128, 64]


@given(arrays(np.float64, sizes, elements=st.floats(-1e6, 1e6)), st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_stretch_maps_the_range_linearly_and_clips(samples, low, width):
    expected = np.clip((samples - low) / width * 255, 0, 255)
    assert np.abs(stretch(samples, low, low + width) - expected).max() <= 0.5 + 1e-3 * max(1, abs(low) / width)
