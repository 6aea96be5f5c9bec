"""The command that lists the networks."""

import json
from typing import Annotated

import typer

from pipeline.cli.console import print_table


def models(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the networks: paper section, input, layers, parameters, and whether they start from weights."""
    from pipeline.core.architectures import ARCHITECTURES

    if as_json:
        typer.echo(json.dumps([each.as_json() for each in ARCHITECTURES], indent=2))
        return
    rows = [
        (each.name, each.about, each.section or "ours", each.input, each.layers, each.parameters)
        for each in ARCHITECTURES
    ]
    print_table(None, ("model", "network", "paper, section", "input", "layers", "parameters"), rows)
