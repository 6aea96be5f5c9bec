import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.dedupe.features import EDGE, POINTS, SIDE, find_points, frame_size


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 9), st.integers(1, 600), st.integers(1, 600))
@example(0, 1, 500)
@example(0, 500, 1)
@example(0, 2, 900)
def test_a_picture_of_any_size_has_features_inside_its_frame(seed, height, width):
    points = find_points(np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8))
    assert len(points) <= POINTS and points.bits.shape == points.mirrored.shape
    last = np.array(frame_size(width, height)) - 1
    assert (points.places >= EDGE - 1).all() and (last - points.places >= EDGE - 1).all()
    assert len(points) == 0 or last.min() >= 2 * EDGE


@pytest.mark.parametrize("narrow", [2 * EDGE + 8, 3 * EDGE])
def test_a_narrow_picture_with_room_has_features(narrow):
    noise = np.random.default_rng(narrow).integers(0, 256, (SIDE, narrow)).astype(np.uint8)
    assert len(find_points(noise)) > 0 and len(find_points(noise.T.copy())) > 0
