"""The training loop: Adam, cross-entropy, class weights; validation loss chooses the epoch (paper, section 4)."""

import logging

import keras
import numpy as np
import pandas as pd
from upath import UPath

from pipeline.core.experiments import ExperimentParams
from sources.core.errors import CxnetError
from training.core import backend
from training.core.augment import preset
from training.core.data import Batches, Floats, LabeledFilms, ShuffledBatches
from training.core.losses import balanced_weights, make_loss
from training.core.progress import Progress
from training.core.vectors import ShuffledVectorBatches, VectorBatches, Vectors
from training.train.checkpoint import BestEpoch

log = logging.getLogger(__name__)


def fit(
    model: keras.Model,
    options: ExperimentParams,
    train: LabeledFilms,
    val: LabeledFilms,
    name: str = "training",
    vectors: Vectors | None = None,
    state: UPath | None = None,
) -> pd.DataFrame:
    """Train ``model`` in place; it ends up with the weights of the epoch with the lowest validation loss.

    Training and validation loss use the same class weights, so that they can be compared.

    Args:
        model: an uncompiled network of :mod:`training.models`, or the head of one.
        options: options of the experiment.
        train: films to learn from.
        val: films that choose the epoch.
        name: name of the experiment, for the progress bar and messages.
        vectors: what the head takes instead of films; None = the model takes films.
        state: file of the state of the run. If it exists, the run goes on from there. None = none is written.

    Returns:
        One row per epoch: epoch (from 1), step, loss, accuracy, val_loss, val_accuracy.

    Raises:
        CxnetError: the validation loss was not finite in any epoch.
    """
    weights = class_weights(train, options)
    batches, judged = make_batches(options, train, val, weights, vectors)
    given = options.batch_norm_momentum
    set_momentum(model, momentum(len(batches)) if given is None else given)
    compile_model(model, options)
    best = BestEpoch(options.patience or options.epochs, options.epochs, state)
    best.resume(model)
    if not best.is_over:
        batches.go_to(len(best.history))
        log.info("%s: training films %s, validation films %s", name, train.counts(), val.counts())
        model.fit(
            batches,
            validation_data=judged,
            initial_epoch=len(best.history),
            epochs=options.epochs,
            shuffle=False,  # the batches shuffle themselves
            verbose=0,
            callbacks=[best, keras.callbacks.TerminateOnNaN(), Progress(name)],
        )
    best.finish(model)
    history = pd.DataFrame(best.history)
    if not np.isfinite(history["val_loss"]).any():
        raise CxnetError(f"Experiment '{name}' diverged: its loss is not a number; lower its learning_rate.")
    epochs = np.arange(1, len(history) + 1)
    history.insert(0, "epoch", epochs)
    history.insert(1, "step", epochs * len(batches))
    return history


def make_batches(
    options: ExperimentParams, train: LabeledFilms, val: LabeledFilms, weights: Floats, vectors: Vectors | None
) -> tuple[ShuffledBatches, Batches]:
    """Batches to learn from and batches that choose the epoch; arguments as for :func:`fit`."""
    size = options.batch_size
    if vectors is not None:
        drawn = ShuffledVectorBatches(vectors, train, size, weights, options.seed)
        return drawn, VectorBatches(vectors, val, size, weights)
    augmentation = preset(options.augmentation, len(options.classes))
    return ShuffledBatches(train, size, weights, options.seed, augmentation), Batches(val, size, weights)


def compile_model(model: keras.Model, options: ExperimentParams) -> None:
    """Compile ``model`` with Adam, the loss of the experiment and accuracy."""
    model.compile(
        optimizer=keras.optimizers.Adam(options.learning_rate),
        loss=make_loss(len(options.classes), options.label_smoothing),
        metrics=["accuracy"],
        jit_compile=backend.compiles(),
    )
    model.optimizer.build(model.trainable_variables)  # otherwise Keras traces the graph twice


def class_weights(films: LabeledFilms, options: ExperimentParams) -> Floats:
    """Weight of each class (k,) float32: balanced over ``films``, or 1 if the experiment does not weight classes."""
    if not options.class_weights:
        return np.ones(len(options.classes), np.float32)
    return balanced_weights(films.targets, len(options.classes))


def momentum(steps: int) -> float:
    """Momentum of the moving batch statistics: Keras' 0.99, or less if an epoch has few steps.

    The statistics then cover about the last eighth of an epoch, but at least five steps. With 0.99 and thirty steps per
    epoch, validation would mostly use statistics of outdated weights, and its loss would be meaningless.

    Args:
        steps: training steps per epoch, at least 1.
    """
    return float(np.clip(1 - 8 / steps, 0.8, 0.99))


def set_momentum(model: keras.Model, value: float) -> None:
    """Set the momentum of every batch normalization layer of ``model``."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = value
