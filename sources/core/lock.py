"""Reading ``items.parquet``, also one of an earlier version that had fewer columns."""

import pandas as pd

from sources.core.errors import CxnetError
from sources.core.items import LOCK_SCHEMA
from sources.core.storage import AnyPath, read_table

ADDED = ("boxes",)  # columns that earlier versions did not write


def read_lock(path: AnyPath) -> pd.DataFrame:
    """The rows of a lock, with all columns of :data:`LOCK_SCHEMA`.

    Raises:
        CxnetError: it is missing or damaged, or lacks columns that every version wrote.
    """
    rows = read_table(path)
    if absent := [name for name in LOCK_SCHEMA.names if name not in rows and name not in ADDED]:
        raise CxnetError(f"{path} has no column {absent}: another version wrote it; move it away and fetch again.")
    for name in ADDED:
        if name not in rows:
            rows[name] = pd.Series(pd.NA, index=rows.index, dtype=pd.ArrowDtype(LOCK_SCHEMA.field(name).type))
    return rows[LOCK_SCHEMA.names]
