"""Withdraw films: every proven copy with them, and a list of what holds them already."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from pipeline.audit.dataset import MANIFEST
from pipeline.core.layout import Layout
from pipeline.core.schema import MANIFEST_SCHEMA
from pipeline.core.tables import row_names
from pipeline.core.withdrawn import add_withdrawn
from pipeline.release.create import SNAPSHOTS
from sources.core.errors import UsageError
from sources.core.items import KEY
from sources.core.storage import read_table
from sources.core.text import counted

COLUMNS = [*KEY, "image_id", "cluster_id", "status"]


@dataclass(frozen=True)
class Withdrawn:
    """What was withdrawn: images, how many were new, and the versions and models that hold one."""

    images: list[str]
    new: int
    versions: list[str]
    models: list[str]

    def __str__(self) -> str:
        return f"{counted(len(self.images), 'image')} withdrawn, {self.new:,} of them new to the list"


def withdraw(layout: Layout, given: Sequence[str], why: str) -> Withdrawn:
    """Add films, and all films of the same exposures, to ``curation/withdrawn.csv``.

    Raises:
        UsageError: no row has such an image.
    """
    if not why.strip():
        raise UsageError("State why the films are withdrawn: --why 'the patient asked for it'.")
    rows = read_table(layout.manifest / MANIFEST, COLUMNS, MANIFEST_SCHEMA)
    images = sorted(set().union(*(_copies(rows, name) for name in given)))
    new = add_withdrawn(layout.withdrawn, images, " ".join(why.split()))
    return Withdrawn(images, new, _versions(layout, images), _models(layout, images))


def _copies(rows: pd.DataFrame, name: str) -> set[str]:
    """The image that is meant, and its proven copies."""
    meant = rows[(rows["image_id"] == name) | (row_names(rows) == name)]
    meant = meant[meant["image_id"].notna()]
    if meant.empty:
        raise UsageError(f"No film is called {name}; give an image_id, or <source>/<item_id> as in the manifest.")
    clusters = meant["cluster_id"].dropna()
    copies = rows[rows["cluster_id"].isin(clusters) & rows["image_id"].notna()]
    return {*meant["image_id"], *copies["image_id"]}


def _versions(layout: Layout, images: Sequence[str]) -> list[str]:
    """Snapshots of the project that keep one of the images."""
    found = []
    for path in sorted((layout.root / SNAPSHOTS).glob(f"*/{MANIFEST}"), key=str):
        rows = read_table(path, ["image_id", "status"], MANIFEST_SCHEMA)
        if (rows["image_id"].isin(images) & (rows["status"] == "kept")).any():
            found.append(path.parent.name)
    return found


def _models(layout: Layout, images: Sequence[str]) -> list[str]:
    """Models of the project whose training films hold one of the images: those of the arrays that they learned from."""
    import json

    found = []
    for path in sorted((layout.root / "models").glob("*/params.json"), key=str):
        record = json.loads(path.read_text(encoding="utf-8"))
        inputs = layout.arrays(str(record.get("options", {}).get("inputs", ""))) / "rows.parquet"
        if inputs.exists():
            rows = read_table(inputs, ["image_id", "split"])
            if (rows["image_id"].isin(images) & rows["split"].isin(["train", "val"])).any():
                found.append(path.parent.name)
    return found
