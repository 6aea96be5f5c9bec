"""Split: train, val, test and external, so that no patient and no exposure stands on two sides.

Reads ``manifest/manifest.parquet``. Writes ``splits.parquet``: ``group_id`` for every row; ``split`` and ``fold`` for
those that are kept. Excludes nothing.

*Groups.* Rows are tied together when they share a patient, a patient linked through duplicates, an examination, a
duplicate cluster, or a case page; a group is whatever is tied together, directly or through others, kept or not.
Its name is its smallest ``patient_id``, or its smallest ``<source>/<item_id>`` where no patient is known.

*Assignment* is a pure function of the group's name and the seed: a hash, read as a number in [0, 1), against the
shares of ``test`` and ``val``. So it does not depend on order, workers or any other film, and new films move none of
the old ones. The one exception is forced: a new film that ties two groups makes them one, which then goes where
the smaller name goes.

*Stratification.* Any rule that balances labels and sources by counting would move films whenever films are added.
The hash knows neither, so every label of every source is divided by the same shares on average; what a small
stratum really got is in :func:`shares`, and a label that is missing on one side is said in the summary.

*External* sources are held out whole, with the groups that reach into them.
"""

import logging
from concurrent.futures import Executor
from dataclasses import dataclass

import pandas as pd

from pipeline.core.layout import Layout
from pipeline.core.params import Params, SplitParams
from pipeline.core.schema import SPLITS_SCHEMA
from pipeline.core.summary import Summary
from pipeline.split.assignment import assign
from pipeline.split.groups import groups
from sources.core.errors import unknown
from sources.core.items import KEY
from sources.core.source import source_names
from sources.core.storage import read_table, write_table

LOG = logging.getLogger(__name__)

SPLITS = ("train", "val", "test")
LINKS = ("patient_id", "patient_key", "study_id", "cluster_id", "duplicate_of", "page_url")
COLUMNS = [*KEY, "image_id", "label", *LINKS, "status"]


@dataclass(frozen=True)
class SplitSummary(Summary):
    """Films, groups, films of each split, and what a split lacks, in words."""

    films: int
    groups: int
    splits: dict[str, int]
    gaps: tuple[str, ...]

    def __str__(self) -> str:
        total = f"{self.films:,} films in {self.groups:,} groups"
        parts = [f"{name} {count:,} ({count / self.films:.0%})" for name, count in self.splits.items()]
        return "; ".join([f"{total}: {', '.join(parts)}" if parts else total, *self.gaps])


def run(layout: Layout, params: Params, executor: Executor | None = None) -> SplitSummary:
    """Write ``splits.parquet``.

    Raises:
        UsageError: an external source is not known.
    """
    rows = read_table(layout.manifest / "manifest.parquet", COLUMNS)
    check(params.split, rows)
    rows = assign(rows.assign(group_id=groups(rows)), rows["status"] == "kept", params.split)
    write_table(layout.splits, rows.sort_values(list(KEY), kind="stable"), SPLITS_SCHEMA)
    for gap in gaps(rows):
        LOG.warning("%s; choose another split.seed or larger shares, or bring more groups.", gap)
    return summary(rows)


def check(params: SplitParams, rows: pd.DataFrame) -> None:
    """Refuse external sources that do not exist."""
    known = sorted({*source_names(), *rows["source"].unique()})
    for name in params.external:
        if name not in known:
            raise unknown("source in split.external", name, known)


def shares(rows: pd.DataFrame) -> pd.DataFrame:
    """Kept films and groups by label, source and split: columns label, source, split, films, groups, share.

    ``share`` is of the films of that label and source.
    """
    kept = rows[rows["split"].notna()]
    stratum = ["label", "source"]
    table = kept.groupby([*stratum, "split"]).agg(films=("group_id", "size"), groups=("group_id", "nunique"))
    table = table.reset_index()
    return table.assign(share=table["films"] / table.groupby(stratum)["films"].transform("sum"))


def gaps(rows: pd.DataFrame) -> list[str]:
    """One clause for every label that has no film in train, val or test."""
    found = set(zip(rows["label"], rows["split"], strict=True))
    labels = sorted(rows.loc[rows["split"].isin(SPLITS), "label"].dropna().unique())
    return [f"no {label} film in {split}" for label in labels for split in SPLITS if (label, split) not in found]


def summary(rows: pd.DataFrame) -> SplitSummary:
    """The numbers of the table."""
    kept = rows[rows["split"].notna()]
    counts = kept["split"].value_counts()
    splits = {name: int(counts[name]) for name in (*SPLITS, "external") if name in counts}
    return SplitSummary(len(kept), kept["group_id"].nunique(), splits, tuple(gaps(rows)))
