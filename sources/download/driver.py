"""Fetch one source: list its images, bring their bytes into the store, and write down what came of each.

Every listed image becomes one row of ``items.parquet``: fetched, skipped (not wanted, with the reason) or failed (with
the reason). The rows stand in the source's order, whatever the number of threads.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import pandas as pd
from upath import UPath

from sources.core.errors import CxnetError, StoppedError, WebError
from sources.core.items import Item, unreadable_page
from sources.core.source import Source
from sources.core.storage import write_table
from sources.core.web import Web
from sources.download.downloads import Downloads
from sources.download.masks import MASK_SCHEMA, mask_items
from sources.download.published import git_blob, known_blob
from sources.download.rows import Row, changes, counts_of, joined, reasons_of, row_of, table_of, unparsed_warning
from sources.download.sniff import is_picture
from sources.download.store import Received, Store
from sources.download.web import SourceWeb
from sources.reading.archive import member_names
from sources.transport.client import Client

log = logging.getLogger(__name__)

NOT_IN_ARCHIVE = "the archive does not hold it"
BATCH = 2000  # images that wait for a thread at once


@dataclass(frozen=True)
class Wishes:
    """What the user asks of a fetch.

    Attributes:
        urls: pages to read instead of the source's own listing (their images join those already listed, and later
            fetches read these pages again).
        limit: most images whose bytes are fetched; None = all.
        update: ask again for every page and file, whether it has changed.
        record: folder in which pages and files are kept as an offline copy.
    """

    urls: tuple[str, ...] = ()
    limit: int | None = None
    update: bool = False
    record: Path | None = None


@dataclass
class Watcher:
    """Told what happens, to show it: ``phase(name, total)``, ``item()`` per finished item, ``bytes(count)``."""

    phase: Callable[[str, int | None], None] = lambda name, total: None
    item: Callable[[], None] = lambda: None
    bytes: Callable[[int], None] = lambda count: None


@dataclass(frozen=True)
class Outcome:
    """What came of fetching a source: its rows, and how many of them came from where.

    Attributes:
        counts: listed, fetched, cached, skipped, failed, bytes.
        reasons: how many rows were skipped or failed for which reason.
        changes: new, gone and changed images against the last fetch, by item_id.
        warning: what a person should look at, or None.
    """

    source: str
    counts: dict[str, int]
    reasons: dict[str, int]
    changes: dict[str, list[str]] = field(default_factory=dict)
    warning: str | None = None


def fetch_source(
    source: Source, store: Store, client: Client, wishes: Wishes | None = None, watcher: Watcher | None = None
) -> Outcome:
    """Fetch a source into its store; the caller holds the store (``store.alone``).

    Raises:
        CxnetError: the listing cannot be read at all.
        KeyboardInterrupt: passed on; what has arrived stays, and the next fetch goes on from there.
    """
    wishes, watcher = wishes or Wishes(), watcher or Watcher()
    before = store.previous()
    downloads = Downloads(
        client, store, source.hosts, store.previous_files(before), wishes.update, watcher.bytes, wishes.record
    )
    web = SourceWeb(client, source.hosts, downloads, store.folder, wishes.record)
    watcher.phase("listing", None)
    pages = store.pages()
    items = _limited(_counted(list_items(source, web, wishes.urls, pages), watcher), wishes.limit)
    masks = list(mask_items(items))
    watcher.phase("fetching", sum(item.skip is None for item in items) + len(masks))
    rows = _all_rows(source, items, store, downloads, client, watcher)
    mask_rows = _all_rows(source, masks, store, downloads, client, watcher)
    table = joined(before, rows) if wishes.urls else table_of(rows)
    warning = unparsed_warning(source.name, rows)
    outcome = Outcome(source.name, counts_of(rows), reasons_of(rows), changes(before, table), warning)
    receipt = {"state": "fetched", **outcome.counts, "reasons": outcome.reasons, "warning": warning}
    asked = list(dict.fromkeys((*pages, *wishes.urls)))
    _write_masks(store, mask_rows)
    store.write(table, receipt | {"pages": asked, "terms": asdict(source.terms)})
    return outcome


def list_items(source: Source, web: Web, urls: Sequence[str] = (), earlier: Sequence[str] = ()) -> Iterator[Item]:
    """What the source lists and its pages ``earlier`` show, or what it finds on the pages ``urls`` alone.

    An image that stands twice comes once.

    Raises:
        UsageError: pages are given, and the source has none.
    """
    if urls:
        yield from _once(source, (item for url in urls for item in source.page_items(web, url)))
        return
    seen = set()
    for item in _once(source, source.items(web)):
        seen.add(item.item_id)
        yield item
    added = (item for url in earlier for item in _page_again(source, web, url))
    yield from _once(source, (item for item in added if item.item_id not in seen))


def _once(source: Source, items: Iterator[Item]) -> Iterator[Item]:
    """The items without those whose id came before, of which the log tells."""
    seen: set[str] = set()
    for item in items:
        if item.item_id in seen:
            log.warning("%s lists '%s' twice; the first one counts", source.name, item.item_id)
            continue
        seen.add(item.item_id)
        yield item


def _page_again(source: Source, web: Web, url: str) -> Iterator[Item]:
    """The images of a page that was asked for in an earlier fetch; a saved file may have gone since then."""
    try:
        yield from source.page_items(web, url)
    except StoppedError:
        raise
    except CxnetError as error:
        yield unreadable_page(url, f"page not read: {error}")


def _counted(items: Iterator[Item], watcher: Watcher) -> Iterator[Item]:
    for item in items:
        watcher.item()
        yield item


def _limited(items: Iterator[Item], limit: int | None) -> list[Item]:
    """All listed items; beyond ``limit`` wanted ones they are rows that say so."""
    found, wanted = [], 0
    for item in items:
        wanted += item.skip is None
        if limit is not None and wanted > limit and item.skip is None:
            found.append(replace(item, skip=f"beyond the limit of {limit} images"))
        else:
            found.append(item)
    return found


def _all_rows(
    source: Source, items: Sequence[Item], store: Store, downloads: Downloads, client: Client, watcher: Watcher
) -> list[Row]:
    """One row per item, in their order; the bytes arrive on several threads."""
    read = Reader(source, store, downloads)
    rows: list[Row | None] = [None] * len(items)
    wanted = []
    for index, item in enumerate(items):
        if item.skip is not None:
            rows[index] = row_of(source, item, "skipped", item.skip)
        elif downloads.at_hand(item.url):  # needs no thread
            rows[index] = read.row(item)
            watcher.item()
        else:
            wanted.append(index)
    with ThreadPoolExecutor(_threads(items, client), thread_name_prefix=source.name) as pool:
        try:
            for start in range(0, len(wanted), BATCH):
                batch = wanted[start : start + BATCH]
                for index, row in zip(batch, pool.map(read.row, (items[index] for index in batch)), strict=True):
                    rows[index] = row
                    watcher.item()
        except BaseException:
            client.stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return [row for row in rows if row is not None]


def _threads(items: Sequence[Item], client: Client) -> int:
    """Enough threads that every host's places are taken, and no more than 16."""
    hosts = {item.url.split("/")[2] for item in items[:2000] if item.url.count("/") > 2}
    return max(1, min(16, client.policy.connections * max(1, len(hosts))))


