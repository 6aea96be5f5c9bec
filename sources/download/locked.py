"""``fetch --locked``: exactly the bytes that ``items.parquet`` names, or a row on what has changed or vanished."""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from sources.core.errors import CxnetError, StoppedError, WebError
from sources.core.items import Item, field
from sources.core.source import Source
from sources.core.storage import write_table
from sources.download.downloads import Downloads
from sources.download.driver import Watcher
from sources.download.store import Received, Store, sha256_of
from sources.transport.client import Client

REPORT_SCHEMA = pa.schema(
    [
        field("source", pa.string(), "name of the source"),
        field("url", pa.string(), "address of the file"),
        field("state", pa.string(), "there | fetched | changed | vanished | unreachable"),
        field("reason", pa.string(), "what came instead"),
        field("expected_sha256", pa.string(), "what the lock says"),
        field("received_sha256", pa.string(), "what the address gives now"),
        field("images", pa.int64(), "images of the lock that need the file"),
    ]
)
GONE = (404, 410, 451)


@dataclass(frozen=True)
class Wanted:
    """One locked file: address, path below the source's folder, sha256, size, and how many images need it."""

    url: str
    file: str
    sha256: str
    size: int
    images: int


def fetch_locked(source: Source, store: Store, client: Client, watcher: Watcher | None = None) -> pd.DataFrame:
    """Bring every file of the lock into the store; returns and writes ``locked.parquet``, one row per file.

    The lock itself is left as it is; a file with other bytes is not kept.

    Raises:
        CxnetError: there is no lock.
    """
    watcher = watcher or Watcher()
    wanted = locked_files(store)
    kept = frozenset(entry.file for entry in wanted)
    watcher.phase("checking", len(wanted))
    downloads = Downloads(client, store, source.hosts, progress=watcher.bytes)
    with ThreadPoolExecutor(max(1, min(16, 2 * client.policy.connections))) as pool:
        rows = []
        try:
            for row in pool.map(lambda entry: _state(source, store, downloads, entry, kept), wanted):
                rows.append(row)
                watcher.item()
        except BaseException:
            client.stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    report = pd.DataFrame(rows, columns=REPORT_SCHEMA.names, dtype=object)
    write_table(store.folder / "locked.parquet", report, REPORT_SCHEMA)
    return report


def locked_files(store: Store) -> Sequence[Wanted]:
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
    found = rows.drop_duplicates("file")[names].itertuples(index=False, name=None)
    return [Wanted(str(url), str(file), str(sha256), int(size), int(counts[file])) for url, file, sha256, size in found]


def _received(source: Source, downloads: Downloads, url: str) -> Received:
    """What stands at ``url`` now: on the web, or where a source reads its bytes itself."""
    chunks = source.read(Item(item_id=url, url=url))
    return downloads.get(url) if chunks is None else downloads.copy(url, chunks)


def _state(
    source: Source, store: Store, downloads: Downloads, wanted: Wanted, kept: Collection[str]
) -> tuple[object, ...]:
    """The row of one locked file; ``kept`` names all locked ones, which other bytes must not take away."""
    there = Received(wanted.url, wanted.file, wanted.sha256, wanted.size, "")
    if store.holds(there) and sha256_of(store.folder / wanted.file) == wanted.sha256:
        return _row(source, wanted, "there", None, wanted.sha256)
    try:
        received = _received(source, downloads, wanted.url)
    except StoppedError:
        raise
    except WebError as error:
        return _row(source, wanted, "vanished" if error.status in GONE else "unreachable", error.reason, None)
    except CxnetError as error:  # of a folder
        return _row(source, wanted, "unreachable", str(error).rstrip("."), None)
    if received.sha256 == wanted.sha256:
        return _row(source, wanted, "fetched", None, received.sha256)
    if received.file not in kept:
        (store.folder / received.file).unlink(missing_ok=True)
    reason = f"other bytes: {received.size:,} of type {received.content_type}"
    return _row(source, wanted, "changed", reason, received.sha256)


def _row(source: Source, wanted: Wanted, state: str, reason: str | None, received: str | None) -> tuple[object, ...]:
    return source.name, wanted.url, state, reason, wanted.sha256, received, wanted.images
