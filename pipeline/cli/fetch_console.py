"""What ``fetch`` shows: a progress bar per source on stderr, then tables, or JSON for machines."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
import typer
from tqdm import tqdm

from pipeline.cli.console import print_table
from pipeline.fetch.plans import Plan
from pipeline.fetch.session import Notify, Session, Watch
from sources.core.source import Source
from sources.core.text import counted, visible
from sources.download.driver import Outcome, Watcher

REASONS_SHOWN = 12
CHANGES_SHOWN = 10
FILES_SHOWN = 10  # per source, in a dry run
REDRAW_S = 0.2

Work = Callable[[Watch, Notify], Any]


class Bars:
    """A progress bar per source, one below the other. Use as a context manager.

    Args:
        sources: names, in the order of their bars.
        clock: seam for tests (seconds).
    """

    def __init__(self, sources: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._places = {source: place for place, source in enumerate(sources)}
        self._bars: dict[str, Any] = {}
        self._mutex = threading.Lock()

    def __enter__(self) -> "Bars":
        return self

    def __exit__(self, *failure: object) -> None:
        for bar in self._bars.values():
            bar.close()

    def watch(self, source: Source) -> Watcher:
        """The bar of one source; it shows bytes, too, as an archive may take long to finish thousands of images."""
        received = 0
        began = last_drawn = self._clock()

        def phase(name: str, total: int | None) -> None:
            nonlocal received
            with self._mutex:
                if source.name in self._bars:
                    self._bars[source.name].close()
                self._bars[source.name] = tqdm(
                    desc=f"{source.name}: {name}",
                    total=total,
                    unit=" images",
                    position=self._places[source.name],
                    leave=False,
                    disable=None,
                )

        def add(count: int) -> None:
            nonlocal received, last_drawn
            with self._mutex:
                received += count
                now = self._clock()
                due = now - last_drawn >= REDRAW_S
                if due:
                    last_drawn = now
                rate = received / 1e6 / max(now - began, REDRAW_S)
                self._bars[source.name].set_postfix_str(f"{received / 1e6:,.1f} MB, {rate:,.1f} MB/s", refresh=due)

        def item() -> None:
            with self._mutex:
                self._bars[source.name].update()

        return Watcher(phase, item, add)


def show_outcomes(outcomes: Sequence[Outcome], update: bool) -> None:
    """A table of the sources, one of the reasons, and with ``update`` one of the changes."""
    names = ("listed", "fetched", "cached", "skipped", "failed")
    rows = [
        (one.source, *(one.counts[name] for name in names), f"{one.counts['bytes'] / 1e6:,.1f} MB") for one in outcomes
    ]
    print_table(None, ("source", *names, "size"), rows)
    reasons = [(one.source, count, reason) for one in outcomes for reason, count in one.reasons.items()]
    if reasons:
        reasons.sort(key=lambda row: -row[1])
        shown = f"the {REASONS_SHOWN} most frequent of {len(reasons)}" if len(reasons) > REASONS_SHOWN else "all"
        print_table(f"Not fetched ({shown})", ("source", "images", "reason"), reasons[:REASONS_SHOWN])
    show_warnings(outcomes)
    if update:
        print_table("Changes since the last fetch", ("source", "change", "images", "which"), _changes(outcomes))


def show_warnings(outcomes: Sequence[Outcome]) -> None:
    """The warnings of all sources, on stderr."""
    for one in outcomes:
        show_warning(one.warning)


def show_warning(warning: str | None) -> None:
    """What a person should look at, on stderr."""
    if warning:
        typer.echo(f"warning: {visible(warning)}", err=True)


def show_locked(reports: Sequence[Any]) -> int:
    """The states of the locked files; returns the number of those that are missing."""
    rows: list[tuple[object, ...]] = []
    missing = []
    for report in reports:
        for (source, state), files in report.groupby(["source", "state"]):
            rows.append((source, state, len(files), int(files["images"].sum())))
        missing += report[~report["state"].isin(["there", "fetched"])].to_dict("records")
    print_table(None, ("source", "state", "files", "images"), rows)
    if missing:
        shown = [(row["source"], row["state"], row["reason"], row["url"]) for row in missing[:REASONS_SHOWN]]
        print_table(
            f"Different from the lock ({counted(len(missing), 'file')})", ("source", "state", "reason", "url"), shown
        )
    return len(missing)


def show_plans(plans: Sequence[Plan]) -> None:
    """What would be fetched, with the sizes that the servers state."""
    table = [
        (
            *(plan.source, plan.listed, plan.wanted, plan.here, plan.missing, f"{plan.bytes / 1e6:,.1f} MB"),
            counted(plan.sizes_unknown, "file") if plan.sizes_unknown else "",
        )
        for plan in plans
    ]
    columns = ("source", "listed", "would be fetched", "here already", "missing", "size", "size unknown")
    print_table(None, columns, table)
    for plan in plans:
        shown = list(plan.files.items())[:FILES_SHOWN]
        more = (
            f" (the first {FILES_SHOWN} of {len(plan.files):,}; --json lists all)"
            if len(shown) < len(plan.files)
            else ""
        )
        if shown:
            rows = [(url, None if size is None else f"{size / 1e6:,.2f} MB") for url, size in shown]
            print_table(f"Files of {plan.source}{more}", ("url", "size"), rows)


def plan_records(plans: Sequence[Plan]) -> list[dict[str, Any]]:
    """Plans for machines, with the address and size of every file."""
    return [
        {
            **{"source": plan.source, "listed": plan.listed, "wanted": plan.wanted},
            **{"here": plan.here, "missing": plan.missing},
            **{"bytes": plan.bytes, "sizes_unknown": plan.sizes_unknown},
            "files": [{"url": url, "bytes": size} for url, size in plan.files.items()],
        }
        for plan in plans
    ]


def show_json(value: object) -> None:
    """Print a result for machines."""
    typer.echo(json.dumps(value, indent=2, sort_keys=True, default=_plain))


def with_bars(session: Session, work: Work) -> Any:
    """``work(watch, notify)`` with progress bars on the terminal."""
    with Bars([source.name for source in session.chosen]) as bars:
        return work(bars.watch, note)


def note(message: str) -> None:
    """Print a line on stderr without breaking the bars."""
    tqdm.write(visible(message), file=typer.get_text_stream("stderr"))


def _changes(outcomes: Sequence[Outcome]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for outcome in outcomes:
        for change, names in outcome.changes.items():
            more = ", ..." if len(names) > CHANGES_SHOWN else ""
            rows.append((outcome.source, change, len(names), ", ".join(names[:CHANGES_SHOWN]) + more))
    return rows


def _plain(value: Any) -> Any:
    return value.to_dict("records") if isinstance(value, pd.DataFrame) else asdict(value)
