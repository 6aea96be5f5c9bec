"""Grad-CAM: the regions of a film that support a class (Selvaraju et al. 2017, arXiv:1610.02391).

Gradients are taken of the logit, not the probability, because those of a saturated probability vanish. The first of two
classes is explained by the negated logit. Only evidence *for* the class is kept. Maps are not rescaled to a common
maximum, so that a map without evidence looks empty. (The paper's code used probabilities and stretched every map to
full heat.)
"""

from dataclasses import dataclass

import cv2
import keras
import numpy as np
import numpy.typing as npt

from sources.core.errors import UsageError
from training.core import backend
from training.core.levels import levels_of

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

# The last feature maps are 10 cells wide in the paper's COVID-CXNet and 8 in its base model. For smaller films they are
# too coarse (3 and 1 at 96 px), so the last maps that still locate anything are used instead.
MIN_WIDTH = 6
BATCH_SIZE = 16  # films whose gradients are in memory at a time


@dataclass(frozen=True)
class Parts:
    """A network, divided at its feature maps.

    Attributes:
        body: films (N, S, S, 3) to feature maps (N, h, w, c).
        head: films and feature maps to the inputs of the last layer (N, d); the films for paths around the maps.
        output: the last layer, dense with sigmoid or softmax.
    """

    body: keras.Model
    head: keras.Model
    output: keras.layers.Dense


def divide(model: keras.Model, layer: str | None = None) -> Parts:
    """Divide ``model`` at the feature maps of ``layer``.

    None means the last maps of at least :data:`MIN_WIDTH` cells, or else the widest ones.

    Raises:
        UsageError: there is no such layer with feature maps.
        ValueError: no layer outputs feature maps, or the last layer is not dense.
    """
    maps = {each.name: each.output for each in model.layers[1:] if len(each.output.shape) == 4}
    output = model.layers[-1]
    if not maps or not isinstance(output, keras.layers.Dense):
        raise ValueError(f"Grad-CAM needs feature maps and a dense last layer; {model.name} lacks one of them.")
    chosen = _last_wide(list(maps.values())) if layer is None else _named(maps, layer, model.name)
    films = model.inputs[0]
    return Parts(keras.Model(films, chosen), keras.Model([films, chosen], output.input), output)


def _last_wide(maps: list[keras.KerasTensor]) -> keras.KerasTensor:
    wide = [each for each in maps if each.shape[1] >= MIN_WIDTH]
    return wide[-1] if wide else max(maps, key=lambda each: each.shape[1])


def _named(maps: dict[str, keras.KerasTensor], layer: str, model: str) -> keras.KerasTensor:
    if layer not in maps:
        some = ", ".join([*maps][-5:])
        raise UsageError(
            f"Model {model} has no layer '{layer}' with feature maps; correct grad_cam of the experiment. "
            f"Its last such layers are {some}."
        )
    return maps[layer]


def grad_cam(model: keras.Model, films: Floats, classes: Ints, layer: str | None = None) -> Floats:
    """Evidence for class ``classes[i]`` in film i.

    Args:
        model: a network of :mod:`training.models`.
        films: (N, S, S, 3) float32 in [0, 1].
        classes: class index to explain, for each film (N,).
        layer: whose feature maps are used, see :func:`divide`.

    Returns:
        (N, S, S) float32, at least 0, in units of the logit per cell of the feature maps; not rescaled.

    Raises:
        UsageError: there is no such layer.
        ValueError: ``model`` has no feature maps or no dense last layer.
        CxnetError: Keras does not run on TensorFlow.
    """
    levels = levels_of(model)
    if len(levels) > 1:
        return _cascade(levels, films, classes, layer)
    parts = divide(model, layer)
    side = films.shape[1]
    heat = [
        _heat(parts, films[at : at + BATCH_SIZE], classes[at : at + BATCH_SIZE])
        for at in range(0, len(films), BATCH_SIZE)
    ]
    return np.stack([cv2.resize(each, (side, side), interpolation=cv2.INTER_LINEAR) for each in np.concatenate(heat)])


def _cascade(levels: list[keras.Model], films: Floats, classes: Ints, layer: str | None) -> Floats:
    """Evidence in the level that decides: the first one for normal, the second one for the kinds of pneumonia."""
    first = grad_cam(levels[0], films, np.minimum(classes, 1), layer)
    second = grad_cam(levels[1], films, np.maximum(classes - 1, 0), layer)
    return np.where((classes == 0)[:, None, None], first, second)


def _heat(parts: Parts, films: Floats, classes: Ints) -> Floats:
    """Evidence in each cell of the feature maps (N, h, w)."""
    maps = parts.body(films, training=False)
    gradients = backend.gradient(lambda at: keras.ops.sum(class_logit(parts, films, at, classes)), maps)
    weights = gradients.mean(axis=(1, 2), keepdims=True)
    return np.maximum((weights * keras.ops.convert_to_numpy(maps)).sum(axis=-1), 0)


def class_logit(parts: Parts, films: Floats, maps: keras.KerasTensor, classes: Ints) -> keras.KerasTensor:
    """Logit of the class of each film (N,), i.e. the output before sigmoid or softmax.

    Args:
        parts: the divided network.
        films: (N, S, S, 3) float32.
        maps: feature maps of the films (N, h, w, c).
        classes: class index of each film (N,).
    """
    features = parts.head([keras.ops.convert_to_tensor(films), maps], training=False)
    logits = keras.ops.matmul(features, parts.output.kernel) + parts.output.bias
    if logits.shape[-1] == 1:
        return logits[:, 0] * np.where(classes == 1, 1, -1).astype(np.float32)
    return keras.ops.sum(logits * keras.ops.one_hot(classes, logits.shape[-1]), axis=-1)
