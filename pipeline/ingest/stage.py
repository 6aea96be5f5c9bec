"""Decode every fetched image once: bytes of any format in, one pool of 8-bit gray pictures out.

Reads ``data/raw/<source>/items.parquet`` and the files it names (members of archives in place, in the archive's order;
panels of figures by their box). Adds the pixel columns, the quality columns and ``image``. Excludes, as ``fetch``, what
could not be or was not to be fetched, with the reason of the fetch; as ``ingest``, what is no usable picture. Excluded
rows carry no picture. A bad file never stops the run.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm
from upath import UPath

from pipeline.core.layout import Layout
from pipeline.core.parallel import map_images
from pipeline.core.params import IngestParams, Params
from pipeline.core.schema import POOL_SCHEMA
from pipeline.core.shards import replace_shards
from pipeline.core.summary import Summary
from pipeline.ingest.intake import Key, Taken, Task, take_in
from pipeline.ingest.spool import Spool
from sources.core.errors import CxnetError
from sources.core.items import KEY, LOCK_SCHEMA
from sources.core.storage import read_table
from sources.reading.archive import read_members

log = logging.getLogger(__name__)

Row = dict[str, Any]
Wanted = dict[str, list[Row]]  # member of an archive -> its rows (several panels may share one picture)

NOT_FETCHED = "not fetched"
NOT_IN_ARCHIVE = "not in the archive"


@dataclass(frozen=True)
class IngestSummary(Summary):
    """Rows listed by the sources, and what became of them."""

    rows: int
    decoded: int
    not_fetched: int
    unusable: int

    def __str__(self) -> str:
        lost = f"{self.not_fetched:,} not fetched, {self.unusable:,} unusable"
        return f"{self.rows:,} rows, {self.decoded:,} decoded, {lost}"


def run(layout: Layout, params: Params, executor: Executor | None = None) -> IngestSummary:
    """Write the pool: every row that the sources of the profile list, with its picture where there is one.

    Memory does not grow with the number of images: files are read in the order of the rows, archives in their own;
    what an archive yields too early waits in a temporary file.

    Raises:
        CxnetError: ``data/raw`` is missing, an ``items.parquet`` is corrupt, or the pool cannot be written.
    """
    options = params.ingest
    table = read_listed(layout, params.source_names)
    counts: Counter[str | None] = Counter()
    with replace_shards(layout.pool, "pool", POOL_SCHEMA, options.shard_rows) as pool, Spool() as spool:
        taken = _Taking(layout, table, options, executor, spool)
        for row in tqdm(iter_rows(table), total=len(table), desc="ingest", unit="img", disable=None):
            finished = finish(row, taken.result(row) if is_fetched(row) else None)
            counts[finished.get("excluded_by")] += 1
            pool.add(finished)
    return IngestSummary(len(table), counts[None], counts["fetch"], counts["ingest"])


def read_listed(layout: Layout, sources: Sequence[str] | None = None) -> pa.Table:
    """The ``items.parquet`` of ``sources`` (None = all fetched ones) as one table, sorted by (source, item_id).

    Raises:
        CxnetError: there is none, one is corrupt, or a row occurs twice.
    """
    found = sorted(layout.raw.glob("*/items.parquet"), key=str) if layout.raw.exists() else []
    paths = [path for path in found if sources is None or path.parent.name in sources]
    if not paths:
        raise CxnetError(f"{layout.raw} holds no items.parquet; run `cxnet-data fetch` first.")
    if absent := set(sources or ()) - {path.parent.name for path in paths}:
        log.warning("Left out, because not fetched yet: %s.", ", ".join(sorted(absent)))
    tables = []
    for path in paths:
        rows = read_table(path, LOCK_SCHEMA.names)
        try:
            tables.append(pa.Table.from_pandas(rows, LOCK_SCHEMA, preserve_index=False).replace_schema_metadata())
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise CxnetError(
                f"{path} holds a value of the wrong type ({error}); run `cxnet-data fetch` again."
            ) from error
        strangers = set(tables[-1]["source"].unique().to_pylist()) - {path.parent.name}
        if strangers:
            raise CxnetError(
                f"{path} holds rows of source {sorted(map(str, strangers))}; run `cxnet-data fetch` again."
            )
    listed = pa.concat_tables(tables).sort_by([(name, "ascending") for name in KEY])
    _refuse_doubles(listed)
    return listed


def finish(row: Row, taken: Taken | None) -> Row:
    """A listed row with what came of it: columns and picture, or the stage and reason of its exclusion."""
    if taken is None:
        return row | {"excluded_by": "fetch", "reason": row["fetch_reason"] or NOT_FETCHED}
    if taken.png is None:
        return row | taken.columns | {"excluded_by": "ingest", "reason": taken.reason}
    name = f"{row['source']}/{row['item_id']}.png"
    return row | taken.columns | {"image": {"bytes": taken.png, "path": name}}


def is_fetched(row: Row) -> bool:
    """Are there bytes to read for this row?"""
    return row["fetch_status"] == "fetched" and bool(row["file"])


def iter_rows(table: pa.Table) -> Iterator[Row]:
    """Rows as dictionaries, a few hundred in memory at a time."""
    for batch in table.to_batches(max_chunksize=256):
        yield from batch.to_pylist()


class _Taking:
    """Results by row: those of files are computed in row order; an archive is read on until the row's member comes."""

    def __init__(
        self, layout: Layout, table: pa.Table, params: IngestParams, executor: Executor | None, spool: Spool
    ) -> None:
        self._layout, self._spool, self._failures = layout, spool, dict[str, str]()
        work: Callable[[Task], Taken] = partial(take_in, params=params)
        fetched = table.filter(pc.equal(table["fetch_status"], "fetched"))
        self._files = map_images(work, self._file_tasks(fetched), executor)
        self._members = map_images(work, self._member_tasks(fetched), executor)

    def result(self, row: Row) -> Taken:
        """What came of ``row``; must be asked for in the order of the rows."""
        if not row["member"]:
            return next(self._files)
        key = _key(row)
        while key not in self._spool:
            taken = next(self._members, None)
            if taken is None:
                return Taken(key, {}, reason=self._failures.get(_file(row), NOT_IN_ARCHIVE))
            if taken.key == key:
                return taken
            self._spool.put(taken)
        return self._spool.take(key)

    def _file_tasks(self, fetched: pa.Table) -> Iterator[Task]:
        for row in iter_rows(fetched):
            if is_fetched(row) and not row["member"]:
                yield Task(_key(row), path=self._path(row), box=_box(row))

    def _member_tasks(self, fetched: pa.Table) -> Iterator[Task]:
        for name, wanted in self._archives(fetched).items():
            rows = next(iter(wanted.values()))
            path = self._path(rows[0])
            try:
                for member, data in read_members(path, set(wanted)):
                    for row in wanted[member]:
                        yield Task(_key(row), data=data, box=_box(row))
            except (CxnetError, OSError, EOFError) as error:
                log.warning("%s: %s", path, error)
                self._failures[name] = f"the archive is damaged ({type(error).__name__})"

    def _archives(self, fetched: pa.Table) -> dict[str, Wanted]:
        """Archives in the order of their first row, with the members that are wanted of each."""
        archives: dict[str, Wanted] = {}
        with_member = fetched.filter(pc.is_valid(fetched["member"]))
        for row in iter_rows(with_member.select([*KEY, "file", "member", "box"])):
            if row["file"] and row["member"]:
                archives.setdefault(_file(row), {}).setdefault(row["member"], []).append(row)
        return archives

    def _path(self, row: Row) -> UPath:
        """The file of a row, inside the folder of its source."""
        parts = str(row["file"]).split("/")
        if ".." in parts or parts[0] in ("", "~") or ":" in parts[0]:
            raise CxnetError(
                f"{self._layout.raw / row['source'] / 'items.parquet'} names the file {row['file']!r} outside its "
                "folder; run `cxnet-data fetch` again."
            )
        return self._layout.raw.absolute().joinpath(row["source"], *parts)  # workers may stand elsewhere


def _key(row: Row) -> Key:
    return row["source"], row["item_id"]


def _file(row: Row) -> str:
    return f"{row['source']}/{row['file']}"


def _box(row: Row) -> tuple[int, int, int, int] | None:
    return None if row["box"] is None else tuple(row["box"])


def _refuse_doubles(listed: pa.Table) -> None:
    """Rows are sorted, so a row that occurs twice stands beside itself."""
    previous: Key | None = None
    for key in _keys(listed):
        if key == previous:
            raise CxnetError(f"Source '{key[0]}' lists the image '{key[1]}' twice in its items.parquet.")
        previous = key


def _keys(listed: pa.Table) -> Iterable[Key]:
    for batch in listed.select(list(KEY)).to_batches():
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
