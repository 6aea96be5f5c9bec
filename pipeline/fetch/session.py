"""Orchestrates ``fetch``: opens the origin, and fetches, previews or verifies several sources at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.fetch.origin import mirror_folder, origin
from pipeline.fetch.overview import all_sources
from sources.core.errors import CxnetError, StoppedError, UnfinishedError, unknown
from sources.core.items import Item
from sources.core.source import Source
from sources.download.downloads import Downloads
from sources.download.driver import FetchOptions, Outcome, Watcher, fetch_source, list_items
from sources.download.locked import fetch_locked
from sources.download.rows import table_of
from sources.download.store import Store, local_folder
from sources.download.web import SourceWeb
from sources.transport.client import Client
from sources.transport.policy import Policy

T = TypeVar("T")

MEGA, GIGA = 1_000_000, 1_000_000_000
SIZE_REQUESTS = 8  # requests for the size of a file that run at once

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
        """The store of one source, for the origin of the profile."""
        return Store(local_folder(self.layout.raw) / source.name, origin(self.params))


@dataclass(frozen=True)
class Plan:
    """What a fetch of one source would download.

    Attributes:
        listed, wanted: images that the source lists, and those of them whose bytes would be fetched.
        files: address -> bytes, as its server states (None if it does not); an archive contains many images.
    """

    source: str
    listed: int
    wanted: int
    files: dict[str, int | None]

    @property
    def bytes(self) -> int:
        return sum(size for size in self.files.values() if size is not None)

    @property
    def sizes_unknown(self) -> int:
        return sum(size is None for size in self.files.values())


def open_session(layout: Layout, params: Params, names: Sequence[str], accepted: Sequence[str] = ()) -> Session:
    """Prepare to fetch the sources called ``names``; the owners of those in ``accepted`` permitted copying.

    Raises:
        UsageError: a name is unknown.
        CxnetError: the profile's offline copy does not exist.
    """
    known = all_sources(params)
    for name in (*names, *accepted):
        if name not in known:
            raise unknown("source", name, list(known))
    options = params.fetch.model_copy(update={"accept_terms": (*params.fetch.accept_terms, *accepted)})
    params = params.model_copy(update={"fetch": options})
    chosen = tuple(known[name] for name in dict.fromkeys(names))
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


def plan_all(session: Session, options: FetchOptions, watch: Watch, notify: Notify) -> list[Plan]:
    """What a fetch would download, per source.

    Pages and tables are read; of files only the size is requested. An archive that has a source's only list is fetched.

    Raises:
        UnfinishedError: some sources failed.
    """

    def plan(source: Source, store: Store) -> Plan:
        return _plan(session.client, source, store, options, watch(source))

    return _for_all_sources(session, plan, notify)


def skip_closed(session: Session, source: Source, reason: str) -> str:
    """Leave a closed source out of a pipeline run; returns a summary.

    What a person fetched earlier (with permission or a token) stays and is used. Otherwise the source gets an empty
    lock, and a receipt with the reason.
    """
    store = session.store(source)
    with store.exclusive(lambda message: None, session.client.stop):
        rows = store.previous()
        if rows is not None and len(rows):
            return f"{len(rows):,} rows of an earlier fetch are used; now {reason}"
        nothing = dict.fromkeys(("listed", "fetched", "cached", "skipped", "failed", "bytes"), 0)
        store.write(table_of([]), {"state": "skipped", "why": reason, **nothing, "terms": asdict(source.terms)})
    return f"skipped: {reason}"


def _plan(client: Client, source: Source, store: Store, options: FetchOptions, watcher: Watcher) -> Plan:
    reach = source.reach((*store.pages(), *options.urls))
    downloads = Downloads(client, store, reach, store.previous_files(store.previous()))
    web = SourceWeb(client, reach, downloads, store.folder, options.record)
    watcher.phase("listing", None)
    items = list(list_items(source, web, options.urls, store.pages()))
    wanted = [item for item in items if item.skip is None][: options.limit]
    return Plan(source.name, len(items), len(wanted), _sizes(source, wanted, downloads, watcher))


def _sizes(source: Source, items: Sequence[Item], downloads: Downloads, watcher: Watcher) -> dict[str, int | None]:
    files = {item.url: item for item in items}
    watcher.phase("requesting sizes", len(files))

    def size_of(item: Item) -> int | None:
        try:
            size = source.size(item)
            return downloads.size(item.url) if size is None else size
        except StoppedError:
            raise
        except CxnetError:
            return None
        finally:
            watcher.item()

    with ThreadPoolExecutor(SIZE_REQUESTS) as pool:
        return dict(zip(files, pool.map(size_of, files.values()), strict=True))


def _for_all_sources(session: Session, work: Callable[[Source, Store], T], notify: Notify) -> list[T]:
    """``work(source, store)`` for all chosen sources at once; each waits for another fetch of the same source to end.

    Raises:
        UnfinishedError: some failed; the others have ended.
    """

    def alone(source: Source) -> T:
        store = session.store(source)
        with store.exclusive(notify, session.client.stop):
            return work(source, store)

    with ThreadPoolExecutor(min(8, len(session.chosen)), thread_name_prefix="source") as pool:
        try:  # an interrupt may come while sources are still being submitted
            futures = [pool.submit(alone, source) for source in session.chosen]
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
