"""Handmade stage tables, to test a stage without the stages before it."""

import hashlib
from typing import Any

import cv2
import numpy as np
import pandas as pd

from pipeline.core.params import Params
from pipeline.core.schema import DEDUPE_SCHEMA, HARMONISE_SCHEMA, POOL_SCHEMA, SEGMENT_SCHEMA, VIEWS_SCHEMA
from sources.core.items import KEY
from sources.core.storage import write_table

SCHEMAS = {"dedupe": DEDUPE_SCHEMA, "views": VIEWS_SCHEMA, "segment": SEGMENT_SCHEMA, "harmonise": HARMONISE_SCHEMA}
COLUMNS = list(dict.fromkeys(name for schema in (POOL_SCHEMA, *SCHEMAS.values()) for name in schema.names))


def film(source="cohen", item_id="1", picture=None, **values):
    """A row of all stages: a kept covid film, changed by ``values``; ``picture`` is gray uint8 (H, W)."""
    if picture is None:
        picture = draw(len(item_id) + sum(map(ord, source + item_id)))
    height, width = picture.shape
    defaults = {"label": "covid", "view": "PA", "view_source": "metadata", "width": width, "height": height}
    defaults["image_id"] = hashlib.sha256(f"{source}/{item_id}".encode()).hexdigest()
    png = cv2.imencode(".png", picture)[1].tobytes()
    defaults["image"] = {"bytes": png, "path": "film.png"}
    return {**dict.fromkeys(COLUMNS), **defaults, "source": source, "item_id": item_id, **values}


def table(rows):
    """The rows as a table, with missing values as the stages read them."""
    return pd.DataFrame(rows, columns=COLUMNS).astype(object).where(lambda frame: frame.notna(), None)


def lay_out(layout, rows, through="views", shard_rows=3):
    """Write the pool and the stage tables up to the stage ``through``, sorted by name."""
    rows = sorted(rows, key=lambda row: tuple(row[name] for name in KEY))
    for number, first in enumerate(range(0, max(len(rows), 1), shard_rows)):
        write_table(layout.pool / f"pool-{number:05d}.parquet", table(rows[first : first + shard_rows]), POOL_SCHEMA)
    for stage, schema in SCHEMAS.items():
        write_table(getattr(layout, stage), table(rows), schema)
        if stage == through:
            break


def draw(seed, height=48, width=40):
    """A smooth random picture, uint8 (height, width)."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)
    blurred = cv2.GaussianBlur(noise, (0, 0), 3).astype(float)
    return np.rint((blurred - blurred.min()) / np.ptp(blurred) * (150 + seed % 100)).astype(np.uint8)


def options(**groups: Any) -> Params:
    """A profile of defaults, but for the groups of options that are given."""
    return Params(profile="tested", **groups)
