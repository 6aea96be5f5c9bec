"""The figures of a report: what they draw and label, and that equal numbers give equal files."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from training.evaluate.calibration import reliability
from training.evaluate.curves import precision_recall, risk_coverage
from training.evaluate.figures import (
    confusion_figure,
    heat_figure,
    history_figure,
    overlay,
    precision_recall_figure,
    reliability_figure,
    risk_coverage_figure,
    roc_figure,
    to_png,
)
from training.evaluate.metrics import Predictions, auroc, roc_curve
from training.evaluate.resample import Estimate

TWO, THREE = ("normal", "covid"), ("normal", "cap", "covid")
HISTORY = pd.DataFrame({"epoch": [1, 2, 3], "loss": [0.9, 0.5, 0.2], "val_loss": [0.8, 0.6, 0.7]})
COUNTS = np.array([[3.0, 1], [0, 4]])
FILMS = np.random.default_rng(1).random((3, 16, 16))
MASKS = FILMS > 0.9
HEAT = FILMS * np.array([0.2, 1.0, 0.0])[:, None, None]


def predictions(classes):
    rng = np.random.default_rng(0)
    actual = np.arange(30) % len(classes)
    probabilities = rng.dirichlet(np.ones(len(classes)), 30)
    return Predictions(actual, probabilities.argmax(1), probabilities, np.arange(30), classes)


def only_axes(figure):
    (axes,) = figure.axes
    return axes


def texts(legend):
    return [each.get_text() for each in legend.get_texts()]


ESTIMATE = Estimate(0.1, 0.05, 0.2)

FIGURES = {
    "precision and recall": lambda: precision_recall_figure(
        precision_recall(predictions(THREE)), dict.fromkeys(THREE, ESTIMATE), "a"
    ),
    "reliability": lambda: reliability_figure({"b": reliability(predictions(TWO))}, {"b": ESTIMATE}, "a"),
    "risk and coverage": lambda: risk_coverage_figure(risk_coverage(predictions(TWO)), ESTIMATE, "a"),
    "roc of two": lambda: roc_figure(predictions(TWO), "a"),
    "roc of three": lambda: roc_figure(predictions(THREE), "a"),
    "confusion": lambda: confusion_figure(COUNTS, TWO, "a"),
    "history": lambda: history_figure(HISTORY, 2, "a"),
    "heat": lambda: heat_figure(FILMS, HEAT, ["x", "y", "z"], 1.0, "a", MASKS),
}


@pytest.mark.parametrize("name", FIGURES)
def test_equal_numbers_give_equal_files(name):
    content = to_png(FIGURES[name]())
    assert content == to_png(FIGURES[name]())
    assert min(Image.open(io.BytesIO(content)).size) > 200


@pytest.mark.parametrize(("classes", "drawn"), [(TWO, [1]), (THREE, [0, 1, 2])])
def test_the_roc_figure_draws_and_labels_the_curve_of_each_class(classes, drawn):
    given = predictions(classes)
    axes = only_axes(roc_figure(given, "tiny, test split"))
    *curves, diagonal = axes.lines
    labels = []
    for curve, index in zip(curves, drawn, strict=True):
        positive, scores = given.actual == index, given.probabilities[:, index]
        assert np.array_equal(curve.get_xydata(), np.stack(roc_curve(positive, scores), axis=1))
        labels.append(f"{classes[index]}, AUC {auroc(positive, scores, np.ones(30)):.3f}")
    assert texts(axes.get_legend()) == labels
    assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("false positive rate", "true positive rate")
    assert axes.get_title() == "tiny, test split"


def test_the_precision_recall_figure_draws_and_labels_each_class():
    curve = precision_recall(predictions(THREE))
    axes = only_axes(precision_recall_figure(curve, dict.fromkeys(THREE, ESTIMATE), "tiny"))
    for line, name in zip(axes.lines, THREE, strict=True):
        points = curve[curve["class"] == name]
        assert np.array_equal(line.get_xdata()[1:], points["recall"])
        assert np.array_equal(line.get_ydata()[1:], points["precision"])
    assert texts(axes.get_legend()) == [f"{name}, AP 0.100 (0.050 to 0.200)" for name in THREE]


def test_the_reliability_figure_shows_both_curves_beside_each_other():
    curve = reliability(predictions(TWO))
    errors = {"as trained": ESTIMATE, "calibrated": Estimate(0.02, 0.01, 0.03)}
    figure = reliability_figure({"as trained": curve, "calibrated": curve.assign(share=0.5)}, errors, "tiny")
    for axes, shown, shares in zip(figure.axes, errors, (curve["share"], curve["share"] * 0 + 0.5), strict=True):
        assert np.array_equal(axes.lines[1].get_ydata(), shares)
        assert axes.get_title() == f"{shown}\nECE {errors[shown]}"


def test_the_risk_coverage_figure_draws_the_curve_and_the_risk_of_all_films():
    curve = risk_coverage(predictions(TWO))
    line, overall = only_axes(risk_coverage_figure(curve, ESTIMATE, "tiny")).lines
    assert np.array_equal(line.get_xydata(), curve[["coverage", "risk"]])
    assert overall.get_ydata()[0] == (np.arange(30) % 2 != predictions(TWO).predicted).mean()


def test_the_confusion_figure_shows_counts_and_shares_of_rows():
    axes = only_axes(confusion_figure(COUNTS, TWO, "tiny"))
    cells = {(text.get_position()[1], text.get_position()[0]): text.get_text() for text in axes.texts}
    assert cells == {(0, 0): "3\n75%", (0, 1): "1\n25%", (1, 0): "0\n0%", (1, 1): "4\n100%"}
    assert axes.images[0].get_array().tolist() == [[0.75, 0.25], [0.0, 1.0]]
    assert (axes.get_ylabel(), axes.get_xlabel(), axes.get_title()) == ("actual", "predicted", "tiny")
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [each.get_text() for each in labels] == list(TWO)


def test_a_class_without_films_has_an_empty_row():
    axes = only_axes(confusion_figure(np.array([[3.0, 1], [0, 0]]), TWO, "tiny"))
    assert axes.images[0].get_array().tolist() == [[0.75, 0.25], [0.0, 0.0]]


@pytest.mark.parametrize("val_loss", [[0.8, 0.6, 0.7], [0.8, np.nan, 0.7]])
def test_the_history_figure_draws_both_losses_and_marks_the_chosen_epoch(val_loss):
    history = HISTORY.assign(val_loss=val_loss)
    axes = only_axes(history_figure(history, 2, "tiny"))
    loss, validation, chosen = axes.lines
    for line, name in ((loss, "loss"), (validation, "val_loss")):
        assert np.array_equal(line.get_xydata(), history[["epoch", name]].to_numpy(float), equal_nan=True)
    assert list(chosen.get_xdata()) == [2, 2]
    assert texts(axes.get_legend()) == ["training", "validation", "chosen epoch"]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("epoch", "loss", "tiny")


def test_the_heat_figure_shows_each_film_and_its_overlay_with_captions():
    figure = heat_figure(FILMS, HEAT, ["covid 0.93", "normal 0.51", "covid 0.77"], 0.9, "tiny", MASKS)
    films, overlays = np.array(figure.axes).reshape(2, 3)
    for index in range(3):
        assert np.array_equal(films[index].images[0].get_array(), FILMS[index])
        assert np.array_equal(overlays[index].images[0].get_array(), overlay(FILMS[index], HEAT[index], 0.9))
        assert overlays[index].get_xlabel() == f"max {HEAT[index].max():.3g}"
    assert [axes.get_title() for axes in films] == ["covid 0.93", "normal 0.51", "covid 0.77"]
    assert figure.get_suptitle() == "tiny"


@pytest.mark.parametrize("full_heat", [0.0, 1.0])
def test_a_film_without_heat_is_unchanged(full_heat):
    assert np.allclose(overlay(FILMS[0], np.zeros((16, 16)), full_heat), FILMS[0][..., None])


def test_weak_heat_looks_weak_beside_strong_heat():
    change = [np.abs(overlay(FILMS[0], np.full((16, 16), heat), 1.0) - FILMS[0][..., None]).mean() for heat in (0.1, 1)]
    assert change[0] < change[1] / 3
