"""Options that several commands share, and what they stand for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipeline.core.layout import Layout
    from pipeline.core.params import Params

PARAMS_FILE = "params.yaml"

ParamsFile = Annotated[
    str, typer.Option("--params", metavar="FILE", help="Profile to read: a file, or the name of one in profiles/.")
]
Root = Annotated[
    str, typer.Option("--root", metavar="DIR", help="Folder or bucket URL that holds data/, models/ and reports/.")
]
Workers = Annotated[
    int | None, typer.Option(envvar="CXNET_WORKERS", help="Number of processes. Default: as in the profile.", min=1)
]
Experiment = Annotated[str, typer.Argument(help="An experiment of the profile.")]
Inputs = Annotated[
    str, typer.Argument(help="Side of the square inputs in pixels, such as 128, or 128_concealed without marks.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(envvar="CXNET_SCHEDULER", metavar="ADDRESS", help="Dask scheduler (tcp://host:port) to use."),
]


def layout_at(root: str) -> "Layout":
    """Where the files below ``--root`` are."""
    from pipeline.core.layout import Layout

    return Layout.at(root)


def read_params(given: str) -> "Params":
    """The profile that ``--params`` names."""
    from pipeline.profile.load import load_params

    return load_params(_file(given))


@contextmanager
def stage_params(given: str) -> "Iterator[Params]":
    """The same for a stage, whose options must not change while it works."""
    from pipeline.cli.active import steady_params

    with steady_params(_file(given)) as params:
        yield params


def _file(given: str) -> Path:
    from pipeline.cli.active import PROFILES, outdated
    from pipeline.profile.extends import find_profile

    path = find_profile(given, Path(PROFILES))
    if warning := outdated(path):
        typer.echo(f"warning: {warning}", err=True)
    return path