class Reader:
    """Brings the bytes of items into the store and says what came of each.

    Args:
        source: whose items they are; one with a ``read`` hook gives the bytes itself.
        store, downloads: where the bytes go, and how they come.
    """

    def __init__(self, source: Source, store: Store, downloads: Downloads) -> None:
        self._source = source
        self._store = store
        self._downloads = downloads
        self._members: dict[str, frozenset[str] | CxnetError] = {}

    def row(self, item: Item) -> Row:
        """The row of one item, fetched or failed."""
        try:
            received = self._received(item)
        except StoppedError:
            raise
        except WebError as error:
            return row_of(self._source, item, "failed", error.reason)
        except CxnetError as error:
            return row_of(self._source, item, "failed", str(error).rstrip("."))
        return row_of(self._source, item, "fetched", None, received)

    def _received(self, item: Item) -> Received:
        """The file of an item, from the first of its addresses that has it."""
        if (chunks := self._source.read(item)) is not None:
            return self._downloads.copy(item.url, chunks)
        errors: list[WebError] = []
        for url in (item.url, *item.alternates):
            try:
                return self._member_of(url, item.member) if item.member else self._picture(url)
            except WebError as error:
                errors.append(error)
        raise _told_together(errors)

    def _picture(self, url: str) -> Received:
        received = self._downloads.get(url)
        self._check_known(url, received)
        if not is_picture(received.content_type):
            kind = received.content_type.partition("/")[2].removeprefix("x-")
            raise WebError(url, f"no image: the server sent {'an empty file' if kind == 'empty' else kind}")
        return received

    def _check_known(self, url: str, received: Received) -> None:
        """Compare a file with its published hash; the sandbox draws files of its own."""
        expected = None if self._store.is_drawn else known_blob(url)
        if expected and (found := git_blob(self._store.folder / received.file)) != expected:
            raise WebError(url, f"not the published file: git blob {found[:12]} instead of {expected[:12]}")

    def _member_of(self, url: str, member: str) -> Received:
        received = self._downloads.get(url)
        if received.sha256 not in self._members:
            try:
                self._members[received.sha256] = member_names(UPath(self._store.folder / received.file))
            except CxnetError as error:
                self._members[received.sha256] = error
        names = self._members[received.sha256]
        if isinstance(names, CxnetError):
            raise WebError(url, str(names).rstrip("."))
        if member not in names:
            raise WebError(url, NOT_IN_ARCHIVE)
        return received


def _told_together(errors: Sequence[WebError]) -> WebError:
    """The first failure; where archives were searched and others could not be, that too."""
    first, *others = errors
    unread = [error for error in others if error.reason != NOT_IN_ARCHIVE]
    if first.reason != NOT_IN_ARCHIVE or not unread:
        return first
    return WebError(first.url, f"{first.reason}, and {len(unread)} further archives cannot be had: {unread[0].reason}")


def _write_masks(store: Store, rows: Sequence[Row]) -> None:
    if rows:
        write_table(store.masks, pd.DataFrame(rows, columns=MASK_SCHEMA.names, dtype=object), MASK_SCHEMA)
    else:
        store.masks.unlink(missing_ok=True)
