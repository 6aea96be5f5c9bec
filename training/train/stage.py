"""Stage train: fit one experiment and write its model folder.

Reads ``data/arrays/<inputs>/``, splits ``train`` and ``val`` only. Writes ``models/<experiment>/``: ``model.keras``,
with the weights of the epoch with the lowest validation loss; ``params.json``, the record of the run; ``history.csv``,
one row per epoch. A finished run replaces the whole folder; an interrupted one leaves the earlier folder as it was.
"""

from dataclasses import dataclass

from pipeline.core.experiments import ExperimentParams
from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.summary import Summary
from pipeline.prepare.arrays import Arrays, read_arrays
from sources.core.storage import atomic, atomic_folder, write_json
from training.core import backend
from training.core.data import LabeledFilms, check_classes, check_groups, select
from training.core.model_file import HISTORY, MODEL, experiment_options, save_model
from training.models import build
from training.train.fit import fit
from training.train.learner import Learner
from training.train.record import make_record

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
    films = _training_films(arrays, options, experiment)
    backend.start(options.seed)
    model = build(options)
    learner = Learner.of(model, layout, arrays, options, films["train"])
    history = fit(learner.model, options, films["train"], films["val"], experiment, learner.vectors)
    record = make_record(layout, arrays, options, experiment, model, history, films)
    with atomic_folder(layout.model(experiment)) as folder:
        save_model(model, folder / MODEL, record)
        write_json(folder / PARAMS, record.as_json())
        with atomic(folder / HISTORY, "w") as file:
            history.to_csv(file, index=False, float_format="%.6g", lineterminator="\n")
    return TrainSummary(record.layers, record.parameters, record.epochs, record.val_loss, record.epoch)


def _training_films(arrays: Arrays, options: ExperimentParams, experiment: str) -> dict[str, LabeledFilms]:
    """The films of ``train`` and ``val``; each has every class, and they share no group."""
    films = {split: select(arrays, [split], options.classes, options.films) for split in ("train", "val")}
    for split, each in films.items():
        check_classes(each, split, experiment)
    check_groups(films["train"], films["val"])
    return films
