"""BEASF, CLAHE and the channels: the properties in the paper, without the flaws of its public code."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from benchmarks.enhance import beasf_by_pixel, clahe_by_pixel, draw_film
from pipeline.imaging.histogram import histogram
from pipeline.prepare.enhance import CHANNELS, beasf, beasf_curve, channels, check_channels, clahe, landmarks
from sources.core.errors import CxnetError

films = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))
gammas = st.just(0.0) | st.floats(0.01, 10.0)
means = st.integers(1, 253)
IDENTITY = np.arange(256)


@st.composite
def curves(draw):
    """Any curve that BEASF can make: (mean, curve)."""
    mean = draw(means)
    lower, upper = draw(st.integers(0, mean)), draw(st.integers(mean + 1, 255))
    return mean, beasf_curve(mean, lower, upper, draw(gammas))


@given(curves())
def test_beasf_is_monotonic_and_keeps_its_four_fixed_points(mean_and_curve):
    mean, curve = mean_and_curve
    assert (np.diff(curve.astype(int)) >= 0).all()
    assert [curve[tone] for tone in (0, mean, mean + 1, 255)] == [0, mean, mean + 1, 255]


@given(means, st.sampled_from([0.0, 1e-300, 1e-12, 1e-7, 1e-6, 1e-5, 1e-3]))
def test_a_vanishing_gamma_is_the_identity(mean, gamma):
    assert (beasf_curve(mean, mean // 2, (mean + 256) // 2, gamma) == IDENTITY).all()


@given(films, gammas)
def test_beasf_equals_its_definition_pixel_by_pixel(film, gamma):
    assert (beasf(film, gamma) == beasf_by_pixel(film, gamma)).all()


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("gamma", [0.5, 1.0, 1.5, 2.0])
def test_beasf_equals_its_definition_on_synthetic_films(seed, gamma):
    film = draw_film(64, seed)
    assert (beasf(film, gamma) == beasf_by_pixel(film, gamma)).all()


@pytest.mark.parametrize("film", [[[0, 0, 0, 3]], [[0]], [[254, 255]], [[255, 255]], [[254]]], ids=str)
def test_a_half_of_one_tone_leaves_the_film_unchanged(film):
    film = np.array(film, np.uint8)
    assert (beasf(film, 1.5) == film).all()


def test_beasf_depends_on_the_histogram_only_through_mean_and_medians():
    film = np.array([[10, 50, 90, 150, 200, 250]], np.uint8)
    other = np.array([[0, 50, 50, 124, 199, 200, 200, 177]], np.uint8)
    assert landmarks(histogram(film)) == landmarks(histogram(other)) == (125, 50, 200)
    curve = beasf_curve(125, 50, 200, 1.5)
    assert (beasf(film, 1.5) == curve[film]).all()
    assert (beasf(other, 1.5) == curve[other]).all()


def test_bins_are_gray_levels_even_if_the_film_lacks_some():
    # the public code spread 256 bins over 100..160: bin and gray level then differ, and the medians with them
    film = np.array([[100, 110, 120, 140, 150, 160]], np.uint8)
    assert landmarks(histogram(film)) == (130, 110, 150)


def test_the_tone_of_the_mean_belongs_to_the_lower_half_only():
    # counted in both halves, 100 (the mean, and most of the pixels) would be the upper median, too
    film = np.array([[90] + [100] * 8 + [110]], np.uint8)
    assert landmarks(histogram(film)) == (100, 100, 110)


def test_the_upper_sigmoid_starts_one_above_the_mean_and_reaches_its_last_value():
    curve = beasf_curve(100, 50, 180, 1.5)
    assert (curve[101], curve[255]) == (101, 255)
    assert curve[180] == round(101 + 154 * (0.5 - _sigmoid(-79)) / (_sigmoid(75) - _sigmoid(-79)))


def _sigmoid(tones_from_median: int) -> float:
    return 1 / (1 + np.exp(-7.5 * tones_from_median / 155))


def test_the_lower_half_is_rounded_once_at_the_end():
    # truncating before the stretch makes plateaus: fewer distinct tones than the smooth curve has
    mean, median, gamma = 30, 15, 2.0
    tones = np.arange(mean + 1)
    smooth = 1 / (1 + np.exp(-5 * gamma * (tones - median) / mean))
    expected = np.rint(mean * (smooth - smooth[0]) / (smooth[-1] - smooth[0]))
    assert (beasf_curve(mean, median, 200, gamma)[: mean + 1] == expected).all()


def test_the_mean_of_a_large_white_film_does_not_overflow():
    film = np.full((3000, 3000), 250, np.uint8)
    film[0, 0] = 0
    assert landmarks(histogram(film))[0] == 249


@pytest.mark.parametrize("side", [67, 96])  # 67 is no multiple of the tiles: the edge is reflected
def test_clahe_equals_its_definition(side):
    film = draw_film(side, 1)
    assert (clahe(film) == clahe_by_pixel(film, 2.0, 8)).all()


@given(films)
def test_clahe_accepts_films_smaller_than_its_tiles(film):
    assert clahe(film).shape == film.shape


@given(films)
def test_channels_are_stacked_in_the_recorded_order(film):
    stacked = channels(film, gamma=1.5, clip=2.0, tiles=8)
    made = {"beasf": beasf(film, 1.5), "clahe": clahe(film), "original": film}
    assert (stacked.dtype, stacked.shape) == (np.uint8, (*film.shape, 3))
    assert all((stacked[..., place] == made[name]).all() for place, name in enumerate(CHANNELS))


def test_the_order_is_that_of_the_notebooks_and_another_is_refused():
    check_channels(["beasf", "clahe", "original"], "models/base")
    with pytest.raises(CxnetError, match=r"models/base has the channels \(original, beasf, clahe\)"):
        check_channels(["original", "beasf", "clahe"], "models/base")


def test_enhancing_does_not_change_the_given_film():
    film = draw_film(64, 1)
    before = film.copy()
    channels(film)
    assert (film == before).all()
