"""Decode every fetched image once into the pool of 8-bit gray pictures, and measure its quality.

Reads ``data/raw/<source>/items.parquet`` and the files it names: members of archives in place, panels of figures by
their box. Adds the pixel columns, the quality columns and ``image``. Excludes as ``fetch`` what was not fetched, with
the reason that fetch gave; as ``ingest`` what is not a usable picture. Excluded rows have no picture. A bad file never
stops the run.
"""

from collections import Counter
from concurrent.futures import Executor
from dataclasses import dataclass

from tqdm import tqdm

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.schema import POOL_SCHEMA
from pipeline.core.shards import replace_shards
from pipeline.core.summary import Summary
from pipeline.ingest.listed import read_listed
from pipeline.ingest.results import Results, finish, is_fetched, iter_rows
from pipeline.ingest.spool import Spool
from sources.core.text import counted


@dataclass(frozen=True)
class IngestSummary(Summary):
    """Rows listed by the sources, and what became of them."""

    rows: int
    decoded: int
    not_fetched: int
    unusable: int
    with_warning: int

    def __str__(self) -> str:
        lost = f"{self.not_fetched:,} not fetched, {self.unusable:,} unusable"
        warned = f", {self.with_warning:,} with a decode_warning" if self.with_warning else ""
        return f"{counted(self.rows, 'row')}, {self.decoded:,} decoded{warned}, {lost}"


def run(layout: Layout, params: Params, executor: Executor | None = None) -> IngestSummary:
    """Write the pool: every row that the sources of the profile list, with its picture if it has one.

    Memory does not grow with the number of images; see :class:`pipeline.ingest.results.Results`.

    Raises:
        CxnetError: ``data/raw`` is missing, an ``items.parquet`` is corrupt, or the pool cannot be written.
    """
    options = params.ingest
    table = read_listed(layout, params.source_names)
    counts: Counter[str | None] = Counter()
    warned = 0
    with replace_shards(layout.pool, "pool", POOL_SCHEMA, options.shard_rows) as pool, Spool() as spool:
        results = Results(layout, table, options, executor, spool)
        for row in tqdm(iter_rows(table), total=len(table), desc="ingest", unit="img", disable=None):
            finished = finish(row, results.result(row) if is_fetched(row) else None)
            counts[finished.get("excluded_by")] += 1
            warned += finished.get("decode_warning") is not None
            pool.add(finished)
    return IngestSummary(len(table), counts[None], counts["fetch"], counts["ingest"], warned)
