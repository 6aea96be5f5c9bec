"""The trunks that several networks share: DenseNet-121 and ResNet-50 without their tops."""

from collections.abc import Callable

import keras
from keras import layers

from pipeline.core.experiments import ScaleName
from training.pretrained.converted import Pretrained
from training.pretrained.scales import SCALES


def densenet_trunk(size: int, pretrained: Pretrained | None = None, scale: ScaleName = "unit") -> keras.Model:
    """DenseNet-121 without its top: images float32 (N, size, size, 3) in [0, 1] to maps (N, h, w, 1024).

    It has 427 layers and 7,037,504 parameters, and one more layer if it scales its input.

    Args:
        size: side of the images (px), at least 32.
        pretrained: weights, which bring the scaling that they were trained with; None for random weights.
        scale: scaling of the input of a network without pretrained weights.

    Raises:
        CxnetError: the weights do not fit.
    """
    return _trunk(keras.applications.DenseNet121, size, pretrained, scale)


def resnet_trunk(size: int, pretrained: Pretrained | None = None, scale: ScaleName = "unit") -> keras.Model:
    """ResNet-50 without its top: images as above to maps (N, h, w, 2048); 175 layers, 23,587,712 parameters."""
    return _trunk(keras.applications.ResNet50, size, pretrained, scale)


def _trunk(
    network: Callable[..., keras.Model], size: int, pretrained: Pretrained | None, scale: ScaleName
) -> keras.Model:
    images = scaled = keras.Input((size, size, 3), name="films")
    wanted = SCALES[scale if pretrained is None else pretrained.origin.scale]
    if wanted is not None:
        scaled = layers.Rescaling(wanted.factors, wanted.offsets, name="scale")(images)
    trunk = network(include_top=False, weights=None, input_tensor=scaled)
    if pretrained is not None:
        pretrained.load_into(trunk)
    return trunk
