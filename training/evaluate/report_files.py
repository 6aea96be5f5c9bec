"""The tables and figures of ``reports/<experiment>/``."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from upath import UPath

from sources.core.items import KEY
from sources.core.storage import atomic, write_table
from training.evaluate.calibration import reliability
from training.evaluate.curves import precision_recall, risk_coverage
from training.evaluate.figures import (
    confusion_figure,
    history_figure,
    precision_recall_figure,
    reliability_figure,
    risk_coverage_figure,
    roc_figure,
)
from training.evaluate.judge import CALIBRATED, Judged
from training.evaluate.metrics import confusion, one_against_rest, roc_curve
from training.evaluate.predict import prediction_schema, prediction_table
from training.evaluate.resample import Estimate
from training.evaluate.subgroups import measure_subgroups


def write_tables(folder: UPath, judged: Mapping[str, Judged], test: Judged, seed: int) -> None:
    """Write curves and confusion table of the test films, and metrics of subgroups and predictions of all splits."""
    predictions = test.predictions
    last = len(predictions.classes) - 1
    fpr, tpr = roc_curve(predictions.actual == last, predictions.probabilities[:, last])
    write_csv(folder / "roc.csv", pd.DataFrame({"fpr": fpr, "tpr": tpr}))
    write_csv(folder / "pr.csv", precision_recall(predictions))
    write_csv(folder / "risk_coverage.csv", risk_coverage(test.calibrated))
    write_csv(folder / "reliability.csv", pd.concat(_reliabilities(test), names=["shown"]).reset_index("shown"))
    write_csv(folder / "subgroups.csv", _subgroups(judged, seed))
    names = np.array(predictions.classes)
    pairs = pd.DataFrame({"actual": names[predictions.actual], "predicted": names[predictions.predicted]})
    write_csv(folder / "confusion.csv", pairs)
    rows = pd.concat([prediction_table(each.films, each.predictions) for each in judged.values()], ignore_index=True)
    rows = rows.drop_duplicates(list(KEY)).sort_values(list(KEY), ignore_index=True)  # a second choice repeats films
    write_table(folder / "predictions.parquet", rows, prediction_schema(predictions.classes))


def _subgroups(judged: Mapping[str, Judged], seed: int) -> pd.DataFrame:
    """The metrics of the subgroups of each split."""
    tables = {split: measure_subgroups(each.films.rows, each.predictions, seed) for split, each in judged.items()}
    return pd.concat(tables, names=["split"]).reset_index("split")


def _reliabilities(test: Judged) -> dict[str, pd.DataFrame]:
    return {"as trained": reliability(test.predictions), "calibrated": reliability(test.calibrated)}


def draw_figures(experiment: str, test: Judged, history: pd.DataFrame, epoch: int) -> dict[str, Figure]:
    """Curves, confusion matrix and losses, by file name.

    Args:
        experiment: name of the experiment, for the titles.
        test: the judged test films.
        history: one row per epoch with the columns epoch, loss and val_loss.
        epoch: whose weights the model has.
    """
    predictions = test.predictions
    title = f"{experiment}, test split, n = {len(predictions.actual)}"
    counts = confusion(predictions.actual, predictions.predicted, len(predictions.classes))
    errors = {"as trained": test.metrics["ece"], "calibrated": test.metrics[f"ece{CALIBRATED}"]}
    return {
        "roc": roc_figure(predictions, title),
        "pr": precision_recall_figure(precision_recall(predictions), _average_precisions(test), title),
        "confusion": confusion_figure(counts, predictions.classes, title),
        "reliability": reliability_figure(_reliabilities(test), errors, title),
        "risk_coverage": risk_coverage_figure(risk_coverage(test.calibrated), test.metrics["aurc"], title),
        "losses": history_figure(history, epoch, experiment),
    }


def _average_precisions(test: Judged) -> dict[str, Estimate]:
    """Average precision by class."""
    classes = test.predictions.classes
    if len(classes) == 2:
        return {classes[1]: test.metrics["average_precision"]}
    return {classes[index]: test.metrics[f"average_precision_{classes[index]}"] for index in one_against_rest(classes)}


def write_csv(path: UPath, table: pd.DataFrame) -> None:
    """Write a CSV with a header and six significant digits."""
    with atomic(path, "w") as file:
        table.to_csv(file, index=False, float_format="%.6g", lineterminator="\n")


def write_bytes(path: UPath, content: bytes) -> None:
    """Write a file."""
    with atomic(path) as file:
        file.write(content)
