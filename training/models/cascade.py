"""Two networks in one: normal or pneumonia, then CAP or COVID-19 (paper, section 5)."""

import keras
from keras import layers

from training.core.levels import LEVELS


def cascade(size: int, networks: list[keras.Model]) -> keras.Model:
    """Join the networks of both levels to one with the probabilities of normal, CAP and COVID-19.

    Args:
        size: side of the images (px).
        networks: one per level, with one output each.
    """
    films = keras.Input((size, size, 3), name="films")
    first, second = (
        keras.Model(network.inputs[0], network.outputs[0], name=level.name)(films)
        for level, network in zip(LEVELS, networks, strict=True)
    )
    normal = layers.Rescaling(-1.0, 1.0, name="normal")(first)
    not_covid = layers.Rescaling(-1.0, 1.0, name="not_covid")(second)
    cap = layers.Multiply(name="cap")([first, not_covid])
    covid = layers.Multiply(name="covid")([first, second])
    return keras.Model(films, layers.Concatenate(name="output")([normal, cap, covid]), name="cascade")
