"""The small lung network that ships with the package: a U-Net whose skips are added instead of concatenated.

Its outputs have half the side of its input: the masks of films are smooth, and bilinear interpolation of probabilities
places their edges more precisely than a pixel. That saves two thirds of the work.
"""

import keras
from keras import layers

STEM = 16  # filters at half the side of the input
FILTERS = (24, 48, 64, 96)  # at a quarter, an eighth, ...
DEPTH = 2 ** (len(FILTERS) + 1)  # the side of the input is a multiple of this


def lung_net(size: int, outputs: int, filters: tuple[int, ...] = FILTERS) -> keras.Model:
    """Films to probabilities of lung: float32 (N, size, size, 1) in [0, 1] to (N, size / 2, size / 2, outputs).

    Args:
        size: side of the input (px), a multiple of :data:`DEPTH`.
        outputs: definitions of a lung, one output each.
        filters: numbers of filters below the stem.
    """
    films = keras.Input((size, size, 1), name="films")
    maps = _conv(films, STEM, "stem", stride=2)
    skips = []
    for level, count in enumerate(filters, 1):
        skips.append(maps)
        maps = _conv(maps, count, f"down{level}_a", stride=2)
        maps = _conv(maps, count, f"down{level}_b")
    for level, skip in reversed(list(enumerate(skips, 1))):
        count = skip.shape[-1]
        maps = layers.Conv2D(count, 1, name=f"up{level}_narrow")(maps)
        maps = layers.UpSampling2D(2, name=f"up{level}")(maps)
        maps = layers.Add(name=f"up{level}_add")([maps, skip])
        maps = _conv(maps, count, f"up{level}_a")
        if level > 1:  # at the largest maps, one convolution takes as long as all of a level below
            maps = _conv(maps, count, f"up{level}_b")
    lungs = layers.Conv2D(outputs, 1, activation="sigmoid", name="lungs")(maps)
    return keras.Model(films, lungs, name="lung_net")


def _conv(maps: keras.KerasTensor, filters: int, name: str, stride: int = 1) -> keras.KerasTensor:
    """3 x 3 convolution, batch normalization, ReLU; padded alike on all sides, as the flips of a film need it."""
    maps = layers.ZeroPadding2D(1, name=f"{name}_pad")(maps)
    maps = layers.Conv2D(filters, 3, stride, use_bias=False, name=f"{name}_conv")(maps)
    maps = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(maps)
    return layers.ReLU(name=f"{name}_relu")(maps)
