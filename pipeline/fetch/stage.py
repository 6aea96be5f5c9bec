"""Fetch one source for the pipeline."""

import os
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.summary import Summary
from pipeline.fetch.session import closed, fetch_open, open_fetching, pass_over
from sources.core.errors import CxnetError, UnfinishedError
from sources.core.source import Source
from sources.download.driver import Watcher, Wishes


@dataclass(frozen=True)
class FetchSummary(Summary):
    """What one fetch brought.

    Attributes:
        counts: images listed, fetched, cached, skipped and failed, and bytes; empty where the source is closed.
        note: why the source is closed and what is used instead; None = it is open.
        warning: what a person should look at, or None.
    """

    counts: dict[str, int] = field(default_factory=dict)
    note: str | None = None
    warning: str | None = None

    def __str__(self) -> str:
        if self.note is not None:
            return self.note
        counts = self.counts
        parts = [f"{counts[name]:,} {name}" for name in ("fetched", "cached", "skipped", "failed") if counts[name]]
        return ", ".join([f"{counts['listed']:,} listed", *parts, f"{counts['bytes'] / 1e6:,.1f} MB"])


def run(
    layout: Layout,
    params: Params,
    executor: Executor | None,
    name: str,
    watch: Callable[[Source], Watcher] = lambda source: Watcher(),
    say: Callable[[str], None] = lambda text: None,
) -> FetchSummary:
    """Fetch the source ``name``; a closed one is passed over, visibly, unless the profile says ``fail``.

    Args:
        watch: makes what shows the progress of a source.
        say: takes a line for the user while something is waited for.

    Raises:
        CxnetError: the source is closed and ``fetch.on_unavailable`` is ``fail``, or its listing cannot be read.
    """
    session = open_fetching(layout, params, [name])
    (source,) = session.chosen
    if why := closed(source, params, os.environ):
        if params.fetch.on_unavailable == "fail":
            raise CxnetError(f"'{name}' is closed: {why}")
        return FetchSummary(note=pass_over(session, source, why))
    try:
        (outcome,) = fetch_open(session, Wishes(limit=params.fetch.limit), watch, say)
    except UnfinishedError as error:
        raise CxnetError(f"{error} Run again, or take '{name}' out of `sources` in the profile.") from error
    return FetchSummary(outcome.counts, warning=outcome.warning)
