"""The state of a training run on disk, so that a run that was killed goes on where it was and ends the same."""

import io
import json
import logging
from dataclasses import dataclass
from typing import Any, Self

import keras
import numpy as np
import numpy.typing as npt
from upath import UPath

from pipeline.imaging.array_errors import ARRAY_ERRORS
from sources.core.storage import atomic

log = logging.getLogger(__name__)

Values = list[npt.NDArray[Any]]


@dataclass(frozen=True)
class State:
    """Where a run is after an epoch.

    Attributes:
        history: losses and accuracies of each epoch.
        wait: epochs since the best one.
        best: weights of the best epoch; empty if there is none.
        model: all variables of the model, including those of its random numbers.
        optimizer: all variables of the optimizer.
    """

    history: list[dict[str, float]]
    wait: int
    best: Values
    model: Values
    optimizer: Values

    def write(self, path: UPath) -> None:
        """Write the state; a run that is killed meanwhile leaves the one before."""
        facts = json.dumps({"history": self.history, "wait": self.wait}).encode()
        named: dict[str, Any] = {"facts": np.frombuffer(facts, np.uint8)}
        for group in ("best", "model", "optimizer"):
            named |= {f"{group}_{number:05d}": value for number, value in enumerate(getattr(self, group))}
        with atomic(path) as file:
            np.savez(file, **named)

    @classmethod
    def read(cls, path: UPath) -> Self | None:
        """The state in ``path``; None if there is none, or it is damaged."""
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
                named = {name: archive[name] for name in sorted(archive.files)}
            facts = json.loads(named["facts"].tobytes())
            groups = {
                group: [value for name, value in named.items() if name.startswith(f"{group}_")]
                for group in ("best", "model", "optimizer")
            }
            return cls(facts["history"], facts["wait"], **groups)
        except FileNotFoundError:
            return None
        except ARRAY_ERRORS:
            log.warning("%s is damaged; its run begins again.", path)
            return None


class BestEpoch(keras.callbacks.Callback):
    """Keeps the weights of the epoch with the lowest validation loss, and the state of the run after each epoch.

    The same rule as ``keras.callbacks.EarlyStopping``, which cannot be written to disk and read again.
    """

    def __init__(self, patience: int, epochs: int, path: UPath | None) -> None:
        """A run of at most ``epochs`` that stops ``patience`` epochs after the best one.

        Args:
            patience: epochs without a lower validation loss after which training stops.
            epochs: maximum number of epochs.
            path: file of the state; None = it is not written.
        """
        super().__init__()
        self.patience, self.epochs, self.path = patience, epochs, path
        self.history: list[dict[str, float]] = []
        self.best: Values = []
        self.wait = 0

    @property
    def is_over(self) -> bool:
        """Has the last epoch been trained?"""
        count = len(self.history)
        stopped = count > 1 and self.wait >= self.patience
        return count >= self.epochs or stopped or (count > 0 and not np.isfinite(self.history[-1]["loss"]))

    def resume(self, model: keras.Model) -> None:
        """Bring ``model``, which is compiled, and this callback to the state on disk, if there is one that fits."""
        state = State.read(self.path) if self.path is not None else None
        if state is None:
            return
        self.history, self.wait, self.best = state.history, state.wait, state.best
        log.info("%s: going on after epoch %d", self.path, len(self.history))
        if self.is_over:
            return
        for variables, values in ((model.variables, state.model), (model.optimizer.variables, state.optimizer)):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Compare the epoch with the best one, and write the state."""
        known = [each["val_loss"] for each in self.history if np.isfinite(each["val_loss"])]
        self.history.append({name: float(value) for name, value in (logs or {}).items()})
        self.wait += 1
        if self.history[-1]["val_loss"] < min(known, default=np.inf):
            self.best, self.wait = self.model.get_weights(), 0
        if self.is_over:
            self.model.stop_training = True
        if self.path is not None:
            self._state().write(self.path)

    def finish(self, model: keras.Model) -> None:
        """Give ``model`` the weights of the best epoch; the state is reduced to what this needs."""
        if self.best:
            model.set_weights(self.best)
        if self.path is not None:
            State(self.history, self.wait, self.best, [], []).write(self.path)

    def _state(self) -> State:
        variables = (self.model.variables, self.model.optimizer.variables)
        model, optimizer = ([keras.ops.convert_to_numpy(each) for each in group] for group in variables)
        return State(self.history, self.wait, self.best, model, optimizer)
