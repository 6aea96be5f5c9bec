"""The reference histogram: which films it comes from, how it is computed, and how it is stored.

The reference never contains a test film. Films whose group the split sends to test or external are left out; the split
is a pure function of the group, so it can be computed before the split stage runs. The histogram is stored in the
metadata of ``harmonise.parquet`` (:func:`read_reference`).
"""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from pipeline.core.layout import Layout
from pipeline.core.parallel import map_images
from pipeline.core.params import HarmoniseParams, SplitParams
from pipeline.core.schema import HARMONISE_SCHEMA
from pipeline.core.tables import is_pediatric, iter_images
from pipeline.imaging.histogram import TONES, Counts, Shares, cumulative, histogram
from pipeline.imaging.png import decode_png
from pipeline.split.assignment import assign
from pipeline.split.groups import groups
from sources.core.errors import CxnetError, UsageError
from sources.core.items import Key
from sources.core.storage import open_parquet

log = logging.getLogger(__name__)

METADATA_KEY = b"tone_reference"


@dataclass(frozen=True)
class Reference:
    """The histogram to which films are matched.

    Attributes:
        kind: covid_mean | image, the option ``harmonise.reference``.
        films: number of films whose mean it is.
        cdf: cumulative shares per tone, float64 (256,), ending in 1.
    """

    kind: str
    films: int
    cdf: Shares

    @property
    def sha256(self) -> str:
        """Its name in the column ``tone_reference``."""
        return hashlib.sha256(self.cdf.astype("<f8").tobytes()).hexdigest()

    def to_metadata(self) -> dict[bytes, bytes]:
        """The reference as an entry of Parquet metadata."""
        return {METADATA_KEY: json.dumps({"kind": self.kind, "films": self.films, "cdf": self.cdf.tolist()}).encode()}

    @classmethod
    def from_metadata(cls, metadata: Mapping[bytes, bytes]) -> Self | None:
        """The reference in the metadata of a Parquet file; None if it has none."""
        if METADATA_KEY not in metadata:
            return None
        values = json.loads(metadata[METADATA_KEY])
        return cls(values["kind"], values["films"], np.array(values["cdf"], np.float64))


def read_reference(layout: Layout) -> Reference | None:
    """The reference of the last run; None if no film was matched.

    Raises:
        CxnetError: ``harmonise.parquet`` is missing or damaged.
    """
    with open_parquet(layout.harmonise, HARMONISE_SCHEMA) as file:
        return Reference.from_metadata(file.schema_arrow.metadata or {})


def compute_reference(
    layout: Layout, rows: pd.DataFrame, options: HarmoniseParams, split_params: SplitParams, executor: Executor | None
) -> Reference | None:
    """The mean histogram of the films that :func:`choose_films` returns; None if there are none.

    Raises:
        CxnetError: the pool lacks one of their pictures, or a picture is damaged.
        UsageError: as :func:`choose_films`.
    """
    films = keys_of(choose_films(rows, options, split_params))
    if not films:
        log.warning("No film is matched, because no covid film outside test and external can be the reference.")
        return None
    total = np.zeros(TONES)
    for _, counts in histograms(layout, films, executor):
        total += cumulative(counts)
    return Reference(options.reference, len(films), total / total[-1])


def choose_films(rows: pd.DataFrame, options: HarmoniseParams, split_params: SplitParams) -> pd.DataFrame:
    """The rows whose films make the reference: not excluded, and neither test nor external.

    Raises:
        UsageError: with ``reference: image``, the named film is missing, excluded, or not for training.
    """
    kept = rows["excluded_by"].isna()
    splits = assign(rows.assign(group_id=groups(rows)), kept, split_params)["split"]
    usable = kept & splits.isin(["train", "val"])
    if options.reference == "covid_mean":
        adult_covid = (rows["label"] == "covid") & ~is_pediatric(rows)
        return rows[usable & adult_covid & ~rows["source"].isin(options.sources)]
    named = rows["image_id"] == options.reference_image
    if not (named & usable).any():
        raise UsageError(_why_unusable(options.reference_image, rows[named.fillna(False)], splits))
    return rows[named & usable].head(1)


def histograms(layout: Layout, films: set[Key], executor: Executor | None) -> Iterator[tuple[Key, Counts]]:
    """Key and histogram of every film of ``films``, in the order of the pool.

    Raises:
        CxnetError: the pool lacks a picture, or a picture is damaged.
    """
    pool = (((str(row["source"]), str(row["item_id"])), png) for row, png in iter_images(layout.pool, "pool"))
    count = 0
    for key, counts in map_images(_histogram, (film for film in pool if film[0] in films), executor):
        count += 1
        yield key, counts
    if count < len(films):
        raise CxnetError(f"{layout.pool} lacks {len(films) - count} pictures that are in use; run ingest again.")


def keys_of(rows: pd.DataFrame) -> set[Key]:
    """``(source, item_id)`` of every row."""
    return set(zip(rows["source"], rows["item_id"], strict=True))


def _histogram(film: tuple[Key, bytes]) -> tuple[Key, Counts]:
    key, png = film
    return key, histogram(decode_png(png, "/".join(key)))


def _why_unusable(image_id: str | None, named: pd.DataFrame, splits: "pd.Series[str]") -> str:
    """Why the film ``image_id`` cannot be the reference; ``named`` are its rows."""
    option = "harmonise.reference_image"
    if image_id is None:
        return f"{option} is empty; give the image_id of a film, or choose harmonise.reference: covid_mean."
    if named.empty:
        return f"{option} {image_id} is not a film of this data set; give the image_id of one that is."
    if named["excluded_by"].notna().all():
        return f"{option} {image_id} is excluded ({named['reason'].iloc[0]}); choose another film."
    belongs_to = splits[named.index].dropna().iloc[0]
    return f"{option} {image_id} belongs to the {belongs_to} split, which must stay unseen; choose another film."
