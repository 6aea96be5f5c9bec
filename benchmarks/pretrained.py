"""What ImageNet weights are worth: heads on frozen EfficientNet-Lite0 trunks with ImageNet and with random weights.

Both train on the prepared inputs of a data set with the same seeds and on the same divisions of the films. Intervals
are Student's t over the seeds. The trunk with random weights is one draw, with batch statistics of training films.

Run: ``python -m benchmarks.pretrained --root PROJECT --inputs 128``, where PROJECT has ``data/arrays/128/``.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
from upath import UPath

from pipeline.core.experiments import ExperimentParams, Inputs
from pipeline.core.layout import Layout
from pipeline.prepare.arrays import read_arrays
from sources.core.errors import CxnetError
from training.core import backend
from training.core.protocols import divide
from training.evaluate.runs import COMPARED, summarize_runs
from training.models import build
from training.train.learner import learners_of
from training.train.runs import Runs
from training.train.unfinished import Unfinished

RESULTS = Path(__file__).parent / "results" / "pretrained.json"
TRUNKS = {"random": None, "imagenet": "imagenet"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", default=".", help="project with prepared inputs")
    parser.add_argument("--inputs", default="128", help="name of the inputs")
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    try:
        results = {name: measure(given, weights) for name, weights in TRUNKS.items()}
    except CxnetError as error:
        print(f"skipped: {error}")
        return
    print_table(results)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")


def measure(given: argparse.Namespace, weights: str | None) -> dict[str, Any]:
    """Summary of all runs of the head on one trunk, with the seconds for vectors and heads."""
    inputs = Inputs.parse(given.inputs)
    options = ExperimentParams(
        model="efficientnet_lite",
        size=inputs.size,
        region=inputs.region,
        weights=weights,
        frozen=True,
        augmentation="mirror",
        epochs=30,
        batch_size=64,
        learning_rate=0.003,
        repeats=given.seeds,
        protocols=("grouped", "paper", "sources"),
    )
    layout = Layout.at(given.root)
    arrays = read_arrays(layout, options.inputs)
    divisions, left_out = divide(arrays, options)
    backend.start(options.seed)
    began = time.perf_counter()
    learners = learners_of(build(options), layout, arrays, options, divisions[0].train)
    ready = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        runs = Runs("pretrained", options, divisions, Unfinished(UPath(folder), "runs"))
        runs.train(learners, 0, divisions[0])
        table = pd.concat(runs.predict(learners), ignore_index=True)
    seconds = {"vectors_s": ready - began, "heads_s": time.perf_counter() - ready}
    return summarize_runs(table, options.classes, left_out) | seconds


def print_table(results: dict[str, Any]) -> None:
    """One row per trunk and protocol: the mean and the interval of each metric."""
    print(f"{'trunk':<10}{'protocol':<10}{'runs':>5}{'films':>7}" + "".join(f"{name:>26}" for name in COMPARED))
    for trunk, result in results.items():
        for protocol, told in result["runs"].items():
            cells = "".join(f"{cell(told, name):>26}" for name in COMPARED)
            print(f"{trunk:<10}{protocol:<10}{told['runs']:>5}{told['n']:>7}{cells}")
        print(f"{trunk:<10}vectors {result['vectors_s']:.1f} s, heads {result['heads_s']:.1f} s")


def cell(told: dict[str, Any], name: str) -> str:
    if told.get(name) is None:  # films of one class
        return "undefined"
    if told[f"{name}_low"] is None:
        return f"{told[name]:.3f}"
    return f"{told[name]:.3f} ({told[f'{name}_low']:.3f} to {told[f'{name}_high']:.3f})"


if __name__ == "__main__":
    main()
