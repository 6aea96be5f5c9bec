"""Decode every fetched image once into the pool of 8-bit gray pictures, and measure its quality.

Reads ``data/raw/<source>/items.parquet`` and the files it names: members of archives in place, panels of figures by
their box. Adds the pixel columns, the quality columns and ``image``. Excludes as ``fetch`` what was not fetched, with
the reason that fetch gave; as ``ingest`` what is not a usable picture. Excluded rows have no picture. A bad file never
stops the run.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import pyarrow as pa
from tqdm import tqdm
from upath import UPath

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.schema import POOL_SCHEMA
from pipeline.core.shards import replace_shards
from pipeline.core.summary import Summary
from pipeline.ingest.intake import Ingested
from pipeline.ingest.results import Results, Row, is_fetched, iter_rows
from pipeline.ingest.spool import Spool
from sources.core.errors import CxnetError
from sources.core.items import KEY, LOCK_SCHEMA, Key
from sources.core.storage import read_table

log = logging.getLogger(__name__)

NOT_FETCHED = "not fetched"


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
    """Write the pool: every row that the sources of the profile list, with its picture if it has one.

    Memory does not grow with the number of images; see :class:`pipeline.ingest.results.Results`.

    Raises:
        CxnetError: ``data/raw`` is missing, an ``items.parquet`` is corrupt, or the pool cannot be written.
    """
    options = params.ingest
    table = read_listed(layout, params.source_names)
    counts: Counter[str | None] = Counter()
    with replace_shards(layout.pool, "pool", POOL_SCHEMA, options.shard_rows) as pool, Spool() as spool:
        results = Results(layout, table, options, executor, spool)
        for row in tqdm(iter_rows(table), total=len(table), desc="ingest", unit="img", disable=None):
            finished = finish(row, results.result(row) if is_fetched(row) else None)
            counts[finished.get("excluded_by")] += 1
            pool.add(finished)
    return IngestSummary(len(table), counts[None], counts["fetch"], counts["ingest"])


def read_listed(layout: Layout, sources: Sequence[str] | None = None) -> pa.Table:
    """The ``items.parquet`` of ``sources`` (None = all fetched ones) as one table, sorted by (source, item_id).

    Raises:
        CxnetError: there is no such file, one is damaged or holds rows of another source, or a row occurs twice.
    """
    listed = sorted(layout.raw.glob("*/items.parquet"), key=str) if layout.raw.exists() else []
    paths = [path for path in listed if sources is None or path.parent.name in sources]
    if not paths:
        raise CxnetError(f"{layout.raw} holds no items.parquet; run `cxnet-data fetch` first.")
    if missing := set(sources or ()) - {path.parent.name for path in paths}:
        log.warning("Sources that are not fetched yet are left out: %s.", ", ".join(sorted(missing)))
    table = pa.concat_tables([_read_lock(path) for path in paths]).sort_by([(name, "ascending") for name in KEY])
    _refuse_duplicates(table)
    return table


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


def _read_lock(path: UPath) -> pa.Table:
    rows = read_table(path, LOCK_SCHEMA.names)
    try:
        table = pa.Table.from_pandas(rows, LOCK_SCHEMA, preserve_index=False).replace_schema_metadata()
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise CxnetError(f"{path} holds a value of the wrong type ({error}); run `cxnet-data fetch` again.") from error
    if others := set(table["source"].unique().to_pylist()) - {path.parent.name}:
        names = ", ".join(sorted(map(str, others)))
        raise CxnetError(f"{path} holds rows of other sources ({names}); run `cxnet-data fetch` again.")
    return table


def _refuse_duplicates(table: pa.Table) -> None:
    """Raise for a row that occurs twice. The rows are sorted, so duplicates are neighbors."""
    previous: Key | None = None
    for key in _keys(table):
        if key == previous:
            raise CxnetError(f"Source '{key[0]}' lists the image '{key[1]}' twice in its items.parquet.")
        previous = key


def _keys(table: pa.Table) -> Iterable[Key]:
    for batch in table.select(list(KEY)).to_batches():
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
