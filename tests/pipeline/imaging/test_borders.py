import cv2
import numpy as np
import pytest
from exposures import draw_exposure
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from phantoms import phantom

from pipeline.imaging.borders import collimated_share, content_box, tolerant_content_box, without_border

FILM = phantom("frontal", 981)


def collimated(film, degrees, depth, sides=(0, 1, 2, 3), seed=0):
    """``film`` in the shadow of a rotated collimator, and the share of it; ``depth`` is a share of each side."""
    height, width = film.shape
    down, right = np.mgrid[:height, :width].astype(np.float32)
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    u, v = (right - width / 2) * cos + (down - height / 2) * sin, (down - height / 2) * cos - (right - width / 2) * sin
    edges = [
        (0.5 - depth) * width + u,
        (0.5 - depth) * width - u,
        (0.5 - depth) * height + v,
        (0.5 - depth) * height - v,
    ]
    open_part = np.prod([np.clip(edges[side] / 3 + 0.5, 0, 1) for side in sides], axis=0)
    noise = np.random.default_rng(seed).normal(9, 3, film.shape)
    return np.clip(film * open_part + (1 - open_part) * noise, 0, 255).astype(np.uint8), float((open_part < 0.5).mean())


@pytest.mark.parametrize(("degrees", "depth"), [(0, 0.1), (4, 0.1), (-5, 0.14)])
def test_the_shadow_of_a_collimator_is_measured_at_any_angle(degrees, depth):
    picture, share = collimated(FILM // 2 + 110, degrees, depth)
    assert collimated_share(picture) == pytest.approx(share, abs=0.04)


def test_a_film_without_collimator_has_no_shadow():
    assert collimated_share(FILM) == 0


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 255))
def test_a_plain_border_is_found_to_the_pixel(rows, columns, gray):
    inner = np.random.default_rng(1).integers(0, 256, (40, 50)).astype(np.uint8)
    framed = cv2.copyMakeBorder(inner, rows, rows, columns, columns, cv2.BORDER_CONSTANT, value=gray)
    assert content_box(framed) == (columns, rows, 50, 40)
    np.testing.assert_array_equal(without_border(framed), inner)


def test_letters_on_a_border_are_content_to_the_strict_box_alone():
    framed = cv2.copyMakeBorder(draw_exposure(2, side=256), 60, 40, 50, 20, cv2.BORDER_CONSTANT, value=0)
    cv2.putText(framed, "R 3", (260, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255, 1)
    assert tolerant_content_box(framed) == (50, 60, 256, 256)
    left, top, width, height = content_box(framed)
    assert (left, width, top + height) == (50, 256, 316)
    assert 30 <= top < 40


@pytest.mark.parametrize("box", [content_box, tolerant_content_box])
def test_a_plain_picture_is_not_cut(box):
    assert box(np.full((40, 60), 9, np.uint8)) == (0, 0, 60, 40)


def test_the_tolerant_box_cuts_nothing_if_little_would_be_left():
    picture = np.zeros((90, 90), np.uint8)
    picture[30:50, 30:50] = np.random.default_rng(0).integers(0, 256, (20, 20))
    assert tolerant_content_box(picture) == (0, 0, 90, 90)
    assert content_box(picture) == (30, 30, 20, 20)


@given(arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60))))
def test_any_picture_can_be_measured(picture):
    assert 0 < without_border(picture).size <= picture.size
    left, top, width, height = tolerant_content_box(picture)
    assert 0 <= left < left + width <= picture.shape[1] and 0 <= top < top + height <= picture.shape[0]
    assert 0 <= collimated_share(picture) <= 1
