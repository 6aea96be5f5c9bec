"""What a trained model records about its training, so that the run can be repeated and later checked."""

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from importlib.resources import files

import keras
import numpy as np
import pandas as pd

from pipeline.core.experiments import ExperimentParams
from pipeline.core.layout import Layout
from pipeline.core.terms import terms_of
from pipeline.prepare.arrays import Arrays
from training.core import backend
from training.core.data import SCALING, LabeledFilms
from training.core.model_file import ModelRecord, rows_sha256
from training.core.rule import Rule
from training.pretrained.converted import Pretrained

# Packages whose code can change a model; `dvc.yaml` retrains when they change.
CODE = ("training.core", "training.models", "training.pretrained", "training.train")


def make_record(
    layout: Layout,
    arrays: Arrays,
    options: ExperimentParams,
    experiment: str,
    model: keras.Model,
    history: pd.DataFrame,
    films: dict[str, LabeledFilms],
    rule: Rule,
    pretrained: Pretrained | None = None,
) -> ModelRecord:
    """The record of a finished training run.

    Args:
        layout: where the arrays are.
        arrays: the prepared inputs.
        options: options of the experiment.
        experiment: its name.
        model: the trained network.
        history: one row per epoch, as :func:`training.train.fit.fit` returns it.
        films: films by split, train and val.
        rule: chosen on the validation films.
        pretrained: the weights that training started from.
    """
    best = history.iloc[int(np.nanargmin(history["val_loss"]))]
    return ModelRecord(
        experiment=experiment,
        options=options,
        size=options.size,
        classes=options.classes,
        channels=tuple(arrays.inputs["channels"]),
        scaling=SCALING,
        inputs=arrays.inputs,
        rows_sha256=rows_sha256(layout, options.inputs),
        code={"version": version("cxnet-data"), "training_sha256": code_sha256(), **backend.versions()},
        layers=len(model.layers),
        parameters=model.count_params(),
        epoch=int(best["epoch"]),
        epochs=len(history),
        val_loss=float(best["val_loss"]),
        threshold=rule.threshold,
        temperature=rule.temperature,
        films={split: each.counts() for split, each in films.items()},
        terms=terms_of(pd.concat([each.rows for each in films.values()])),
        pretrained=None if pretrained is None else pretrained.origin.as_record(),
    )


def code_sha256(packages: Sequence[str] = CODE) -> str:
    """One hash over the modules of ``packages``: their names and contents, wherever the packages are installed."""
    digest = hashlib.sha256()
    for package in packages:
        for module in sorted(files(package).iterdir(), key=lambda each: each.name):
            if module.name.endswith(".py"):
                digest.update(f"{package}/{module.name}\0".encode() + module.read_bytes())
    return digest.hexdigest()
