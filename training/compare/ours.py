"""Our results where the paper has one: read from the reports and models of a profile's experiments."""

import json
from dataclasses import dataclass
from typing import Any, Self

from upath import UPath

from pipeline.core.experiments import ExperimentParams
from pipeline.core.layout import Layout
from sources.core.errors import CxnetError
from training.compare.paper import RESULTS

COVID = "covid"


@dataclass(frozen=True)
class Interval:
    """A value with its 95% interval; None where undefined."""

    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def named(cls, metrics: dict[str, Any], name: str) -> Self:
        """The metric ``name`` of a table of metrics."""
        return cls(*(metrics.get(key) for key in (name, f"{name}_low", f"{name}_high")))

    def __str__(self) -> str:
        if self.value is None:
            return "–"
        return f"{self.value:.3f}" + (
            f" ({self.low:.3f} – {self.high:.3f})" if None not in (self.low, self.high) else ""
        )


@dataclass(frozen=True)
class Ours:
    """What an experiment of the profile gives where the paper has a result.

    Attributes:
        experiment: its name.
        n: test films.
        matrix: confusion matrix, rows actual.
        accuracy, f1: of all films, and of COVID-19.
        runs: trainings with different seeds; ``mean_accuracy``: their mean.
        how: network, size, weights, training films, protocol and sources, in words.
    """

    experiment: str
    n: int
    matrix: list[list[int]]
    accuracy: Interval
    f1: Interval
    runs: int
    mean_accuracy: Interval
    how: str


def read_ours(layout: Layout, experiment: str, options: ExperimentParams) -> Ours:
    """The figures of an evaluated experiment."""
    assert options.paper is not None
    metrics = _json(layout.report(experiment) / "metrics.json", experiment)
    record = _json(layout.model(experiment) / "params.json", experiment)
    part = "second_test" if RESULTS[options.paper].second and "second_test" in metrics else "test"
    try:
        tested = metrics[part]
        runs = metrics.get("runs", {}).get("grouped", {})
        f1 = "f1" if len(options.classes) == 2 else f"f1_{COVID}"
        return Ours(
            experiment=experiment,
            n=int(tested["n"]),
            matrix=tested["confusion"],
            accuracy=Interval.named(tested, "accuracy"),
            f1=Interval.named(tested, f1),
            runs=int(runs.get("runs", 1)),
            mean_accuracy=Interval.named(runs or tested, "accuracy") if runs else Interval(None, None, None),
            how=_how(options, record, tested, part),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        path = layout.report(experiment) / "metrics.json"
        raise CxnetError(f"{path} is not a report of evaluate; run `cxnet-data evaluate {experiment}` again.") from None


def _json(path: UPath, experiment: str) -> dict[str, Any]:
    """A JSON file that a stage wrote for the experiment."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CxnetError(f"{path} does not exist; run `cxnet-data run` to make it.") from None
    except ValueError as error:
        raise CxnetError(
            f"{path} is not readable JSON ({error}); run `cxnet-data evaluate {experiment}` again."
        ) from None
    if not isinstance(content, dict):
        raise CxnetError(f"{path} is no JSON object; run `cxnet-data evaluate {experiment}` again.")
    return content


def _how(options: ExperimentParams, record: dict[str, Any], tested: dict[str, Any], part: str) -> str:
    """How a figure of ours came about, in words."""
    weights = record["pretrained"]
    start = f"weights {weights['file']}" if weights else "random weights"
    shown = {"film": "", "lungs": ", lungs only", "concealed": ", marks concealed"}[options.region]
    learned = ", ".join(f"{count:,} {name}" for name, count in record["films"]["train"].items())
    sources = ", ".join(f"{name} {count:,}" for name, count in tested["sources"].items())
    other = " (another choice of films)" if part == "second_test" else ""
    return (
        f"{options.model} at {options.size} px{shown}, {start}, epoch {record['epoch']} of {record['epochs']}; learned "
        f"from {learned}; tested on other patients{other}: {sources}"
    )
