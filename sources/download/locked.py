"""``fetch --locked``: exactly the bytes that ``items.parquet`` names; files that differ or are gone become rows."""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from sources.core.errors import CxnetError, StoppedError, WebError
from sources.core.items import Item, field
from sources.core.source import Source
from sources.core.storage import write_table
from sources.download.copies import Copies
from sources.download.downloads import Downloads
from sources.download.driver import MOST_THREADS, Watcher
from sources.download.journal import Received
from sources.download.store import Store, sha256_of
from sources.transport.client import Client

REPORT_SCHEMA = pa.schema(
    [
        field("source", pa.string(), "name of the source"),
        field("url", pa.string(), "address of the file"),
        field("state", pa.string(), "there | fetched | changed | vanished | unreachable"),
        field("reason", pa.string(), "what came instead"),
        field("expected_sha256", pa.string(), "sha256 in the lock"),
        field("received_sha256", pa.string(), "sha256 of what the address returns now"),
        field("images", pa.int64(), "images of the lock that need the file"),
    ]
)
GONE = (404, 410, 451)


@dataclass(frozen=True)
class LockedFile:
    """One file of the lock: address, path below the source's folder, sha256, size, and how many images need it."""

    url: str
    file: str
    sha256: str
    size: int
    images: int


def fetch_locked(source: Source, store: Store, client: Client, watcher: Watcher | None = None) -> pd.DataFrame:
    """Bring every file of the lock into the store; returns and writes ``locked.parquet``, one row per file.

    The lock itself does not change; a file with other bytes is not kept.

    Raises:
        CxnetError: there is no lock.
    """
    watcher = watcher or Watcher()
    files = locked_files(store)
    names = frozenset(locked.file for locked in files)
    watcher.phase("checking", len(files))
    receive = _receiver(source, store, client, watcher)
    with ThreadPoolExecutor(max(1, min(MOST_THREADS, 2 * client.policy.connections))) as pool:
        rows = []
        try:
            for row in pool.map(lambda locked: _report_row(source, store, receive, locked, names), files):
                rows.append(row)
                watcher.item()
        except BaseException:
            client.stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    report = pd.DataFrame(rows, columns=REPORT_SCHEMA.names, dtype=object)
    write_table(store.folder / "locked.parquet", report, REPORT_SCHEMA)
    return report


def _receiver(source: Source, store: Store, client: Client, watcher: Watcher) -> Callable[[str], Received]:
    """What brings the file at an address: from the web, or where the source reads its bytes itself."""
    if not source.is_local:
        return Downloads(client, store, source.reach(), progress=watcher.bytes).get
    copies = Copies(client, store, progress=watcher.bytes)

    def receive(url: str) -> Received:
        item = Item(item_id=url, url=url)
        return copies.copy(url, lambda: source.read(item), source.size(item))

    return receive


def locked_files(store: Store) -> Sequence[LockedFile]:
    """The files that the lock names, in its order.

    Raises:
        CxnetError: there is no lock.
    """
    if not store.items.exists():
        raise CxnetError(f"{store.items} does not exist; put the lock there, or fetch without --locked.")
    rows = store.rows()
    rows = rows[rows["file"].notna()]
    counts = rows["file"].value_counts()
    names = ["fetched_url", "file", "file_sha256", "file_size"]
    files = rows.drop_duplicates("file")[names].itertuples(index=False, name=None)
    return [
        LockedFile(str(url), str(file), str(sha256), int(size), int(counts[file])) for url, file, sha256, size in files
    ]


def _report_row(
    source: Source, store: Store, receive: Callable[[str], Received], locked: LockedFile, names: Collection[str]
) -> tuple[object, ...]:
    """The row of one locked file; ``names`` are all locked files, none of which may be removed."""
    local = Received(locked.url, locked.file, locked.sha256, locked.size, "")
    if store.holds(local) and sha256_of(store.folder / locked.file) == locked.sha256:
        return _row(source, locked, "there", None, locked.sha256)
    try:
        received = receive(locked.url)
    except StoppedError:
        raise
    except WebError as error:
        return _row(source, locked, "vanished" if error.status in GONE else "unreachable", error.reason, None)
    except CxnetError as error:  # of a folder
        return _row(source, locked, "unreachable", str(error).rstrip("."), None)
    if received.sha256 == locked.sha256:
        return _row(source, locked, "fetched", None, received.sha256)
    if received.file not in names:
        (store.folder / received.file).unlink(missing_ok=True)
    reason = f"other bytes: {received.size:,} of type {received.content_type}"
    return _row(source, locked, "changed", reason, received.sha256)


def _row(
    source: Source, locked: LockedFile, state: str, reason: str | None, received: str | None
) -> tuple[object, ...]:
    return source.name, locked.url, state, reason, locked.sha256, received, locked.images
