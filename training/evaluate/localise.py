"""Localisation as a number: how much of the Grad-CAM evidence lies inside the lungs.

The paper calls its heat maps the main criterion of a model (section 4), and shows some. Here all test films count: a
model that reads the corners of films has little of its evidence in the lungs, whatever its accuracy. Evidence that is
spread evenly would reach the share of the picture that the lungs cover.
"""

from typing import Any

import keras
import numpy as np

from pipeline.core.experiments import ExperimentParams
from training.core.data import LabeledFilms, to_float
from training.evaluate.grad_cam import grad_cam
from training.evaluate.metrics import Predictions
from training.evaluate.resample import Floats, Ints, Values, estimates, ratio

MOST_FILMS = 400  # whose evidence is measured: those with the smallest image_id, an arbitrary but stable choice


def localise(
    model: keras.Model, films: LabeledFilms, predictions: Predictions, options: ExperimentParams
) -> dict[str, Any]:
    """The share of the evidence for the predicted class that lies in the lungs.

    Args:
        model: a network of :mod:`training.models`.
        films: test films.
        predictions: predictions for these films.
        options: which feature maps are weighted, and the seed of the bootstrap.

    Returns:
        ``films``: how many were measured; ``without_mask`` and ``without_evidence``: how many could not be;
        ``in_lungs`` and ``lungs``: mean share of the evidence in the lungs, and of the picture that they cover, with
        95% intervals from a bootstrap over patients; ``by_class``: the same by actual class. None instead of a share
        if no film could be measured.
    """
    order = np.argsort(films.rows["image_id"].to_numpy(str), kind="stable")
    known = np.array([place for place in order if films.mask(int(place)).any()], np.int64)
    places = known[:MOST_FILMS]
    facts: dict[str, Any] = {"without_mask": len(films) - len(known)}
    if not len(places):
        return facts | {"films": 0, "without_evidence": 0, "in_lungs": None, "lungs": None, "by_class": {}}
    inside, covered = _shares(model, films, predictions, places, options)
    has_evidence = np.isfinite(inside)
    facts["without_evidence"] = int((~has_evidence).sum())
    places, inside, covered = places[has_evidence], inside[has_evidence], covered[has_evidence]
    actual, groups = films.targets[places], predictions.groups[places]
    facts |= _means(inside, covered, groups, options.seed)
    facts["by_class"] = {
        name: _means(inside[actual == index], covered[actual == index], groups[actual == index], options.seed)
        for index, name in enumerate(films.classes)
        if (actual == index).any()
    }
    return facts


def _shares(
    model: keras.Model,
    films: LabeledFilms,
    predictions: Predictions,
    places: Ints,
    options: ExperimentParams,
) -> tuple[Floats, Floats]:
    """Share of each film's evidence in the lungs, NaN without evidence, and share of the picture that they cover."""
    inside, covered = np.full(len(places), np.nan), np.zeros(len(places))
    for number, place in enumerate(places):
        film = to_float(films.images[films.positions[place]][None])
        heat = grad_cam(model, film, predictions.predicted[place : place + 1], options.grad_cam.layer)[0]
        mask = films.mask(int(place))
        inside[number] = ratio(float(heat[mask].sum()), float(heat.sum()))
        covered[number] = mask.mean()
    return inside, covered


def _means(inside: Floats, covered: Floats, groups: Ints, seed: int) -> dict[str, Any]:
    """Means over films with their intervals."""
    if not len(inside):
        return {"films": 0, "in_lungs": None, "lungs": None}

    def statistics(weights: Floats) -> Values:
        total = weights.sum(axis=-1)
        return {"in_lungs": ratio(weights @ inside, total), "lungs": ratio(weights @ covered, total)}

    found = estimates(groups, seed, statistics)
    return {"films": len(inside), **{name: vars(value) for name, value in found.items()}}
