"""Films whose lungs are known, to train and to judge the lung network.

The films come from the pool of a finished run, their masks from a CSV with the columns ``image`` (the film's address
without ``https://``), ``mask`` (a file beside the CSV) and ``origin``. Synthetic films are drawn with their masks.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import cv2
import numpy as np
import pandas as pd

from pipeline.classifiers.upright import set_upright
from pipeline.core.layout import Layout
from pipeline.core.schema import DEDUPE_SCHEMA
from pipeline.core.tables import iter_images, join, read_pool, row_names
from pipeline.imaging.arrays import Gray
from pipeline.imaging.png import decode_png, shrink
from sources.core.errors import CxnetError
from sources.core.storage import read_table
from sources.sandbox.anatomy import draw_anatomy
from sources.sandbox.phantom import Exposure, frontal
from training.classifiers.known_films import COLUMNS, forbids_training
from training.segment.films import MaskedFilm

# What each origin of masks calls lung: with (whole) or without (visible) the part behind the heart
DEFINITIONS = {"v7labs": "whole", "lungVAE": "visible", "joseph-bae": "visible"}
WITHOUT_LICENSE = ("joseph-bae",)  # used for testing only
HELD_OUT = 0.2  # share of the patients that are used for testing only
AGES = (0.5, 2.0, 5.0, 10.0, 25.0, 40.0, 55.0, 70.0, 85.0)  # years, of synthetic people
LABELS = ("normal", "covid", "cap", "other")


@dataclass(frozen=True, eq=False)
class KnownLungs:
    """A film whose lungs are known.

    Attributes:
        picture: (H, W) uint8.
        masks: origin -> (H, W) uint8, 0 and 255.
        patient: patient, or the film's own name if unknown.
        name: ``<source>/<item_id>``.
        may_train: whether the terms of its source allow machine learning.
    """

    picture: Gray
    masks: Mapping[str, Gray]
    patient: str
    name: str
    may_train: bool

    @property
    def is_held_out(self) -> bool:
        """Is the film used for testing only? All films of a patient are, or none."""
        number = int(hashlib.sha256(self.patient.encode()).hexdigest()[:8], 16)
        return not self.may_train or number / 2**32 < HELD_OUT

    def to_masked(self) -> MaskedFilm:
        """The film with the masks that may be trained on."""
        masks = {DEFINITIONS[origin]: mask for origin, mask in self.masks.items() if origin not in WITHOUT_LICENSE}
        return MaskedFilm(self.picture, masks)


def read_known_lungs(layout: Layout, table: Path, long_side: int) -> Iterator[KnownLungs]:
    """Read every film of the pool that has a mask in ``table``.

    Args:
        layout: folders of a run up to dedupe.
        table: CSV of masks.
        long_side: larger films are shrunk to this long side (px).

    Raises:
        CxnetError: a picture or a mask is damaged, or does not fit the film.
    """
    masks = pd.read_csv(table, dtype=str)
    by_address = {str(address): group for address, group in masks.groupby("image")}
    pool = read_pool(layout, (*COLUMNS, "width", "height", "rotation"))
    rows = join(pool, read_table(layout.dedupe, schema=DEDUPE_SCHEMA), layout.dedupe)
    addresses = [unquote(str(url)).partition("://")[2] for url in rows["fetched_url"]]
    rows = rows.assign(address=addresses, forbidden=forbids_training(rows), name=row_names(rows))
    known = rows[rows["address"].isin(list(by_address)) & rows["pixel_sha256"].notna()]
    by_name = {row["name"]: row for row in known.to_dict("records")}
    for key, png in iter_images(layout.pool, "pool"):
        name = f"{key['source']}/{key['item_id']}"
        if (row := by_name.get(name)) is not None:
            picture = shrink(decode_png(png, name), long_side)
            named = by_address[str(row["address"])]
            yield KnownLungs(
                picture=picture,
                masks={
                    origin: _read_mask(table.parent / path, picture, row)
                    for origin, path in zip(named["origin"], named["mask"], strict=True)
                },
                patient=name if pd.isna(row["patient_key"]) else str(row["patient_key"]),
                name=name,
                may_train=not row["forbidden"],
            )


def draw_lungs(count: int, seed: int, height: int = 240) -> Iterator[MaskedFilm]:
    """Draw synthetic films with masks of the whole lungs."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        anatomy = draw_anatomy(rng, float(rng.choice(AGES)), str(rng.choice(["F", "M"])))
        exposure = Exposure(
            height=height,
            width=int(height * rng.uniform(0.8, 1.2)),
            seed=int(rng.integers(2**31)),
            label=str(rng.choice(LABELS)),
            severity=float(rng.uniform(0.3, 1)),
            side=int(rng.choice([-1, 1])),
            focus=int(rng.integers(2**31)),
            ap=bool(rng.random() < 0.3),
        )
        picture, mask = frontal(anatomy, exposure)
        yield MaskedFilm(picture, {"whole": mask})


def _read_mask(path: Path, picture: Gray, row: Mapping[Any, Any]) -> Gray:
    """A mask in the size of the picture, turned as the film was."""
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise CxnetError(f"Cannot read the mask {path}.")
    mask = set_upright(mask, int(row["rotation"]), inverted=False)
    if mask.shape != (row["height"], row["width"]):
        raise CxnetError(f"{path} is {mask.shape[1]} x {mask.shape[0]} px, its film {row['width']} x {row['height']}.")
    small = cv2.resize(mask, picture.shape[::-1], interpolation=cv2.INTER_AREA)
    return np.where(small > 127, 255, 0).astype(np.uint8)
