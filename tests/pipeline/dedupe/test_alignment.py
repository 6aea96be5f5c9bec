import numpy as np
import pytest
from exposures import draw_exposure, inverted, mirrored
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dedupe.alignment import (
    Change,
    apply_change,
    changed_points,
    is_plausible,
    match,
    mirror_in_pool,
    overlap_area,
    pool_to_box,
    pool_to_small,
    refine,
    scaling,
    shared_area,
)
from pipeline.dedupe.films import measure
from pipeline.dedupe.proof import detail

FILM = draw_exposure(7, side=512)


def shift(x, y):
    return np.array([[1.0, 0, x], [0, 1, y], [0, 0, 1]])


changes = st.builds(Change, st.booleans(), st.booleans())


@given(changes, changes)
def test_two_changes_are_the_same_as_their_combination(first, second):
    picture = FILM[:40, :30]
    one_by_one = apply_change(apply_change(picture, first), second)
    np.testing.assert_array_equal(one_by_one, apply_change(picture, first.then(second)))


@pytest.mark.parametrize(
    ("change", "copy"), [(Change(mirrored=True), mirrored(FILM)), (Change(inverted=True), inverted(FILM))]
)
def test_features_of_a_changed_film_need_not_be_detected_again(change, copy):
    film = measure(FILM)
    transform = match(changed_points(film, change), measure(copy).points)
    assert transform is not None
    assert np.abs(transform - np.eye(3)).max() < 1.5  # coarse levels of the pyramid have coarse pixels


def test_a_movement_of_a_few_pixels_is_found_and_strangers_are_given_up():
    stranger = draw_exposure(8, side=512)
    films = FILM[2:402, 1:301], FILM[:400, :300], stranger[:400, :300]
    first, same, other = (detail(film.astype(np.float32)) for film in films)
    mask = np.full(first.shape, 255, np.uint8)
    refined = refine(first, same, mask)
    assert refined is not None
    np.testing.assert_allclose(refined, shift(1, 2), atol=0.05)
    assert refine(first, other, mask) is None


def test_films_without_features_do_not_match():
    assert match(measure(FILM).points, measure(np.zeros((64, 64), np.uint8)).points) is None


@pytest.mark.parametrize(
    ("matrix", "plausible"),
    [
        (np.eye(3), True),
        (scaling(5.0, 5.0), True),
        (scaling(7.0, 7.0), False),
        (scaling(1 / 7, 1 / 7), False),
        (scaling(1.0, 1.2), True),
        (scaling(1.0, 1.5), True),
        (scaling(1.0, 1.8), False),
        (scaling(-1.0, 1.0), False),
        (np.full((3, 3), np.nan), False),
    ],
)
def test_only_cropping_resizing_and_slight_stretching_are_plausible(matrix, plausible):
    assert is_plausible(matrix) == plausible


def test_overlap_is_measured_in_pixels_of_the_first_picture():
    assert overlap_area(np.eye(3), (20, 30), (20, 30)) == pytest.approx(600)
    assert overlap_area(shift(-10, 0), (20, 30), (20, 30)) == pytest.approx(400)
    assert overlap_area(shift(-40, 0), (20, 30), (20, 30)) == 0
    assert overlap_area(scaling(0.5, 0.5), (20, 30), (10, 15)) == pytest.approx(600)


def test_scaling_keeps_pixel_centers():
    np.testing.assert_allclose(scaling(2.0, 0.5) @ [0.0, 0.0, 1.0], [0.5, -0.25, 1.0])


def test_shared_area_is_a_share_of_the_smaller_film():
    film, half = measure(FILM), measure(np.ascontiguousarray(FILM[:, :256]))
    assert shared_area(film, half, np.eye(3)) == pytest.approx(1.0, abs=0.02)
    assert shared_area(film, half, shift(-128, 0)) == pytest.approx(1.0, abs=0.02)
    assert shared_area(film, half, shift(128, 0)) == pytest.approx(0.5, abs=0.02)


def test_maps_from_the_pool_start_at_the_box():
    framed = np.pad(FILM, ((40, 0), (80, 0)))
    film = measure(framed)
    left, top, width, height = film.box
    assert abs(left - 80) <= 1 and abs(top - 40) <= 1
    np.testing.assert_allclose(pool_to_box(film) @ [left, top, 1.0], [0.0, 0.0, 1.0])
    center = [left + (width - 1) / 2, top + (height - 1) / 2, 1.0]
    np.testing.assert_allclose(mirror_in_pool(film) @ center, center)
    small_height, small_width = film.small.shape
    np.testing.assert_allclose(pool_to_small(film) @ center, [(small_width - 1) / 2, (small_height - 1) / 2, 1.0])
