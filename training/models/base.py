"""The paper's base model: five strided convolutions and two small dense layers (section 4, Fig. 5)."""

import keras
from keras import layers

from sources.core.errors import UsageError
from training.models.heads import output

KERNELS = (5, 3, 3, 3, 3)  # the text says 3 x 3 throughout; the code that was run begins with 5 x 5
FILTERS = 32
STRIDE = 2
SMALLEST = 65  # px: the maps are then 31, 15, 7, 3 and 1 wide


def base(size: int, num_classes: int) -> keras.Model:
    """Five convolutions of 32 filters, stride 2, unpadded, ReLU; then FC 10, FC 10 and the output.

    At 320 x 320 x 3 the maps are 158, 78, 38, 18 and 8 wide, and there are 60,035 parameters for two classes.

    Raises:
        UsageError: the convolutions would leave nothing of so small a picture.
    """
    if size < SMALLEST:
        raise UsageError(
            f"Model 'base' cannot take pictures of {size} x {size} px: its five unpadded convolutions need at least "
            f"{SMALLEST} px; raise the experiment's size."
        )
    inputs = keras.Input((size, size, 3), name="films")
    maps = inputs
    for number, kernel in enumerate(KERNELS, 1):
        maps = layers.Conv2D(FILTERS, kernel, strides=STRIDE, activation="relu", name=f"conv{number}")(maps)
    features = layers.Flatten(name="flatten")(maps)
    features = layers.Dense(10, activation="relu", name="fc1")(features)
    features = layers.Dense(10, activation="relu", name="fc2")(features)
    return keras.Model(inputs, output(num_classes)(features), name="base")
