"""The ``fetch`` verb behind the scenes: which world answers, which sources are open, several of them at once."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.fetch.origin import SANDBOX, mirror_folder
from pipeline.fetch.overview import all_sources
from sources.core.addresses import host_of, is_among
from sources.core.errors import CxnetError, StoppedError, UnfinishedError, unknown
from sources.core.items import Item
from sources.core.source import Source
from sources.download.downloads import Downloads
from sources.download.driver import Outcome, Watcher, Wishes, fetch_source, list_items
from sources.download.locked import fetch_locked
from sources.download.rows import table_of
from sources.download.store import LIVE, Store, local_folder
from sources.download.web import SourceWeb
from sources.reading.saved import is_file
from sources.transport.client import Client
from sources.transport.policy import Policy

T = TypeVar("T")

MEGA, GIGA = 1_000_000, 1_000_000_000


@dataclass(frozen=True)
class Fetching:
    """One run of ``fetch``: the sources chosen, and everything they share.

    Attributes:
        chosen: the sources, in the order in which they were named.
        client: sends all requests.
    """

    layout: Layout
    params: Params
    chosen: tuple[Source, ...]
    client: Client

    def store(self, source: Source) -> Store:
        """The store of one source, in the world that the profile runs in."""
        return Store(local_folder(self.layout.raw) / source.name, world(self.params))


@dataclass(frozen=True)
class Foreseen:
    """What a fetch of one source would bring.

    Attributes:
        listed, wanted: images that the source lists, and those among them whose bytes would be fetched.
        files: address -> bytes, as its server tells (None where it does not); an archive holds many images.
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


def open_fetching(layout: Layout, params: Params, names: Sequence[str], accepted: Sequence[str] = ()) -> Fetching:
    """Prepare to fetch the sources called ``names``.

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
    return Fetching(layout, params, chosen, Client(policy(params), mirror_folder(layout, params)))


def policy(params: Params) -> Policy:
    """The limits that the profile sets."""
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


def world(params: Params) -> str:
    """What answers under this profile; bytes of one world are never taken for another's."""
    if params.mirror is None:
        return LIVE
    if params.mirror == SANDBOX:
        return f"sandbox, seed {params.sandbox.seed}, {params.sandbox.films} films"
    return "mirror"


def closed(source: Source, params: Params, environment: Mapping[str, str], urls: Sequence[str] = ()) -> str | None:
    """Why the live source may not be read as things are, and what to do; None = it is open.

    Answers of an API that were saved as files (all of ``urls``) need no token.
    """
    terms = source.terms
    if params.mirror is not None:
        return None
    if terms.needs_acceptance and source.name not in params.fetch.accept_terms:
        manual = f" {terms.manual}" if terms.manual else ""
        forbidden = "automated copying" if terms.machine_learning else "automated copying and machine learning"
        return (
            f"the terms of {source.title} ({terms.url or source.homepage}) forbid {forbidden}; with the owner's "
            f"permission, add --accept-terms {source.name}.{manual}"
        )
    is_saved = bool(urls) and all(is_file(url) for url in urls)
    unset = [name for name in (terms.token, terms.account) if name and not environment.get(name, "").strip()]
    if unset and not is_saved:
        manual = f" {terms.manual}" if terms.manual else ""
        kind = "an API token" if unset[0] == terms.token else "the id of your own account"
        return f"{source.title} needs {kind} in the environment variable {unset[0]}.{manual}"
    return None


def misplaced(source: Source, url: str) -> str | None:
    """Why ``url`` cannot name a page of ``source``, said before anything is asked; None = it may."""
    if not url.strip():
        return "names no page; leave out --url, or give an address"
    if not source.has_pages or source.names_pages_freely:
        return None
    host = host_of(url)
    if host is not None and is_among(host, source.hosts):
        return None
    return f"is no page of '{source.name}'; its pages stand at {', '.join(source.hosts)}"


def fetch_open(
    run: Fetching, wishes: Wishes, watch: Callable[[Source], Watcher], say: Callable[[str], None]
) -> list[Outcome]:
    """Fetch all chosen sources, several at once; each host is still asked in turn.

    Raises:
        UnfinishedError: the listing of a source cannot be read (after all others have been fetched).
    """

    def one(source: Source) -> Outcome:
        store = run.store(source)
        with store.alone(say):
            return fetch_source(source, store, run.client, wishes, watch(source))

    return _at_once(run, one)


def check_locked(run: Fetching, watch: Callable[[Source], Watcher], say: Callable[[str], None]) -> list[Any]:
    """Bring the locked bytes of all chosen sources; one table per source (see ``sources.download.locked``)."""

    def one(source: Source) -> Any:
        store = run.store(source)
        with store.alone(say):
            return fetch_locked(source, store, run.client, watch(source))

    return _at_once(run, one)


def dry_run(
    run: Fetching, wishes: Wishes, watch: Callable[[Source], Watcher], say: Callable[[str], None]
) -> list[Foreseen]:
    """What a fetch would bring, per source.

    Pages and tables are read, files are only asked for their size. Archives that hold a source's only list are fetched.
    """

    def one(source: Source) -> Foreseen:
        store = run.store(source)
        with store.alone(say):
            return _foreseen(run.client, source, store, wishes, watch(source))

    return _at_once(run, one)


def _foreseen(client: Client, source: Source, store: Store, wishes: Wishes, watcher: Watcher) -> Foreseen:
    downloads = Downloads(client, store, source.hosts, store.previous_files(store.previous()))
    web = SourceWeb(client, source.hosts, downloads, store.folder, wishes.record)
    watcher.phase("listing", None)
    items = list(list_items(source, web, wishes.urls, store.pages()))
    wanted = [item for item in items if item.skip is None][: wishes.limit]
    return Foreseen(source.name, len(items), len(wanted), _sizes(source, wanted, downloads, watcher))


def pass_over(run: Fetching, source: Source, why: str) -> str:
    """Leave a closed source out of a pipeline run; what to say of it.

    What a person fetched earlier (with permission, or with a token) stays and is used; else there is an empty lock, and
    a receipt that says why.
    """
    store = run.store(source)
    with store.alone(lambda text: None):
        rows = store.previous()
        if rows is not None and len(rows):
            return f"{len(rows):,} rows of an earlier fetch are used; now {why}"
        nothing = dict.fromkeys(("listed", "fetched", "cached", "skipped", "failed", "bytes"), 0)
        store.write(table_of([]), {"state": "skipped", "why": why, **nothing, "terms": asdict(source.terms)})
    return f"skipped: {why}"


def _sizes(source: Source, items: Sequence[Item], downloads: Downloads, watcher: Watcher) -> dict[str, int | None]:
    files = {item.url: item for item in items}
    watcher.phase("asking sizes", len(files))

    def ask(item: Item) -> int | None:
        try:
            size = source.size(item)
            return downloads.size(item.url) if size is None else size
        except StoppedError:
            raise
        except CxnetError:
            return None
        finally:
            watcher.item()

    with ThreadPoolExecutor(8) as pool:
        return dict(zip(files, pool.map(ask, files.values()), strict=True))


def _at_once(run: Fetching, work: Callable[[Source], T]) -> list[T]:
    """``work(source)`` for all chosen sources at once.

    Raises:
        UnfinishedError: some failed; the others have ended.
    """
    with ThreadPoolExecutor(min(8, len(run.chosen)), thread_name_prefix="source") as pool:
        try:  # from the first source on: an interrupt while the others are still being handed out stops it, too
            futures = [pool.submit(work, source) for source in run.chosen]
            wait(futures)
        except KeyboardInterrupt:
            run.client.stop.set()
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
