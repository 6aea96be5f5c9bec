"""Find the lungs of every film that is not excluded so far; excludes nothing.

Reads the pool and the tables of dedupe and views. Writes ``segment.parquet`` with ``lung_box``, ``lung_share``,
``mask_quality``, ``lungs_cut``, ``lung_reason`` and ``lung_mask``.
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import astuple, dataclass
from functools import partial
from typing import Any

import pandas as pd
from tqdm import tqdm

from pipeline.classifiers.lungs import lung_network
from pipeline.core.layout import Layout
from pipeline.core.parallel import map_images
from pipeline.core.params import Params, SegmentParams
from pipeline.core.schema import MASK_FIELD, SEGMENT_FIELDS, SEGMENT_SCHEMA, WHOLE_FILM
from pipeline.core.summary import Summary
from pipeline.core.tables import iter_images, read_rows
from pipeline.imaging.masks import encode_mask
from pipeline.imaging.png import decode_png
from pipeline.segment.find import find_lungs
from sources.core.items import KEY, Key
from sources.core.storage import write_table
from sources.core.text import counted

Values = dict[str, Any]  # of the columns of the stage


@dataclass(frozen=True)
class SegmentSummary(Summary):
    """Films looked at, those whose box is the whole film, those with a doubtful mask, and those with a cut lung."""

    films: int
    whole: int
    doubtful: int
    cut: int

    def __str__(self) -> str:
        sure = self.films - self.whole - self.doubtful
        return (
            f"{counted(self.films, 'film')}, {sure:,} with sure lungs, {self.doubtful:,} with doubtful ones, "
            f"{self.whole:,} without a plausible mask, {self.cut:,} with a cut lung"
        )


def run(layout: Layout, params: Params, executor: Executor | None = None) -> SegmentSummary:
    """Write ``segment.parquet``.

    Raises:
        UsageError: the network cannot be used.
        CxnetError: an earlier table is missing or damaged.
    """
    options = params.segment
    lung_network(options.network, options.definition)  # before any work
    rows = read_rows(layout, after="views").sort_values(list(KEY), kind="stable", ignore_index=True)
    left = rows[rows["excluded_by"].isna()]
    wanted = set(zip(left["source"], left["item_id"], strict=True))
    found = dict(tqdm(_find_all(layout, wanted, options, executor), desc="segment", unit="img", disable=None))
    columns = pd.DataFrame(
        [found.get(key, {}) for key in zip(rows["source"], rows["item_id"], strict=True)], rows.index
    )
    columns = columns.reindex(columns=[field.name for field in (*SEGMENT_FIELDS, MASK_FIELD)]).astype(object)
    write_table(layout.segment, rows.assign(**columns.where(columns.notna(), None)), SEGMENT_SCHEMA)
    reasons = [values["lung_reason"] or "" for values in found.values()]
    return SegmentSummary(
        films=len(found),
        whole=sum(reason.startswith(WHOLE_FILM) for reason in reasons),
        doubtful=sum(reason.startswith("doubtful") for reason in reasons),
        cut=sum(values["lungs_cut"] for values in found.values()),
    )


def _find_all(
    layout: Layout, wanted: set[Key], options: SegmentParams, executor: Executor | None
) -> Iterator[tuple[Key, Values]]:
    """Key and columns of every wanted film."""
    images = (((row["source"], row["item_id"]), png) for row, png in iter_images(layout.pool, "pool"))
    films = (film for film in images if film[0] in wanted)
    return map_images(partial(_find, options), films, executor)


def _find(options: SegmentParams, film: tuple[Key, bytes]) -> tuple[Key, Values]:
    """Key and columns of a pool picture. Runs in the worker processes."""
    key, png = film
    lungs = find_lungs(decode_png(png, "/".join(key)), lung_network(options.network, options.definition), options)
    return key, {
        "lung_box": list(astuple(lungs.box)),
        "lung_share": round(lungs.share, 4),
        "mask_quality": round(lungs.quality, 4),
        "lungs_cut": lungs.is_cut,
        "lung_reason": lungs.reason,
        "lung_mask": encode_mask(lungs.mask),
    }
