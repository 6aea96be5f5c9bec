"""What a fetch would download: ``fetch --dry-run``."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pipeline.fetch.session import Notify, Session, Watch, at_once
from sources.core.errors import CxnetError, StoppedError, WebError
from sources.core.items import Item
from sources.core.source import Source
from sources.download.downloads import Downloads
from sources.download.driver import FetchOptions, Watcher
from sources.download.listing import limited, list_items, pages_left
from sources.download.store import Store
from sources.download.web import SourceWeb
from sources.transport.client import Client

SIZE_REQUESTS = 8  # requests for the size of a file that run at once


@dataclass(frozen=True)
class Plan:
    """What a fetch of one source would download.

    Attributes:
        listed: images that the source lists; of those that are not skipped,
        wanted: would be fetched, ``here``: are here already, ``missing``: have no file at their address.
        files: address -> bytes, as its server states (None if it does not); an archive contains many images.
    """

    source: str
    listed: int
    wanted: int
    here: int
    missing: int
    files: dict[str, int | None]

    @property
    def bytes(self) -> int:
        return sum(size for size in self.files.values() if size is not None)

    @property
    def sizes_unknown(self) -> int:
        return sum(size is None for size in self.files.values())


def plan_all(session: Session, options: FetchOptions, watch: Watch, notify: Notify) -> list[Plan]:
    """What a fetch would download, per source.

    Pages and tables are read; of files only the size is requested. An archive that has a source's only list is fetched.

    Raises:
        UnfinishedError: some sources failed.
    """

    def plan(source: Source) -> Plan:
        with session.store(source).looked_at(notify, session.client.stop) as store:
            return _plan(session.client, source, store, options, watch(source))

    return at_once(session, plan)


def _plan(client: Client, source: Source, store: Store, options: FetchOptions, watcher: Watcher) -> Plan:
    pages = pages_left(source, store.pages(), options.forget)
    reach = source.reach((*pages, *options.urls))
    downloads = Downloads(client, store, reach, store.previous_files(store.previous()), options.update)
    web = SourceWeb(client, reach, downloads, store.folder, options.record)
    watcher.phase("listing", None)
    items = limited(list_items(source, web, options.urls, pages), options.limit)
    wanted = [item for item in items if item.skip is None]
    absent = [item for item in wanted if source.is_local or not downloads.is_available(item.url)]
    files = _sizes(source, absent, downloads, watcher)
    missing = sum(item.url not in files for item in absent)
    return Plan(source.name, len(items), len(absent) - missing, len(wanted) - len(absent), missing, files)


def _sizes(source: Source, items: Sequence[Item], downloads: Downloads, watcher: Watcher) -> dict[str, int | None]:
    """Address -> bytes of every file that exists."""
    files = {item.url: item for item in items}
    watcher.phase("requesting sizes", len(files))

    def size_of(item: Item) -> tuple[bool, int | None]:
        try:
            return True, source.size(item) if source.is_local else _first_size(item, downloads)
        except StoppedError:
            raise
        except WebError as error:
            return not error.is_gone, None
        except CxnetError:
            return False, None
        finally:
            watcher.item()

    with ThreadPoolExecutor(SIZE_REQUESTS) as pool:
        found = zip(files, pool.map(size_of, files.values()), strict=True)
        return {url: size for url, (exists, size) in found if exists}


def _first_size(item: Item, downloads: Downloads) -> int | None:
    """The size of the file at the first address of an item that answers.

    Raises:
        WebError: none does.
    """
    *others, last = (item.url, *item.alternates)
    for url in others:
        try:
            return downloads.size(url)
        except StoppedError:
            raise
        except WebError:
            continue
    return downloads.size(last)
