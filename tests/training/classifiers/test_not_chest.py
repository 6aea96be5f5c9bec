"""Pictures that are not chest films, and altered copies of films."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.classifiers.altered import alter
from training.classifiers.fineness import blur, box_blur, upscale
from training.classifiers.not_chest import draw_not_chest, photographs, synthetic_slices

FILMS = [np.random.default_rng(seed).integers(0, 255, (200, 160)).astype(np.uint8) for seed in range(4)]


def is_picture(array):
    return array.dtype == np.uint8 and array.ndim == 2 and min(array.shape) >= 8


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_equal_seeds_give_equal_pictures(seed):
    once, again = (draw_not_chest(FILMS, FILMS, np.random.default_rng(seed)) for _ in range(2))
    assert is_picture(once) and np.array_equal(once, again)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_altered_copies_have_about_the_size_of_the_film(seed):
    copy = alter(FILMS[0], np.random.default_rng(seed))
    assert is_picture(copy) and 0.7 * 200 < copy.shape[0] <= 300


def test_slices_have_contrast_and_differ():
    slices = synthetic_slices(6, np.random.default_rng(1))
    assert all(is_picture(each) and each.std() > 10 for each in slices)
    assert len({each.tobytes() for each in slices}) == 6


def test_photographs_are_shrunk_pictures():
    photos = photographs()
    assert len(photos) >= 2 and all(is_picture(photo) and max(photo.shape) <= 384 for photo in photos)


@pytest.mark.parametrize("change", [blur, box_blur, upscale])
def test_blurring_and_upscaling_remove_fine_detail(change):
    film = np.random.default_rng(5).integers(0, 255, (800, 640)).astype(np.uint8)
    changed = change(film, np.random.default_rng(2))
    assert changed.shape == film.shape
    assert np.abs(np.diff(changed.astype(int))).mean() < np.abs(np.diff(film.astype(int))).mean() / 2
