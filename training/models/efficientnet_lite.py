"""EfficientNet-Lite0: a small trunk whose ImageNet weights come with a package.

EfficientNet-B0 without squeeze-and-excitation, with ReLU6 instead of swish, and with stem and head of fixed width.
Reference: https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite (Tan and Le, 2019,
arXiv:1905.11946, for the blocks).
"""

from dataclasses import dataclass

import keras
from keras import layers

from training.models.heads import output
from training.pretrained.converted import Pretrained

EPSILON = 1e-3  # of the batch normalization
TOP_FEATURES = 1280
CLASSES = 1000  # of ImageNet


@dataclass(frozen=True)
class Group:
    """Consecutive blocks of one width; only the first has the stride."""

    kernel: int
    blocks: int
    filters: int
    expansion: int
    stride: int


GROUPS = (
    Group(kernel=3, blocks=1, filters=16, expansion=1, stride=1),
    Group(kernel=3, blocks=2, filters=24, expansion=6, stride=2),
    Group(kernel=5, blocks=2, filters=40, expansion=6, stride=2),
    Group(kernel=3, blocks=3, filters=80, expansion=6, stride=2),
    Group(kernel=5, blocks=3, filters=112, expansion=6, stride=1),
    Group(kernel=5, blocks=4, filters=192, expansion=6, stride=2),
    Group(kernel=3, blocks=1, filters=320, expansion=6, stride=1),
)


def efficientnet_lite_trunk(size: int) -> keras.Model:
    """Images to features: float32 (N, size, size, 3) in [0, 1] to (N, 1280).

    The scaling (255 x - 127) / 128 of the published weights is part of the network. 3,371,024 parameters plus batch
    statistics: 3,413,024 in all.
    """
    images = keras.Input((size, size, 3), name="images")
    x = layers.Rescaling(255 / 128, -127 / 128, name="scale")(images)
    x = _normalized(layers.Conv2D(32, 3, 2, "same", use_bias=False, name="stem_conv")(x), "stem")
    place = 0
    for group in GROUPS:
        for number in range(group.blocks):
            x = _block(x, group, group.stride if number == 0 else 1, f"block{place}")
            place += 1
    x = _normalized(layers.Conv2D(TOP_FEATURES, 1, use_bias=False, name="top_conv")(x), "top")
    return keras.Model(images, layers.GlobalAveragePooling2D(name="pool")(x), name="efficientnet_lite0_trunk")


def efficientnet_lite_imagenet(size: int = 224) -> keras.Model:
    """The whole ImageNet classifier: images as above to 1,000 logits (N, 1000); 4,694,024 parameters."""
    trunk = efficientnet_lite_trunk(size)
    logits = layers.Dense(CLASSES, name="logits")(trunk.output)
    return keras.Model(trunk.input, logits, name="efficientnet_lite0")


def efficientnet_lite(size: int, num_classes: int, pretrained: Pretrained | None = None) -> keras.Model:
    """The trunk with dropout 0.2 and the output of an experiment; all layers can be trained.

    Args:
        size: side of the images (px), at least 32.
        num_classes: 2 or more.
        pretrained: weights of the trunk; None for random weights.

    Raises:
        CxnetError: the weights do not fit.
    """
    trunk = efficientnet_lite_trunk(size)
    if pretrained is not None:
        pretrained.load_into(trunk)
    features = layers.Dropout(0.2, name="dropout")(trunk.output)
    return keras.Model(trunk.input, output(num_classes)(features), name="efficientnet_lite0")


def _normalized(x: keras.KerasTensor, name: str, *, active: bool = True) -> keras.KerasTensor:
    """Batch normalization, then ReLU6 unless the block ends here."""
    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if active else x


def _block(x: keras.KerasTensor, group: Group, stride: int, name: str) -> keras.KerasTensor:
    """Inverted residual block: expand, filter each channel, project; added to its input where shapes allow."""
    inputs, channels = x, x.shape[-1]
    if group.expansion != 1:
        x = layers.Conv2D(channels * group.expansion, 1, use_bias=False, name=f"{name}_expand_conv")(x)
        x = _normalized(x, f"{name}_expand")
    x = layers.DepthwiseConv2D(group.kernel, stride, "same", use_bias=False, name=f"{name}_depthwise_conv")(x)
    x = _normalized(x, f"{name}_depthwise")
    x = layers.Conv2D(group.filters, 1, use_bias=False, name=f"{name}_project_conv")(x)
    x = _normalized(x, f"{name}_project", active=False)
    return layers.Add(name=f"{name}_add")([inputs, x]) if stride == 1 and channels == group.filters else x
