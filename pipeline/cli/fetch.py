"""The ``fetch`` command, run by a user or as a stage of the pipeline."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.cli.fetch_console import (
    Bars,
    Work,
    note,
    plan_records,
    show_json,
    show_locked,
    show_outcomes,
    show_plans,
    show_warning,
    with_bars,
)
from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.fetch.access import closed_reason, page_problem
from pipeline.fetch.plans import plan_all
from pipeline.fetch.session import Session, fetch_all, fetch_all_locked, open_session
from pipeline.fetch.stage import FetchSummary
from pipeline.fetch.stage import run as run_stage
from sources.core.errors import CxnetError, UnfinishedError, UsageError
from sources.core.text import counted
from sources.download.driver import FetchOptions

URLS_BYTES = 10_000_000


@dataclass(frozen=True)
class FetchRequest:
    """The arguments of ``cxnet-data fetch``.

    Attributes:
        names: sources; ``accepted``: those whose owners permitted copying.
        options: see :class:`sources.download.driver.FetchOptions`; ``urls_file`` has further pages, one per line.
        locked, dry_run: do that instead of fetching; ``as_json``: print JSON instead of tables.
    """

    names: tuple[str, ...]
    accepted: tuple[str, ...]
    options: FetchOptions
    urls_file: Path | None
    locked: bool
    dry_run: bool
    as_json: bool


def fetch_for_user(layout: Layout, params: Params, request: FetchRequest) -> None:
    """Fetch what a user requests, and show the result.

    Raises:
        UsageError: an unknown or closed source, or options that exclude each other.
        CxnetError: a listing cannot be read (the other sources are fetched and shown first); with ``locked``: files
            differ from the lock.
    """
    options = replace(request.options, urls=(*request.options.urls, *_lines(request.urls_file)))
    _check(request, options)
    session = open_session(layout, params, request.names, request.accepted)
    for url in options.urls:
        if problem := page_problem(session.chosen[0], url):
            raise UsageError(f"'{url}' {problem}.")
    if options.record is not None:
        _make(options.record)
    for source in session.chosen:
        if reason := closed_reason(source, session.params, os.environ, options.urls):
            raise UsageError(f"'{source.name}' is closed: {reason}")
    work, show = _action(session, request, options)
    try:
        results = with_bars(session, work)
    except UnfinishedError as error:
        if error.results:
            show(error.results)
        raise
    show(results)


def fetch_as_stage(layout: Layout, params: Params, name: str) -> FetchSummary:
    """Run the stage ``fetch`` for one source, with a progress bar and warnings on stderr."""
    with Bars([name]) as bars:
        summary = run_stage(layout, params, None, name, bars.watch, note)
    show_warning(summary.warning)
    return summary


def _action(session: Session, request: FetchRequest, options: FetchOptions) -> tuple[Work, Callable[[Any], None]]:
    """What to do for the chosen sources, and how to show the results."""
    if request.dry_run:
        return (
            lambda watch, notify: plan_all(session, options, watch, notify),
            lambda plans: show_json(plan_records(plans)) if request.as_json else show_plans(plans),
        )
    if request.locked:
        return (
            lambda watch, notify: fetch_all_locked(session, watch, notify),
            lambda reports: _show_locked(reports, request.as_json),
        )
    return (
        lambda watch, notify: fetch_all(session, options, watch, notify),
        lambda outcomes: show_json(outcomes) if request.as_json else show_outcomes(outcomes, options.update),
    )


def _check(request: FetchRequest, options: FetchOptions) -> None:
    """Refuse options that exclude each other."""
    if not request.names:
        raise UsageError("Name at least one source; `cxnet-data sources` lists them.")
    if (options.urls or options.forget) and len(request.names) != 1:
        raise UsageError("--url, --urls and --forget need exactly one source; name it.")
    if options.urls and options.forget:
        raise UsageError("--url and --forget cannot be combined; first forget, then add.")
    if request.locked and (request.dry_run or options.urls or options.forget or options.update or options.record):
        raise UsageError(
            "--locked fetches what items.parquet names; it cannot be combined with --url, --forget, --update, --record "
            "or --dry-run."
        )


def _make(folder: Path) -> None:
    """Create the folder for ``--record``.

    Raises:
        CxnetError: it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CxnetError(f"Cannot write {folder}: {error.strerror}; choose another folder for --record.") from error


def _lines(path: Path | None) -> Iterator[str]:
    """The addresses in a file, one per line; blank lines, ``#`` comments and the header of a table are ignored.

    Raises:
        UsageError: the file cannot be read, or has no address.
    """
    if path is None:
        return
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(URLS_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read as text ({error}); give a file with one address per line.") from None
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", "page_url"))]
    if not lines:
        raise UsageError(f"{path} has no address; give a file with one address per line.")
    for line in lines:
        yield line.split(",")[0].strip().strip('"') if line.startswith(("http", '"http')) else line.strip()


def _show_locked(reports: list, as_json: bool) -> None:  # type: ignore[type-arg]
    """Show the reports of ``--locked``.

    Raises:
        CxnetError: files differ from the lock.
    """
    if as_json:
        show_json(reports)
        missing = sum(int((~report["state"].isin(["there", "fetched"])).sum()) for report in reports)
    else:
        missing = show_locked(reports)
    if missing:
        differ = counted(missing, "file differs", "files differ")
        raise CxnetError(f"{differ} from the lock; see the rows in data/raw/<source>/locked.parquet.")
