"""ImageNet transfer: DenseNet-121 and ResNet-50 with the head of the paper's code (section 4, Fig. 13).

The paper reports that they do not learn with a frozen trunk and overfit with a trained one. Its code feeds [0, 1]; here
pretrained weights bring the scaling that they were trained with as a layer of the network.
"""

from collections.abc import Callable

import keras

from training.models.backbones import densenet_trunk, resnet_trunk
from training.models.heads import transfer_head
from training.pretrained.converted import Pretrained


def densenet(size: int, num_classes: int, pretrained: Pretrained | None = None) -> keras.Model:
    """DenseNet-121 with the head: 433 layers and 7,047,995 parameters for two classes, 10,491 of them in the head.

    Args:
        size: side of the images (px), at least 32.
        num_classes: 2 or more.
        pretrained: weights of the trunk; None for random weights.

    Raises:
        CxnetError: the weights do not fit the network, or there are fewer than two classes.
    """
    return _transfer(densenet_trunk, size, num_classes, pretrained, "densenet")


def resnet(size: int, num_classes: int, pretrained: Pretrained | None = None) -> keras.Model:
    """The same with ResNet-50: 181 layers and 23,608,443 parameters for two classes."""
    return _transfer(resnet_trunk, size, num_classes, pretrained, "resnet")


def _transfer(
    trunk_of: Callable[[int, Pretrained | None], keras.Model],
    size: int,
    num_classes: int,
    pretrained: Pretrained | None,
    name: str,
) -> keras.Model:
    trunk = trunk_of(size, pretrained)
    return keras.Model(trunk.input, transfer_head(trunk.output, num_classes), name=name)
