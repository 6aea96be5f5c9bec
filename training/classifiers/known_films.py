"""Films whose view is known, as training examples for the small networks.

The films come from the pool of a finished run. Their views come from a CSV, from the truth of the sandbox for synthetic
films, or from their source if it publishes frontal films only. Each example records whether it may be used for
training: films of a source that forbids machine learning may not, nor may copies of them in other sources.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pandas as pd

from pipeline.core.layout import Layout
from pipeline.core.schema import DEDUPE_SCHEMA
from pipeline.core.tables import iter_images, join, read_pool
from pipeline.imaging.arrays import Gray
from pipeline.imaging.png import decode_png, shrink
from sources.core.items import KEY
from sources.core.source import registry
from sources.core.storage import read_table

CLASS_OF_VIEW = {
    **dict.fromkeys(("PA", "AP", "AP Supine", "AP_SUPINE", "frontal"), "frontal"),
    "L": "lateral",
    **dict.fromkeys(("CT", "OTHER", "other/figure"), "other"),
}
ALL_FRONTAL = ("nih", "pediatric")  # sources that publish frontal films only
PROVENANCE = ("page_url", "url", "licence", "attribution", "finding")  # columns that may name another source
COLUMNS = (*KEY, "image_id", "pixel_sha256", "fetched_url", *PROVENANCE)
ALTERED_COPIES = ("mirrored", "inverted")  # kinds of synthetic copies that do not look like proper films


@dataclass(frozen=True)
class Example:
    """One film whose view is known.

    Attributes:
        picture: (H, W) uint8.
        view_class: one of :data:`pipeline.classifiers.views.CLASSES`.
        patient: patient, or the film's own name if unknown; groups films in cross-validation.
        source: name of the source.
        name: ``<source>/<item_id>``.
        may_train: whether the terms of its source allow machine learning.
    """

    picture: Gray
    view_class: str
    patient: str
    source: str
    name: str
    may_train: bool


def read_examples(layout: Layout, views: Path | None, long_side: int) -> Iterator[Example]:
    """Read every film of the pool whose view is known.

    Args:
        layout: folders of a finished run.
        views: CSV with the columns ``image`` (the film's address without ``https://``) and ``view``, or None.
        long_side: larger pictures are shrunk to this long side (px).

    Raises:
        CxnetError: a stored picture is damaged.
    """
    rows = join(read_pool(layout, COLUMNS), read_table(layout.dedupe, schema=DEDUPE_SCHEMA), layout.dedupe)
    rows = rows.assign(view=_known_views(layout, rows, views), forbidden=forbids_training(rows))
    known = rows[rows["view"].notna()].set_index(list(KEY))[["view", "patient_key", "forbidden"]].to_dict("index")
    for key, png in iter_images(layout.pool, "pool"):
        row = known.get((key["source"], key["item_id"]))
        if row is not None:
            name = f"{key['source']}/{key['item_id']}"
            yield Example(
                picture=shrink(decode_png(png, name), long_side),
                view_class=CLASS_OF_VIEW[row["view"]],
                patient=name if pd.isna(row["patient_key"]) else str(row["patient_key"]),
                source=str(key["source"]),
                name=name,
                may_train=not row["forbidden"],
            )


def _known_views(layout: Layout, rows: pd.DataFrame, views: Path | None) -> "pd.Series[str]":
    """The view of each row; missing if it is unknown or the row has no picture."""
    by_address = _views_by_address(views)
    synthetic = _synthetic_views(layout)
    known: list[str | None] = []
    for row in rows.to_dict("records"):
        if pd.isna(row["pixel_sha256"]):
            known.append(None)
        elif row["image_id"] in synthetic:
            known.append(synthetic[row["image_id"]])
        else:
            address = unquote(str(row["fetched_url"])).partition("://")[2]
            known.append(by_address.get(address) or ("frontal" if row["source"] in ALL_FRONTAL else None))
    return pd.Series(known, rows.index, dtype=object)


def _views_by_address(views: Path | None) -> dict[str, str]:
    if views is None:
        return {}
    table = pd.read_csv(views, dtype=str)
    return dict(zip(table["image"], table["view"], strict=True))


def _synthetic_views(layout: Layout) -> dict[str, str | None]:
    """View of each synthetic film by its sha256; None if it was given a defect or altered."""
    path = layout.sandbox / "truth" / "films.csv"
    if not path.exists():
        return {}
    table = pd.read_csv(str(path), dtype=str)
    proper = table["defect"].fillna("").eq("") & ~table["duplicate_kind"].isin(ALTERED_COPIES)
    views = table["view"].where(proper, None)
    return {name: view if pd.notna(view) else None for name, view in zip(table["sha256"], views, strict=True)}


def forbids_training(rows: pd.DataFrame) -> list[bool]:
    """Whether each row stems from a source that forbids machine learning: directly, via another source or as a copy."""
    closed = {name: source for name, source in registry().items() if not source.terms.machine_learning}
    names = (*{host for source in closed.values() for host in source.hosts}, *closed)
    provenance = rows[list(PROVENANCE)].fillna("").astype(object)
    texts = [" ".join(map(str, values)).lower() for values in provenance.itertuples(index=False)]
    forbidden = [
        source in closed or any(name in text for name in names)
        for source, text in zip(rows["source"], texts, strict=True)
    ]
    clusters = {
        cluster for cluster, is_one in zip(rows["cluster_id"], forbidden, strict=True) if is_one and pd.notna(cluster)
    }
    return [is_one or cluster in clusters for is_one, cluster in zip(forbidden, rows["cluster_id"], strict=True)]
