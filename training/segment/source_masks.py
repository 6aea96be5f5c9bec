"""Films whose source publishes lung masks: the tuberculosis sets, and the copy of them in the sandbox."""

import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pandas as pd
from upath import UPath

from pipeline.classifiers.upright import set_upright
from pipeline.core.layout import Layout
from pipeline.core.params import IngestParams
from pipeline.core.schema import DEDUPE_SCHEMA
from pipeline.core.tables import iter_images, join, read_pool
from pipeline.decoding.contract import BadImage
from pipeline.decoding.guarded import decode_guarded
from pipeline.imaging.arrays import Gray
from pipeline.imaging.png import decode_png, shrink
from sources.core.errors import CxnetError
from sources.core.items import KEY, Key
from sources.core.storage import read_table
from sources.core.text import counted
from training.segment.films import MaskedFilm

log = logging.getLogger(__name__)

MASKS = "masks.parquet"  # in data/raw/<source>/
COLUMNS = (*KEY, "width", "height", "rotation", "patient_id", "excluded_by")


@dataclass(frozen=True, eq=False)
class SourceFilm:
    """A film with the mask of its source.

    Attributes:
        film: the film; its mask stands under the definition that was asked for.
        patient: patient, or the film's own name if unknown.
    """

    film: MaskedFilm
    patient: str

    def is_held_out(self, share: float) -> bool:
        """Is the film among the ``share`` of patients that only judge?"""
        return int(hashlib.sha256(self.patient.encode()).hexdigest()[:8], 16) < share * 2**32


def read_source_films(layout: Layout, definition: str, long_side: int, ingest: IngestParams) -> list[SourceFilm]:
    """Read every film that has a mask, was not excluded before dedupe, and is no copy.

    Args:
        layout: folders of a run up to dedupe.
        definition: what the masks call lung.
        long_side: larger films are shrunk to this long side (px).
        ingest: limits of decoding, which hold for masks, too.

    Raises:
        CxnetError: no film has a usable mask, or a table is missing.
    """
    rows = join(read_pool(layout, COLUMNS), read_table(layout.dedupe, schema=DEDUPE_SCHEMA), layout.dedupe)
    kept = rows[rows["excluded_by"].isna()]
    facts = {(row["source"], row["item_id"]): row for row in kept.to_dict("records")}
    files = {key: paths for key, paths in _mask_files(layout).items() if key in facts}
    films, unusable = [], 0
    for row, png in iter_images(layout.pool, "pool"):
        key = (str(row["source"]), str(row["item_id"]))
        if key in files:
            picture = shrink(decode_png(png, "/".join(key)), long_side)
            mask = _union(files[key], facts[key], picture, ingest)
            if mask is None:
                unusable += 1
            else:
                patient = facts[key]["patient_key"]
                name = "/".join(key) if pd.isna(patient) else str(patient)
                films.append(SourceFilm(MaskedFilm(picture, {definition: mask}), name))
    if unusable:
        log.warning("%s left out: a mask cannot be read, or is not of the film's size", counted(unusable, "film"))
    if not films:
        raise CxnetError(
            f"{layout.raw} has no film with a lung mask; add a source that publishes masks (tuberculosis), then run "
            "fetch, ingest and dedupe."
        )
    return films


def _mask_files(layout: Layout) -> dict[Key, list[UPath]]:
    """The files of the masks of each film; a film with a mask that was not fetched is left out."""
    files: dict[Key, list[UPath]] = defaultdict(list)
    broken = set()
    for path in sorted(layout.raw.glob(f"*/{MASKS}"), key=str):
        for source, item_id, file in read_table(path, [*KEY, "file"]).itertuples(index=False, name=None):
            if pd.isna(file):
                broken.add((source, item_id))
            else:
                files[source, item_id].append(path.parent / file)
    return {key: paths for key, paths in files.items() if key not in broken}


def _union(files: list[UPath], row: Mapping[Any, Any], picture: Gray, ingest: IngestParams) -> Gray | None:
    """All masks of a film as one, (H, W) uint8 0 and 255 like ``picture``; None if one cannot be used."""
    masks = list(_decoded(files, ingest))
    sizes = {mask.shape for mask in masks}
    rotation = 0 if pd.isna(row["rotation"]) else int(row["rotation"])
    expected = (row["height"], row["width"]) if rotation % 180 == 0 else (row["width"], row["height"])
    if len(masks) < len(files) or sizes != {expected}:
        return None
    mask = set_upright(np.maximum.reduce(masks), rotation, inverted=False)
    small = cv2.resize(mask, picture.shape[::-1], interpolation=cv2.INTER_AREA)
    return np.where(small > 127, 255, 0).astype(np.uint8)


def _decoded(files: list[UPath], ingest: IngestParams) -> Iterator[Gray]:
    for path in files:
        try:
            yield decode_guarded(path.read_bytes(), max_megapixels=ingest.max_megapixels).gray
        except (BadImage, OSError):
            return
