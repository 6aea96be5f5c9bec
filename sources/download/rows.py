"""Rows of ``items.parquet``: one from an item and its fetch, then the table, its counts and its changes."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd

from sources.core.items import LOCK_SCHEMA, Item
from sources.core.source import Source
from sources.download.journal import Received

Row = dict[str, Any]
PREFIXED = ("patient_id", "study_id")
UNPARSED = re.compile(r"parse: no image found at .* \(selector (?P<selector>.*)\)$", re.DOTALL)  # see items.unparsed
UNPARSED_SHARE = 0.2  # share of a source's pages that may show no image without a warning


def changes(before: pd.DataFrame | None, after: pd.DataFrame) -> dict[str, list[str]]:
    """Images that are new, gone, or have other bytes than in the last fetch, by item_id."""
    if before is None:
        return {"new": list(after["item_id"]), "gone": [], "changed": []}
    old = dict(zip(before["item_id"], before["file_sha256"], strict=True))
    new = dict(zip(after["item_id"], after["file_sha256"], strict=True))
    both = [name for name in new if name in old]
    return {
        "new": [name for name in new if name not in old],
        "gone": [name for name in old if name not in new],
        "changed": [name for name in both if isinstance(old[name], str) and old[name] != new[name]],
    }


def unparsed_warning(name: str, rows: Sequence[Row]) -> str | None:
    """A warning if too many pages of a source show no image: then the site has probably changed."""
    pages = {row["page_url"] for row in rows}
    failed = [match for row in rows if (match := UNPARSED.match(row["fetch_reason"] or ""))]
    if len(failed) <= UNPARSED_SHARE * len(pages):
        return None
    selector, count = Counter(match["selector"] for match in failed).most_common(1)[0]
    return (
        f"{len(failed)} of {len(pages)} pages of '{name}' show no image where one is expected, {count} of them for the "
        f"selector {selector}: the site has probably changed; save such a page with --record and fix the source."
    )


def row_of(source: Source, item: Item, status: str, reason: str | None, received: Received | None = None) -> Row:
    """The row of an item: what its source states, and the result of fetching it."""
    values: Row = {**dict.fromkeys(LOCK_SCHEMA.names), **item.__dict__, "source": source.name}
    for name in PREFIXED:
        if values[name] is not None:
            values[name] = f"{source.name}:{values[name]}"
    values |= {"fetch_status": status, "fetch_reason": reason, "cached": bool(received and received.cached)}
    values["box"] = list(item.box) if item.box else None
    values["mask_urls"] = list(item.mask_urls) or None
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


def joined(before: pd.DataFrame | None, rows: Sequence[Row]) -> pd.DataFrame:
    """The rows of the last fetch that are not replaced, followed by the new ones."""
    table = table_of(rows)
    if before is None:
        return table
    kept = before[~before["item_id"].isin(set(table["item_id"]))].astype(object)
    return pd.concat([kept.where(kept.notna(), None), table], ignore_index=True)


def counts_of(rows: Sequence[Row]) -> dict[str, int]:
    """How many rows are listed, fetched, cached, skipped and failed, and the bytes of their files (each once)."""
    status = Counter("cached" if row["cached"] else row["fetch_status"] for row in rows)
    sizes = {row["file_sha256"]: row["file_size"] for row in rows if row["file_sha256"]}
    names = ("fetched", "cached", "skipped", "failed")
    return {"listed": len(rows), **{name: status[name] for name in names}, "bytes": sum(sizes.values())}


def reasons_of(rows: Sequence[Row]) -> dict[str, int]:
    """How many rows were skipped or failed for each reason, the most frequent first."""
    counts = Counter(f"{row['fetch_status']}: {row['fetch_reason']}" for row in rows if row["fetch_reason"])
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))
