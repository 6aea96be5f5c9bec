"""What is trained: a whole network on films, or only its head on the vectors of its frozen trunk."""

from dataclasses import dataclass
from typing import Self

import keras
import numpy as np

from pipeline.core.experiments import ExperimentParams
from pipeline.core.layout import Layout
from pipeline.prepare.arrays import Arrays
from training.core.augment import preset
from training.core.data import LabeledFilms, epoch_order, to_float
from training.core.levels import LEVELS, Level
from training.core.vectors import Vectors, film_vectors
from training.models import build
from training.models.frozen import freeze_trunk, settle_statistics

SETTLING = 64  # training films that give a trunk with random weights its batch statistics


@dataclass(frozen=True)
class Learner:
    """The part of a network that learns, and what it takes.

    Attributes:
        model: the network, or its head, which shares its layers.
        vectors: what the head takes; None = the network takes films.
    """

    model: keras.Model
    vectors: Vectors | None

    @classmethod
    def of(
        cls, network: keras.Model, layout: Layout, arrays: Arrays, options: ExperimentParams, train: LabeledFilms
    ) -> Self:
        """What the experiment trains of ``network``; a frozen trunk runs here, unless its vectors are known already.

        Args:
            network: the whole network, with the weights that it starts from.
            layout: where vectors are kept.
            arrays: the prepared inputs.
            options: options of the experiment.
            train: the films that give a frozen trunk with random weights its batch statistics.
        """
        if not options.frozen:
            return cls(network, None)
        if options.weights is None:
            some = train.positions[epoch_order(len(train), options.seed, 0)[:SETTLING]]
            settle_statistics(network, to_float(train.images[np.sort(some)]))
        divided = freeze_trunk(network)
        mirrored = preset(options.augmentation, len(options.classes)).mirrors
        return cls(divided.head, film_vectors(layout, arrays, options.inputs, divided.trunk, mirrored))


Learners = dict[Level | None, Learner]  # one per level; None = the level of a flat experiment


def networks(model: keras.Model, options: ExperimentParams) -> dict[Level | None, keras.Model]:
    """The network of each level of ``model``."""
    if options.scheme == "flat":
        return {None: model}
    return {level: model.get_layer(level.name) for level in LEVELS}


def in_float32(model: keras.Model, learners: Learners, options: ExperimentParams) -> tuple[keras.Model, Learners]:
    """The trained ``model`` and what learned of it, computing in float32 as all that reads the model expects.

    With mixed precision, layers compute in 16 bits but keep their weights in float32: these move to a new network.
    """
    if options.precision == "float32":
        return model, learners
    keras.config.set_dtype_policy("float32")
    exact = build(options)
    exact.set_weights(model.get_weights())
    return exact, {level: Learner(network, None) for level, network in networks(exact, options).items()}


def learners_of(
    model: keras.Model, layout: Layout, arrays: Arrays, options: ExperimentParams, train: LabeledFilms
) -> Learners:
    """What learns of each level of ``model``; arguments as for :meth:`Learner.of`."""
    return {
        level: Learner.of(network, layout, arrays, options, train)
        for level, network in networks(model, options).items()
    }
