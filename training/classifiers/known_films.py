"""Films whose view is known, for the small networks that the package ships, and whether their terms let them train.

Films come from the pool of a finished run (``data/pool``), their true views from a CSV (``image, view``) and, for films
of the drawn sandbox, from its own truth. Films whose source forbids machine learning (Radiopaedia's, under whatever
set they arrive, and all copies of them) may not train.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.core.layout import Layout
from pipeline.core.tables import iter_images, join, read_pool
from pipeline.imaging.png import decode_png, shrink
from sources.core.items import KEY
from sources.core.source import registry
from sources.core.storage import read_table

Gray = npt.NDArray[np.uint8]

CLASS_OF_VIEW = {
    **dict.fromkeys(("PA", "AP", "AP Supine", "AP_SUPINE", "frontal"), "frontal"),
    "L": "lateral",
    **dict.fromkeys(("CT", "OTHER", "other/figure"), "other"),
}
ALL_FRONTAL = ("nih", "pediatric")  # sets that publish frontal films only
COLUMNS = (*KEY, "image_id", "pixel_sha256", "fetched_url", "page_url", "url", "licence", "attribution", "finding")
CHANGED_COPIES = ("mirrored", "inverted")  # drawn copies that are no longer as a film should be


@dataclass(frozen=True)
class Example:
    """One film whose view is known.

    Attributes:
        picture: uint8, the film, long side as asked for.
        kind: frontal, lateral or other; ``patient``: for grouped validation; ``source``; ``name``.
        may_train: do its terms allow machine learning.
    """

    picture: Gray
    kind: str
    patient: str
    source: str
    name: str
    may_train: bool


def read_examples(layout: Layout, truth: Path | None, long_side: int) -> Iterator[Example]:
    """Every pool film whose view is known: from the truth, or from its set where that holds one view only."""
    rows = join(read_pool(layout, COLUMNS), read_table(layout.dedupe))
    views = _known_views(layout, rows, truth)
    forbidden = _forbidden(rows)
    known = {
        (row["source"], row["item_id"]): (
            view,
            None if pd.isna(row["patient_key"]) else str(row["patient_key"]),
            not banned,
        )
        for row, view, banned in zip(rows.to_dict("records"), views, forbidden, strict=True)
        if view is not None
    }
    for key, png in iter_images(layout.pool, "pool"):
        name = (key["source"], key["item_id"])
        if name in known:
            view, patient, may_train = known[name]
            picture = np.asarray(shrink(decode_png(png, "/".join(map(str, name))), long_side), np.uint8)
            group = patient or "/".join(map(str, name))
            yield Example(picture, CLASS_OF_VIEW[view], group, str(name[0]), "/".join(map(str, name)), may_train)


def _known_views(layout: Layout, rows: pd.DataFrame, truth: Path | None) -> list[str | None]:
    by_image = _truth_by_image(truth)
    drawn = _drawn_truth(layout)
    found: list[str | None] = []
    for row in rows.to_dict("records"):
        if pd.isna(row["pixel_sha256"]):
            found.append(None)
        elif row["image_id"] in drawn:
            found.append(drawn[row["image_id"]])
        else:
            place = unquote(str(row["fetched_url"])).partition("://")[2]
            found.append(by_image.get(place) or ("frontal" if row["source"] in ALL_FRONTAL else None))
    return found


def _truth_by_image(truth: Path | None) -> dict[str, str]:
    if truth is None:
        return {}
    table = pd.read_csv(truth, dtype=str)
    return dict(zip(table["image"], table["view"], strict=True))


def _drawn_truth(layout: Layout) -> dict[str, str | None]:
    """View of each drawn file by its sha256; None where it is not as a film should be."""
    path = layout.sandbox / "truth" / "films.csv"
    if not path.exists():
        return {}
    table = pd.read_csv(str(path), dtype=str)
    good = table["defect"].fillna("").eq("") & ~table["duplicate_kind"].isin(CHANGED_COPIES)
    views = table["view"].where(good, None)
    return {name: view if pd.notna(view) else None for name, view in zip(table["sha256"], views, strict=True)}


def _forbidden(rows: pd.DataFrame) -> list[bool]:
    """Which films must not train: their source forbids it, or they are copies of such a source's films."""
    closed = {name: source for name, source in registry().items() if not source.terms.machine_learning}
    hosts = {host for source in closed.values() for host in source.hosts}
    told = rows[["page_url", "url", "licence", "attribution", "finding"]].fillna("").astype(object)
    words = [" ".join(map(str, values)).lower() for values in told.itertuples(index=False)]
    names = tuple(hosts) + tuple(closed)
    banned = [
        source in closed or any(name in text for name in names)
        for source, text in zip(rows["source"], words, strict=True)
    ]
    clusters = {cluster for cluster, bad in zip(rows["cluster_id"], banned, strict=True) if bad and pd.notna(cluster)}
    return [bad or cluster in clusters for bad, cluster in zip(banned, rows["cluster_id"], strict=True)]
