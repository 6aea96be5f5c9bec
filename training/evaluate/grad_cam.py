"""Grad-CAM: where in a film a model finds what speaks for a class (Selvaraju et al. 2017, arXiv:1610.02391).

Gradients are of the logit, not of the probability, so that confident answers have them, too; the first of two classes
is explained by the negated logit; only what speaks *for* the class remains, and maps keep their size, so that an empty
one looks empty. (The paper's code took probabilities and stretched every map to full heat.)
"""

from dataclasses import dataclass

import cv2
import keras
import numpy as np
import numpy.typing as npt

from training.core import backend

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

# The last maps are 10 wide in the paper's COVID-CXNet and 8 in its base model; of smaller films they are next to
# nothing (3 and 1 at 96 px), and the last maps that still say where are taken instead.
NARROWEST = 6


@dataclass(frozen=True)
class Parts:
    """A network, divided at its last feature maps.

    Attributes:
        body: films (N, S, S, 3) to feature maps (N, h, w, c).
        head: feature maps to what the output layer takes (N, d).
        output: the last layer, dense with a sigmoid or softmax.
    """

    body: keras.Model
    head: keras.Model
    output: keras.layers.Dense


def divide(model: keras.Model) -> Parts:
    """Divide ``model`` at the last layer whose output is a picture at least :data:`NARROWEST` wide, else at the widest.

    Raises:
        ValueError: no layer's output is a picture, or the last layer is not dense.
    """
    maps = [layer.output for layer in model.layers[1:] if len(layer.output.shape) == 4]
    output = model.layers[-1]
    if not maps or not isinstance(output, keras.layers.Dense):
        raise ValueError(f"Grad-CAM needs feature maps and a dense last layer, {model.name} has not both.")
    wide = [each for each in maps if each.shape[1] >= NARROWEST]
    chosen = wide[-1] if wide else max(maps, key=lambda each: each.shape[1])
    return Parts(keras.Model(model.inputs[0], chosen), keras.Model(chosen, output.input), output)


def grad_cam(model: keras.Model, films: Floats, classes: Ints) -> Floats:
    """What speaks for ``classes[i]`` in film i.

    Args:
        model: a network of :mod:`training.models`.
        films: (N, S, S, 3) in [0, 1].
        classes: class to explain of each film (N,).

    Returns:
        (N, S, S) float32, at least 0, in units of the logit per feature map's cell; not scaled to any maximum.
    """
    parts = divide(model)
    maps = parts.body(films, training=False)
    gradients = backend.gradient(lambda given: keras.ops.sum(class_logit(parts, given, classes)), maps)
    maps = keras.ops.convert_to_numpy(maps)
    weights = gradients.mean(axis=(1, 2), keepdims=True)
    heat = np.maximum((weights * maps).sum(axis=-1), 0)
    side = films.shape[1]
    return np.stack([cv2.resize(each, (side, side), interpolation=cv2.INTER_LINEAR) for each in heat])


def class_logit(parts: Parts, maps: keras.KerasTensor, classes: Ints) -> keras.KerasTensor:
    """Logit (N,) of each film's class, before sigmoid or softmax."""
    features = parts.head(maps, training=False)
    logits = keras.ops.matmul(features, parts.output.kernel) + parts.output.bias
    if logits.shape[-1] == 1:
        return logits[:, 0] * np.where(classes == 1, 1, -1).astype(np.float32)
    return keras.ops.sum(logits * keras.ops.one_hot(classes, logits.shape[-1]), axis=-1)
