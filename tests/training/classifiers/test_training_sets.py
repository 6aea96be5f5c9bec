"""The training sets of the small networks: films in every state, with the labels that the networks must learn."""

import numpy as np
import pytest

from pipeline.classifiers.fineness import KINDS
from pipeline.classifiers.upright import STATES, set_upright
from training.classifiers import views
from training.classifiers.fineness import VERSIONS, spectra
from training.classifiers.known_films import Example
from training.classifiers.upright import put_in_state

FILM = np.random.default_rng(0).integers(0, 255, (120, 96)).astype(np.uint8)


def example(view_class):
    return Example(FILM, view_class, "p", "s", "s/1", True)


@pytest.mark.parametrize(("rotation", "inverted"), STATES)
def test_the_pipeline_undoes_the_states_that_are_learned(rotation, inverted):
    film = put_in_state(FILM, rotation, inverted)
    assert (rotation, inverted) == (0, False) or film.shape != FILM.shape or (film != FILM).any()
    assert np.array_equal(set_upright(film, rotation, inverted), FILM)


def test_a_film_is_rotated_clockwise():
    assert np.array_equal(put_in_state(FILM, 90, False), np.rot90(FILM, -1))


def test_each_film_gives_spectra_of_every_kind():
    kinds = [kind for _, kind in spectra(FILM, np.random.default_rng(1))]
    assert sorted(kinds) == sorted(KINDS * VERSIONS)


def test_the_view_classifier_learns_from_films_and_from_other_pictures(monkeypatch):
    for name, count in (("SYNTHETIC", 4), ("PAIRS", 3), ("SLICES", 2)):
        monkeypatch.setattr(views, name, count)
    given = [example(name) for name in ("frontal", "lateral", "other")]
    pictures, labels = views.training_set(given, np.random.default_rng(1))
    others = views.VERSIONS["other"] + 2 * views.SLICE_VERSIONS + 4 + 3
    assert {name: labels.count(name) for name in set(labels)} == {"frontal": 3, "lateral": 60, "other": others}
    assert all(picture.dtype == np.uint8 and picture.ndim == 2 for picture in pictures)


def test_a_pair_is_one_picture_of_two_films():
    pairs = [views.pair([FILM], np.random.default_rng(seed)) for seed in range(20)]
    stacked = [each for each in pairs if each.shape[1] == 96 and each.shape[0] >= 240]
    beside = [each for each in pairs if each.shape[0] == 120 and each.shape[1] >= 192]
    assert stacked and beside
    assert all(np.array_equal(each[:120], FILM) and np.array_equal(each[-120:], FILM) for each in stacked)
    assert all(np.array_equal(each[:, :96], FILM) and np.array_equal(each[:, -96:], FILM) for each in beside)
