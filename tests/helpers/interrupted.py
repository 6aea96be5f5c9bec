"""Fetch two toy sources as the command does, until an interrupt: ``interrupted.py <url of a site> <folder>``."""

from pathlib import Path

import typer
from toy import POLICY, Toy

from pipeline.cli.console import run_guarded
from pipeline.core.layout import Layout
from pipeline.fetch.session import Session, fetch_all
from pipeline.profile.load import load_params
from sources.download.driver import FetchOptions, Watcher
from sources.transport.client import Client

PROFILE = Path(__file__).parents[2] / "profiles" / "paper.yaml"


class Other(Toy):
    name = "other"


app = typer.Typer(pretty_exceptions_enable=False)  # as in the command line: typer would handle an interrupt itself


@app.command()
def main(url: str, folder: str) -> None:
    sources = (Toy(url), Other(url))
    run = Session(Layout.at(folder), load_params(PROFILE), sources, Client(POLICY))
    fetch_all(run, FetchOptions(), lambda source: Watcher(), print)


if __name__ == "__main__":
    run_guarded(app)
