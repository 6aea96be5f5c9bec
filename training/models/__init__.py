"""The networks of the paper, one module each: a function from side and number of classes to an uncompiled model.

A network takes float32 (N, size, size, 3) in [0, 1], as :func:`training.core.data.to_float` makes it, and gives (N, 1)
probabilities of the second of two classes, or (N, k) of each of k >= 3.
"""

from collections.abc import Callable

import keras

from pipeline.core.params import ExperimentParams
from training.models.base import base
from training.models.covid_cxnet import covid_cxnet

MODELS: dict[str, Callable[[ExperimentParams], keras.Model]] = {
    "base": lambda options: base(options.size, len(options.classes)),
    "covid_cxnet": lambda options: covid_cxnet(options.size, len(options.classes), weights=options.weights),
}


def build(options: ExperimentParams) -> keras.Model:
    """The network of an experiment.

    Raises:
        UsageError: the size is too small for it, or its weights cannot be read.
    """
    return MODELS[options.model](options)
