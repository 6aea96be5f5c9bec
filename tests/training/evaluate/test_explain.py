"""Which films are explained, and what their figures show."""

import numpy as np
import pytest
from synthetic_arrays import SIZE, write_arrays

from pipeline.prepare.arrays import read_arrays
from training.core.data import select
from training.evaluate.explain import caption, choose_films, explain
from training.evaluate.metrics import Predictions
from training.models.base import base

CLASSES = ("normal", "covid")


@pytest.fixture
def films(tmp_path):
    return select(read_arrays(write_arrays(tmp_path), str(SIZE)), ["test"], CLASSES)


@pytest.fixture
def predictions(films):
    probabilities = np.random.default_rng(2).dirichlet([1, 1], len(films))
    return Predictions(films.targets, probabilities.argmax(1), probabilities, np.arange(len(films)), CLASSES)


def test_the_films_with_the_smallest_image_id_are_chosen(films):
    ids = films.rows["image_id"].to_numpy(str)
    assert list(ids[choose_films(films, 1, 2)]) == sorted(ids[films.targets == 1])[:2]


def test_the_caption_is_the_predicted_class_with_its_probability():
    probabilities = np.array([[0.07, 0.93], [0.512, 0.488]])
    given = Predictions(np.array([1, 1]), np.array([1, 0]), probabilities, np.arange(2), CLASSES)
    assert [caption(given, place) for place in (0, 1)] == ["covid 0.93", "normal 0.51"]


def test_each_class_gets_a_figure_of_its_films_with_their_captions(films, predictions):
    figures = explain(base(SIZE, 2), films, predictions, 3)
    assert list(figures) == list(CLASSES)
    for target, name in enumerate(CLASSES):
        chosen = choose_films(films, target, 3)
        shown = figures[name].axes[: len(chosen)]
        assert [axes.get_title() for axes in shown] == [caption(predictions, place) for place in chosen]
        for axes, place in zip(shown, chosen, strict=True):
            original = films.images[films.positions[place]][..., 2] / 255
            assert np.allclose(axes.images[0].get_array(), original)
        assert name in figures[name].get_suptitle()


def test_no_films_give_no_figures(films, predictions):
    assert explain(base(SIZE, 2), films, predictions, 0) == {}
