"""The content of the report page: the sections, from the tables and from what ``fetch`` and ``evaluate`` wrote."""

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from typing import Self

import pandas as pd

from pipeline.core.balance import balance_warning
from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.receipts import fetch_receipt
from pipeline.core.schema import (
    CONFLICTS_SCHEMA,
    CONTRADICTIONS_SCHEMA,
    DUPLICATES_SCHEMA,
    MANIFEST_SCHEMA,
    SPLITS_SCHEMA,
)
from pipeline.core.tables import has_unknown_patient, unknown_patients_warning
from pipeline.report import models, numbers, page, pictures
from pipeline.report.audit import audited
from pipeline.report.enhanced import enhanced_films
from sources.core.items import KEY
from sources.core.storage import read_table


@dataclass(frozen=True)
class Tables:
    """The tables that the page shows."""

    manifest: pd.DataFrame
    splits: pd.DataFrame
    pairs: pd.DataFrame
    conflicts: pd.DataFrame
    contradictions: pd.DataFrame

    @classmethod
    def read(cls, layout: Layout) -> Self:
        """The tables of the last run.

        Raises:
            CxnetError: one of them does not exist yet.
        """
        return cls(
            read_table(layout.manifest / "manifest.parquet", schema=MANIFEST_SCHEMA),
            read_table(layout.splits, schema=SPLITS_SCHEMA),
            read_table(layout.duplicates, schema=DUPLICATES_SCHEMA),
            read_table(layout.conflicts, schema=CONFLICTS_SCHEMA),
            read_table(layout.contradictions, schema=CONTRADICTIONS_SCHEMA),
        )

    @property
    def kept(self) -> pd.DataFrame:
        return self.manifest[self.manifest["status"] == "kept"]


def build_page(layout: Layout, params: Params, tables: Tables) -> page.Page:
    """Everything on the page."""
    manifest, kept = tables.manifest, tables.kept
    kept_films, excluded_films = pictures.choose_kept(kept), pictures.choose_excluded(manifest)
    flagged_films, pairs = pictures.choose_flagged(manifest), pictures.choose_pairs(tables.pairs)
    thumbnails = pictures.thumbnails(layout, [kept_films, excluded_films, flagged_films], pairs)
    return page.Page(
        profile=params.profile,
        version=version("cxnet-data"),
        manifest_sha256=_sha256(layout),
        headline=numbers.headline(manifest),
        warning=_first_warning(kept),
        funnel=numbers.funnel(manifest),
        reasons=numbers.top_reasons(manifest),
        sources=_sources(layout, params, tables),
        kept=pictures.sheets(kept_films, thumbnails, "view"),
        excluded=pictures.sheets(excluded_films, thumbnails, "reason"),
        duplicates=page.Duplicates(
            numbers.value_counts(tables.pairs["kind"], ("kind", "pairs")),
            pictures.pair_figures(pairs, thumbnails),
            numbers.conflict_table(tables.conflicts),
        ),
        quality=page.Quality(numbers.flag_table(manifest), pictures.sheets(flagged_films, thumbnails, "view")),
        contradictions=page.Contradictions(
            numbers.value_counts(tables.contradictions["kind"], ("kind", "films")),
            numbers.strongest_contradictions(tables.contradictions),
        ),
        enhanced=enhanced_films(layout, kept_films, params.prepare),
        matching=page.Matching(
            ", ".join(params.harmonise.sources), pictures.matched_films(layout, pictures.choose_matched(manifest))
        ),
        splits=_splits(tables),
        models=[models.model(layout, name) for name in params.experiments if layout.report(name).exists()],
        audit=audited(layout),
        compared=models.compared(layout),
    )


def _first_warning(kept: pd.DataFrame) -> str | None:
    """What a reader must know before any number: that most patients are unknown."""
    return unknown_patients_warning(kept) if len(kept) and has_unknown_patient(kept).mean() > 0.5 else None


def _sources(layout: Layout, params: Params, tables: Tables) -> page.Sources:
    return page.Sources(
        numbers.source_table(tables.manifest),
        _skipped(layout, params),
        numbers.crosstab(tables.kept, "source", "label", "Kept films by source and label"),
        numbers.crosstab(tables.manifest, "view", "status", "All images by view and status"),
    )


def _splits(tables: Tables) -> page.Splits:
    in_split = tables.splits[tables.splits["split"].notna()]
    by_source = numbers.crosstab(in_split, "source", "split", "Films by source and split")
    by_label = numbers.split_table(tables.kept, tables.splits)
    labeled = tables.kept[[*KEY, "label"]].merge(in_split, on=list(KEY))
    return page.Splits(by_label, by_source, unknown_patients_warning(tables.kept), balance_warning(labeled))


def _skipped(layout: Layout, params: Params) -> list[page.Skipped]:
    """Sources that this run did not read."""
    skipped = []
    for name in params.sources:
        values = fetch_receipt(layout.raw, name)
        if values.get("state") == "skipped":
            skipped.append(page.Skipped(name, str(values.get("why", "closed"))))
    return skipped


def _sha256(layout: Layout) -> str:
    with (layout.manifest / "manifest.parquet").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
