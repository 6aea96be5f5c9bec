"""The paper's U-Net for lung segmentation (section 3; Ronneberger et al. 2015): 32 layers, no normalization."""

import keras
from keras import layers

FILTERS = (32, 64, 128, 256)  # of the encoder, from the top down; the bridge has twice the last
STEP = 2 ** len(FILTERS)  # the side of the input is a multiple of this


def unet(size: int | None = 320, filters: tuple[int, ...] = FILTERS) -> keras.Model:
    """Films to probabilities of lung: float32 (N, size, size, 1) in [0, 1] to (N, size, size, 1).

    With the paper's filters there are 7,759,521 parameters, at any size.

    Args:
        size: side of the input (px), a multiple of 16 with the paper's filters; None = any.
        filters: numbers of filters of the encoder.
    """
    films = keras.Input((size, size, 1), name="films")
    maps, skips = films, []
    for level, count in enumerate(filters, 1):
        maps = _two_convs(maps, count, f"down{level}")
        skips.append(maps)
        maps = layers.MaxPooling2D(2, name=f"down{level}_pool")(maps)
    maps = _two_convs(maps, 2 * filters[-1], "bridge")
    for level, skip in reversed(list(enumerate(skips, 1))):
        count = filters[level - 1]
        maps = layers.Conv2DTranspose(count, 2, 2, name=f"up{level}")(maps)
        maps = layers.Concatenate(name=f"up{level}_skip")([maps, skip])
        maps = _two_convs(maps, count, f"up{level}")
    return keras.Model(films, layers.Conv2D(1, 1, activation="sigmoid", name="lungs")(maps), name="unet")


def _two_convs(maps: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
    for part in "ab":
        maps = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"{name}_{part}")(maps)
    return maps
