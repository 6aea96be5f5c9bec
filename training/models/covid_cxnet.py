"""COVID-CXNet: DenseNet-121 with a small dense head; all layers are trained (paper, section 4, Fig. 14)."""

import keras
from keras import layers

from training.models.backbones import densenet_trunk
from training.models.heads import output
from training.pretrained.converted import Pretrained


def covid_cxnet(size: int, num_classes: int, pretrained: Pretrained | None = None) -> keras.Model:
    """DenseNet-121 without its top, then global average pooling, FC 10 with ReLU, dropout 0.2 and the output.

    It has 431 layers and 7,047,765 parameters for two classes, 7,047,787 for three; none is frozen.

    Args:
        size: side of the images (px), at least 32.
        num_classes: 2 or more.
        pretrained: weights of the trunk; None for random weights.

    Raises:
        CxnetError: the weights do not fit the network, or there are fewer than two classes.
    """
    trunk = densenet_trunk(size, pretrained)
    features = layers.GlobalAveragePooling2D(name="pool")(trunk.output)
    features = layers.Dense(10, activation="relu", name="fc")(features)
    features = layers.Dropout(0.2, name="dropout")(features)
    return keras.Model(trunk.input, output(num_classes)(features), name="covid_cxnet")
