"""How well each level of a hierarchical experiment decides, on the test films of the whole (paper, Table 5)."""

import numpy as np

from training.core.levels import LEVELS, part
from training.evaluate.metrics import Predictions, Table, measure_performance
from training.evaluate.resample import Bools, Floats, Ints


def measure_levels(whole: Predictions, seed: int) -> dict[str, Table]:
    """The tables ``level1``, ``level2``, and ``level2_passed``: the second level on what the first lets pass.

    Args:
        whole: joint predictions for normal, CAP and COVID-19.
        seed: seed of the bootstrap.
    """
    first, second = part(whole.probabilities)
    pneumonia = whole.actual > 0
    passed = pneumonia & (first >= 0.5)
    levels = {
        "level1": _of_level(whole, 0, first, np.ones(len(first), bool)),
        "level2": _of_level(whole, 1, second, pneumonia),
        "level2_passed": _of_level(whole, 1, second, passed),
    }
    return {name: measure_performance(each, seed).as_table() for name, each in levels.items() if len(each.actual)}


def _of_level(whole: Predictions, number: int, scores: Floats, films: Bools) -> Predictions:
    """The predictions of one level for some of the films, from the scores of its second class."""
    level = LEVELS[number]
    actual: Ints = np.isin(whole.actual[films], level.members[1]).astype(np.int64)
    chosen = scores[films]
    return Predictions(
        actual,
        (chosen >= 0.5).astype(np.int64),
        np.stack([1 - chosen, chosen], axis=1),
        whole.groups[films],
        level.classes,
    )
