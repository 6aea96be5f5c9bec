"""Stage sandbox: draw the synthetic offline copy of all sources.

Reads nothing. Writes data/sandbox/. Only the profiles that run on it need it.
"""

from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.summary import Summary
from pipeline.fetch.origin import SANDBOX
from sources.core.text import counted
from sources.sandbox.draw import draw

EMPTY_NOTE = "README.txt"  # DVC warns of an empty folder at every stage that depends on it


@dataclass(frozen=True)
class SandboxSummary(Summary):
    """The profile, and how many films were drawn for it (None = it does not use the sandbox)."""

    profile: str
    films: int | None
    folder: str

    def __str__(self) -> str:
        if self.films is None:
            return f"not used by profile '{self.profile}'"
        return f"{counted(self.films, 'film')} of all sources in {self.folder}"


def run(layout: Layout, params: Params, executor: Executor | None = None) -> SandboxSummary:
    """Draw the sandbox if the profile runs on it; else leave a folder that says so, as the stage needs an output."""
    folder = Path(layout.sandbox.path)
    if params.mirror != SANDBOX:
        folder.mkdir(parents=True, exist_ok=True)
        if not any(folder.iterdir()):
            (folder / EMPTY_NOTE).write_text("Nothing is drawn here unless the active profile is `sandbox`.\n")
        return SandboxSummary(params.profile, None, str(folder))
    draw(folder, seed=params.sandbox.seed, films=params.sandbox.films)
    count = sum(1 for _ in (folder / "truth" / "films.csv").open(encoding="utf-8")) - 1
    return SandboxSummary(params.profile, count, str(folder))
