"""The paper's base model: five strided convolutions and two small dense layers (section 4, Fig. 5)."""

import keras
from keras import layers

from pipeline.core.experiments import MIN_SIZES
from sources.core.errors import UsageError
from training.models.heads import output

KERNELS = (5, 3, 3, 3, 3)  # the paper's text has 3 x 3 only; its published code starts with 5 x 5
FILTERS = 32
STRIDE = 2
MIN_SIZE = MIN_SIZES["base"]  # px; the maps are then 31, 15, 7, 3 and 1 wide


def base(size: int, num_classes: int) -> keras.Model:
    """Five unpadded convolutions with 32 filters, stride 2 and ReLU, then FC 10, FC 10 and the output.

    At 320 px the feature maps are 158, 78, 38, 18 and 8 wide; with two classes there are 60,035 parameters.

    Args:
        size: side of the images (px), at least 65.
        num_classes: 2 or more.

    Raises:
        UsageError: the images are too small for five convolutions, or there are fewer than two classes.
    """
    if size < MIN_SIZE:
        raise UsageError(
            f"Images of {size} x {size} px are too small for model 'base': its five unpadded convolutions need "
            f"at least {MIN_SIZE} px; increase 'size' of the experiment."
        )
    inputs = keras.Input((size, size, 3), name="films")
    maps = inputs
    for number, kernel in enumerate(KERNELS, 1):
        maps = layers.Conv2D(FILTERS, kernel, strides=STRIDE, activation="relu", name=f"conv{number}")(maps)
    features = layers.Flatten(name="flatten")(maps)
    features = layers.Dense(10, activation="relu", name="fc1")(features)
    features = layers.Dense(10, activation="relu", name="fc2")(features)
    return keras.Model(inputs, output(num_classes)(features), name="base")
