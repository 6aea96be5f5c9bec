"""Stage evaluate: measure one trained experiment on films that it was not trained on.

Reads ``models/<experiment>/`` and ``data/arrays/<inputs>/``, splits ``test`` and ``external``; ``val`` only if the
profile asks for a threshold chosen on it. Writes ``reports/<experiment>/``:

- ``metrics.json``: metrics with intervals, by split
- ``roc.csv``: ROC curve of the last class, test split
- ``confusion.csv``: actual and predicted label, one row per test film
- ``history.csv``: copy of the training history
- ``predictions.parquet``: predictions for all test and external films
- ``figures/*.png``

Last, it writes ``data/judged/<experiment>.json``, the sha256 of each of these files.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from upath import UPath

from pipeline.core.experiments import ExperimentParams
from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.summary import Summary
from pipeline.prepare.arrays import Arrays, read_arrays
from sources.core.errors import CxnetError
from sources.core.items import KEY
from sources.core.storage import atomic, atomic_folder, write_json, write_table
from sources.core.text import counted
from training.core import backend
from training.core.data import LabeledFilms, check_classes, check_groups, select
from training.core.model_file import HISTORY, MODEL, ModelRecord, experiment_options, load_model, rows_sha256
from training.evaluate.explain import explain
from training.evaluate.figures import confusion_figure, history_figure, roc_figure, to_png
from training.evaluate.metrics import Estimate, Performance, Predictions, confusion, measure_performance, roc_curve
from training.evaluate.predict import choose_threshold, predict_films, prediction_schema, prediction_table

TEST, EXTERNAL = "test", "external"
FIGURES = "figures"


@dataclass(frozen=True)
class EvaluateSummary(Summary):
    """Result on the test split.

    Attributes:
        films, patients: number of test films, and of patients (or clusters of duplicates, if the patient is unknown).
        accuracy, f1, roc_auc: metrics with their 95% intervals.
    """

    films: int
    patients: int
    accuracy: Estimate
    f1: Estimate
    roc_auc: Estimate

    def __str__(self) -> str:
        return (
            f"{counted(self.films, 'test film')} of {counted(self.patients, 'patient')}, "
            f"accuracy {self.accuracy}, f1 {self.f1}, roc_auc {self.roc_auc}"
        )


def run(layout: Layout, params: Params, experiment: str) -> EvaluateSummary:
    """Evaluate ``experiment`` on the test split and write ``reports/<experiment>/``.

    Raises:
        UsageError: the profile has no such experiment.
        CxnetError: the model is missing, damaged or was trained on other inputs, or the test split lacks a class.
    """
    options = experiment_options(params, experiment)
    arrays = read_arrays(layout, options.inputs)
    backend.start(options.seed)
    model, record = load_model(layout.model(experiment) / MODEL)
    _check_model(layout, arrays, options, record, experiment)
    threshold = choose_threshold(model, arrays, options)
    films = _unseen_films(arrays, options, experiment)
    predictions = {split: predict_films(model, each, threshold) for split, each in films.items()}
    results = {split: measure_performance(each, options.seed) for split, each in predictions.items()}
    with atomic_folder(layout.report(experiment)) as folder:
        tables = {split: each.as_table() for split, each in results.items()}
        write_json(folder / "metrics.json", _facts(record, threshold, experiment) | tables)
        _write_tables(folder, films, predictions)
        history = _copy_history(layout.model(experiment) / HISTORY, folder / HISTORY)
        figures = _figures(experiment, predictions[TEST], history, record.epoch)
        explained = explain(model, films[TEST], predictions[TEST], options.explained)
        for name, figure in (figures | {f"gradcam_{name}": each for name, each in explained.items()}).items():
            _write_bytes(folder / FIGURES / f"{name}.png", to_png(figure))
    write_json(layout.judged(experiment), _checksums(layout.report(experiment)))
    return _summary(results[TEST])


def _check_model(
    layout: Layout, arrays: Arrays, options: ExperimentParams, record: ModelRecord, experiment: str
) -> None:
    """Refuse a model trained on other films, inputs or classes: its training films could now be test films."""
    current = (arrays.inputs, rows_sha256(layout, options.inputs), options.classes, options.films)
    if (record.inputs, record.rows_sha256, record.classes, record.options.films) != current:
        raise CxnetError(
            f"The model of experiment '{experiment}' was trained on other films, inputs or classes than those in "
            f"{layout.arrays(options.inputs)}; train it again."
        )


def _unseen_films(arrays: Arrays, options: ExperimentParams, experiment: str) -> dict[str, LabeledFilms]:
    """The films of ``test`` and, if there are any, of ``external``; none shares a group with training or validation."""
    films = {split: select(arrays, [split], options.classes, options.films) for split in (TEST, EXTERNAL)}
    check_classes(films[TEST], TEST, experiment)
    learned = select(arrays, ["train", "val"], options.classes, options.films)
    for each in films.values():
        check_groups(learned, each)
    return {split: each for split, each in films.items() if len(each)}


def _facts(record: ModelRecord, threshold: float, experiment: str) -> dict[str, Any]:
    """What was evaluated, as one sentence and as values."""
    options = record.options
    start = "random weights" if options.weights is None else "pretrained weights"
    rule = f"probability threshold {threshold:.3g}" if len(record.classes) == 2 else "the most probable class"
    return {
        "about": (
            f"{options.model} at {record.size} px, trained from {start} on the classes {', '.join(record.classes)}; "
            f"epoch {record.epoch} of {record.epochs}, chosen by validation loss; decision by {rule}; "
            f"95% intervals from a bootstrap over patients"
        ),
        "experiment": experiment,
        "epoch": record.epoch,
        "parameters": record.parameters,
        "threshold": round(threshold, 6),
    }


def _write_tables(folder: UPath, films: dict[str, LabeledFilms], predictions: dict[str, Predictions]) -> None:
    """Write the ROC curve, the confusion table and the predictions."""
    test = predictions[TEST]
    last = len(test.classes) - 1
    fpr, tpr = roc_curve(test.actual == last, test.probabilities[:, last])
    _write_csv(folder / "roc.csv", pd.DataFrame({"fpr": fpr, "tpr": tpr}))
    names = np.array(test.classes)
    pairs = pd.DataFrame({"actual": names[test.actual], "predicted": names[test.predicted]})
    _write_csv(folder / "confusion.csv", pairs)
    rows = pd.concat([prediction_table(films[split], predictions[split]) for split in films], ignore_index=True)
    rows = rows.sort_values(list(KEY), ignore_index=True)
    write_table(folder / "predictions.parquet", rows, prediction_schema(test.classes))


def _copy_history(source: UPath, target: UPath) -> pd.DataFrame:
    """Copy the training history into the report, and read it."""
    try:
        content = source.read_bytes()
    except FileNotFoundError:
        raise CxnetError(f"{source} does not exist; train its experiment again.") from None
    _write_bytes(target, content)
    with target.open("r") as file:
        return pd.read_csv(file)


def _figures(experiment: str, test: Predictions, history: pd.DataFrame, epoch: int) -> dict[str, Figure]:
    """ROC curves, confusion matrix and losses, by file name."""
    title = f"{experiment}, test split, n = {len(test.actual)}"
    counts = confusion(test.actual, test.predicted, len(test.classes))
    return {
        "roc": roc_figure(test, title),
        "confusion": confusion_figure(counts, test.classes, title),
        "losses": history_figure(history, epoch, experiment),
    }


def _write_csv(path: UPath, table: pd.DataFrame) -> None:
    """Write a CSV with a header and six significant digits."""
    with atomic(path, "w") as file:
        table.to_csv(file, index=False, float_format="%.6g", lineterminator="\n")


def _write_bytes(path: UPath, content: bytes) -> None:
    with atomic(path) as file:
        file.write(content)


def _checksums(folder: UPath) -> dict[str, str]:
    """sha256 of every file below ``folder``, by relative path."""
    files = sorted((path for path in folder.rglob("*") if path.is_file()), key=str)
    start = len(folder.path.rstrip("/")) + 1
    return {path.path[start:]: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _summary(test: Performance) -> EvaluateSummary:
    metrics = (test.metrics[name] for name in ("accuracy", "f1", "roc_auc"))
    return EvaluateSummary(test.films, test.groups, *metrics)
