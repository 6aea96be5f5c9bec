"""Grad-CAM and LIME figures of a few test films of each class, decided rightly and wrongly."""

from dataclasses import dataclass
from functools import cached_property

import keras
import numpy as np
from matplotlib.figure import Figure

from pipeline.core.experiments import ExperimentParams
from pipeline.prepare.enhance import CHANNELS
from training.core.data import LabeledFilms, to_float
from training.core.losses import class_probabilities
from training.evaluate.figures import heat_figure
from training.evaluate.gallery import Explained, gallery_figure
from training.evaluate.grad_cam import Floats, grad_cam
from training.evaluate.lime import lime
from training.evaluate.metrics import Predictions
from training.evaluate.resample import Ints

ORIGINAL = CHANNELS.index("original")


@dataclass(frozen=True)
class Chosen:
    """Some films of one class, and the Grad-CAM of each."""

    films: LabeledFilms
    places: Ints
    classes: Ints  # that are explained
    heat: Floats

    @cached_property
    def inputs(self) -> Floats:
        """(n, S, S, 3) in [0, 1]."""
        return to_float(self.films.images[self.films.positions[self.places]])


def explain(
    model: keras.Model, films: LabeledFilms, predictions: Predictions, options: ExperimentParams
) -> dict[str, Figure]:
    """Explain a few films of each class, all with the same scale of heat.

    Args:
        model: a network of :mod:`training.models`.
        films: test films.
        predictions: predictions for these films.
        options: how many films are explained, and how.

    Returns:
        Figures ``gradcam_<actual class>`` and ``lime_<actual class>``; classes without films are missing.
    """
    most = max(options.explained, options.lime.films)
    chosen = {
        name: _choose(model, films, predictions, index, most, options) for index, name in enumerate(films.classes)
    }
    chosen = {name: each for name, each in chosen.items() if len(each.places)}
    full_heat = max((float(each.heat.max()) for each in chosen.values()), default=0.0)
    what = f"class {options.grad_cam.label}" if options.grad_cam.label else "the predicted class"
    figures = {}
    for name, each in chosen.items():
        captions = [caption(predictions, place) for place in each.places]
        if options.explained:
            shown = slice(options.explained)
            title = f"test films of class {name}: Grad-CAM of {what}"
            gray = each.inputs[shown, ..., ORIGINAL]
            masks = [films.mask(int(place)) for place in each.places[shown]]
            figures[f"gradcam_{name}"] = heat_figure(gray, each.heat[shown], captions[shown], full_heat, title, masks)
        if options.lime.films:
            explained = [
                _lime(model, each, place, captions[place], options)
                for place in range(len(each.places))[: options.lime.films]
            ]
            title = f"test films of class {name}: evidence for {what}"
            figures[f"lime_{name}"] = gallery_figure(explained, full_heat, options.lime.features, title)
    return figures


def _choose(
    model: keras.Model, films: LabeledFilms, predictions: Predictions, target: int, most: int, options: ExperimentParams
) -> Chosen:
    places = choose_films(films, predictions, target, most)
    classes = predictions.predicted[places]
    if options.grad_cam.label is not None:
        classes = np.full(len(places), films.classes.index(options.grad_cam.label))
    inputs = to_float(films.images[films.positions[places]])
    heat = grad_cam(model, inputs, classes, options.grad_cam.layer) if len(places) else inputs[..., 0]
    return Chosen(films, places, classes, heat)


def _lime(model: keras.Model, chosen: Chosen, place: int, text: str, options: ExperimentParams) -> Explained:
    film, target = chosen.inputs[place], int(chosen.classes[place])
    explanation = lime(
        lambda copies: class_probabilities(model.predict_on_batch(copies)), film, ORIGINAL, target, options.lime.samples
    )
    return Explained(film[..., ORIGINAL], chosen.heat[place], explanation, text)


def choose_films(films: LabeledFilms, predictions: Predictions, target: int, count: int) -> Ints:
    """Choose ``count`` films of class ``target``, or all if there are fewer: rightly and wrongly decided ones in turn.

    Of each kind, the ones with the smallest image_id: an arbitrary but stable choice, as image_id is a hash.

    Returns:
        Indices into ``films``, at most (count,) int64; rightly decided ones first.
    """
    places = np.flatnonzero(films.targets == target)
    places = places[np.argsort(films.rows["image_id"].to_numpy(str)[places], kind="stable")]
    wrong = predictions.predicted[places] != target
    turn = np.where(wrong, np.cumsum(wrong), np.cumsum(~wrong))
    chosen = np.sort(np.lexsort((wrong, turn))[:count])
    return places[chosen[np.argsort(wrong[chosen], kind="stable")]]


def caption(predictions: Predictions, place: int) -> str:
    """The predicted class of a film and its probability: ``covid 0.93``, with ``, wrong`` behind a wrong one."""
    predicted = int(predictions.predicted[place])
    rest = "" if predicted == predictions.actual[place] else ", wrong"
    return f"{predictions.classes[predicted]} {predictions.probabilities[place, predicted]:.2f}{rest}"
