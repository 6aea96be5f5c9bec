"""Harmonise: the films of sources that dominate are given the histogram of a reference, as tone curves.

Reads the pool, the tables of dedupe and views, and ``curation/decisions.csv``. Adds ``tone_curve`` (256 bytes, for
the pool image) and ``tone_reference`` to the rows of ``harmonise.sources`` that are still in. Excludes nothing.

The reference is fixed and never a test film: films whose group the split would send to test or hold out are left out
of it (the split is a pure function of the group, so it can be asked before it is run). Its histogram travels in the
metadata of ``harmonise.parquet``; see :func:`read_reference`. The paper matches all films to the first one of an
array, whatever split that lands in (``paper`` profile: ``reference: image``); matching one source only can itself
mark that source, so that a probe that predicts the source should be read before and after.
"""

import hashlib
import json
import logging
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd

from pipeline.core import decisions
from pipeline.core.layout import Layout
from pipeline.core.parallel import map_images
from pipeline.core.params import HarmoniseParams, Params, SplitParams
from pipeline.core.schema import HARMONISE_SCHEMA
from pipeline.core.summary import Summary
from pipeline.core.tables import is_pediatric, iter_images, read_rows
from pipeline.imaging.histogram import TONES, Counts, Shares, cumulative, histogram, match_curve
from pipeline.split.assignment import assign
from pipeline.split.groups import groups
from sources.core.errors import CxnetError, UsageError, unknown
from sources.core.items import KEY
from sources.core.source import registry
from sources.core.storage import open_parquet, write_table

LOG = logging.getLogger(__name__)

Key = tuple[str, str]
METADATA = b"tone_reference"


@dataclass(frozen=True)
class Reference:
    """The histogram that films are matched to.

    Attributes:
        kind: covid_mean | image.
        films: how many films it is the mean of.
        cdf: cumulative shares, float64 (256,).
    """

    kind: str
    films: int
    cdf: Shares

    @property
    def sha256(self) -> str:
        """Its name in the tables."""
        return hashlib.sha256(self.cdf.astype("<f8").tobytes()).hexdigest()


@dataclass(frozen=True)
class HarmoniseSummary(Summary):
    """Films matched, and the reference: its kind (None = there was none) and the films it is the mean of."""

    matched: int
    reference: str | None
    reference_films: int

    def __str__(self) -> str:
        if self.reference is None:
            return "0 films matched: no reference"
        mean = f"the mean of {self.reference_films:,} covid films"
        return f"{self.matched:,} films matched to {mean if self.reference == 'covid_mean' else 'one film'}"


def run(layout: Layout, params: Params, executor: Executor | None = None) -> HarmoniseSummary:
    """Write ``harmonise.parquet``. The reference depends on ``split``, too.

    Raises:
        UsageError: a source is not known, or the chosen reference film is absent, excluded or not for training.
    """
    options = params.harmonise
    rows = read_rows(layout, after="views")
    _check_sources(options, rows, [folder.name for folder in params.folders])
    decided = decisions.apply(rows, decisions.read_decisions(layout.decisions))
    reference = find_reference(layout, decided, options, params.split, executor)
    matched = decided["excluded_by"].isna() & decided["source"].isin(options.sources)
    curves = _curves(layout, keys(decided[matched]), reference, executor) if reference else {}
    _write(layout, rows, curves, reference)
    if reference is None:
        return HarmoniseSummary(0, None, 0)
    return HarmoniseSummary(int(matched.sum()), reference.kind, reference.films)


def find_reference(
    layout: Layout, rows: pd.DataFrame, options: HarmoniseParams, split_params: SplitParams, executor: Executor | None
) -> Reference | None:
    """The mean histogram of the films that :func:`candidates` names (None where there is none)."""
    chosen = keys(candidates(rows, options, split_params))
    if not chosen:
        LOG.warning("No covid film outside test and external to take a reference from; no film is matched.")
        return None
    total = np.zeros(TONES)
    for _, counts in _histograms(layout, chosen, executor):
        total += cumulative(counts)
    return Reference(options.reference, len(chosen), total / total[-1])


