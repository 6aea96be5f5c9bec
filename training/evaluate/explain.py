"""Grad-CAM figures of a few test films of each class."""

import keras
import numpy as np
from matplotlib.figure import Figure

from pipeline.prepare.enhance import CHANNELS
from training.core.data import LabeledFilms, to_float
from training.evaluate.figures import heat_figure
from training.evaluate.grad_cam import grad_cam
from training.evaluate.metrics import Ints, Predictions

ORIGINAL = CHANNELS.index("original")


def explain(model: keras.Model, films: LabeledFilms, predictions: Predictions, per_class: int) -> dict[str, Figure]:
    """Explain the predicted class of a few films, one figure per actual class, all with the same scale of heat.

    Args:
        model: a network of :mod:`training.models`.
        films: test films.
        predictions: predictions for these films.
        per_class: maximum number of films in a figure.

    Returns:
        Figures by actual class; classes without films are missing.
    """
    chosen = {name: choose_films(films, index, per_class) for index, name in enumerate(films.classes)}
    inputs = {name: to_float(films.images[films.positions[places]]) for name, places in chosen.items() if len(places)}
    heat = {name: grad_cam(model, inputs[name], predictions.predicted[chosen[name]]) for name in inputs}
    full_heat = max((float(each.max()) for each in heat.values()), default=0.0)
    return {
        name: heat_figure(
            inputs[name][..., ORIGINAL],
            each,
            [caption(predictions, place) for place in chosen[name]],
            full_heat,
            f"test films of class {name}: Grad-CAM of the predicted class",
        )
        for name, each in heat.items()
    }


def choose_films(films: LabeledFilms, target: int, count: int) -> Ints:
    """Choose ``count`` films of class ``target``, or all if there are fewer.

    The ones with the smallest image_id: an arbitrary but stable choice, as image_id is a hash.

    Returns:
        Indices into ``films``, at most (count,) int64.
    """
    places = np.flatnonzero(films.targets == target)
    order = np.argsort(films.rows["image_id"].to_numpy(str)[places], kind="stable")
    return places[order[:count]]


def caption(predictions: Predictions, place: int) -> str:
    """The predicted class of a film and its probability: ``covid 0.93``."""
    predicted = int(predictions.predicted[place])
    return f"{predictions.classes[predicted]} {predictions.probabilities[place, predicted]:.2f}"
