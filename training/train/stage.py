"""Stage train: fit one experiment and write its model folder.

Reads ``data/arrays/<inputs>/``; the model that is kept learns from the splits ``train`` and ``val`` only. Writes
``models/<experiment>/``:

- ``model.keras``: the network, with the weights of the epoch with the lowest validation loss
- ``params.json``: the record of the run
- ``novelty.npz``: vectors of training films, by which a new film is recognized as unlike them
- ``history.csv``: one row per epoch; ``history_level2.csv``: the same of the second level of a hierarchical experiment
- ``rates.csv``: loss by learning rate, if the experiment has a range test
- ``runs.parquet``: what each run predicts for its test films, if the experiment has several runs

A finished run replaces the whole folder; an interrupted one leaves the earlier folder as it was, and goes on later.
"""

import logging
from dataclasses import dataclass

import keras
import pandas as pd
from upath import UPath

from pipeline.core.experiments import ExperimentParams
from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.summary import Summary
from pipeline.prepare.arrays import Arrays, read_arrays
from sources.core.storage import atomic, atomic_folder, write_json
from training.core import backend
from training.core.data import LabeledFilms, check_classes, check_groups
from training.core.model_file import HISTORY, HISTORY_LEVEL2, MODEL, RATES, experiment_options, save_model
from training.core.protocols import Division, divide
from training.core.rule import choose_rule
from training.core.runs_file import RUNS, write_runs
from training.models import build, pretrained_of
from training.train.learner import Learners, in_float32, learners_of
from training.train.range_test import Rates, try_rates
from training.train.record import make_record
from training.train.runs import Runs, novelty_of, predict
from training.train.unfinished import Unfinished

log = logging.getLogger(__name__)

PARAMS = "params.json"


@dataclass(frozen=True)
class TrainSummary(Summary):
    """Result of one training run.

    Attributes:
        layers, parameters: size of the network.
        epochs: number of epochs trained.
        val_loss: lowest validation loss.
        epoch: epoch with that loss (from 1); its weights are kept.
    """

    layers: int
    parameters: int
    epochs: int
    val_loss: float
    epoch: int

    def __str__(self) -> str:
        return (
            f"{self.layers} layers, {self.parameters:,} parameters, {self.epochs} epochs, "
            f"best val_loss {self.val_loss:.3g} at epoch {self.epoch}"
        )


def run(layout: Layout, params: Params, experiment: str) -> TrainSummary:
    """Train ``experiment`` of the profile and write ``models/<experiment>/``.

    Raises:
        UsageError: the profile has no such experiment, or its model cannot be built.
        CxnetError: inputs are missing, a class has no film, or the loss is not a number.
    """
    options = experiment_options(params, experiment)
    arrays = read_arrays(layout, options.inputs)
    divisions, left_out = divide(arrays, options)
    kept = _checked(divisions[0], experiment)
    for source, reason in left_out.items():
        log.warning("%s: source %s is not held out, as %s", experiment, source, reason)
    rates = _try_rates(layout, arrays, options, kept.train, experiment) if options.range_test else None
    model, learners = _start(layout, arrays, options, kept.train)
    unfinished = Unfinished.of(layout, arrays, options, experiment)
    runs = Runs(experiment, options, divisions, unfinished)
    histories = runs.train(learners, 0, kept)
    model, learners = in_float32(model, learners, options)
    films = {"train": kept.train, "val": kept.val}
    rule = choose_rule(kept.val.targets, predict(list(learners.values()), kept.val), options.threshold)
    record = make_record(layout, arrays, options, experiment, model, histories[0], films, rule, pretrained_of(options))
    with atomic_folder(layout.model(experiment)) as folder:
        save_model(model, folder / MODEL, record)
        write_json(folder / PARAMS, record.as_json())
        novelty_of(next(iter(learners.values())), kept.train, kept.val).write(folder)
        for history, name in zip(histories, (HISTORY, HISTORY_LEVEL2), strict=False):
            _write_csv(folder / name, history)
        if rates is not None:
            _write_csv(folder / RATES, rates.table)
        if runs.are_several:
            write_runs(folder / RUNS, runs.predict(learners), options.classes)
    unfinished.remove()
    return TrainSummary(record.layers, record.parameters, record.epochs, record.val_loss, record.epoch)


def _start(
    layout: Layout, arrays: Arrays, options: ExperimentParams, train: LabeledFilms
) -> tuple[keras.Model, Learners]:
    """The network as it is before training, and what of it learns."""
    backend.start(options.seed, options.precision)
    model = build(options)
    return model, learners_of(model, layout, arrays, options, train)


def _try_rates(
    layout: Layout, arrays: Arrays, options: ExperimentParams, train: LabeledFilms, experiment: str
) -> Rates:
    """The range test, on a network of its own."""
    (learner,) = _start(layout, arrays, options, train)[1].values()
    rates = try_rates(learner.model, options, train, learner.vectors)
    log.info("%s: the loss falls most steeply at a learning rate of %.2g", experiment, rates.steepest)
    return rates


def _write_csv(path: UPath, table: pd.DataFrame) -> None:
    with atomic(path, "w") as file:
        table.to_csv(file, index=False, float_format="%.6g", lineterminator="\n")


def _checked(division: Division, experiment: str) -> Division:
    """The division of the model that is kept: train and val have every class, and share no group."""
    check_classes(division.train, "train", experiment)
    check_classes(division.val, "val", experiment)
    check_groups(division.train, division.val)
    return division
