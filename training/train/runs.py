"""All runs of an experiment: several seeds, several divisions of its films. One is kept, the others only predict."""

from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.core.experiments import ExperimentParams
from training.core import backend
from training.core.data import Batches, LabeledFilms
from training.core.levels import join
from training.core.losses import class_probabilities
from training.core.novelty import JUDGES, REFERENCES, Novelty, vector_of
from training.core.protocols import Division
from training.core.runs_file import Floats, run_rows
from training.core.vectors import VectorBatches
from training.models import build
from training.train.fit import fit
from training.train.learner import Learner, Learners, networks
from training.train.unfinished import Unfinished

BATCH_SIZE = 32  # films that are predicted at once


@dataclass(frozen=True)
class Runs:
    """The runs of one experiment.

    Attributes:
        experiment: its name.
        options: its options; run r has the seed ``options.seed + r``.
        divisions: how its films are divided.
        unfinished: where the runs keep their states.
    """

    experiment: str
    options: ExperimentParams
    divisions: list[Division]
    unfinished: Unfinished

    @property
    def are_several(self) -> bool:
        """Is there a run besides the one that is kept?"""
        return self.options.repeats * len(self.divisions) > 1

    def train(self, learners: Learners, run: int, division: Division) -> list[pd.DataFrame]:
        """Train what learns in place; the history of each level as of :func:`training.train.fit.fit`."""
        name = self.experiment
        if run > 0 or division is not self.divisions[0]:
            name += f", {division}, run {run}"
        histories = []
        for level, learner in learners.items():
            options, train, val = self._options(run), division.train, division.val
            if level is not None:
                options, train, val = level.options(options), level.films(train), level.films(val)
            state = self.unfinished.state(run, division, "all" if level is None else level.name)
            histories.append(fit(learner.model, options, train, val, name, learner.vectors, state))
        return histories

    def predict(self, kept: Learners) -> list[pd.DataFrame]:
        """The predictions of all runs, after those that are not ``kept`` have been trained.

        A frozen trunk is the same in all runs: only heads are drawn anew.
        """
        rows = []
        for run in range(self.options.repeats):
            for division in self.divisions:
                learners = kept
                if run > 0 or division is not self.divisions[0]:
                    learners = self._new(kept, run)
                    self.train(learners, run, division)
                probabilities = predict(list(learners.values()), division.test)
                rows.append(run_rows(run, self._options(run).seed, division, probabilities, self.options.scheme))
        return rows

    def _options(self, run: int) -> ExperimentParams:
        return self.options.model_copy(update={"seed": self.options.seed + run})

    def _new(self, kept: Learners, run: int) -> Learners:
        """A network, or heads of the same trunk, as they are before training."""
        options = self._options(run)
        if not options.frozen:
            backend.start(options.seed, options.precision)
            return {level: Learner(network, None) for level, network in networks(build(options), options).items()}
        keras.utils.set_random_seed(options.seed)
        return {level: Learner(keras.models.clone_model(each.model), each.vectors) for level, each in kept.items()}


def predict(learners: list[Learner], films: LabeledFilms) -> Floats:
    """Probability of each class for each film, (N, k), from the learner of each level; rows sum to 1."""
    outputs = [_outputs(learner, films) for learner in learners]
    return outputs[0] if len(outputs) == 1 else join(*(each[:, 1] for each in outputs))


def novelty_of(learner: Learner, train: LabeledFilms, val: LabeledFilms) -> Novelty:
    """What recognizes films that are unlike those that the network learned from."""
    return Novelty.of(*(_vectors(learner, films.some(most)) for films, most in ((train, REFERENCES), (val, JUDGES))))


def _vectors(learner: Learner, films: LabeledFilms) -> npt.NDArray[np.float32]:
    if learner.vectors is not None:
        return learner.vectors.films[films.positions]
    network = keras.Model(learner.model.inputs[0], vector_of(learner.model))
    batches = Batches(films, BATCH_SIZE, np.ones(len(films.classes), np.float32))
    return np.asarray(network.predict(batches, verbose=0), np.float32)


def _outputs(learner: Learner, films: LabeledFilms) -> Floats:
    weights = np.ones(len(films.classes), np.float32)
    if learner.vectors is None:
        batches = Batches(films, BATCH_SIZE, weights)
    else:
        batches = VectorBatches(learner.vectors, films, BATCH_SIZE, weights)
    return class_probabilities(learner.model.predict(batches, verbose=0))
