"""Lung masks that come with films: fetched like films, and listed in a table of their own beside the lock.

``masks.parquet`` has one row per mask of a wanted film, with its file or the reason why there is none.
"""

from collections.abc import Iterator, Sequence
from urllib.parse import urldefrag

import pyarrow as pa

from sources.core.items import FETCH_FIELDS, Item, field

MASK_SCHEMA = pa.schema(
    [
        field("source", pa.string(), "name of the source"),
        field("item_id", pa.string(), "the film that the mask belongs to"),
        field("url", pa.string(), "address of the mask (of the archive, when member is set)"),
        field("member", pa.string(), "path inside the archive"),
        *FETCH_FIELDS,
    ]
)


def mask_items(items: Sequence[Item]) -> Iterator[Item]:
    """One item per mask of the wanted films; ``item_id`` is the film's. ``archive#member`` means a file inside it."""
    for item in items:
        if item.skip is None:
            for address in item.mask_urls:
                url, member = urldefrag(address)
                yield Item(item_id=item.item_id, url=url, member=member or None)
