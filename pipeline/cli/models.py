"""The commands of the models: train, evaluate, and the list of all networks.

The only imports of :mod:`training` from here, and only when a command needs them.
"""

from importlib import import_module

import typer

from pipeline.cli.console import timed, without_native_chatter
from pipeline.cli.model_table import models
from pipeline.cli.options import PARAMS_FILE, Experiment, ParamsFile, Root, layout_at, stage_params
from pipeline.cli.predict import export_model, predict
from sources.core.temporary import scratch_folder


def add_model_commands(app: typer.Typer, panel: str) -> None:
    """Add them to ``app``, under the heading ``panel`` of its help."""
    for command in (train, evaluate, compare, predict, export_model, models):
        app.command(rich_help_panel=panel)(command)


def train(experiment: Experiment, params: ParamsFile = PARAMS_FILE, root: Root = ".") -> None:
    """Train one experiment of the profile. Only the validation split chooses the checkpoint."""
    _run_experiment("train", experiment, params, root)


def evaluate(experiment: Experiment, params: ParamsFile = PARAMS_FILE, root: Root = ".") -> None:
    """Evaluate a trained experiment on the test split: metrics with intervals, curves, Grad-CAM."""
    _run_experiment("evaluate", experiment, params, root)


def compare(params: ParamsFile = PARAMS_FILE, root: Root = ".") -> None:
    """Set the paper's tables beside the results of the profile's experiments, in reports/compare.json."""
    run = import_module("training.compare.stage").run
    with scratch_folder(), stage_params(params) as options, timed("compare") as say:
        say(run(layout_at(root), options))


def _run_experiment(stage: str, experiment: str, profile: str, root: str) -> None:
    """Run a stage of ``training``."""
    from sources.core.errors import unknown

    with scratch_folder(), stage_params(profile) as params:
        if experiment not in params.experiments:
            raise unknown("experiment", experiment, list(params.experiments))
        with without_native_chatter():
            run_it = import_module(f"training.{stage}.stage").run
        with timed(f"{stage}@{experiment}") as say:
            say(run_it(layout_at(root), params, experiment))
