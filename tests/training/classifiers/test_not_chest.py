"""Drawn pictures of anything but a chest film, and altered copies of films."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training.classifiers.altered import alter
from training.classifiers.fineness import blow_up, blur
from training.classifiers.not_chest import draw_not_chest, drawn_slices, photographs

FILMS = [np.random.default_rng(seed).integers(0, 255, (200, 160)).astype(np.uint8) for seed in range(4)]


def is_picture(found):
    return found.dtype == np.uint8 and found.ndim == 2 and min(found.shape) >= 8


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_pictures_of_all_kinds_are_drawn_the_same_from_one_seed(seed):
    once, again = (draw_not_chest(FILMS, FILMS, np.random.default_rng(seed)) for _ in range(2))
    assert is_picture(once) and np.array_equal(once, again)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_altered_copies_are_films_of_about_that_size(seed):
    found = alter(FILMS[0], np.random.default_rng(seed))
    assert is_picture(found) and 0.7 * 200 < found.shape[0] <= 300


def test_slices_show_something_and_differ():
    slices = drawn_slices(6, np.random.default_rng(1))
    assert all(is_picture(found) and found.std() > 10 for found in slices)
    assert len({found.tobytes() for found in slices}) == 6


def test_the_photographs_are_free_samples_of_libraries():
    found = photographs()
    assert len(found) >= 2 and all(is_picture(photo) and max(photo.shape) <= 384 for photo in found)


def test_blur_and_enlargement_take_fine_detail_away():
    rng = np.random.default_rng(2)
    for change in (blur, blow_up):
        less = change(FILMS[0], rng)
        assert less.shape == FILMS[0].shape
        assert np.abs(np.diff(less.astype(int))).mean() < np.abs(np.diff(FILMS[0].astype(int))).mean() / 2
