"""Compute the results of all listed images and return them row by row, with bounded memory."""

import hashlib
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from pipeline.core.layout import Layout
from pipeline.core.parallel import map_images
from pipeline.core.params import IngestParams
from pipeline.imaging.arrays import Box
from pipeline.ingest.intake import ROTTEN, Ingested, Task, ingest_image
from pipeline.ingest.spool import Spool
from sources.core.errors import CxnetError
from sources.core.items import KEY, Key
from sources.reading.archive import read_members

log = logging.getLogger(__name__)

Row = dict[str, Any]
Members = dict[str, list[Row]]  # member of an archive -> its rows; the panels of a figure share one member

CHUNK_BYTES = 1 << 20
NOT_FETCHED = "not fetched"
NOT_IN_ARCHIVE = "not in the archive"


def iter_rows(table: pa.Table) -> Iterator[Row]:
    """Rows as dictionaries, with a few hundred in memory at a time."""
    for batch in table.to_batches(max_chunksize=256):
        yield from batch.to_pylist()


def is_fetched(row: Row) -> bool:
    """Whether there are bytes to read for a row."""
    return row["fetch_status"] == "fetched" and bool(row["file"])


class Results:
    """The results of listed images, in the order of the rows.

    Files are read in the order of the rows; an archive is read in its own order until the member of the row comes.
    Members that come before their turn wait in the spool.
    """

    def __init__(
        self, layout: Layout, table: pa.Table, params: IngestParams, executor: Executor | None, spool: Spool
    ) -> None:
        self._layout, self._spool, self._failures = layout, spool, dict[str, str]()
        work: Callable[[Task], Ingested] = partial(ingest_image, params=params)
        fetched = table.filter(pc.equal(table["fetch_status"], "fetched"))
        self._files = map_images(work, self._file_tasks(fetched), executor)
        self._members = map_images(work, self._member_tasks(fetched), executor)

    def result(self, row: Row) -> Ingested:
        """The result for ``row``, which must be fetched. Call it for all fetched rows, in their order.

        Raises:
            CxnetError: the row names a file outside the folder of its source.
        """
        if not row["member"]:
            return next(self._files)
        key = _key(row)
        while key not in self._spool:
            result = next(self._members, None)
            if result is None:
                return Ingested(key, {}, reason=self._failures.get(_file(row), NOT_IN_ARCHIVE))
            if result.key == key:
                return result
            self._spool.put(result)
        return self._spool.take(key)

    def _file_tasks(self, fetched: pa.Table) -> Iterator[Task]:
        for row in iter_rows(fetched):
            if is_fetched(row) and not row["member"]:
                yield Task(_key(row), self._path(row), _box(row), row["file_sha256"])

    def _member_tasks(self, fetched: pa.Table) -> Iterator[Task]:
        for name, members in self._archives(fetched).items():
            rows = next(iter(members.values()))
            path = self._path(rows[0])
            try:
                if _is_rotten(path, rows[0]["file_sha256"]):
                    log.warning("%s: %s", path, ROTTEN)
                    self._failures[name] = ROTTEN
                    continue
                for member, data in read_members(path, set(members)):
                    for row in members[member]:
                        yield Task(_key(row), data, _box(row))
            except (CxnetError, OSError, EOFError) as error:
                log.warning("%s: %s", path, error)
                self._failures[name] = f"damaged archive ({type(error).__name__})"

    def _archives(self, fetched: pa.Table) -> dict[str, Members]:
        """Archives in the order of their first row, and the members that are wanted from each."""
        archives: dict[str, Members] = {}
        with_member = fetched.filter(pc.is_valid(fetched["member"]))
        for row in iter_rows(with_member.select([*KEY, "file", "file_sha256", "member", "box"])):
            if row["file"] and row["member"]:
                archives.setdefault(_file(row), {}).setdefault(row["member"], []).append(row)
        return archives

    def _path(self, row: Row) -> UPath:
        """The file of a row, which must lie in the folder of its source."""
        parts = str(row["file"]).split("/")
        if ".." in parts or parts[0] in ("", "~") or ":" in parts[0]:
            raise CxnetError(
                f"{self._layout.raw / row['source'] / 'items.parquet'} names the file {row['file']!r} outside its "
                "folder; run `cxnet-data fetch` again."
            )
        # absolute, since workers may have another working directory
        return self._layout.raw.absolute().joinpath(row["source"], *parts)


def finish(row: Row, result: Ingested | None) -> Row:
    """A listed row with its columns and picture, or with the stage and reason of its exclusion.

    Args:
        row: as its source lists it.
        result: None if the image was not fetched.
    """
    if result is None:
        return row | {"excluded_by": "fetch", "reason": row["fetch_reason"] or NOT_FETCHED}
    if result.png is None:
        return row | result.columns | {"excluded_by": "ingest", "reason": result.reason}
    name = f"{row['source']}/{row['item_id']}.png"
    return row | result.columns | {"image": {"bytes": result.png, "path": name}}


def _is_rotten(path: UPath, sha256: str | None) -> bool:
    """Whether an archive differs from what was fetched; read once for all of its members."""
    if sha256 is None:
        return False
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest() != sha256


def _key(row: Row) -> Key:
    return row["source"], row["item_id"]


def _file(row: Row) -> str:
    return f"{row['source']}/{row['file']}"


def _box(row: Row) -> Box | None:
    return None if row["box"] is None else tuple(row["box"])
