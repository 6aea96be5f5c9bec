"""The last layer of every network."""

import keras

from sources.core.errors import UsageError


def output(num_classes: int) -> keras.layers.Dense:
    """Sigmoid 1 for two classes, softmax k for more (paper, section 4).

    Raises:
        UsageError: there is only one class.
    """
    if num_classes < 2:
        raise UsageError("An experiment needs at least two classes; list them under its key 'classes'.")
    if num_classes == 2:
        return keras.layers.Dense(1, activation="sigmoid", name="output")
    return keras.layers.Dense(num_classes, activation="softmax", name="output")
