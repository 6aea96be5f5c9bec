"""The networks of the paper, one module each: a function from image size and number of classes to an uncompiled model.

Inputs are float32 (N, size, size, 3) in [0, 1], as :func:`training.core.data.to_float` returns them. Outputs are
probabilities: (N, 1) of the second of two classes, or (N, k) of k >= 3 classes.
"""

from collections.abc import Callable

import keras

from pipeline.core.experiments import ExperimentParams
from training.core.levels import LEVELS
from training.models.base import base
from training.models.cascade import cascade
from training.models.covid_cxnet import covid_cxnet
from training.models.efficientnet_lite import efficientnet_lite

MODELS: dict[str, Callable[[ExperimentParams], keras.Model]] = {
    "base": lambda options: base(options.size, len(options.classes)),
    "covid_cxnet": lambda options: covid_cxnet(options.size, len(options.classes), weights=options.weights),
    "efficientnet_lite": lambda options: efficientnet_lite(options.size, len(options.classes), weights=options.weights),
}


def build(options: ExperimentParams) -> keras.Model:
    """Build the network of an experiment.

    Raises:
        UsageError: the images are too small for the network, or its pretrained weights cannot be loaded.
    """
    if options.scheme == "hierarchical":
        return cascade(options.size, [build(level.options(options)) for level in LEVELS])
    return MODELS[options.model](options)
