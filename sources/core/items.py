"""Items, and ``items.parquet``: what a source lists, and what became of each image.

``items.parquet`` has one row per listed image, in the source's order. It is also the lock from which
``fetch --locked`` rebuilds the files. ``(source, item_id)`` names a row everywhere in the project.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

LABELS = ("normal", "cap", "covid", "other")
VIEWS = ("PA", "AP", "AP_SUPINE", "L", "CT", "OTHER", "unknown")
FRONTAL = ("PA", "AP", "AP_SUPINE")
KEY = ("source", "item_id")
Key = tuple[str, str]  # the values of KEY in one row


class StatedBox(NamedTuple):
    """What one row of a table says about a film that has several rows, or boxes around its findings.

    Attributes:
        left, top, width, height: in pixels of the file as received; None if the row states no box.
        finding: in the table's own words; ``label``: one of :data:`LABELS`.
    """

    left: float | None
    top: float | None
    width: float | None
    height: float | None
    finding: str | None
    label: str | None


PAGE = "page "  # begins the item_id of a row that stands for a page


@dataclass(frozen=True, slots=True)
class Item:
    """One image as its source lists it. What the source does not state stays None: nothing is guessed.

    Attributes:
        item_id: unique within the source and stable over time.
        url: address of the bytes (of the archive, when ``member`` is set).
        member: path inside the archive at ``url``.
        alternates: further addresses of the same image, tried in order when ``url`` fails. With ``member``: further
            archives that may hold the member, where the source does not say which one does.
        page_url: the page, table or API answer where a person can check the row.
        label: one of :data:`LABELS`, or None when the source does not say; ``finding`` is the source's own word.
        view: one of :data:`VIEWS`; ``modality`` is the source's own word (X-ray, CT, CR, ...).
        patient_id, study_id: as the source writes them; the store prefixes them with the source's name.
        age: years; ``sex``: F or M; ``pediatric``: is the patient below 18, where the source says so.
        offset_days: day of the film relative to admission or first symptoms, as the source counts.
        rt_pcr: positive or negative.
        licence: SPDX-like name of the license; ``attribution``: whom to credit; ``redistributable``: may the bytes be
            passed on under that license (unknown = False).
        skip: why the bytes are not fetched although the image is listed (``CT by metadata``); None = fetch them.
        box: crop (left, top, width, height) in pixels of the fetched picture, for one panel of a composite figure;
            ``panel`` is its letter.
        mask_urls: addresses of lung masks of this film.
        boxes: what each row of the source's table says, where a film has boxes or several rows.
    """

    item_id: str
    url: str
    member: str | None = None
    alternates: tuple[str, ...] = ()
    page_url: str | None = None
    label: str | None = None
    finding: str | None = None
    view: str = "unknown"
    modality: str | None = None
    patient_id: str | None = None
    study_id: str | None = None
    age: float | None = None
    sex: str | None = None
    pediatric: bool | None = None
    offset_days: float | None = None
    rt_pcr: str | None = None
    licence: str | None = None
    attribution: str | None = None
    redistributable: bool = False
    skip: str | None = None
    box: tuple[int, int, int, int] | None = None
    panel: str | None = None
    mask_urls: tuple[str, ...] = ()
    boxes: tuple[StatedBox, ...] = ()

    @property
    def is_page(self) -> bool:
        """Does it stand for a page whose images could not be listed (:func:`unreadable_page`)?"""
        return self.item_id.startswith(PAGE)


def unreadable_page(url: str, reason: str) -> Item:
    """The row of a page whose images could not be listed."""
    return Item(item_id=f"{PAGE}{url}", url=url, page_url=url, skip=reason)


def unparsed(url: str, selector: str) -> Item:
    """The row of a page that shows no image where one is expected; ``selector`` is what matched nothing."""
    return unreadable_page(url, f"parse: no image found at {url} (selector {selector})")


def once(
    items: Iterable[Item], seen: set[str] | None = None, repeated: Callable[[Item], None] | None = None
) -> Iterator[Item]:
    """The items without those whose ``item_id`` came before: one case may have two addresses.

    Args:
        seen: ids that came before; those of ``items`` are added.
        repeated: called with every item that is left out.
    """
    seen = set() if seen is None else seen
    for item in items:
        if item.item_id not in seen:
            seen.add(item.item_id)
            yield item
        elif repeated is not None:
            repeated(item)


def field(name: str, type_: pa.DataType, description: str) -> pa.Field:
    """A nullable column whose description is stored in the Parquet file."""
    return pa.field(name, type_, metadata={"description": description})


ITEM_FIELDS = [
    field("source", pa.string(), "name of the source"),
    field("item_id", pa.string(), "identifier of the image within its source"),
    field("page_url", pa.string(), "page, table or API answer that lists the image"),
    field("url", pa.string(), "address of the bytes (of the archive, if member is set)"),
    field("member", pa.string(), "path inside the archive"),
    field("label", pa.string(), "normal | cap | covid | other; null = not stated by the source"),
    field("finding", pa.string(), "the finding in the source's own words"),
    field("view", pa.string(), "PA | AP | AP_SUPINE | L | CT | OTHER | unknown"),
    field("modality", pa.string(), "modality in the source's own words"),
    field("patient_id", pa.string(), "patient, prefixed by the source"),
    field("study_id", pa.string(), "examination, prefixed by the source"),
    field("age", pa.float64(), "age in years"),
    field("sex", pa.string(), "F | M"),
    field("pediatric", pa.bool_(), "whether the patient is younger than 18 years"),
    field("offset_days", pa.float64(), "day of the film relative to admission or first symptoms"),
    field("rt_pcr", pa.string(), "positive | negative"),
    field("licence", pa.string(), "license of the image"),
    field("attribution", pa.string(), "whom to credit"),
    field("redistributable", pa.bool_(), "whether the license allows redistribution"),
    field("box", pa.list_(pa.int32(), 4), "left, top, width, height of one panel in the fetched picture (px)"),
    field("panel", pa.string(), "letter of the panel in a composite figure"),
    field("mask_urls", pa.list_(pa.string()), "addresses of lung masks of this film"),
    field(
        "boxes",
        pa.list_(
            pa.struct(
                [
                    *((name, pa.float64()) for name in ("left", "top", "width", "height")),
                    *((name, pa.string()) for name in ("finding", "label")),
                ]
            )
        ),
        "what each row of the source's table says, where a film has boxes or several rows: left, top, width, height "
        "(px of the file as received; null = no box), finding, label",
    ),
]

FETCH_FIELDS = [
    field("fetch_status", pa.string(), "fetched | skipped | failed"),
    field("fetch_reason", pa.string(), "why it was skipped or failed"),
    field("fetched_url", pa.string(), "the address that answered (an alternate, if url failed)"),
    field("file", pa.string(), "path of the bytes below data/raw/<source>, files/<sha256>.<ext>"),
    field("file_sha256", pa.string(), "sha256 of the file as received (of the archive, if member is set)"),
    field("file_size", pa.int64(), "bytes received"),
    field("content_type", pa.string(), "content type, detected from the first bytes"),
    field("etag", pa.string(), "ETag header of the response"),
    field("last_modified", pa.string(), "Last-Modified header of the response"),
    field("retrieved_at", pa.string(), "UTC time of the download; null for an offline copy"),
]

LOCK_SCHEMA = pa.schema([*ITEM_FIELDS, *FETCH_FIELDS], metadata={"version": "1"})
