import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from phantoms import page_of_text, phantom

from pipeline.classifiers import upright
from pipeline.classifiers.networks import shipped
from pipeline.classifiers.thumbnails import features, mirrored, thumbnail
from pipeline.classifiers.upright import MIRRORED_STATES, ROTATIONS, STATES, set_upright
from pipeline.imaging.borders import without_border
from sources.sandbox.alter import rotated_90, rotated_180

FILMS = [phantom("frontal", seed) for seed in range(950, 958)]


def detect(picture):
    return upright.detect_orientation(picture, shipped("views"), shipped("upright"), shipped("side"))


def saved(film, rotation, inverted):
    return set_upright(film, -rotation % 360, inverted)


@settings(max_examples=30, deadline=None)
@given(arrays(np.uint8, (2, 64, 64)), st.floats(0.3, 3))
def test_features_of_a_mirror_image_are_those_of_the_picture_in_other_places(pictures, aspect):
    pictures = np.stack([*pictures, thumbnail(FILMS[0])[0]])
    aspects = np.full(3, aspect, np.float32)
    expected = features(np.ascontiguousarray(pictures[:, :, ::-1]), aspects)
    np.testing.assert_allclose(mirrored(features(pictures, aspects)), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("rotation", "inverted"), STATES)
def test_rotated_films_and_negatives_are_detected_and_undone(rotation, inverted):
    for film in FILMS:
        received = saved(film, rotation, inverted)
        found = detect(received)
        assert (found.rotation, found.inverted) == (rotation, inverted)
        np.testing.assert_array_equal(set_upright(received, found.rotation, found.inverted), film)


def test_rotation_is_counted_clockwise():
    rng = np.random.default_rng(0)
    assert detect(rotated_90(FILMS[0], rng)).rotation == 90
    assert detect(rotated_180(FILMS[0], rng)).rotation == 180


def test_a_border_does_not_hide_a_rotation():
    framed = cv2.copyMakeBorder(saved(FILMS[1], 90, False), 60, 60, 10, 10, cv2.BORDER_CONSTANT, value=0)
    assert detect(without_border(framed)).rotation == 90


def test_the_side_of_the_heart_reveals_a_mirrored_film():
    assert [detect(film).mirrored for film in FILMS] == [False] * len(FILMS)
    assert [detect(np.ascontiguousarray(film[:, ::-1])).mirrored for film in FILMS] == [True] * len(FILMS)


@pytest.mark.parametrize("kind", ["lateral", "ct"])
def test_only_frontal_films_count_as_mirrored(kind):
    pictures = [phantom(kind, seed) for seed in range(970, 974)]
    both_ways = [*pictures, *(np.ascontiguousarray(picture[:, ::-1]) for picture in pictures)]
    assert [detect(picture).mirrored for picture in both_ways] == [False] * 8


@pytest.mark.parametrize(
    "picture", [page_of_text(), phantom("ct", 960), phantom("figure", 961)], ids=["text", "ct", "plot"]
)
def test_a_picture_that_is_no_film_stays_as_it_came(picture):
    found = detect(picture)
    assert (found.rotation, found.inverted) == (0, False)


@settings(max_examples=30, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 90), st.integers(1, 90))))
def test_any_picture_has_an_orientation(picture):
    found = detect(picture)
    assert found.rotation in ROTATIONS and 0 <= found.score <= 1 and 0 <= found.mirrored_score <= 1


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9))), st.sampled_from(STATES))
def test_set_upright_undoes_any_state(picture, state):
    np.testing.assert_array_equal(set_upright(saved(picture, *state), *state), picture)


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9))), st.sampled_from(STATES))
def test_the_mirror_image_of_a_rotated_film_is_rotated_the_other_way(picture, state):
    other = STATES[MIRRORED_STATES[STATES.index(state)]]
    np.testing.assert_array_equal(saved(picture, *state)[:, ::-1], saved(picture[:, ::-1], *other))
