"""The section on the models: metrics, subgroups and figures of each evaluated experiment."""

import json
from dataclasses import dataclass
from typing import Any

import pandas as pd
from upath import UPath

from pipeline.core.layout import Layout
from pipeline.report.pictures import FIGURES, Figure, plot
from pipeline.report.summary import Table
from sources.core.errors import CxnetError
from sources.core.text import counted

SHOWN = ("accuracy", "recall", "specificity", "f1", "roc_auc")  # metrics of subgroups


@dataclass(frozen=True)
class Model:
    """An evaluated experiment; ``located`` says how much of its evidence lies in the lungs."""

    name: str
    about: str
    located: str | None
    metrics: Table
    subgroups: Table | None
    figures: list[Figure]


def model(layout: Layout, experiment: str) -> Model:
    """Metrics, subgroups and figures of an evaluated experiment.

    Raises:
        CxnetError: what ``evaluate`` wrote is damaged.
    """
    folder = layout.report(experiment)
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        subgroups = _subgroups(folder / "subgroups.csv")
    except (FileNotFoundError, ValueError) as error:
        raise CxnetError(
            f"{folder / 'metrics.json'} is not readable ({error}); run `cxnet-data evaluate {experiment}` again."
        ) from None
    places = {name: place for place, name in enumerate(FIGURES)}
    paths = sorted((folder / "figures").glob("*.png"), key=lambda path: (places.get(path.stem, len(places)), str(path)))
    figures = [plot(path.stem, path.read_bytes()) for path in paths]
    located = _located(metrics.get("localisation", {}))
    return Model(experiment, metrics.get("about", ""), located, _metric_table(metrics), subgroups, figures)


@dataclass(frozen=True)
class Compared:
    """The paper's tables beside ours, and what has to be known about both."""

    about: str
    tables: list[Table]
    remarks: list[str]


def compared(layout: Layout) -> Compared | None:
    """What ``compare`` wrote; None if no experiment repeats a result of the paper.

    Raises:
        CxnetError: the file is damaged.
    """
    path = layout.reports / "compare.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        tables = [
            Table(tuple(entry["columns"]), [tuple(row) for row in entry["rows"]], entry["title"])
            for entry in content["tables"]
        ]
        return Compared(content["about"], tables, content["remarks"]) if tables else None
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise CxnetError(f"{path} is not readable; run `cxnet-data compare` again.") from None


def _metric_table(metrics: dict[str, Any]) -> Table:
    """The metrics that have an interval: one row each, one column per split."""
    splits = {name: values for name, values in metrics.items() if isinstance(values, dict) and "n" in values}
    names = [name for values in splits.values() for name in values if f"{name}_low" in values]
    rows = [
        (
            name.replace("_", " "),
            *(
                _cell(values.get(name), values.get(f"{name}_low"), values.get(f"{name}_high"))
                for values in splits.values()
            ),
        )
        for name in dict.fromkeys(names)
    ]
    columns = [f"{split}, n = {int(values.get('n', 0)):,}" for split, values in splits.items()]
    return Table(("metric", *columns), rows, "With 95% intervals")


def _located(facts: dict[str, Any]) -> str | None:
    """Where the evidence of Grad-CAM lies, as a sentence; None if that was not measured on any film."""
    inside, lungs = facts.get("in_lungs"), facts.get("lungs")
    if not inside or not lungs or inside["value"] is None:
        return None
    interval = f"95% interval {inside['low']:.0%} to {inside['high']:.0%}"
    return (
        f"Grad-CAM of {counted(facts['films'], 'test film')}: {inside['value']:.0%} of the evidence lies in the lungs "
        f"({interval}), which cover {lungs['value']:.0%} of the picture."
    )


def _subgroups(path: UPath) -> Table | None:
    """The metrics of the subgroups of the test films; those of few films are faded."""
    if not path.exists():
        return None
    with path.open("r") as file:
        table = pd.read_csv(file, keep_default_na=False, na_values=[""])
    table = table[table["split"] == "test"]
    shown = [name for name in SHOWN if name in table]
    rows = []
    for row in table.to_dict("records"):
        cells = (_cell(row[name], row[f"{name}_low"], row[f"{name}_high"], digits=2) for name in shown)
        rows.append((row["by"], str(row["group"]), int(row["n"]), int(row["patients"]), *cells))
    faded = frozenset(place for place, small in enumerate(table["small"]) if small)
    columns = ("by", "group", "films", "patients", *(name.replace("_", " ") for name in shown))
    return Table(columns, rows, "Subgroups of the test films; gray: fewer than 30 films", faded)


def _cell(value: float | None, low: float | None, high: float | None, digits: int = 3) -> str:
    if value is None or low is None or high is None or pd.isna([value, low, high]).any():
        return "–"
    return f"{value:.{digits}f} ({low:.{digits}f} – {high:.{digits}f})"
