"""Fetch one source for the pipeline."""

import os
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.summary import Summary
from pipeline.fetch.access import closed_reason
from pipeline.fetch.session import fetch_all, leave_out, open_session
from sources.core.errors import CxnetError, ListingError, UnfinishedError
from sources.core.source import Source
from sources.download.driver import FetchOptions, Watcher


@dataclass(frozen=True)
class FetchSummary(Summary):
    """The result of one fetch.

    Attributes:
        counts: images listed, fetched, cached, skipped and failed, and bytes; empty if the source is closed.
        note: why the source is left out, and what is used instead; None = it was fetched.
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
    """Fetch the source ``name``.

    One that is closed, or cannot be listed on the live web, is skipped with a visible reason, unless the profile says
    ``fail``.

    Args:
        watch: makes what shows the progress of a source.
        notify: takes a message for the user, for example that another fetch has to end first.

    Raises:
        CxnetError: the source is unavailable and ``fetch.on_unavailable`` is ``fail``, the listing of a folder or an
            offline copy cannot be read, or the files cannot be written.
    """
    session = open_session(layout, params, [name])
    (source,) = session.chosen
    if reason := closed_reason(source, params, os.environ):
        if params.fetch.on_unavailable == "fail":
            raise CxnetError(f"'{name}' is closed: {reason}")
        return FetchSummary(note=leave_out(session, source, reason, notify))
    try:
        (outcome,) = fetch_all(session, FetchOptions(limit=params.fetch.limit), watch, notify)
    except UnfinishedError as error:
        is_unlisted = all(isinstance(failure, ListingError) for failure in error.failures)
        if params.fetch.on_unavailable == "fail" or not is_unlisted or session.client.offline or source.is_local:
            raise CxnetError(f"{error} {_remedy(source)}") from error
        warning = f"'{name}' cannot be listed now, and the run goes on without it. {error} {_remedy(source)}"
        return FetchSummary(note=leave_out(session, source, str(error).rstrip("."), notify, True), warning=warning)
    return FetchSummary(outcome.counts, warning=outcome.warning)


def _remedy(source: Source) -> str:
    if source.is_local:
        return f"Run again, or take '{source.name}' out of `folders` in the profile."
    return (
        f"Run again, see what `cxnet-data doctor {source.name}` says, or take '{source.name}' out of `sources` in the "
        "profile."
    )
