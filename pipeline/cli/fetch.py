"""The ``fetch`` verb: by a user's wish, or as a stage of the pipeline."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.cli.fetch_console import (
    Bars,
    Work,
    each,
    foreseen_records,
    note,
    show_dry_run,
    show_json,
    show_locked,
    show_outcomes,
    show_warning,
)
from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.fetch.session import (
    Fetching,
    check_locked,
    closed,
    dry_run,
    fetch_open,
    misplaced,
    open_fetching,
)
from pipeline.fetch.stage import FetchSummary
from pipeline.fetch.stage import run as run_stage
from sources.core.errors import CxnetError, UnfinishedError, UsageError
from sources.download.driver import Wishes

URLS_BYTES = 10_000_000


@dataclass(frozen=True)
class Asked:
    """What the command line asks for.

    Attributes:
        names: sources; ``accepted``: those whose owners permitted copying.
        wishes: see :class:`sources.download.driver.Wishes`; ``urls_file`` has further pages, one a line.
        locked, dry_run: do that instead of fetching; ``as_json``: answer for machines.
    """

    names: tuple[str, ...]
    accepted: tuple[str, ...]
    wishes: Wishes
    urls_file: Path | None
    locked: bool
    dry_run: bool
    as_json: bool


def fetch_asked(layout: Layout, params: Params, asked: Asked) -> None:
    """Fetch as a user asks, and show what came of it.

    Raises:
        UsageError: an unknown or closed source, or options that do not go together.
        CxnetError: a listing cannot be read (the other sources are fetched and shown first); with ``locked``: files are
            not as locked.
    """
    wishes = replace(asked.wishes, urls=(*asked.wishes.urls, *_lines(asked.urls_file)))
    _check(asked, wishes)
    run = open_fetching(layout, params, asked.names, asked.accepted)
    for url in wishes.urls:
        if why := misplaced(run.chosen[0], url):
            raise UsageError(f"'{url}' {why}.")
    if wishes.record is not None:
        _make(wishes.record)
    for source in run.chosen:
        if why := closed(source, run.params, os.environ, wishes.urls):
            raise UsageError(f"'{source.name}' is closed: {why}")
    work, show = _deed(run, asked, wishes)
    try:
        results = each(run, work)
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


def _deed(run: Fetching, asked: Asked, wishes: Wishes) -> tuple[Work, Callable[[Any], None]]:
    """What to do for the chosen sources, and how to show what came of it."""
    if asked.dry_run:
        return (
            lambda watch, say: dry_run(run, wishes, watch, say),
            lambda plans: show_json(foreseen_records(plans)) if asked.as_json else show_dry_run(plans),
        )
    if asked.locked:
        return lambda watch, say: check_locked(run, watch, say), lambda reports: _locked(reports, asked.as_json)
    return (
        lambda watch, say: fetch_open(run, wishes, watch, say),
        lambda outcomes: show_json(outcomes) if asked.as_json else show_outcomes(outcomes, wishes.update),
    )


def _check(asked: Asked, wishes: Wishes) -> None:
    """Refuse what does not go together."""
    if not asked.names:
        raise UsageError("Name at least one source; `cxnet-data sources` lists them.")
    if wishes.urls and len(asked.names) != 1:
        raise UsageError("--url and --urls go with exactly one source; name it.")
    if asked.locked and (asked.dry_run or wishes.urls or wishes.update or wishes.record):
        raise UsageError(
            "--locked fetches what items.parquet names; it goes with no --url, --update, --record or --dry-run."
        )


def _make(folder: Path) -> None:
    """The folder for ``--record``.

    Raises:
        CxnetError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CxnetError(f"Cannot write {folder}: {error.strerror}; choose another folder for --record.") from error


def _lines(path: Path | None) -> Iterator[str]:
    """The addresses in a file, one a line; blank lines, ``#`` comments and a table's header are passed over.

    Raises:
        UsageError: the file cannot be read, or names none.
    """
    if path is None:
        return
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(URLS_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read as text ({error}); give a file with one address a line.") from None
    told = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", "page_url"))]
    if not told:
        raise UsageError(f"{path} names no address; give a file with one address a line.")
    for line in told:
        yield line.split(",")[0].strip().strip('"') if line.startswith(("http", '"http')) else line.strip()


def _locked(reports: list, as_json: bool) -> None:  # type: ignore[type-arg]
    if as_json:
        show_json(reports)
        missing = sum(int((~report["state"].isin(["there", "fetched"])).sum()) for report in reports)
    else:
        missing = show_locked(reports)
    if missing:
        raise CxnetError(f"{missing} files are not as locked; data/raw/<source>/locked.parquet has the rows.")
