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

from training.core import backend

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

# The last feature maps are 10 cells wide in the paper's COVID-CXNet and 8 in its base model. For smaller films they are
# too coarse (3 and 1 at 96 px), so the last maps that still locate anything are used instead.
MIN_WIDTH = 6


@dataclass(frozen=True)
class Parts:
    """A network, divided at its feature maps.

    Attributes:
        body: films (N, S, S, 3) to feature maps (N, h, w, c).
        head: feature maps to the inputs of the last layer (N, d).
        output: the last layer, dense with sigmoid or softmax.
    """

    body: keras.Model
    head: keras.Model
    output: keras.layers.Dense


def divide(model: keras.Model) -> Parts:
    """Divide ``model`` at its last feature maps of at least :data:`MIN_WIDTH` cells, or else at the widest ones.

    Raises:
        ValueError: no layer outputs feature maps, or the last layer is not dense.
    """
    maps = [layer.output for layer in model.layers[1:] if len(layer.output.shape) == 4]
    output = model.layers[-1]
    if not maps or not isinstance(output, keras.layers.Dense):
        raise ValueError(f"Grad-CAM needs feature maps and a dense last layer; {model.name} lacks one of them.")
    wide = [each for each in maps if each.shape[1] >= MIN_WIDTH]
    chosen = wide[-1] if wide else max(maps, key=lambda each: each.shape[1])
    return Parts(keras.Model(model.inputs[0], chosen), keras.Model(chosen, output.input), output)


def grad_cam(model: keras.Model, films: Floats, classes: Ints) -> Floats:
    """Evidence for class ``classes[i]`` in film i.

    Args:
        model: a network of :mod:`training.models`.
        films: (N, S, S, 3) float32 in [0, 1].
        classes: class index to explain, for each film (N,).

    Returns:
        (N, S, S) float32, at least 0, in units of the logit per cell of the feature maps; not rescaled.

    Raises:
        ValueError: ``model`` has no feature maps or no dense last layer.
        CxnetError: Keras does not run on TensorFlow.
    """
    levels = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    if levels:
        return _cascade(levels, films, classes)
    parts = divide(model)
    maps = parts.body(films, training=False)
    gradients = backend.gradient(lambda at: keras.ops.sum(class_logit(parts, at, classes)), maps)
    maps = keras.ops.convert_to_numpy(maps)
    weights = gradients.mean(axis=(1, 2), keepdims=True)
    heat = np.maximum((weights * maps).sum(axis=-1), 0)
    side = films.shape[1]
    return np.stack([cv2.resize(each, (side, side), interpolation=cv2.INTER_LINEAR) for each in heat])


def _cascade(levels: list[keras.Model], films: Floats, classes: Ints) -> Floats:
    """Evidence in the level that decides: the first one for normal, the second one for the kinds of pneumonia."""
    first = grad_cam(levels[0], films, np.minimum(classes, 1))
    second = grad_cam(levels[1], films, np.maximum(classes - 1, 0))
    return np.where((classes == 0)[:, None, None], first, second)


def class_logit(parts: Parts, maps: keras.KerasTensor, classes: Ints) -> keras.KerasTensor:
    """Logit of the class of each film (N,), i.e. the output before sigmoid or softmax.

    Args:
        parts: the divided network.
        maps: feature maps of the films (N, h, w, c).
        classes: class index of each film (N,).
    """
    features = parts.head(maps, training=False)
    logits = keras.ops.matmul(features, parts.output.kernel) + parts.output.bias
    if logits.shape[-1] == 1:
        return logits[:, 0] * np.where(classes == 1, 1, -1).astype(np.float32)
    return keras.ops.sum(logits * keras.ops.one_hot(classes, logits.shape[-1]), axis=-1)
