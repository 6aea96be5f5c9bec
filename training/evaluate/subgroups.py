"""Metrics by source, view, sex, age and for children: a mean over all films can hide that a group is judged badly."""

from dataclasses import replace

import numpy as np
import pandas as pd

from training.evaluate.metrics import Predictions, measure_performance

SMALL = 30  # films; metrics of fewer say little
UNKNOWN = "unknown"
AGES = {"0 to 17": 18, "18 to 39": 40, "40 to 59": 60, "60 to 79": 80, "80 and more": np.inf}  # group -> age below
METRICS = ("accuracy", "precision", "recall", "specificity", "f1", "roc_auc")


def measure_subgroups(rows: pd.DataFrame, predictions: Predictions, seed: int) -> pd.DataFrame:
    """One row per group of films.

    Args:
        rows: the films, with source, view, sex, age and pediatric.
        predictions: of these films.
        seed: seed of the bootstrap.

    Returns:
        Columns: by, group, n, patients, small (fewer than :data:`SMALL` films), and each metric with its interval
        (``<metric>``, ``<metric>_low``, ``<metric>_high``), empty where undefined.
    """
    measured = []
    for by, groups in _groups(rows).items():
        for group in sorted(groups.unique(), key=lambda name: (name == UNKNOWN, name)):
            measured.append(
                {"by": by, "group": group} | _measure(_part(predictions, (groups == group).to_numpy()), seed)
            )
    return pd.DataFrame(measured)


def _groups(rows: pd.DataFrame) -> "dict[str, pd.Series[str]]":
    """The group of each film, by what divides the films."""
    ages = pd.cut(rows["age"].astype("Float64").astype(float), [-np.inf, *AGES.values()], right=False, labels=[*AGES])
    named = {
        "source": rows["source"],
        "view": rows["view"],
        "sex": rows["sex"],
        "age": ages,
        "children": rows["pediatric"].map({True: "child", False: "adult"}),
    }
    return {by: values.astype(object).where(values.notna(), UNKNOWN).astype(str) for by, values in named.items()}


def _part(predictions: Predictions, chosen: np.ndarray) -> Predictions:
    return replace(
        predictions,
        actual=predictions.actual[chosen],
        predicted=predictions.predicted[chosen],
        probabilities=predictions.probabilities[chosen],
        groups=predictions.groups[chosen],
    )


def _measure(predictions: Predictions, seed: int) -> dict[str, object]:
    performance = measure_performance(predictions, seed)
    values: dict[str, object] = {
        "n": performance.films,
        "patients": performance.groups,
        "small": performance.films < SMALL,
    }
    for name in METRICS:
        if name in performance.metrics:
            each = performance.metrics[name]
            values |= {name: each.value, f"{name}_low": each.low, f"{name}_high": each.high}
    return values
