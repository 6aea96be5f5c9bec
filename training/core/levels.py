"""The levels of an experiment: one for all classes, or two that decide one after the other (paper, sections 4 and 5).

``hierarchical`` first tells normal films from pneumonia, then CAP from COVID-19. The second level learns from films
with pneumonia only. (In the paper's code, its first class held the normal films too.)
"""

from dataclasses import dataclass, replace

import keras
import numpy as np
import numpy.typing as npt

from pipeline.core.experiments import ExperimentParams
from training.core.data import LabeledFilms

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Level:
    """One of two decisions.

    Attributes:
        name: of the level, and of its network.
        classes: names of its two classes.
        members: for each of them, the indices of the experiment's classes that belong to it.
    """

    name: str
    classes: tuple[str, str]
    members: tuple[tuple[int, ...], tuple[int, ...]]

    def options(self, options: ExperimentParams) -> ExperimentParams:
        """The options of the network of this level."""
        return options.model_copy(update={"classes": self.classes, "scheme": "flat"})

    def films(self, films: LabeledFilms) -> LabeledFilms:
        """The films of the level's classes, with their targets."""
        places = np.flatnonzero(np.isin(films.targets, [*self.members[0], *self.members[1]]))
        targets = np.isin(films.targets[places], self.members[1]).astype(np.int64)
        rows = films.rows.iloc[places].reset_index(drop=True)
        return replace(films, rows=rows, positions=films.positions[places], targets=targets, classes=self.classes)


LEVELS = (
    Level("level1", ("normal", "pneumonia"), ((0,), (1, 2))),
    Level("level2", ("cap", "covid"), ((1,), (2,))),
)


def levels_of(model: keras.Model) -> list[keras.Model]:
    """The networks of a model in the order in which they decide: those of its levels, or the model itself."""
    inside = {layer.name: layer for layer in model.layers if isinstance(layer, keras.Model)}
    return [inside[level.name] for level in LEVELS] if inside else [model]


def join(first: Floats, second: Floats) -> Floats:
    """Probability of normal, CAP and COVID-19 (N, 3), from those of the second class of each level (N,)."""
    return np.stack([1 - first, first * (1 - second), first * second], axis=1)


def part(probabilities: Floats) -> tuple[Floats, Floats]:
    """The inverse of :func:`join`; where pneumonia is impossible, the second level is undecided: 0.5."""
    first = probabilities[:, 1:].sum(axis=1)
    second = np.divide(probabilities[:, 2], first, out=np.full(len(first), 0.5), where=first > 0)
    return first, second


def decide(probabilities: Floats, scheme: str = "flat", threshold: float = 0.5) -> Ints:
    """The class of each film (N,).

    Args:
        probabilities: (N, k).
        scheme: ``hierarchical`` decides for normal if pneumonia is less probable than 0.5, else for the more probable
            kind of pneumonia, even if normal is more probable than either.
        threshold: probability from which a film counts as the second of two classes.
    """
    if probabilities.shape[1] == 2:
        return (probabilities[:, 1] >= threshold).astype(np.int64)
    if scheme == "flat":
        return probabilities.argmax(axis=1).astype(np.int64)
    first, second = part(probabilities)
    return np.where(first < 0.5, 0, np.where(second < 0.5, 1, 2)).astype(np.int64)
