"""Decide for every film which view it shows, and exclude what is not frontal.

Reads the pool and ``dedupe.parquet``. Writes ``views.parquet`` with ``view``, ``view_source``, ``view_class``,
``view_score`` and ``view_review``. :mod:`pipeline.classifiers.views` looks at the pictures;
:mod:`pipeline.views.verdict` reconciles the result with the view that the source states.
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from tqdm import tqdm

from pipeline.classifiers.thumbnails import Thumbnails, thumbnail
from pipeline.classifiers.views import CLASSES, shipped_model
from pipeline.core.layout import Layout
from pipeline.core.parallel import map_images
from pipeline.core.params import Params
from pipeline.core.schema import VIEWS_SCHEMA
from pipeline.core.summary import Summary
from pipeline.core.tables import iter_images, read_rows
from pipeline.imaging.png import decode_png
from pipeline.views.verdict import Scores, decide
from sources.core.items import KEY, Key
from sources.core.storage import write_table
from sources.core.text import counted

BATCH = 256  # thumbnails that the networks see at once


@dataclass(frozen=True)
class ViewsSummary(Summary):
    """Rows, pictures of each class, rows excluded, and rows that a person should review."""

    rows: int
    frontal: int
    lateral: int
    other: int
    excluded: int
    to_review: int

    def __str__(self) -> str:
        return (
            f"{counted(self.rows, 'row')}, {self.frontal:,} frontal, {self.lateral:,} lateral, {self.other:,} other, "
            f"{self.excluded:,} excluded, {self.to_review:,} to review"
        )


def run(layout: Layout, params: Params, executor: Executor | None = None) -> ViewsSummary:
    """Decide on the view of every row, and write ``views.parquet``.

    Raises:
        CxnetError: an earlier table is missing or damaged.
    """
    rows = read_rows(layout, after="dedupe").sort_values(list(KEY), kind="stable", ignore_index=True)
    scores = dict(tqdm(_score_pictures(layout, executor), desc="views", unit="img", disable=None))
    rows = decide(rows, scores, params.views)
    write_table(layout.views, rows, VIEWS_SCHEMA)
    counts = {kind: int((rows["view_class"] == kind).sum()) for kind in CLASSES}
    excluded = int((rows["excluded_by"] == "views").sum())
    return ViewsSummary(len(rows), **counts, excluded=excluded, to_review=int(rows["view_review"].notna().sum()))


def _score_pictures(layout: Layout, executor: Executor | None) -> Iterator[tuple[Key, Scores]]:
    """Key, and probabilities of :data:`pipeline.classifiers.views.CLASSES`, of every pool picture."""
    model = shipped_model()
    films = map_images(_shrink_film, iter_images(layout.pool, "pool"), executor)
    while batch := list(islice(films, BATCH)):
        keys, thumbnails, aspects = zip(*batch, strict=True)
        yield from zip(keys, model.probabilities(np.stack(thumbnails), np.array(aspects)), strict=True)


def _shrink_film(film: tuple[dict[str, Any], bytes]) -> tuple[Key, Thumbnails, float]:
    """Key, 64 x 64 thumbnail and aspect ratio of a pool picture. Runs in the worker processes."""
    row, png = film
    key = row["source"], row["item_id"]
    return key, *thumbnail(decode_png(png, "/".join(key)))
