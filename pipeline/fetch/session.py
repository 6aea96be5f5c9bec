"""Orchestrates ``fetch``: opens the origin, and fetches or verifies several sources at once; ``plans`` previews."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.fetch.origin import mirror_folder, origin
from pipeline.fetch.overview import known_names, named_sources
from pipeline.fetch.retries import RETRY
from sources.core.errors import CxnetError, UnfinishedError, unknown
from sources.core.origin import OWN
from sources.core.source import Source
from sources.core.text import counted
from sources.download.driver import FetchOptions, Outcome, Watcher, fetch_source
from sources.download.locked import fetch_locked
from sources.download.rows import table_of
from sources.download.store import Store, local_folder
from sources.transport.client import Client
from sources.transport.policy import Policy

T = TypeVar("T")

MEGA, GIGA = 1_000_000, 1_000_000_000

Watch = Callable[[Source], Watcher]  # makes what shows the progress of a source
Notify = Callable[[str], None]  # takes a message for the user


@dataclass(frozen=True)
class Session:
    """One run of ``fetch``: the chosen sources, and everything that they share.

    Attributes:
        chosen: the sources, in the order in which they were named.
        client: sends all requests.
    """

    layout: Layout
    params: Params
    chosen: tuple[Source, ...]
    client: Client

    def store(self, source: Source) -> Store:
        """The store of one source, for the origin of the profile; a folder of one's own is the same in all profiles."""
        place = OWN if source.is_local else origin(self.params)
        return Store(local_folder(self.layout.raw) / source.name, place)


def open_session(layout: Layout, params: Params, names: Sequence[str], accepted: Sequence[str] = ()) -> Session:
    """Prepare to fetch the sources called ``names``; the owners of those in ``accepted`` permitted copying.

    Raises:
        UsageError: a name is unknown.
        CxnetError: the profile's offline copy does not exist.
    """
    known = known_names(params)
    for name in accepted:
        if name not in known:
            raise unknown("source", name, known)
    options = params.fetch.model_copy(update={"accept_terms": (*params.fetch.accept_terms, *accepted)})
    params = params.model_copy(update={"fetch": options})
    chosen = tuple(named_sources(params, list(dict.fromkeys(names))))
    return Session(layout, params, chosen, Client(policy(params), mirror_folder(layout, params)))


def policy(params: Params) -> Policy:
    """The request policy of the profile."""
    fetch = params.fetch
    return Policy(
        contact=fetch.contact,
        delay_s=fetch.delay_s,
        connections=fetch.connections,
        timeout_s=fetch.timeout_s,
        retries=fetch.retries,
        max_file_bytes=fetch.max_file_mb * MEGA,
        max_source_bytes=fetch.max_source_gb * GIGA,
    )


def fetch_all(session: Session, options: FetchOptions, watch: Watch, notify: Notify) -> list[Outcome]:
    """Fetch all chosen sources at once; each host still gets its requests one after another.

    Raises:
        UnfinishedError: some sources failed (after all others have been fetched).
    """

    def fetch(source: Source, store: Store) -> Outcome:
        return fetch_source(source, store, session.client, options, watch(source))

    return _for_all_sources(session, fetch, notify)


def fetch_all_locked(session: Session, watch: Watch, notify: Notify) -> list[Any]:
    """Bring the locked bytes of all chosen sources; one table per source (see ``sources.download.locked``).

    Raises:
        UnfinishedError: some sources failed.
    """

    def fetch(source: Source, store: Store) -> Any:
        return fetch_locked(source, store, session.client, watch(source))

    return _for_all_sources(session, fetch, notify)


def leave_out(session: Session, source: Source, reason: str, notify: Notify, is_retried: bool = False) -> str:
    """Leave a source out of a pipeline run, because it is closed or cannot be listed; returns a summary.

    What was fetched earlier (with permission or a token) stays and is used. Otherwise the source gets an empty lock,
    and a receipt with the reason.

    Args:
        is_retried: shall the next run fetch it?
    """
    store = session.store(source)
    retry = {RETRY: reason} if is_retried else {}
    with store.exclusive(notify, session.client.stop):
        rows = store.previous()
        if rows is not None and len(rows):
            if retry:
                store.note(retry)
            return (
                f"{counted(len(rows), 'row of an earlier fetch is', 'rows of an earlier fetch are')} used; now {reason}"
            )
        nothing = dict.fromkeys(("listed", "fetched", "skipped", "failed", "bytes"), 0)
        receipt = {"state": "skipped", "why": reason, **nothing, "terms": asdict(source.terms), **retry}
        store.write_unfinished(table_of([]), receipt)
    return f"skipped: {reason}"


def _for_all_sources(session: Session, work: Callable[[Source, Store], T], notify: Notify) -> list[T]:
    """``work(source, store)`` for all chosen sources; see :func:`at_once`."""

    def alone(source: Source) -> T:
        store = session.store(source)
        with store.exclusive(notify, session.client.stop):
            return work(source, store)

    return at_once(session, alone)


def at_once(session: Session, work: Callable[[Source], T]) -> list[T]:
    """``work(source)`` for all chosen sources at once; each waits for another fetch of the same source to end.

    Raises:
        UnfinishedError: some failed; the others have ended.
    """

    with ThreadPoolExecutor(min(8, len(session.chosen)), thread_name_prefix="source") as pool:
        try:  # an interrupt may come while sources are still being submitted
            futures = [pool.submit(work, source) for source in session.chosen]
            wait(futures)
        except KeyboardInterrupt:
            session.client.stop.set()
            raise
    failures: list[CxnetError] = []
    for future in futures:
        if isinstance(error := future.exception(), CxnetError):
            failures.append(error)
        elif error is not None:
            raise error
    results = [future.result() for future in futures if future.exception() is None]
    if failures:
        raise UnfinishedError(failures, results)
    return results
