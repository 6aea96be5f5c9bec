import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.imaging.runs import find_parts, stretches

pictures = st.integers(1, 3).flatmap(
    lambda count: arrays(
        np.uint8, st.tuples(st.just(count), st.integers(1, 14), st.integers(1, 14)), elements=st.sampled_from([0, 9])
    )
)


def parts_of(runs):
    """Each part as the set of its places."""
    places, numbers = runs.pixels()
    return [set(places[numbers == number].tolist()) for number in range(int(numbers.max(initial=-1)) + 1)]


def outlined(pictures):
    """The parts by OpenCV: an outer contour, filled, and what it holds."""
    parts = []
    for number, picture in enumerate(pictures):
        for outline in cv2.findContours(picture, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]:
            inside = cv2.drawContours(np.zeros_like(picture), [outline], -1, 1, cv2.FILLED)
            parts.append({number * picture.size + place for place in np.flatnonzero(inside & picture).tolist()})
    return parts


@settings(max_examples=100, deadline=None)
@given(pictures)
def test_parts_are_what_outer_contours_enclose(pictures):
    found = parts_of(find_parts(pictures, 8))
    assert sorted(map(sorted, found)) == sorted(map(sorted, outlined(pictures)))


@settings(max_examples=100, deadline=None)
@given(pictures)
def test_widened_parts_are_dilated_ones(pictures):
    runs = find_parts(pictures, 8)
    for part, widened in zip(parts_of(runs), parts_of(runs.widened(pictures.shape[1:])), strict=True):
        mask = np.zeros_like(pictures)
        mask.ravel()[list(part)] = 1
        dilated = np.stack([cv2.dilate(picture, np.ones((3, 3), np.uint8)) for picture in mask])
        assert widened == set(np.flatnonzero(dilated).tolist())


def test_only_pixels_above_the_level_belong_to_parts():
    assert parts_of(find_parts(np.array([[[7, 8, 9, 8, 255]]], np.uint8), 8)) == [{2}, {4}]


def test_a_part_in_a_ring_in_a_ring_belongs_to_the_outer_one():
    picture = np.zeros((1, 21, 21), np.uint8)
    for radius in (9, 6, 3, 0):
        cv2.rectangle(picture[0], (10 - radius, 10 - radius), (10 + radius, 10 + radius), 255)
    assert len(parts_of(find_parts(picture, 0))) == 1


def test_chosen_parts_are_numbered_anew():
    runs = find_parts(np.array([[[1, 0, 1, 1, 0, 1]]], np.uint8), 0)
    assert parts_of(runs.of(np.array([False, True, True]))) == [{2, 3}, {5}]


@pytest.mark.parametrize(("smallest_or_largest", "expected"), [(np.minimum, [2, 3]), (np.maximum, [5, 3])])
def test_values_are_combined_by_part(smallest_or_largest, expected):
    runs = find_parts(np.array([[[1, 0, 0, 1], [1, 0, 0, 0]]], np.uint8), 0)
    assert runs.by_part(smallest_or_largest, np.array([5, 3, 2])).tolist() == expected


def test_stretches_of_numbers():
    assert stretches(np.array([3, 8, 1]), np.array([5, 8, 2])).tolist() == [3, 4, 1]
    assert stretches(np.array([], int), np.array([], int)).tolist() == []
