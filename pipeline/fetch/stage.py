"""Fetch one source for the pipeline."""

import os
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.summary import Summary
from pipeline.fetch.access import closed_reason
from pipeline.fetch.session import fetch_all, open_session, skip_closed
from sources.core.errors import CxnetError, UnfinishedError
from sources.core.source import Source
from sources.download.driver import FetchOptions, Watcher


@dataclass(frozen=True)
class FetchSummary(Summary):
    """The result of one fetch.

    Attributes:
        counts: images listed, fetched, cached, skipped and failed, and bytes; empty if the source is closed.
        note: why the source is closed, and what is used instead; None = it is open.
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
    notify: Callable[[str], None] = lambda message: None,
) -> FetchSummary:
    """Fetch the source ``name``; a closed one is skipped with a visible reason, unless the profile says ``fail``.

    Args:
        watch: makes what shows the progress of a source.
        notify: takes a message for the user, for example that another fetch has to end first.

    Raises:
        CxnetError: the source is closed and ``fetch.on_unavailable`` is ``fail``, or its listing cannot be read.
    """
    session = open_session(layout, params, [name])
    (source,) = session.chosen
    if reason := closed_reason(source, params, os.environ):
        if params.fetch.on_unavailable == "fail":
            raise CxnetError(f"'{name}' is closed: {reason}")
        return FetchSummary(note=skip_closed(session, source, reason))
    try:
        (outcome,) = fetch_all(session, FetchOptions(limit=params.fetch.limit), watch, notify)
    except UnfinishedError as error:
        raise CxnetError(f"{error} Run again, or take '{name}' out of `sources` in the profile.") from error
    return FetchSummary(outcome.counts, warning=outcome.warning)
