"""What repeated runs and other divisions of the films say: means over seeds, and how optimistic each division is.

Every run decides at probability 0.5 (or for the most probable class), whatever threshold the kept model has. Intervals
are Student's t over the seeds: they show how much depends on chance in training, not on which films were tested.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t

from sources.core.items import KEY
from training.evaluate.metrics import Predictions, all_metrics
from training.evaluate.resample import DIGITS, LEVEL

COMPARED = ("accuracy", "f1", "roc_auc")  # of which the optimism is told
NOTES = {
    "grouped": "patients and copies on one side; validation films choose the epoch",
    "paper": "optimistic: a random fifth of the films, which chooses the epoch and is tested too",
    "sources": "each source is tested by a model that has learned from no film of it",
}


def summarize_runs(runs: pd.DataFrame, classes: Sequence[str], left_out: dict[str, str]) -> dict[str, Any]:
    """The parts ``runs`` and ``optimism`` of ``metrics.json``.

    Args:
        runs: rows of ``runs.parquet``.
        classes: labels in index order.
        left_out: sources that were not held out, with the reason.
    """
    protocols = {str(name): rows for name, rows in runs.groupby("protocol", sort=False)}
    told: dict[str, Any] = {
        name: {"about": NOTES[name]} | _over_seeds(rows, classes) for name, rows in protocols.items()
    }
    if "sources" in protocols:
        by_source = protocols["sources"].groupby("held_out")
        told["sources"]["by_source"] = {str(source): _over_seeds(rows, classes) for source, rows in by_source}
        told["sources"]["left_out"] = left_out
    return {"runs": told, "optimism": _optimism(protocols, classes)}


def _over_seeds(rows: pd.DataFrame, classes: Sequence[str]) -> dict[str, Any]:
    """Number of runs and films, and each metric over the runs."""
    values = _by_run(rows, classes)
    one = rows[rows["run"] == rows["run"].min()]
    counts = {f"n_{name}": int((one["label"] == name).sum()) for name in classes}
    return {"runs": len(values), "n": len(one), **counts, **_estimates(values)}


def _by_run(rows: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """The metrics of each run, one column each."""
    return pd.DataFrame({run: _metrics(films, classes) for run, films in rows.groupby("run")}).T


def _metrics(rows: pd.DataFrame, classes: Sequence[str]) -> dict[str, float]:
    """All metrics; films of a single class have only an accuracy, which is the recall of that class."""
    predictions = _predictions(rows, classes)
    values = {name: float(value) for name, value in all_metrics(predictions, np.ones(len(rows))).items()}
    present = np.unique(predictions.actual)
    if len(present) > 1:
        return values
    return {"accuracy": values["accuracy"], f"recall_{classes[present[0]]}": values["accuracy"]}


def _predictions(rows: pd.DataFrame, classes: Sequence[str]) -> Predictions:
    index = {name: number for number, name in enumerate(classes)}
    probabilities = rows[[f"p_{name}" for name in classes]].to_numpy(np.float64)
    predicted = np.array([index[label] for label in rows["predicted"]], np.int64)
    actual = np.array([index[label] for label in rows["label"]], np.int64)
    return Predictions(actual, predicted, probabilities, np.arange(len(rows)), tuple(classes))


def _optimism(protocols: dict[str, pd.DataFrame], classes: Sequence[str]) -> dict[str, Any]:
    """How much better one division looks than a stricter one, run by run.

    ``grouped`` and ``sources`` are compared on the same films: those of the test split whose source was held out.
    """
    told = {}
    if "paper" in protocols:
        difference = _by_run(protocols["paper"], classes) - _by_run(protocols["grouped"], classes)
        told["paper_minus_grouped"] = _compared(difference)
    if "sources" in protocols:
        names = ["run", *KEY]
        both = protocols["grouped"].merge(protocols["sources"][names], on=names)[names]
        if len(both):
            shared = {name: rows.merge(both, on=names) for name, rows in protocols.items() if name != "paper"}
            grouped, sources = (_by_run(shared[name], classes) for name in ("grouped", "sources"))
            films = {"n": int((both["run"] == both["run"].min()).sum())}
            told["grouped_minus_sources"] = films | _compared(grouped - sources)
    return told


def _compared(differences: pd.DataFrame) -> dict[str, float | None]:
    return _estimates(differences[[name for name in COMPARED if name in differences]])


def _estimates(values: pd.DataFrame) -> dict[str, float | None]:
    """Mean, standard deviation and 95% interval of each column over its rows; a single row has only a mean."""
    told: dict[str, float | None] = {}
    for name in values:
        mean, sd, low, high = student(values[name].to_numpy(np.float64))
        parts = {f"{name}": mean, f"{name}_sd": sd, f"{name}_low": low, f"{name}_high": high}
        told |= {key: round(value, DIGITS) if np.isfinite(value) else None for key, value in parts.items()}
    return told


def student(values: npt.NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Mean, standard deviation, and the 95% interval of the mean by Student's t; NaN where undefined."""
    mean, count = float(values.mean()), len(values)
    if count < 2:
        return mean, float("nan"), float("nan"), float("nan")
    sd = float(values.std(ddof=1))
    half = float(t.ppf((1 + LEVEL) / 2, count - 1)) * sd / np.sqrt(count)
    return mean, sd, mean - half, mean + half
