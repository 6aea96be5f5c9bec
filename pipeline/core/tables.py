"""Read, join and exclude rows; each stage sees the columns of the stages before it as one table."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from upath import UPath

from pipeline.core.layout import Layout
from pipeline.core.schema import IMAGE_FIELD, MASK_FIELD, POOL_SCHEMA, TABLES
from pipeline.core.stages import TABLE_STAGES
from sources.core.errors import CxnetError
from sources.core.items import KEY
from sources.core.storage import open_parquet, read_table
from sources.core.text import counted

ADULT_AGE = 18


def shards(folder: UPath, prefix: str) -> list[UPath]:
    """The shards ``<prefix>-*.parquet`` of ``folder``, in order.

    Raises:
        CxnetError: there are no shards.
    """
    paths = sorted(folder.glob(f"{prefix}-*.parquet"), key=str) if folder.exists() else []
    if not paths:
        raise CxnetError(f"{folder} holds no {prefix} shard; run the stage that writes it first (`dvc repro`).")
    return paths


def read_pool(layout: Layout, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """All rows of the pool with ``columns`` (None = all but the pictures)."""
    names = columns or [name for name in POOL_SCHEMA.names if name != IMAGE_FIELD.name]
    return pd.concat(
        [read_table(shard, names, POOL_SCHEMA) for shard in shards(layout.pool, "pool")], ignore_index=True
    )


def read_rows(layout: Layout, *, after: str) -> pd.DataFrame:
    """All rows with the columns of the stages up to and including ``after`` (``ingest``, ...), without masks."""
    rows = read_pool(layout)
    for stage in TABLE_STAGES[: TABLE_STAGES.index(after) + 1] if after != "ingest" else ():
        path, schema = layout.table(stage), TABLES[stage]
        names = [name for name in schema.names if name != MASK_FIELD.name]
        rows = join(rows, read_table(path, names, schema), path)
    return rows


def join(rows: pd.DataFrame, added: pd.DataFrame, path: UPath) -> pd.DataFrame:
    """Add the columns of a later stage, read from ``path``; they replace columns of the same name.

    Raises:
        CxnetError: the two tables do not hold the same rows.
    """
    if len(rows) != len(added):
        raise CxnetError(
            f"{path} holds {counted(len(added), 'row')}, but the tables before it {len(rows):,}; run `cxnet-data run` "
            "to update it."
        )
    kept = [name for name in rows.columns if name in KEY or name not in added.columns]
    try:
        joined = rows[kept].merge(added, on=list(KEY), how="left", validate="one_to_one", indicator="joined")
    except pd.errors.MergeError:
        raise CxnetError(f"{path} or a table before it holds a row twice; run `cxnet-data run` to update it.") from None
    if (joined["joined"] != "both").any():
        raise CxnetError(f"{path} holds other rows than the tables before it; run `cxnet-data run` to update it.")
    return joined.drop(columns="joined")


def exclude(rows: pd.DataFrame, mask: "pd.Series[bool]", stage: str, reason: "str | pd.Series[str]") -> pd.DataFrame:
    """Mark the rows in ``mask`` as excluded by ``stage``; rows that are already excluded do not change."""
    marked = mask.fillna(False).astype(bool) & rows["excluded_by"].isna()
    return rows.assign(
        excluded_by=rows["excluded_by"].mask(marked, stage),
        reason=rows["reason"].mask(marked, reason),
    )


def row_names(rows: pd.DataFrame, prefix: str = "") -> "pd.Series[str]":
    """``<source>/<item_id>`` of every row; with a prefix, of one film of a pair."""
    return rows[f"{prefix}source"].astype(str) + "/" + rows[f"{prefix}item_id"].astype(str)


def has_unknown_patient(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Films whose patient neither their source nor a copy's source states: a split cannot keep the patient together."""
    return rows["patient_key"].isna() & rows["patient_id"].isna()


def unknown_patients_warning(kept: pd.DataFrame) -> str | None:
    """What a split of ``kept`` films cannot promise, as one sentence; None if all patients are known."""
    unknown = int(has_unknown_patient(kept).sum())
    if not unknown:
        return None
    films = counted(len(kept), "film")
    films = f"all {films}" if unknown == len(kept) else f"{unknown:,} of {films}"
    return (
        f"The patients of {films} are unknown: films of one patient may be in two splits, and results on val and test "
        "may look better than they are. State a patient for each film, where you can."
    )


def is_pediatric(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Films of patients under 18 years, by age or, where it is unknown, according to the source."""
    stated = rows["pediatric"].fillna(False).astype(bool)
    return (rows["age"] < ADULT_AGE).fillna(False).astype(bool) | (rows["age"].isna() & stated)


def iter_images(
    folder: UPath, prefix: str, columns: Sequence[str] = KEY, batch_rows: int = 64
) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield ``columns`` and the PNG bytes of each row that has a picture, with a few rows in memory at a time."""
    for shard in shards(folder, prefix):
        with open_parquet(shard, TABLES[prefix]) as file:
            for batch in file.iter_batches(batch_rows, columns=[*columns, "image"]):
                for row in batch.to_pylist():
                    image = row.pop("image")
                    if image is not None and image["bytes"] is not None:
                        yield row, image["bytes"]
