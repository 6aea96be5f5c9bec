import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lung_films import BLOBS, ellipses

from pipeline.core.params import SegmentParams
from pipeline.imaging.masks import LungBox, decode_mask, encode_mask, mask_of_size
from pipeline.segment.masks import GRID, bounds, clean_mask, crop_box, parts_of, touches_rim
from pipeline.segment.verdict import implausible

PARAMS = SegmentParams()
TIGHT = SegmentParams(dilation=1, iterations=0, margin=0)
SIDES = st.integers(1, 5000)


def likely(mask):
    return mask.astype(np.float32)


def test_a_mask_is_the_two_largest_parts_without_holes():
    lungs = ellipses(*BLOBS)
    hole, speck = ellipses((0.3, 0.5, 0.03, 0.03)), ellipses((0.05, 0.05, 0.02, 0.02))
    assert np.array_equal(clean_mask(likely((lungs & ~hole) | speck)), lungs)
    third = ellipses((0.5, 0.9, 0.15, 0.05))
    assert parts_of(lungs | third) == 3
    assert np.array_equal(clean_mask(likely(lungs | third)), lungs)


def test_a_speck_beside_one_lung_is_no_second_lung():
    lung, speck = ellipses(BLOBS[0]), ellipses((0.9, 0.9, 0.02, 0.02))
    assert np.array_equal(clean_mask(likely(lung | speck)), lung)


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_probabilities_that_reach_nowhere_above_half_give_an_empty_mask(value):
    mask = clean_mask(np.full((64, 64), value, np.float32))
    assert not mask.any() and parts_of(mask) == 0


def test_a_mask_of_the_whole_film_has_no_outside():
    assert clean_mask(np.ones((64, 64), np.float32)).all()


def test_the_box_takes_dilation_and_margin_and_every_last_row():
    mask = np.zeros((GRID, GRID), bool)
    mask[100:200, 60:260] = True
    assert crop_box(mask, GRID, GRID, TIGHT) == LungBox(60, 100, 260, 200)
    assert crop_box(mask, GRID, GRID, SegmentParams(dilation=5, iterations=3, margin=10)) == LungBox(44, 84, 276, 216)
    assert crop_box(mask, 2 * GRID, 4 * GRID, TIGHT) == LungBox(120, 400, 520, 800)


def test_the_margin_stops_at_the_film():
    assert crop_box(np.ones((GRID, GRID), bool), 100, 50, PARAMS) == LungBox.whole(100, 50)


@settings(deadline=None)
@given(
    sides=st.tuples(SIDES, SIDES),
    corners=st.lists(st.integers(0, GRID - 1), min_size=4, max_size=4),
    dilation=st.integers(1, 9),
    iterations=st.integers(0, 4),
    margin=st.integers(0, 400),
)
def test_a_box_lies_in_the_film_is_never_empty_and_holds_the_whole_mask(sides, corners, dilation, iterations, margin):
    (width, height), (left, right), (top, bottom) = sides, sorted(corners[:2]), sorted(corners[2:])
    mask = np.zeros((GRID, GRID), bool)
    mask[top : bottom + 1, left : right + 1] = True
    box = crop_box(mask, width, height, SegmentParams(dilation=dilation, iterations=iterations, margin=margin))
    assert 0 <= box.left < box.right <= width and 0 <= box.top < box.bottom <= height
    back = box.scaled((width, height), (GRID, GRID))
    assert back.left <= left and back.top <= top and back.right > right and back.bottom > bottom


@settings(deadline=None)
@given(sizes=st.lists(SIDES, min_size=4, max_size=4), shares=st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_a_box_of_another_size_and_back_covers_the_box(sizes, shares):
    width, height, new_width, new_height = sizes
    left, top = int(shares[0] * (width - 1)), int(shares[1] * (height - 1))
    box = LungBox(
        left, top, left + 1 + int(shares[2] * (width - 1 - left)), top + 1 + int(shares[3] * (height - 1 - top))
    )
    there = box.scaled((width, height), (new_width, new_height))
    back = there.scaled((new_width, new_height), (width, height))
    assert back.left <= box.left and back.top <= box.top and back.right >= box.right and back.bottom >= box.bottom
    assert back.left >= 0 and back.top >= 0 and back.right <= width and back.bottom <= height


@pytest.mark.parametrize(
    ("blobs", "problem"),
    [
        (BLOBS, None),
        ([(0.5, 0.5, 0.33, 0.3)], None),  # lungs that touch each other
        ([], "no lungs found"),
        ([BLOBS[0]], "only one lung found"),
        ([(0.45, 0.5, 0.05, 0.3), (0.56, 0.5, 0.05, 0.3)], "the lungs are too narrow (0.35 times as wide as high)"),
        ([(0.25, 0.5, 0.2, 0.1), (0.75, 0.5, 0.2, 0.1)], "the lungs are too wide (4.45 times as wide as high)"),
        ([(0.48, 0.5, 0.02, 0.02), (0.52, 0.5, 0.02, 0.02)], "the lungs cover 0% of the film"),
        ([(0.5, 0.5, 0.7, 0.7)], "the lungs cover 100% of the film"),
        ([(0.08, 0.12, 0.05, 0.1), (0.22, 0.12, 0.05, 0.1)], "the lungs cover 3% of the film"),
        ([(0.08, 0.16, 0.08, 0.16), (0.25, 0.16, 0.08, 0.16)], "the lungs are at the rim of the film"),
    ],
)
def test_a_mask_must_look_like_lungs(blobs, problem):
    assert implausible(ellipses(*blobs), 500, 500, PARAMS) == problem


def test_the_shape_of_the_lungs_is_that_on_the_film():
    squeezed = ellipses((0.42, 0.5, 0.07, 0.3), (0.58, 0.5, 0.07, 0.3))
    assert implausible(squeezed, 500, 500, PARAMS) is not None
    assert implausible(squeezed, 1000, 500, PARAMS) is None


def test_lungs_are_cut_if_they_lie_along_a_side_of_the_film():
    assert not touches_rim(ellipses(*BLOBS))
    for x, y in ((0.0, 0.5), (1.0, 0.5), (0.5, 0.0), (0.5, 1.0)):
        assert touches_rim(ellipses((x, y, 0.2, 0.2)))
    corner = np.zeros((GRID, GRID), bool)
    corner[0, :3] = True
    assert not touches_rim(corner)  # a few cells are chance


def test_a_stored_mask_is_small_and_comes_back():
    mask = ellipses(*BLOBS)
    png = encode_mask(mask)
    assert np.array_equal(decode_mask(png), mask)
    assert png == encode_mask(mask.copy()) and len(png) < 1500


@pytest.mark.parametrize("size", [(640, 960), (17, 1000), (1, 1)])
def test_a_mask_in_the_size_of_the_film_has_the_same_share(size):
    width, height = size
    large = mask_of_size(ellipses(*BLOBS), width, height)
    assert large.shape == (height, width) and large.dtype == np.uint8 and set(np.unique(large)) <= {0, 255}
    if min(size) > 1:
        assert (large > 0).mean() == pytest.approx(ellipses(*BLOBS).mean(), abs=0.02)


def test_bounds_are_those_of_the_mask():
    mask = np.zeros((8, 9), bool)
    mask[2, 3] = mask[5, 7] = True
    assert bounds(mask) == LungBox(3, 2, 8, 6)
