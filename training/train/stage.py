"""Train one experiment: the loop, and the files that a run leaves.

Reads ``arrays/<size>/``, splits ``train`` and ``val`` only. Writes ``models/<experiment>/``: ``model.keras``, the
epoch of the least validation loss; ``params.json``, how it came about; ``history.csv``, one row per epoch. They take
the place of an earlier run's only when all is done.
"""

import hashlib
import logging
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

import training
from pipeline.core.layout import Layout
from pipeline.core.params import ExperimentParams, Params
from pipeline.prepare.arrays import Arrays, read_arrays
from sources.core.errors import CxnetError
from sources.core.storage import atomic, atomic_folder, write_json
from training.core import backend
from training.core.augment import preset
from training.core.data import SCALING, Batches, Films, Floats, ShuffledBatches, check_groups, select
from training.core.losses import balanced_weights, make_loss
from training.core.model_file import HISTORY, MODEL, experiment_options, rows_sha256, save_model
from training.models import build
from training.train.callbacks import Progress

PARAMS = "params.json"

log = logging.getLogger(__name__)


def run(layout: Layout, params: Params, experiment: str) -> str:
    """Train ``experiment`` of the profile, write ``models/<experiment>/`` and say how it went.

    Raises:
        UsageError: there is no such experiment, or its model cannot be built.
        CxnetError: inputs are missing or have no film of a class, or the loss is no longer a number.
    """
    options = experiment_options(params, experiment)
    arrays = read_arrays(layout, options.size)
    train, val = training_films(arrays, options, experiment)
    backend.start(options.seed)
    model = build(options)
    history = fit(model, options, train, val, experiment)
    record = describe(layout, arrays, options, experiment) | summarise(model, history, train, val)
    with atomic_folder(layout.model(experiment)) as folder:
        save_model(model, folder / MODEL, record)
        write_json(folder / PARAMS, record)
        with atomic(folder / HISTORY, "w") as file:
            history.to_csv(file, index=False, float_format="%.6g", lineterminator="\n")
    return (
        f"{len(model.layers)} layers, {model.count_params():,} parameters, {len(history)} epochs, "
        f"best val_loss {record['val_loss']:.3g} at epoch {record['epoch']}"
    )


def training_films(arrays: Arrays, options: ExperimentParams, experiment: str) -> tuple[Films, Films]:
    """The films to learn from and those to choose the epoch by.

    Raises:
        CxnetError: a class has no film in one of them, or they share a group.
    """
    train, val = (select(arrays, [split], options.classes) for split in ("train", "val"))
    for split, films in (("train", train), ("val", val)):
        absent = [name for name, count in films.counts().items() if count == 0]
        if absent:
            raise CxnetError(
                f"Experiment '{experiment}' has no '{absent[0]}' film in split '{split}'; "
                f"add sources that show it, change the shares of the split, or drop the class."
            )
    check_groups(train, val)
    return train, val


def fit(
    model: keras.Model, options: ExperimentParams, train: Films, val: Films, name: str = "training"
) -> pd.DataFrame:
    """Train ``model`` in place; it ends with the weights of the epoch of least validation loss.

    Both losses weigh classes alike, so that they can be compared.

    Returns:
        One row per epoch: epoch (from 1), step, loss, accuracy, val_loss, val_accuracy.

    Raises:
        CxnetError: the validation loss never was a number.
    """
    weights = class_weights(train, options)
    batches = ShuffledBatches(
        train, options.batch_size, weights, options.seed, preset(options.augmentation, len(options.classes))
    )
    given = options.batch_norm_momentum
    set_momentum(model, momentum(len(batches)) if given is None else given)
    compile_model(model, options)
    best = keras.callbacks.EarlyStopping(
        monitor="val_loss", mode="min", patience=options.patience or options.epochs, restore_best_weights=True
    )
    log.info("%s: %s to learn from, %s to choose by", name, train.counts(), val.counts())
    fitted = model.fit(
        batches,
        validation_data=Batches(val, options.batch_size, weights),
        epochs=options.epochs,
        shuffle=False,  # the batches shuffle themselves
        verbose=0,
        callbacks=[best, keras.callbacks.TerminateOnNaN(), Progress(name)],
    )
    history = pd.DataFrame(fitted.history)
    if not np.isfinite(history["val_loss"]).any():
        raise CxnetError(f"Experiment '{name}' diverged: its loss is not a number; lower its learning_rate.")
    epochs = np.arange(1, len(history) + 1)
    history.insert(0, "epoch", epochs)
    history.insert(1, "step", epochs * len(batches))
    return history


def compile_model(model: keras.Model, options: ExperimentParams) -> None:
    """Adam, cross-entropy and accuracy, ready to train."""
    model.compile(
        optimizer=keras.optimizers.Adam(options.learning_rate),
        loss=make_loss(len(options.classes), options.label_smoothing),
        metrics=["accuracy"],
        jit_compile=backend.compiles(),
    )
    model.optimizer.build(model.trainable_variables)  # before the graph is traced: it is then traced once, not twice


def class_weights(films: Films, options: ExperimentParams) -> Floats:
    """Weight of each class (k,): balanced over the training films, or all 1."""
    if not options.class_weights:
        return np.ones(len(options.classes), np.float32)
    return balanced_weights(films.targets, len(options.classes))


def momentum(steps: int) -> float:
    """How much of the moving batch statistics a step keeps: Keras' 0.99, or less where an epoch has few steps.

    They then follow the last eighth of an epoch, but no less than five steps. With 0.99 and thirty steps an epoch,
    validation would see mostly the statistics of weights long gone, and its loss would say nothing.
    """
    return float(np.clip(1 - 8 / steps, 0.8, 0.99))


def set_momentum(model: keras.Model, value: float) -> None:
    """Set the momentum of every batch normalisation of ``model``."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = value


# ------------------------------------------------------------------------------------------------ what a run says


def describe(layout: Layout, arrays: Arrays, options: ExperimentParams, experiment: str) -> dict[str, Any]:
    """What the run was given: options, inputs and their order, data by hash, code by version."""
    return {
        "experiment": experiment,
        "options": options.model_dump(mode="json"),
        "size": options.size,
        "classes": list(options.classes),
        "channels": arrays.inputs["channels"],
        "scaling": SCALING,
        "inputs": arrays.inputs,
        "rows_sha256": rows_sha256(layout, options.size),
        "code": {"version": version("cxnet-data"), "training_sha256": code_sha256(), **backend.versions()},
    }


def summarise(model: keras.Model, history: pd.DataFrame, train: Films, val: Films) -> dict[str, Any]:
    """What came of it: the chosen epoch, sizes, films per class."""
    best = history.iloc[int(np.nanargmin(history["val_loss"]))]
    return {
        "layers": len(model.layers),
        "parameters": model.count_params(),
        "epoch": int(best["epoch"]),
        "epochs": len(history),
        "val_loss": float(best["val_loss"]),
        "films": {"train": train.counts(), "val": val.counts()},
    }


def code_sha256() -> str:
    """One hash over all modules of ``training/``, so that a model tells which code trained it."""
    digest = hashlib.sha256()
    for path in sorted(Path(training.__path__[0]).rglob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
