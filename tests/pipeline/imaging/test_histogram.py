"""Histogram matching as a tone curve: identity, order, range, and equality with the loop definition."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from benchmarks.enhance import draw_film, match_exactly
from pipeline.imaging.histogram import apply_curve, cumulative, histogram, match_curve, quantile

films = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))


def match(film, template):
    return apply_curve(film, match_curve(histogram(film), cumulative(histogram(template))))


@given(films)
def test_a_film_matched_to_itself_is_unchanged(film):
    assert (match(film, film) == film).all()


@given(films, films)
def test_gray_levels_keep_their_order_and_stay_in_the_templates_range(film, template):
    curve = match_curve(histogram(film), cumulative(histogram(template)))
    assert (np.diff(curve.astype(int)) >= 0).all()
    assert template.min() <= curve.min() <= curve.max() <= template.max()


@given(films, films)
@example(np.array([[1] + 69 * [0]], np.uint8), np.array([[252] + 4 * [175]], np.uint8))  # a tie: 246.5
def test_matching_equals_its_definition_pixel_by_pixel(film, template):
    assert np.abs(match(film, template) - match_exactly(film, template)).max() <= 0.5 + 1e-9


def test_results_are_rounded_not_truncated():
    film, template = np.array([[0, 1, 2]], np.uint8), np.array([[0, 200]], np.uint8)
    assert match(film, template).tolist() == [[0, 67, 200]]  # 200 x (2/3 - 1/2) / (1/2) = 66.7


def test_a_mean_of_several_films_can_be_the_reference():
    shares = [cumulative(histogram(draw_film(64, seed))) for seed in (1, 2)]
    curve = match_curve(histogram(draw_film(64, 3)), np.mean(shares, axis=0))
    assert (np.diff(curve.astype(int)) >= 0).all()


def test_tones_that_the_film_lacks_lie_between_their_neighbors():
    film, template = np.array([[10, 20]], np.uint8), np.array([[100, 200]], np.uint8)
    curve = match_curve(histogram(film), cumulative(histogram(template)))
    assert [curve[tone] for tone in (0, 10, 15, 20, 255)] == [100, 100, 150, 200, 200]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 255))
def test_histogram_counts_every_pixel_at_its_gray_level(height, width, tone):
    counts = histogram(np.full((height, width), tone, np.uint8))
    assert counts.shape == (256,)
    assert (counts[tone], counts.sum()) == (height * width, height * width)


def test_histogram_is_exact_where_float32_is_not():
    counts = histogram(np.zeros((4100, 4100), np.uint8))
    assert counts[0] == 4100 * 4100


@given(films, st.floats(0, 1))
def test_quantiles_of_a_histogram_are_those_of_the_film(film, share):
    assert quantile(histogram(film), share) == pytest.approx(np.quantile(film, share))
