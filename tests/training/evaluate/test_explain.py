"""Which films are explained, and what their figures show."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_arrays import SIZE, profile, write_arrays

from pipeline.prepare.arrays import read_arrays
from training.core.data import select, to_float
from training.evaluate.explain import caption, choose_films, explain
from training.evaluate.gallery import lime_overlay
from training.evaluate.grad_cam import grad_cam
from training.evaluate.lime import Explanation
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


def options(**changes):
    return profile(**changes).experiments["tiny"]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_rightly_and_wrongly_decided_films_with_the_smallest_image_id_are_chosen(films, predictions, count):
    wrong = films.targets == 1
    wrong &= np.arange(len(films)) % 4 != np.flatnonzero(wrong)[0] % 4
    predicted = np.where(wrong, 1 - films.targets, films.targets)
    chosen = choose_films(films, replace(predictions, predicted=predicted), 1, count)
    ids = films.rows["image_id"].to_numpy(str)
    right, mistaken = (sorted(ids[(films.targets == 1) & kind]) for kind in (~wrong, wrong))
    assert (len(right), len(mistaken)) == (1, 3)
    assert list(ids[chosen]) == [right[0], *mistaken[: count - 1]]


def test_the_caption_is_the_predicted_class_with_its_probability():
    probabilities = np.array([[0.07, 0.93], [0.512, 0.488]])
    given = Predictions(np.array([1, 1]), np.array([1, 0]), probabilities, np.arange(2), CLASSES)
    assert [caption(given, place) for place in (0, 1)] == ["covid 0.93", "normal 0.51, wrong"]


def test_each_class_gets_a_figure_of_its_films_with_their_captions(films, predictions):
    figures = explain(base(SIZE, 2), films, predictions, options(explained=3, lime={"films": 0}))
    assert list(figures) == [f"gradcam_{name}" for name in CLASSES]
    for target, name in enumerate(CLASSES):
        chosen = choose_films(films, predictions, target, 3)
        shown = figures[f"gradcam_{name}"].axes[: len(chosen)]
        assert [axes.get_title() for axes in shown] == [caption(predictions, place) for place in chosen]
        for axes, place in zip(shown, chosen, strict=True):
            original = films.images[films.positions[place]][..., 2] / 255
            assert np.allclose(axes.images[0].get_array(), original)
        assert name in figures[f"gradcam_{name}"].get_suptitle()


def test_a_class_can_be_explained_that_was_not_predicted(films, predictions):
    model = base(SIZE, 2)
    chosen = choose_films(films, predictions, 0, 1)
    given = options(explained=1, lime={"films": 0}, grad_cam={"layer": "conv2", "label": "covid"})
    figure = explain(model, films, predictions, given)["gradcam_normal"]
    heat = grad_cam(model, to_float(films.images[films.positions[chosen]]), np.array([1]), "conv2")
    assert figure.axes[1].get_xlabel() == f"max {heat.max():.3g}"
    assert "of class covid" in figure.get_suptitle()


def test_the_gallery_shows_film_grad_cam_and_lime(films, predictions):
    figures = explain(base(SIZE, 2), films, predictions, options(explained=0, lime={"films": 2, "samples": 60}))
    assert list(figures) == [f"lime_{name}" for name in CLASSES]
    (film, heat, evidence), (below, *_) = np.array(figures["lime_covid"].axes).reshape(2, 3)
    first, second = choose_films(films, predictions, 1, 2)
    assert (film.get_title(), below.get_title()) == (caption(predictions, first), caption(predictions, second))
    assert heat.get_title().startswith("Grad-CAM, max ") and evidence.get_title().startswith("LIME, R² ")


def test_supporting_superpixels_are_green_and_opposing_ones_red():
    explanation = Explanation(np.array([[0, 1], [2, 3]]), np.array([0.5, -0.5, 0.1, 0.0]), 1.0)
    picture = lime_overlay(np.full((2, 2), 0.5), explanation, 1)
    assert picture[0, 0].argmax() == 1 and picture[0, 1].argmax() == 0
    assert (picture[1] == 0.5).all()


def test_no_films_give_no_figures(films, predictions):
    assert explain(base(SIZE, 2), films, predictions, options(explained=0, lime={"films": 0})) == {}
