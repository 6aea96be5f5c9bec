"""Read what the sources list: their ``items.parquet``, checked, as one table."""

import logging
from collections.abc import Iterable, Sequence

import pyarrow as pa
from upath import UPath

from pipeline.core.layout import Layout
from sources.core.errors import CxnetError
from sources.core.items import KEY, LOCK_SCHEMA, Key
from sources.core.lock import read_lock

log = logging.getLogger(__name__)


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


def _read_lock(path: UPath) -> pa.Table:
    rows = read_lock(path)
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
