"""Stage evaluate: measure one trained experiment on films that it was not trained on.

Reads ``models/<experiment>/`` and ``data/arrays/<inputs>/``, splits ``test`` and ``external``, perhaps test films of a
second choice (``second_test``). Threshold and temperature are the model's. Writes ``reports/<experiment>/``:

- ``metrics.json``: metrics with intervals, by split; how much of the Grad-CAM evidence lies in the lungs
- ``roc.csv``: ROC curve of the last class, test split
- ``pr.csv``: precision-recall curve of each class, test split
- ``reliability.csv``: share of films of a class by predicted probability, before and after calibration, test split
- ``risk_coverage.csv``: share of errors if only the surest films are decided, test split
- ``subgroups.csv``: metrics by source, view, sex, age and for children, by split
- ``confusion.csv``: actual and predicted label, one row per test film
- ``history.csv``: copy of the training history
- ``predictions.parquet``: predictions for all test and external films
- ``figures/*.png``

Last, it writes ``data/judged/<experiment>.json``, the sha256 of each of these files.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from upath import UPath

from pipeline.core.experiments import ExperimentParams
from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.summary import Summary
from pipeline.core.terms import terms_sentence
from pipeline.prepare.arrays import Arrays, read_arrays
from sources.core.errors import CxnetError
from sources.core.storage import atomic_folder, write_json
from sources.core.text import counted
from training.core import backend
from training.core.data import LabeledFilms, check_classes, check_groups, select
from training.core.model_file import HISTORY, MODEL, RATES, ModelRecord, experiment_options, load_model, rows_sha256
from training.core.protocols import divide
from training.core.runs_file import RUNS, read_runs
from training.evaluate.explain import explain
from training.evaluate.figures import to_png
from training.evaluate.judge import judge
from training.evaluate.levels import measure_levels
from training.evaluate.localise import localise
from training.evaluate.metrics import Performance
from training.evaluate.predict import predict_films
from training.evaluate.rates import rates_figure
from training.evaluate.report_files import draw_figures, write_bytes, write_tables
from training.evaluate.resample import Estimate
from training.evaluate.runs import summarize_runs

TEST, EXTERNAL, SECOND = "test", "external", "second_test"
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
    rule = record.rule
    judged = {
        split: judge(films, predict_films(model, films, rule.threshold, options.scheme), rule.temperature, options.seed)
        for split, films in _unseen_films(arrays, options, experiment).items()
    }
    test = judged[TEST]
    with atomic_folder(layout.report(experiment)) as folder:
        tables = {split: each.as_table() for split, each in judged.items()}
        facts = _facts(record, experiment) | tables | _runs(layout, arrays, options, experiment)
        if options.scheme == "hierarchical":
            facts["levels"] = measure_levels(test.predictions, options.seed)
        facts["localisation"] = localise(model, test.films, test.predictions, options)
        write_json(folder / "metrics.json", facts)
        write_tables(folder, judged, test, options.seed)
        history = _copy_history(layout.model(experiment) / HISTORY, folder / HISTORY)
        figures = draw_figures(experiment, test, history, record.epoch)
        figures |= _rates_figure(layout.model(experiment) / RATES, options.learning_rate, experiment)
        for name, figure in (figures | explain(model, test.films, test.predictions, options)).items():
            write_bytes(folder / FIGURES / f"{name}.png", to_png(figure))
    write_json(layout.judged(experiment), _checksums(layout.report(experiment)))
    return _summary(test.performance)


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
    """The films of ``test`` and, if there are any, of ``external`` and of a second choice of test films.

    None shares a group with training or validation.
    """
    films = {split: select(arrays, [split], options.classes, options.films) for split in (TEST, EXTERNAL)}
    check_classes(films[TEST], TEST, experiment)
    if options.second_test:
        films[SECOND] = select(arrays, [TEST], options.classes, options.second_test)
        check_classes(films[SECOND], SECOND, experiment)
    learned = select(arrays, ["train", "val"], options.classes, options.films)
    for each in films.values():
        check_groups(learned, each)
    return {split: each for split, each in films.items() if len(each)}


def _facts(record: ModelRecord, experiment: str) -> dict[str, Any]:
    """What was evaluated, as one sentence and as values."""
    options, rule = record.options, record.rule
    start = "random weights" if options.weights is None else "pretrained weights"
    decision = f"probability threshold {rule.threshold:.3g}" if len(record.classes) == 2 else "the most probable class"
    if options.scheme == "hierarchical":
        decision = "two levels, each at probability 0.5: normal or pneumonia, then cap or covid"
    terms = "" if record.terms is None else f"; terms: {terms_sentence(record.terms)}"
    return {
        "about": (
            f"{options.model} at {record.size} px, trained from {start} on the classes {', '.join(record.classes)}; "
            f"epoch {record.epoch} of {record.epochs}, chosen by validation loss; decision by {decision}; "
            f"95% intervals from a bootstrap over patients{terms}"
        ),
        "experiment": experiment,
        "epoch": record.epoch,
        "parameters": record.parameters,
        "threshold": round(rule.threshold, 6),
        "temperature": round(rule.temperature, 6),
    }


def _runs(layout: Layout, arrays: Arrays, options: ExperimentParams, experiment: str) -> dict[str, Any]:
    """What further seeds and divisions of the films say, if the experiment has any."""
    runs = read_runs(layout.model(experiment) / RUNS, options.classes)
    return {} if runs is None else summarize_runs(runs, options.classes, divide(arrays, options)[1])


def _copy_history(source: UPath, target: UPath) -> pd.DataFrame:
    """Copy the training history into the report, and read it."""
    try:
        content = source.read_bytes()
    except FileNotFoundError:
        raise CxnetError(f"{source} does not exist; train its experiment again.") from None
    write_bytes(target, content)
    with target.open("r") as file:
        return pd.read_csv(file)


def _rates_figure(path: UPath, used: float, experiment: str) -> dict[str, Figure]:
    """The figure of the range test, if there was one."""
    if not path.exists():
        return {}
    with path.open("r") as file:
        return {"rates": rates_figure(pd.read_csv(file), used, f"{experiment}, range test")}


def _checksums(folder: UPath) -> dict[str, str]:
    """sha256 of every file below ``folder``, by relative path."""
    files = sorted((path for path in folder.rglob("*") if path.is_file()), key=str)
    start = len(folder.path.rstrip("/")) + 1
    return {path.path[start:]: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _summary(test: Performance) -> EvaluateSummary:
    metrics = (test.metrics[name] for name in ("accuracy", "f1", "roc_auc"))
    return EvaluateSummary(test.films, test.groups, *metrics)
