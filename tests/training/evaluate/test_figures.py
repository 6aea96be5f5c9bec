"""Pictures of a report: PNG files that depend on the numbers alone."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from training.evaluate.figures import draw_confusion, draw_heat, draw_history, draw_roc, overlay
from training.evaluate.metrics import Judged


def judged(classes):
    rng = np.random.default_rng(0)
    actual = np.arange(30) % len(classes)
    probabilities = rng.dirichlet(np.ones(len(classes)), 30)
    return Judged(actual, probabilities.argmax(1), probabilities, np.arange(30), classes)


HISTORY = pd.DataFrame({"epoch": [1, 2, 3], "loss": [0.9, 0.5, 0.2], "val_loss": [0.8, 0.6, 0.7]})
FILMS = np.random.default_rng(1).random((3, 16, 16))
DRAWN = {
    "roc of two": lambda: draw_roc(judged(("normal", "covid")), "a"),
    "roc of three": lambda: draw_roc(judged(("normal", "cap", "covid")), "a"),
    "confusion": lambda: draw_confusion(np.array([[3.0, 1], [0, 0]]), ("normal", "covid"), "a"),
    "history": lambda: draw_history(HISTORY, "a"),
    "history without numbers in between": lambda: draw_history(HISTORY.assign(val_loss=[0.8, np.nan, 0.7]), "a"),
    "heat": lambda: draw_heat(FILMS, FILMS, ["x", "y", "z"], 1.0, "a"),
}


@pytest.mark.parametrize("name", DRAWN)
def test_equal_numbers_give_equal_pictures(name):
    picture = DRAWN[name]()
    assert picture == DRAWN[name]()
    shown = np.asarray(Image.open(io.BytesIO(picture)).convert("L"))
    assert min(shown.shape) > 200
    assert shown.std() > 5


@pytest.mark.parametrize("strongest", [0.0, 1.0])
def test_a_film_without_heat_is_shown_as_it_is(strongest):
    found = overlay(FILMS[0], np.zeros((16, 16)), strongest)
    assert np.allclose(found, FILMS[0][..., None])


def test_weak_heat_looks_weak_beside_strong_heat():
    change = [np.abs(overlay(FILMS[0], np.full((16, 16), heat), 1.0) - FILMS[0][..., None]).mean() for heat in (0.1, 1)]
    assert change[0] < change[1] / 3
