"""Views: frontal films stay; laterals, CT slices, figures and whatever else is no frontal chest film are excluded.

Reads the pool and ``dedupe.parquet``. Writes ``views.parquet`` (``view``, ``view_source``, ``view_class``,
``view_score``, ``view_review``). What the source says comes first; the picture (:mod:`pipeline.classifiers.views`)
judges films whose view is not told. Where both disagree strongly the film is excluded and marked for a person to decide
(``curation/decisions.csv``): neither is silently trusted. AP and PA are never guessed from the picture.
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline.classifiers.thumbnails import thumbnail
from pipeline.classifiers.views import CLASSES, called, shipped_model
from pipeline.core.layout import Layout
from pipeline.core.parallel import map_images
from pipeline.core.params import Params, ViewsParams
from pipeline.core.schema import VIEWS_SCHEMA
from pipeline.core.summary import Summary
from pipeline.core.tables import exclude, iter_images, read_rows
from sources.core.items import FRONTAL, KEY
from sources.core.storage import write_table

Name = tuple[str, str]
BATCH = 256
NAMES = {"L": "lateral film", "CT": "CT slice", "OTHER": "not a chest film"}
CLASS_OF = {**dict.fromkeys(FRONTAL, "frontal"), "L": "lateral", "CT": "other", "OTHER": "other"}
VIEW_OF = {"frontal": "unknown", "lateral": "L", "other": "OTHER"}


@dataclass(frozen=True)
class ViewsSummary(Summary):
    """Rows, pictures of each class, rows excluded, and rows for a person to review."""

    rows: int
    frontal: int
    lateral: int
    other: int
    excluded: int
    to_review: int

    def __str__(self) -> str:
        return (
            f"{self.rows:,} rows, {self.frontal:,} frontal, {self.lateral:,} lateral, {self.other:,} other, "
            f"{self.excluded:,} excluded, {self.to_review:,} to review"
        )


def run(layout: Layout, params: Params, executor: Executor | None = None) -> ViewsSummary:
    """Judge every film that has a picture, and write the table.

    Raises:
        CxnetError: an earlier table is missing or damaged.
    """
    rows = read_rows(layout, after="dedupe").sort_values(list(KEY), kind="stable", ignore_index=True)
    seen = {}
    for name, scores in tqdm(picture_scores(layout, executor), desc="views", unit="img", disable=None):
        seen[name] = scores
    rows = decide(rows, seen, params.views)
    write_table(layout.views, rows, VIEWS_SCHEMA)
    counts = {kind: int((rows["view_class"] == kind).sum()) for kind in CLASSES}
    excluded = int((rows["excluded_by"] == "views").sum())
    return ViewsSummary(len(rows), **counts, excluded=excluded, to_review=int(rows["view_review"].notna().sum()))


def picture_scores(layout: Layout, executor: Executor | None) -> Iterator[tuple[Name, np.ndarray]]:
    """((source, item_id), probabilities of the classes, float32 (3,)) of every pool picture."""
    model = shipped_model()
    small = map_images(small_picture, iter_images(layout.pool, "pool"), executor)
    while batch := list(islice(small, BATCH)):
        names, thumbnails, aspects = zip(*batch, strict=True)
        yield from zip(names, model.probabilities(np.stack(thumbnails), np.array(aspects)), strict=True)


def small_picture(film: tuple[dict[str, Any], bytes]) -> tuple[Name, np.ndarray, float]:
    """Name, 64 x 64 thumbnail and aspect of a pool picture. Runs in the worker processes."""
    row, png = film
    gray = np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)
    return (row["source"], row["item_id"]), *thumbnail(gray)


def decide(rows: pd.DataFrame, seen: dict[Name, np.ndarray], params: ViewsParams) -> pd.DataFrame:
    """Reconcile what the source says with what the picture shows; adds the columns of the stage."""
    verdicts = [
        verdict(view, seen.get((source, item_id)), params)
        for source, item_id, view in rows[[*KEY, "view"]].itertuples(index=False, name=None)
    ]
    columns = ["view", "view_source", "view_class", "view_score", "view_review", "why"]
    judged = rows.assign(**{name: pd.Series(values, dtype=object) for name, values in _columns(verdicts, columns)})
    return exclude(judged, judged["why"].notna(), "views", judged["why"]).drop(columns="why")


def verdict(view: str | None, scores: np.ndarray | None, params: ViewsParams) -> dict[str, object]:
    """What becomes of one film.

    Args:
        view: as the source says it, or ``unknown``.
        scores: probabilities of frontal, lateral, other, or None for a row without a picture.
    """
    told = view if view in CLASS_OF else None
    if scores is None:
        return {"view": view or "unknown", "view_source": "metadata" if told else None}
    best = int(called(scores[None], params.frontal_score)[0])
    kind, score = CLASSES[best], float(scores[best])
    found: dict[str, object] = {"view_class": kind, "view_score": round(score, 4)}
    return found | (_told(told, kind, score, params) if told else _not_told(kind, score, float(scores[0]), params))


def _told(view: str, kind: str, score: float, params: ViewsParams) -> dict[str, object]:
    """A film whose source says its view."""
    disputed = kind != CLASS_OF[view] and score >= params.review_score
    review = f"the source says {view}, the picture looks {kind} ({score:.2f})" if disputed else None
    found: dict[str, object] = {"view": view, "view_source": "metadata", "view_review": review}
    if view not in params.keep:
        return found | {"why": f"{NAMES.get(view, f'view {view}')} (metadata)"}
    return found | ({"why": f"view disputed: {review}"} if disputed else {})


def _not_told(kind: str, score: float, frontal: float, params: ViewsParams) -> dict[str, object]:
    """A film whose view only the picture tells; ``frontal``: how probably it is a frontal one."""
    is_doubtful = score < frontal
    view = "unknown" if is_doubtful else VIEW_OF[kind]
    found: dict[str, object] = {"view": view, "view_source": "model"}
    if score < params.review_score:
        likeliest, chance = ("frontal", frontal) if is_doubtful else (kind, score)
        found["view_review"] = f"the picture alone tells the view, and not surely: {likeliest} ({chance:.2f})"
    if is_doubtful:
        return found | {"why": f"not surely a frontal film (picture, {frontal:.2f})"}
    if view not in params.keep:
        name = NAMES.get(view, "frontal film whose projection is not told")
        return found | {"why": f"{name} (picture, {score:.2f})"}
    return found


def _columns(verdicts: list[dict[str, object]], names: list[str]) -> Iterator[tuple[str, list[object]]]:
    for name in names:
        yield name, [found.get(name) for found in verdicts]
