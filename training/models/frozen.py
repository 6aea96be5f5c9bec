"""A network divided into a trunk that stays as it is and a head that learns."""

from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

VECTOR = "pool"  # the layer of every network with a trunk whose output is the vector of a film


@dataclass(frozen=True)
class Divided:
    """The two parts of a network; they share its layers, so that training the head trains the network.

    Attributes:
        trunk: films (N, S, S, 3) to vectors (N, d); frozen.
        head: vectors to the outputs of the network.
    """

    trunk: keras.Model
    head: keras.Model


def settle_statistics(model: keras.Model, films: npt.NDArray[np.float32]) -> None:
    """Set the statistics of every batch normalization layer to those of ``films`` (N, S, S, 3).

    A network with random weights has no statistics yet, and without them its vectors are almost the same for all films.
    """
    normalizing = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    given = [layer.momentum for layer in normalizing]
    for layer in normalizing:
        layer.momentum = 0.0
    model(films, training=True)
    for layer, momentum in zip(normalizing, given, strict=True):
        layer.momentum = momentum


def freeze_trunk(model: keras.Model) -> Divided:
    """Divide ``model`` behind its global average pooling, and freeze all layers before.

    Raises:
        ValueError: the network has no such layer.
    """
    vectors = model.get_layer(VECTOR).output
    trunk = keras.Model(model.inputs[0], vectors, name=f"{model.name}_trunk")
    trunk.trainable = False
    return Divided(trunk, keras.Model(vectors, model.outputs[0], name=f"{model.name}_head"))
