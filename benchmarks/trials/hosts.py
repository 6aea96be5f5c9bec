"""A host dies while a source is fetched: it is given up soon, every row says why, and the next fetch resumes there."""

import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.pipeline import PROJECT
from benchmarks.trials import Tally

FILMS, ALIVE = 300, 20  # the host dies after the first ones
MOST_WAITS_S = 1000.0  # between tries, of all films together; they are added up instead of waited for
ANSWER_S = 1.0  # how long an answer may take


def trials() -> dict[str, Tally]:
    """Fetch from hosts that die in several ways."""
    sys.path.insert(0, str(PROJECT / "tests" / "helpers"))
    import loopback

    tally = Tally()
    for name, fault in {
        "answers 503": loopback.busy(1_000_000),
        "hangs up": loopback.dropped(0, times=1_000_000),
        "does not answer": loopback.silent(2 * ANSWER_S),
        "refuses connections": None,
    }.items():
        problem = _trial(fault)
        tally.add(problem and f"a host that {name}: {problem}")
    return {"dead hosts": tally}


def _trial(fault: Any) -> str | None:
    """Fetch, let the host come back, and fetch again: what is not right, or None.

    Args:
        fault: what the host does instead of answering; None: it refuses connections.
    """
    import loopback
    import toy

    with loopback.serving() as site, _closed_port() as nowhere, tempfile.TemporaryDirectory() as scratch:
        paths = toy.fill(site, FILMS, size=200)
        source = _source(toy, site.url, nowhere if fault is None else site.url)
        site.faults = dict.fromkeys(paths[ALIVE:], fault) if fault else {}
        waits: list[float] = []
        fetch = partial(toy.fetch, folder=Path(scratch) / "toy")
        outcome, rows = fetch(source, with_client=toy.client(waits, timeout_s=ANSWER_S))
        unexplained = int((rows.fetch_status.eq("failed") & rows.fetch_reason.isna()).sum())
        site.faults, before = {}, site.counts()
        again, _ = fetch(_source(toy, site.url, site.url))
        repeated = sum(site.counts()[path] - before[path] for path in paths[:ALIVE])
    counts = outcome.counts["fetched"], outcome.counts["failed"], again.counts["cached"], again.counts["fetched"]
    if len(rows) != FILMS or counts != (ALIVE, FILMS - ALIVE, ALIVE, FILMS - ALIVE):
        return f"{len(rows)} rows; fetched, failed, then cached and fetched: {counts}"
    if unexplained or repeated:
        return f"{unexplained} rows without a reason, {repeated} films fetched twice"
    return None if sum(waits) <= MOST_WAITS_S else f"{sum(waits):,.0f} s of waits"


def _source(toy: Any, address: str, later: str) -> Any:
    """A source whose first films are at ``address``, and the others at ``later``."""

    class Moving(toy.Toy):  # type: ignore[misc]
        def items(self, web: Any) -> Iterator[Any]:
            for number, item in enumerate(super().items(web)):
                yield item if number < ALIVE else replace(item, url=item.url.replace(address, later))

    return Moving(address)


@contextmanager
def _closed_port() -> Iterator[str]:
    """An address at which nobody listens, although its port is taken."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
