"""Fetch one source: list its images, bring their bytes into the store, and record the result for each.

Every listed image becomes one row of ``items.parquet``: fetched, skipped (not wanted) or failed, with the reason. The
rows are in the source's order, whatever the number of threads.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from upath import UPath

from sources.core.errors import CxnetError, ListingError, StoppedError, UsageError, WebError
from sources.core.formats import may_be_image
from sources.core.items import LOCK_SCHEMA, Item
from sources.core.source import Source
from sources.core.storage import write_table
from sources.core.text import counted
from sources.download.copies import Copies
from sources.download.downloads import Downloads
from sources.download.journal import Received
from sources.download.listing import limited, list_items, lost_pages_warning, pages_left
from sources.download.masks import MASK_SCHEMA, mask_items
from sources.download.published import git_blob, published_blob
from sources.download.rows import Row, changes, joined, row_of
from sources.download.store import Store
from sources.download.tally import collect
from sources.download.web import SourceWeb
from sources.reading.archive import member_names
from sources.transport.client import Client

NOT_IN_ARCHIVE = "the archive does not contain it"
BATCH = 10_000  # images that wait for a thread at once
MOST_THREADS = 16


@dataclass(frozen=True)
class FetchOptions:
    """What the user asks of a fetch.

    Attributes:
        urls: pages to read instead of the source's own listing. Their images are added to those already listed, and
            later fetches read these pages again.
        forget: pages of earlier fetches that are not read any more.
        limit: the maximum number of images whose bytes are fetched; None = all.
        update: ask again for every page and file whether it has changed.
        record: folder in which pages and files are also saved as an offline copy.
    """

    urls: tuple[str, ...] = ()
    forget: tuple[str, ...] = ()
    limit: int | None = None
    update: bool = False
    record: Path | None = None


@dataclass
class Watcher:
    """Callbacks that show progress: ``phase(name, total)``, ``item()`` for each finished item, ``bytes(count)``."""

    phase: Callable[[str, int | None], None] = lambda name, total: None
    item: Callable[[], None] = lambda: None
    bytes: Callable[[int], None] = lambda count: None


@dataclass(frozen=True)
class Outcome:
    """The result of fetching a source.

    Attributes:
        counts: listed, fetched, cached, skipped, failed, bytes.
        reasons: how many rows were skipped or failed for each reason.
        changes: new, gone and changed images since the last fetch, by item_id.
        warning: what a person should look at, or None.
        retry: why the next run should fetch the source again, or None.
    """

    source: str
    counts: dict[str, int]
    reasons: dict[str, int]
    changes: dict[str, list[str]] = field(default_factory=dict)
    warning: str | None = None
    retry: str | None = None

    @property
    def receipt(self) -> dict[str, Any]:
        """What the receipt says: the same for equal results, whether their files were here before or not."""
        here = self.counts["fetched"] + self.counts["cached"]
        counts = {name: count for name, count in self.counts.items() if name != "cached"} | {"fetched": here}
        retry = {"retry": self.retry} if self.retry else {}
        return {"state": "fetched", **counts, "reasons": self.reasons, "warning": self.warning, **retry}


def fetch_source(
    source: Source, store: Store, client: Client, options: FetchOptions | None = None, watcher: Watcher | None = None
) -> Outcome:
    """Fetch a source into its store; the caller uses the store alone (``store.exclusive``).

    Raises:
        ListingError: the listing cannot be read at all.
        KeyboardInterrupt: passed on; what has arrived stays, and the next fetch resumes there.
    """
    options, watcher = options or FetchOptions(), watcher or Watcher()
    before, pages = store.previous(), pages_left(source, store.pages(), options.forget)
    known = store.previous_files(before)
    reach = source.reach((*pages, *options.urls))
    downloads = Downloads(client, store, reach, known, options.update, watcher.bytes, options.record)
    web = SourceWeb(client, reach, downloads, store.folder, options.record)
    watcher.phase("listing", None)
    lost: list[str] = []
    listed = _counted(list_items(source, web, options.urls, pages, lost.append), watcher)
    try:
        items = limited(listed, options.limit)
    except (StoppedError, UsageError):
        raise
    except CxnetError as error:
        raise ListingError(str(error)) from error
    masks = list(mask_items(items))
    watcher.phase("fetching", sum(item.skip is None for item in items) + len(masks))
    fetcher = Fetcher(source, store, downloads, Copies(client, store, known, watcher.bytes), client, watcher)
    table, tally = collect(fetcher.rows(items), LOCK_SCHEMA)
    mask_table, _ = collect(fetcher.rows(masks), MASK_SCHEMA)
    if options.urls:
        table = joined(before, table)
    unanswered = tally.unanswered_warning(source.name)
    warnings = (tally.unparsed_warning(source.name), lost_pages_warning(source, lost), unanswered)
    warning = " ".join(filter(None, warnings)) or None
    outcome = Outcome(source.name, tally.counts, tally.reasons, changes(before, table), warning, unanswered)
    all_pages = list(dict.fromkeys((*pages, *options.urls)))
    _write_masks(store, mask_table)
    store.write(table, outcome.receipt | {"pages": all_pages, "terms": asdict(source.terms)})
    if source.is_local:  # a film that is withdrawn from a folder is withdrawn here, too
        store.prune()
    return outcome


def _counted(items: Iterator[Item], watcher: Watcher) -> Iterator[Item]:
    for item in items:
        watcher.item()
        yield item


class Fetcher:
    """Brings the bytes of items into the store and makes a row of each.

    Args:
        source: the source that lists the items.
        store, downloads, copies, client: where the bytes go, and how they come.
        watcher: is called for every finished item.
    """

    def __init__(
        self, source: Source, store: Store, downloads: Downloads, copies: Copies, client: Client, watcher: Watcher
    ) -> None:
        self._source = source
        self._store = store
        self._downloads = downloads
        self._copies = copies
        self._client = client
        self._watcher = watcher
        self._members: dict[str, frozenset[str] | CxnetError] = {}

    def rows(self, items: Sequence[Item]) -> Iterator[Row]:
        """One row per item, in their order; the bytes arrive on several threads."""
        with ThreadPoolExecutor(self._threads(items), thread_name_prefix=self._source.name) as pool:
            try:
                for start in range(0, len(items), BATCH):
                    yield from self._batch(items[start : start + BATCH], pool)
            except BaseException:
                self._client.stop.set()
                pool.shutdown(cancel_futures=True)
                raise

    def _batch(self, items: Sequence[Item], pool: ThreadPoolExecutor) -> Iterator[Row]:
        is_wanted = [item.skip is None and not self._is_here(item) for item in items]
        arriving = pool.map(self._row, [item for item, wanted in zip(items, is_wanted, strict=True) if wanted])
        for item, wanted in zip(items, is_wanted, strict=True):
            if item.skip is not None:
                yield row_of(self._source, item, "skipped", item.skip)
            else:
                yield next(arriving) if wanted else self._row(item)
                self._watcher.item()

    def _is_here(self, item: Item) -> bool:
        """Is an item's file in the store already, so that no thread is needed?"""
        return not self._source.is_local and self._downloads.is_available(item.url)

    def _threads(self, items: Sequence[Item]) -> int:
        """Enough threads to use every connection that the hosts allow, within :data:`MOST_THREADS`."""
        hosts = {item.url.split("/")[2] for item in items[:BATCH] if item.url.count("/") > 2}
        return max(1, min(MOST_THREADS, self._client.policy.connections * max(1, len(hosts))))

    def _row(self, item: Item) -> Row:
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
        if self._source.is_local:
            return self._copies.copy(item.url, lambda: self._source.read(item), self._source.size(item))
        errors: list[WebError] = []
        for url in (item.url, *item.alternates):
            try:
                return self._archive_with(url, item.member) if item.member else self._picture(url)
            except WebError as error:
                errors.append(error)
        raise _summary(errors)

    def _picture(self, url: str) -> Received:
        received = self._downloads.get(url)
        self._check_hash(url, received)
        if not may_be_image(received.content_type):
            kind = received.content_type.partition("/")[2].removeprefix("x-")
            raise WebError(url, f"not an image: the server sent {'an empty file' if kind == 'empty' else kind}")
        return received

    def _check_hash(self, url: str, received: Received) -> None:
        """Compare a file with its published hash; the sandbox's files are synthetic and have others."""
        expected = None if self._store.is_sandbox else published_blob(url)
        if expected and (actual := git_blob(self._store.folder / received.file)) != expected:
            raise WebError(url, f"not the published file: git blob {actual[:12]} instead of {expected[:12]}")

    def _archive_with(self, url: str, member: str) -> Received:
        """The archive at ``url``, which must contain ``member``."""
        received = self._downloads.get(url)
        if received.sha256 not in self._members:
            try:
                self._members[received.sha256] = frozenset(member_names(UPath(self._store.folder / received.file)))
            except CxnetError as error:
                self._members[received.sha256] = error
        names = self._members[received.sha256]
        if isinstance(names, CxnetError):
            raise WebError(url, str(names).rstrip("."))
        if member not in names:
            raise WebError(url, NOT_IN_ARCHIVE)
        return received


def _summary(errors: Sequence[WebError]) -> WebError:
    """The first error; if an archive was searched in vain, it mentions further archives that could not be fetched."""
    first, *others = errors
    unread = [error for error in others if error.reason != NOT_IN_ARCHIVE]
    if first.reason != NOT_IN_ARCHIVE or not unread:
        return first
    return WebError(first.url, f"{first.reason}, and {counted(len(unread), 'more archive')} failed: {unread[0].reason}")


def _write_masks(store: Store, rows: pd.DataFrame) -> None:
    if len(rows):
        write_table(store.masks, rows, MASK_SCHEMA)
    else:
        store.masks.unlink(missing_ok=True)
