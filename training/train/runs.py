"""All runs of an experiment: several seeds, several divisions of its films. One is kept, the others only predict."""

from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd

from pipeline.core.experiments import ExperimentParams
from training.core import backend
from training.core.data import Batches, LabeledFilms
from training.core.losses import class_probabilities
from training.core.protocols import Division
from training.core.runs_file import Floats, run_rows
from training.core.vectors import VectorBatches
from training.models import build
from training.train.fit import fit
from training.train.learner import Learner
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

    def train(self, learner: Learner, run: int, division: Division) -> pd.DataFrame:
        """Train ``learner`` in place; the history as of :func:`training.train.fit.fit`."""
        name = self.experiment
        if run > 0 or division is not self.divisions[0]:
            name += f", {division}, run {run}"
        state = self.unfinished.state(run, division)
        return fit(learner.model, self._options(run), division.train, division.val, name, learner.vectors, state)

    def predict(self, kept: Learner) -> list[pd.DataFrame]:
        """The predictions of all runs, after those that are not ``kept`` have been trained.

        A frozen trunk is the same in all runs: only heads are drawn anew.
        """
        rows = []
        for run in range(self.options.repeats):
            for division in self.divisions:
                learner = kept
                if run > 0 or division is not self.divisions[0]:
                    learner = self._new(kept, run)
                    self.train(learner, run, division)
                probabilities = predict(learner, division.test)
                rows.append(run_rows(run, self._options(run).seed, division, probabilities))
        return rows

    def _options(self, run: int) -> ExperimentParams:
        return self.options.model_copy(update={"seed": self.options.seed + run})

    def _new(self, kept: Learner, run: int) -> Learner:
        """A network, or a head of the same trunk, as it is before training."""
        options = self._options(run)
        if kept.vectors is None:
            backend.start(options.seed)
            return Learner(build(options), None)
        keras.utils.set_random_seed(options.seed)
        return Learner(keras.models.clone_model(kept.model), kept.vectors)


def predict(learner: Learner, films: LabeledFilms) -> Floats:
    """Probability of each class for each film, (N, k); rows sum to 1."""
    weights = np.ones(len(films.classes), np.float32)
    if learner.vectors is None:
        batches = Batches(films, BATCH_SIZE, weights)
    else:
        batches = VectorBatches(learner.vectors, films, BATCH_SIZE, weights)
    return class_probabilities(learner.model.predict(batches, verbose=0))
