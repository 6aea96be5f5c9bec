"""The last layer of every network."""

import keras

from sources.core.errors import UsageError


def output(num_classes: int) -> keras.layers.Dense:
    """The output layer: one sigmoid unit for two classes, k softmax units for more (paper, section 4).

    Raises:
        UsageError: there are fewer than two classes.
    """
    if num_classes < 2:
        raise UsageError("An experiment needs at least two classes; list them under its key 'classes'.")
    if num_classes == 2:
        return keras.layers.Dense(1, activation="sigmoid", name="output")
    return keras.layers.Dense(num_classes, activation="softmax", name="output")
