"""Rows of ``items.parquet``: one from an item and its fetch, then the table and its changes."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import pandas as pd

from sources.core.items import LOCK_SCHEMA, Item
from sources.core.source import Source
from sources.download.journal import Received

Row = dict[str, Any]
ITEM_NAMES = tuple(field.name for field in fields(Item))
PREFIXED = ("patient_id", "study_id")


def changes(before: pd.DataFrame | None, after: pd.DataFrame) -> dict[str, list[str]]:
    """Images that are new, gone, or have other bytes than in the last fetch, by item_id."""
    if before is None:
        return {"new": list(after["item_id"]), "gone": [], "changed": []}
    old, new = _hashes(before), _hashes(after)
    both = [name for name in new if name in old]
    return {
        "new": [name for name in new if name not in old],
        "gone": [name for name in old if name not in new],
        "changed": [name for name in both if old[name] is not None and old[name] != new[name]],
    }


def _hashes(rows: pd.DataFrame) -> dict[str, str | None]:
    """The sha256 of every image's file, by item_id."""
    hashes = rows["file_sha256"].astype(object)
    return dict(zip(rows["item_id"], hashes.where(hashes.notna(), None), strict=True))


def row_of(source: Source, item: Item, status: str, reason: str | None, received: Received | None = None) -> Row:
    """The row of an item: what its source states, and the result of fetching it."""
    values: Row = dict.fromkeys(LOCK_SCHEMA.names) | {name: getattr(item, name) for name in ITEM_NAMES}
    values["source"] = source.name
    for name in PREFIXED:
        if values[name] is not None:
            values[name] = f"{source.name}:{values[name]}"
    values |= {"fetch_status": status, "fetch_reason": reason, "cached": bool(received and received.cached)}
    values["box"] = list(item.box) if item.box else None
    values["mask_urls"] = list(item.mask_urls) or None
    values["boxes"] = [box._asdict() for box in item.boxes] or None
    if received is not None:
        values |= {
            "fetched_url": received.url,
            "file": received.file,
            "file_sha256": received.sha256,
            "file_size": received.size,
            "content_type": received.content_type,
            "etag": received.etag,
            "last_modified": received.last_modified,
            "retrieved_at": received.retrieved_at,
        }
    return values


def table_of(rows: Sequence[Row]) -> pd.DataFrame:
    """Rows as a table with the columns of ``items.parquet``."""
    return pd.DataFrame(rows, columns=LOCK_SCHEMA.names, dtype=object)


def joined(before: pd.DataFrame | None, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the last fetch that are not replaced, followed by the new ones."""
    if before is None:
        return table
    kept = before[~before["item_id"].isin(set(table["item_id"]))]
    both = [part.astype(object).where(part.notna(), None) for part in (kept, table)]
    return pd.concat(both, ignore_index=True)
