"""The learning-rate range test (paper, section 4).

The rate is raised at every step; where the loss falls most steeply is a good rate to train with.
"""

from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.core.experiments import ExperimentParams
from training.core.data import LabeledFilms
from training.core.vectors import Vectors
from training.train.fit import class_weights, compile_model, make_batches

LOWEST, HIGHEST = 1e-7, 1e-1
STEPS = 120  # 20 for each factor of ten
MEMORY = 0.9  # share of the smoothed loss that is kept at each step
DIVERGED = 4.0  # times the lowest smoothed loss, from which no higher rate is tried

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rates:
    """Result of a range test.

    Attributes:
        table: one row per step: step (from 1), learning_rate, loss, smoothed, and steepest, true in the row where the
            smoothed loss falls most steeply.
    """

    table: pd.DataFrame

    @property
    def steepest(self) -> float:
        """The rate of the steepest fall."""
        return float(self.table.loc[self.table["steepest"], "learning_rate"].iloc[0])


def try_rates(
    model: keras.Model, options: ExperimentParams, train: LabeledFilms, vectors: Vectors | None = None
) -> Rates:
    """Train ``model`` with a rate that rises exponentially; its weights are of no use afterwards.

    Args:
        model: an uncompiled network, or the head of one.
        options: options of the experiment.
        train: films to learn from.
        vectors: what the head takes instead of films; None = the model takes films.
    """
    compile_model(model, options)
    batches, _ = make_batches(options, train, train, class_weights(train, options), vectors)
    losses: list[float] = []
    for step, rate in enumerate(np.geomspace(LOWEST, HIGHEST, STEPS)):
        if step > 0 and step % len(batches) == 0:
            batches.on_epoch_end()
        model.optimizer.learning_rate = rate
        model.reset_metrics()  # otherwise Keras gives the mean over all steps
        inputs, targets, weights = batches[step % len(batches)]
        losses.append(float(model.train_on_batch(inputs, targets, sample_weight=weights, return_dict=True)["loss"]))
        smoothed = smooth(losses)
        if not smoothed[-1] <= DIVERGED * smoothed.min():
            break
    return judge_rates(np.geomspace(LOWEST, HIGHEST, STEPS)[: len(losses)], np.array(losses))


def judge_rates(rates: Floats, losses: Floats) -> Rates:
    """The result for the losses (n,) of steps with these rates (n,), n > 1."""
    smoothed = smooth(losses)
    slopes = np.gradient(smoothed, np.log(rates))
    steepest = int(np.nanargmin(slopes)) if np.isfinite(slopes).any() else 0
    steps = np.arange(len(rates))
    columns = {"step": steps + 1, "learning_rate": rates, "loss": losses, "smoothed": smoothed}
    return Rates(pd.DataFrame(columns).assign(steepest=steps == steepest))


def smooth(losses: "list[float] | Floats") -> Floats:
    """Exponential moving mean, corrected for its start: as the mean of all losses so far, with older ones fading."""
    fading = MEMORY ** np.arange(len(losses))[::-1]
    return np.array([np.average(losses[:end], weights=fading[-end:]) for end in range(1, len(losses) + 1)])
