"""Random changes of training images stay within their ranges and are reproducible."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.core.augment import MODEST, NONE, Augmentation, change_shapes, draw_brightness, draw_matrices, preset

seeds = st.integers(0, 2**32 - 1)


def draw(count=3, height=20, width=24, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3)).astype(np.uint8)


def changed(augmentation, images, seed=0):
    return change_shapes(images, augmentation, np.random.default_rng(seed))


def test_the_preset_none_changes_nothing():
    images = draw()
    assert (changed(NONE, images) == images).all()


@given(seeds)
def test_equal_states_give_equal_images(seed):
    images, paper = draw(), preset("paper", 2)
    assert (changed(paper, images, seed) == changed(paper, images, seed)).all()


def test_each_image_has_its_own_draw():
    images = np.repeat(draw(1), 4, axis=0)
    assert len({each.tobytes() for each in changed(MODEST, images)}) == 4


@given(seeds)
def test_the_modest_preset_keeps_films_upright_and_unmirrored(seed):
    matrices = draw_matrices(20, 100, 100, MODEST, np.random.default_rng(seed))
    angles = np.rad2deg(np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0]))
    assert (np.linalg.det(matrices[:, :, :2]) > 0).all()
    assert (np.abs(angles) <= 10 + 1e-9).all()


@given(seeds)
def test_the_center_moves_by_at_most_the_shift(seed):
    matrices = draw_matrices(20, 51, 101, preset("paper", 3), np.random.default_rng(seed))
    moved = matrices[:, :, :2] @ np.array([50.0, 25.0]) + matrices[:, :, 2] - [50.0, 25.0]
    assert (np.abs(moved) <= [10.1 + 1e-9, 5.1 + 1e-9]).all()


def test_flips_mirror_exactly():
    images = draw(64, 8, 8)
    flipped_images = changed(Augmentation(flips=True), images)
    kinds = {
        name
        for image, each in zip(images, flipped_images, strict=True)
        for name, flipped in (("as it was", image), ("left", image[:, ::-1]), ("up", image[::-1]))
        if (each == flipped).all()
    }
    assert kinds == {"as it was", "left", "up"}


def test_the_preset_mirror_only_mirrors():
    images = draw(64, 8, 8)
    mirrored = (changed(preset("mirror", 2), images) == images[:, :, ::-1]).all(axis=(1, 2, 3))
    same = (changed(preset("mirror", 2), images) == images).all(axis=(1, 2, 3))
    assert (mirrored | same).all()
    assert 16 <= mirrored.sum() <= 48


def test_areas_outside_the_image_are_black():
    white = np.full((1, 40, 40, 3), 255, np.uint8)
    shrunk = changed(Augmentation(zoom=(2.0, 2.0)), white)[0, :, :, 0]
    assert shrunk[20, 20] == 255
    assert (shrunk[[0, 0, -1, -1], [0, -1, 0, -1]] == 0).all()


@given(seeds)
def test_brightness_stays_in_its_range(seed):
    factors = draw_brightness(50, preset("paper", 2), np.random.default_rng(seed))
    assert factors.min() >= 0.5
    assert factors.max() <= np.float32(1.3)


@pytest.mark.parametrize(("num_classes", "shift"), [(2, 0.2), (3, 0.1)])
def test_the_paper_shifts_less_for_three_classes(num_classes, shift):
    assert preset("paper", num_classes).shift == shift
