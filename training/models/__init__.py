"""The networks of the paper, one module each: a function from image size and number of classes to an uncompiled model.

Inputs are float32 (N, size, size, 3) in [0, 1], as :func:`training.core.data.to_float` returns them. Outputs are
probabilities: (N, 1) of the second of two classes, or (N, k) of k >= 3 classes.
"""

from collections.abc import Callable

import keras

from pipeline.core.experiments import ExperimentParams, WeightsParams
from training.core.levels import LEVELS
from training.models.base import base
from training.models.cascade import cascade
from training.models.covid_cxnet import covid_cxnet
from training.models.efficientnet_lite import efficientnet_lite
from training.models.transfer import densenet, resnet
from training.pretrained.converted import Pretrained
from training.pretrained.imagenet_lite import lite_weights
from training.pretrained.read import Network, read_pretrained

MODELS: dict[str, Callable[[int, int, Pretrained | None], keras.Model]] = {
    "base": lambda size, num_classes, _: base(size, num_classes),
    "covid_cxnet": covid_cxnet,
    "densenet": densenet,
    "efficientnet_lite": efficientnet_lite,
    "resnet": resnet,
}
NETWORKS: dict[str, Network] = {"covid_cxnet": "DenseNet-121", "densenet": "DenseNet-121", "resnet": "ResNet-50"}


def build(options: ExperimentParams) -> keras.Model:
    """Build the network of an experiment.

    Raises:
        CxnetError: the images are too small for the network, or its pretrained weights cannot be loaded.
    """
    if options.scheme == "hierarchical":
        return cascade(options.size, [build(level.options(options)) for level in LEVELS])
    return MODELS[options.model](options.size, len(options.classes), pretrained_of(options))


def pretrained_of(options: ExperimentParams) -> Pretrained | None:
    """The pretrained weights of an experiment; None if it starts from random ones.

    Raises:
        CxnetError: the weights are missing or damaged, or cannot be downloaded.
    """
    given = options.weights
    if given is None:
        return None
    if options.model == "efficientnet_lite":
        return lite_weights(str(given))
    named = given if isinstance(given, WeightsParams) else WeightsParams(path=given)
    return read_pretrained(named, NETWORKS[options.model])
