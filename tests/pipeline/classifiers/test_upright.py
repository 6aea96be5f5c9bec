import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from phantoms import drawn, page_of_text

from pipeline.classifiers import upright
from pipeline.classifiers.networks import shipped
from pipeline.classifiers.upright import MIRRORED_STATES, STATES, TURNS, put_right
from pipeline.imaging.borders import without_border
from sources.sandbox.alter import rotated_90, rotated_180

FILMS = [drawn("frontal", seed) for seed in range(950, 958)]


def judge(picture):
    return upright.judge(picture, shipped("views"), shipped("upright"), shipped("side"))


def saved(film, turn, negative):
    return put_right(film, -turn % 360, negative)


@pytest.mark.parametrize(("turn", "negative"), STATES)
def test_turned_films_and_negatives_are_told_and_put_right(turn, negative):
    for film in FILMS:
        received = saved(film, turn, negative)
        found = judge(received)
        assert (found.rotation, found.inverted) == (turn, negative)
        np.testing.assert_array_equal(put_right(received, found.rotation, found.inverted), film)


def test_rotation_is_counted_clockwise():
    rng = np.random.default_rng(0)
    assert judge(rotated_90(FILMS[0], rng)).rotation == 90
    assert judge(rotated_180(FILMS[0], rng)).rotation == 180


def test_a_border_does_not_hide_how_a_film_stands():
    framed = cv2.copyMakeBorder(saved(FILMS[1], 90, False), 60, 60, 10, 10, cv2.BORDER_CONSTANT, value=0)
    assert judge(without_border(framed)).rotation == 90


def test_the_side_of_the_heart_tells_a_mirrored_film():
    assert [judge(film).mirrored for film in FILMS] == [False] * len(FILMS)
    assert [judge(np.ascontiguousarray(film[:, ::-1])).mirrored for film in FILMS] == [True] * len(FILMS)


@pytest.mark.parametrize("kind", ["lateral", "ct"])
def test_only_frontal_films_are_called_mirrored(kind):
    pictures = [drawn(kind, seed) for seed in range(970, 974)]
    both_ways = [*pictures, *(np.ascontiguousarray(picture[:, ::-1]) for picture in pictures)]
    assert [judge(picture).mirrored for picture in both_ways] == [False] * 8


@pytest.mark.parametrize(
    "picture", [page_of_text(), drawn("ct", 960), drawn("figure", 961)], ids=["text", "ct", "plot"]
)
def test_what_is_no_film_stays_as_it_came(picture):
    found = judge(picture)
    assert (found.rotation, found.inverted) == (0, False)


@settings(max_examples=30, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 90), st.integers(1, 90))))
def test_any_picture_is_judged(picture):
    found = judge(picture)
    assert found.rotation in TURNS and 0 <= found.score <= 1 and 0 <= found.mirrored_score <= 1


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9))), st.sampled_from(STATES))
def test_putting_right_undoes_what_was_done(picture, state):
    np.testing.assert_array_equal(put_right(saved(picture, *state), *state), picture)


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9))), st.sampled_from(STATES))
def test_the_mirror_image_of_a_turned_film_is_turned_the_other_way(picture, state):
    other = STATES[MIRRORED_STATES[STATES.index(state)]]
    np.testing.assert_array_equal(saved(picture, *state)[:, ::-1], saved(picture[:, ::-1], *other))
