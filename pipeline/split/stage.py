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

import hashlib
import logging
from collections.abc import Collection
from concurrent.futures import Executor
from dataclasses import dataclass
from urllib.parse import urlsplit

import pandas as pd

from pipeline.core.decisions import row_names
from pipeline.core.groups import group_rows, smallest_by_group
from pipeline.core.layout import Layout
from pipeline.core.params import Params, SplitParams
from pipeline.core.schema import SPLITS_SCHEMA
from pipeline.core.summary import Summary
from sources.core.errors import unknown
from sources.core.items import KEY
from sources.core.source import registry
from sources.core.storage import read_table, write_table

LOG = logging.getLogger(__name__)

SPLITS = ("train", "val", "test")
LINKS = ("patient_id", "patient_key", "study_id", "cluster_id", "duplicate_of", "page_url")
COLUMNS = [*KEY, "image_id", "label", *LINKS, "status"]
LIST_SUFFIXES = (".csv", ".tsv", ".xlsx", ".xls", ".json", ".txt", ".zip", ".gz", ".parquet")
CASE_ROWS = 40  # a page that shows more films is a list of patients, not a case


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
    known = sorted({*registry(), *rows["source"].unique()})
    for name in params.external:
        if name not in known:
            raise unknown("source in split.external", name, known)


def assign(rows: pd.DataFrame, kept: "pd.Series[bool]", params: SplitParams) -> pd.DataFrame:
    """Add ``split`` and ``fold`` to rows that have a ``group_id``; both are null where ``kept`` is False."""
    names = rows["group_id"].unique()
    split = rows["group_id"].map({name: split_of(name, params) for name in names})
    external = rows.loc[kept & rows["source"].isin(params.external), "group_id"]
    split = split.mask(rows["group_id"].isin(external), "external").where(kept)
    fold = rows["group_id"].map({name: fold_of(name, params) for name in names})
    return rows.assign(split=split, fold=fold.where(split.isin(["train", "val"])).astype("Int32"))


def split_of(group_id: str, params: SplitParams) -> str:
    """train, val or test: a pure function of the group's name, the seed and the shares."""
    place = hashed(group_id, f"{params.seed}/split")
    if place < params.test:
        return "test"
    return "val" if place < params.test + params.val else "train"


def fold_of(group_id: str, params: SplitParams) -> int:
    """Number of the group's fold, 0 to ``folds`` - 1."""
    return int(hashed(group_id, f"{params.seed}/fold") * params.folds)


def hashed(name: str, salt: str) -> float:
    """A number in [0, 1) that looks random and is the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"{salt}/{name}".encode()).digest()[:6], "big") / 2**48


# -------------------------------------------------------------------------------------------------------- groups


def groups(rows: pd.DataFrame) -> "pd.Series[str]":
    """The group's name for every row; see the top of this module."""
    names = row_names(rows)
    group = group_rows(
        [
            ("row", names),
            ("row", rows["duplicate_of"]),
            ("patient", rows["patient_id"]),
            ("patient", rows["patient_key"]),
            ("study", rows["study_id"]),
            ("cluster", rows["cluster_id"]),
            ("page", _case_pages(rows)),
        ]
    )
    return group.map(smallest_by_group(rows["patient_id"], group).combine_first(smallest_by_group(names, group)))


def _case_pages(rows: pd.DataFrame) -> "pd.Series[str]":
    """The page of every row where it is a case, an article or a post; null where it is the list of a collection."""
    pages = rows["page_url"].astype(object)
    homes = {source.homepage.rstrip("/") for source in registry().values()}
    cases = {page for page, count in pages.value_counts().items() if count <= CASE_ROWS and _is_case(str(page), homes)}
    return pages.where(pages.isin(cases))


def _is_case(page: str, homes: Collection[str]) -> bool:
    address = urlsplit(page)
    is_list = address.path.lower().endswith(LIST_SUFFIXES) or page.rstrip("/") in homes
    return address.scheme in ("http", "https") and bool(address.path.strip("/")) and not is_list


# ------------------------------------------------------------------------------------------------------- figures


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
