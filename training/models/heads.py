"""The last layers of the networks."""

import keras
from keras import layers

from sources.core.errors import UsageError


def output(num_classes: int) -> keras.layers.Dense:
    """The output layer: one sigmoid unit for two classes, k softmax units for more (paper, section 4).

    Raises:
        UsageError: there are fewer than two classes.
    """
    if num_classes < 2:
        raise UsageError("An experiment needs at least two classes; list them under its key 'classes'.")
    if num_classes == 2:
        return keras.layers.Dense(1, activation="sigmoid", name="output", dtype="float32")
    return keras.layers.Dense(num_classes, activation="softmax", name="output", dtype="float32")


def transfer_head(maps: keras.KerasTensor, num_classes: int) -> keras.KerasTensor:
    """The head of the paper's ImageNet experiments: pooling, FC 10, FC 20, each with sigmoid and dropout 0.2.

    (As in the published code; the text does not describe it.)
    """
    features = layers.GlobalAveragePooling2D(name="pool")(maps)
    for number, units in enumerate((10, 20), 1):
        features = layers.Dense(units, activation="sigmoid", name=f"fc{number}")(features)
        features = layers.Dropout(0.2, name=f"dropout{number}")(features)
    return output(num_classes)(features)