def candidates(rows: pd.DataFrame, options: HarmoniseParams, split_params: SplitParams) -> pd.DataFrame:
    """The rows whose films make the reference: not excluded, and neither test nor external.

    Raises:
        UsageError: ``reference: image`` names no film, or one that is absent, excluded or not for training.
    """
    kept = rows["excluded_by"].isna()
    sides = assign(rows.assign(group_id=groups(rows)), kept, split_params)["split"]
    usable = kept & sides.isin(["train", "val"])
    if options.reference == "covid_mean":
        adult_covid = (rows["label"] == "covid") & ~is_pediatric(rows)
        return rows[usable & adult_covid & ~rows["source"].isin(options.sources)]
    named = rows["image_id"] == options.reference_image
    if not (named & usable).any():
        raise UsageError(_why_not(options.reference_image, rows[named.fillna(False)], sides))
    return rows[named & usable].head(1)


def read_reference(layout: Layout) -> Reference | None:
    """The reference of the last run; None where no film was matched."""
    with open_parquet(layout.harmonise) as file:
        stored = (file.schema_arrow.metadata or {}).get(METADATA)
    if stored is None:
        return None
    values = json.loads(stored)
    return Reference(values["kind"], values["films"], np.array(values["cdf"], np.float64))


def keys(rows: pd.DataFrame) -> set[Key]:
    """``(source, item_id)`` of every row."""
    return set(zip(rows["source"], rows["item_id"], strict=True))


# ------------------------------------------------------------------------------------------------- images, tables


def _curves(layout: Layout, wanted: set[Key], reference: Reference, executor: Executor | None) -> dict[Key, bytes]:
    found = _histograms(layout, wanted, executor)
    return {key: match_curve(counts, reference.cdf).tobytes() for key, counts in found}


def _histograms(layout: Layout, wanted: set[Key], executor: Executor | None) -> Iterator[tuple[Key, Counts]]:
    """The histogram of every wanted film, in the pool's order.

    Raises:
        CxnetError: the pool does not hold all of them.
    """
    films = ((_key(row), png) for row, png in iter_images(layout.pool, "pool"))
    found = 0
    for key, counts in map_images(_measure, (film for film in films if film[0] in wanted), executor):
        found += 1
        yield key, counts
    if found < len(wanted):
        raise CxnetError(f"{layout.pool} lacks {len(wanted) - found} pictures of rows in use; run ingest again.")


def _measure(film: tuple[Key, bytes]) -> tuple[Key, Counts]:
    (source, item_id), png = film
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise CxnetError(f"The pool's picture of {source}/{item_id} cannot be decoded; run ingest again.")
    return film[0], histogram(np.asarray(image, np.uint8))


def _key(row: dict[str, object]) -> Key:
    return str(row["source"]), str(row["item_id"])


def _write(layout: Layout, rows: pd.DataFrame, curves: dict[Key, bytes], reference: Reference | None) -> None:
    found = pd.Series(
        [curves.get(key) for key in zip(rows["source"], rows["item_id"], strict=True)], rows.index, object
    )
    sha256 = pd.Series(reference.sha256 if reference else None, rows.index, object)
    table = rows.assign(tone_curve=found, tone_reference=sha256.where(found.notna()))
    schema = HARMONISE_SCHEMA
    if reference is not None:
        stored = {"kind": reference.kind, "films": reference.films, "cdf": reference.cdf.tolist()}
        schema = schema.with_metadata({**schema.metadata, METADATA: json.dumps(stored).encode()})
    write_table(layout.harmonise, table.sort_values(list(KEY), kind="stable"), schema)


# ------------------------------------------------------------------------------------------------------- messages


def _check_sources(options: HarmoniseParams, rows: pd.DataFrame, folders: list[str]) -> None:
    known = sorted({*registry(), *folders, *rows["source"].unique()})
    for name in options.sources:
        if name not in known:
            raise unknown("source in harmonise.sources", name, known)


def _why_not(image_id: str | None, named: pd.DataFrame, sides: "pd.Series[str]") -> str:
    """Why the film cannot be the reference."""
    key = "harmonise.reference_image"
    if image_id is None:
        return f"{key} is empty; give the image_id of a film, or choose harmonise.reference: covid_mean."
    if named.empty:
        return f"{key} {image_id} is not a film of this data set; give the image_id of one that is."
    if named["excluded_by"].notna().all():
        return f"{key} {image_id} is excluded ({named['reason'].iloc[0]}); choose another film."
    side = sides[named.index].dropna().iloc[0]
    return f"{key} {image_id} belongs to the {side} split, which must stay unseen; choose another film."
