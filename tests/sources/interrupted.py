"""Fetches two toy sources as the verb does, until it is interrupted: ``interrupted.py <url of a site> <folder>``."""

import sys
from pathlib import Path

from toy import POLICY, Toy

from pipeline.console import run_guarded
from pipeline.fetching import Fetching, fetch_open
from pipeline.layout import Layout
from pipeline.params import load_params
from sources.client import Client
from sources.fetch import Watcher, Wishes

PROFILE = Path(__file__).parents[2] / "profiles" / "paper.yaml"


class Other(Toy):
    name = "other"


def main() -> None:
    url, folder = sys.argv[1:]
    sources = (Toy(url), Other(url))
    run = Fetching(Layout.at(folder), load_params(PROFILE), sources, Client(POLICY))
    fetch_open(run, Wishes(), lambda source: Watcher(), print)


if __name__ == "__main__":
    run_guarded(main)
