"""The ``report`` stage: one HTML file that shows what the data set contains and how it was made.

Reads the manifest, the splits, the proven duplicates, the contradictions, the pool's pictures and what ``evaluate``
wrote for each experiment. Adds ``reports/index.html``; excludes nothing.
"""

from concurrent.futures import Executor
from dataclasses import dataclass

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.summary import Summary
from pipeline.report.content import Tables, build_page
from pipeline.report.page import render
from sources.core.storage import atomic


@dataclass(frozen=True)
class ReportSummary(Summary):
    """Where the page is, and its size."""

    path: str
    bytes: int

    def __str__(self) -> str:
        return f"{self.path}, {self.bytes / 1e6:.1f} MB"


def run(layout: Layout, params: Params, executor: Executor | None = None) -> ReportSummary:
    """Write ``reports/index.html``.

    Raises:
        CxnetError: a table that the page shows does not exist yet.
    """
    text = render(build_page(layout, params, Tables.read(layout)))
    with atomic(layout.reports / "index.html", "w") as file:
        file.write(text)
    return ReportSummary(str(layout.reports / "index.html"), len(text.encode()))
