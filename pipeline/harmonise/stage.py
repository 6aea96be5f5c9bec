"""Match the histograms of dominating sources to a reference, as one tone curve per film.

Reads the pool, the tables of dedupe and views, and ``curation/decisions.csv``. Adds ``tone_curve`` (256 bytes, for the
pool picture) and ``tone_reference`` to the films of ``harmonise.sources`` that are not excluded. Excludes nothing.

The paper matches all films to the first one of an array, whatever split that film is in (``paper`` profile:
``reference: image``). Here the reference never contains a test film, see :mod:`pipeline.harmonise.reference`. Matching
only one source can itself mark that source, so measure how well a classifier predicts the source before and after.
"""

from concurrent.futures import Executor
from dataclasses import dataclass

import pandas as pd

from pipeline.core.layout import Layout
from pipeline.core.params import HarmoniseParams, Params
from pipeline.core.schema import HARMONISE_SCHEMA
from pipeline.core.summary import Summary
from pipeline.core.tables import read_rows
from pipeline.decisions import replay
from pipeline.decisions.file import all_decisions
from pipeline.harmonise.reference import Reference, compute_reference, histograms, keys_of
from pipeline.imaging.histogram import match_curve
from sources.core.errors import unknown
from sources.core.items import KEY, Key
from sources.core.source import source_names
from sources.core.storage import write_table
from sources.core.text import counted


@dataclass(frozen=True)
class HarmoniseSummary(Summary):
    """Films matched, and the reference: its kind (None = there was none) and the number of films it is the mean of."""

    matched: int
    reference: str | None
    reference_films: int

    def __str__(self) -> str:
        if self.reference is None:
            return "0 films matched: no reference"
        mean = f"the mean of {self.reference_films:,} covid films"
        return f"{counted(self.matched, 'film')} matched to {mean if self.reference == 'covid_mean' else 'one film'}"


def run(layout: Layout, params: Params, executor: Executor | None = None) -> HarmoniseSummary:
    """Write ``harmonise.parquet``. The reference also depends on the options of ``split``.

    Raises:
        UsageError: a source is unknown, or the chosen reference film is missing, excluded or not for training.
    """
    options = params.harmonise
    rows = read_rows(layout, after="views")
    _check_sources(options, rows, [folder.name for folder in params.folders])
    decided = replay.apply(rows, all_decisions(layout))
    matched = decided[decided["excluded_by"].isna() & decided["source"].isin(options.sources)]
    nothing_to_match = matched.empty and options.reference == "covid_mean"
    reference = None if nothing_to_match else compute_reference(layout, decided, options, params.split, executor)
    if reference is None:
        _write(layout, rows, {}, None)
        return HarmoniseSummary(0, None, 0)
    curves = {
        key: match_curve(counts, reference.cdf).tobytes()
        for key, counts in histograms(layout, keys_of(matched), executor)
    }
    _write(layout, rows, curves, reference)
    return HarmoniseSummary(len(matched), reference.kind, reference.films)


def _write(layout: Layout, rows: pd.DataFrame, curves: dict[Key, bytes], reference: Reference | None) -> None:
    keys = zip(rows["source"], rows["item_id"], strict=True)
    tone_curve = pd.Series([curves.get(key) for key in keys], rows.index, object)
    sha256 = pd.Series(reference.sha256 if reference else None, rows.index, object)
    table = rows.assign(tone_curve=tone_curve, tone_reference=sha256.where(tone_curve.notna()))
    schema = HARMONISE_SCHEMA
    if reference is not None:
        schema = schema.with_metadata({**schema.metadata, **reference.to_metadata()})
    write_table(layout.harmonise, table.sort_values(list(KEY), kind="stable"), schema)


def _check_sources(options: HarmoniseParams, rows: pd.DataFrame, folders: list[str]) -> None:
    """Every source to be matched is known: in the registry, the profile or the data."""
    known = sorted({*source_names(), *folders, *rows["source"].unique()})
    for name in options.sources:
        if name not in known:
            raise unknown("source in harmonise.sources", name, known)
