"""``items.parquet``: what a source listed and what came of each image; it is also the lock that ``--locked`` rebuilds.

One row per listed image, in the source's order. ``(source, item_id)`` names a row everywhere in the project.
"""

import pyarrow as pa

KEY = ("source", "item_id")


def field(name: str, type_: pa.DataType, description: str) -> pa.Field:
    """A nullable column whose description travels in the Parquet file."""
    return pa.field(name, type_, metadata={"description": description})


ITEM_FIELDS = [
    field("source", pa.string(), "name of the source"),
    field("item_id", pa.string(), "identifier of the image within its source"),
    field("page_url", pa.string(), "page, table or API answer that lists the image"),
    field("url", pa.string(), "address of the bytes (of the archive, when member is set)"),
    field("member", pa.string(), "path inside the archive"),
    field("label", pa.string(), "normal | cap | covid | other; null = the source does not tell"),
    field("finding", pa.string(), "the finding in the source's own words"),
    field("view", pa.string(), "PA | AP | AP_SUPINE | L | CT | OTHER | unknown"),
    field("modality", pa.string(), "modality in the source's own words"),
    field("patient_id", pa.string(), "patient, prefixed by the source"),
    field("study_id", pa.string(), "examination, prefixed by the source"),
    field("age", pa.float64(), "age in years"),
    field("sex", pa.string(), "F | M"),
    field("pediatric", pa.bool_(), "below 18 years"),
    field("offset_days", pa.float64(), "day of the film relative to admission or first symptoms"),
    field("rt_pcr", pa.string(), "positive | negative"),
    field("licence", pa.string(), "licence of the image"),
    field("attribution", pa.string(), "whom to credit"),
    field("redistributable", pa.bool_(), "may the bytes be passed on under that licence"),
    field("box", pa.list_(pa.int32(), 4), "left, top, width, height of one panel in the fetched picture (px)"),
    field("panel", pa.string(), "letter of the panel in a composite figure"),
    field("mask_urls", pa.list_(pa.string()), "addresses of lung masks of this film"),
]

FETCH_FIELDS = [
    field("fetch_status", pa.string(), "fetched | skipped | failed"),
    field("fetch_reason", pa.string(), "why it was skipped or failed"),
    field("fetched_url", pa.string(), "the address that answered (an alternate, when url is gone)"),
    field("file", pa.string(), "path of the bytes below data/raw/<source>, files/<sha256>.<ext>"),
    field("file_sha256", pa.string(), "sha256 of the file as received (of the archive, when member is set)"),
    field("file_size", pa.int64(), "bytes received"),
    field("content_type", pa.string(), "type of the content, as sniffed from the bytes"),
    field("etag", pa.string(), "HTTP validator"),
    field("last_modified", pa.string(), "HTTP validator"),
    field("retrieved_at", pa.string(), "UTC time of the download; null for an offline copy"),
]

LOCK_SCHEMA = pa.schema([*ITEM_FIELDS, *FETCH_FIELDS], metadata={"version": "1"})
