"""Manifest: every row with every column, what people decided, and the kept films with their pictures.

Reads the pool, the tables of dedupe, views and harmonise, and ``curation/decisions.csv``. Writes
``manifest/manifest.parquet`` (all rows) and ``manifest/images-*.parquet`` (kept rows, with ``image``). Adds
``status``. Excludes what people decided to leave out, labels that are unknown or not in ``manifest.labels``, films of
children unless ``manifest.keep_pediatric`` (by age, or by what the source says where the age is not known), and films
with one of ``manifest.exclude_flags``.
"""

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import islice

import pandas as pd
import pyarrow as pa
from pandas.api.types import is_list_like
from upath import UPath

from pipeline.core import decisions
from pipeline.core.layout import Layout
from pipeline.core.params import ManifestParams, Params
from pipeline.core.schema import IMAGE_FIELD, MANIFEST_SCHEMA
from pipeline.core.shards import open_images_writer
from pipeline.core.summary import Summary
from pipeline.core.tables import exclude, iter_images, read_rows
from sources.core.errors import CxnetError
from sources.core.items import KEY, LABELS
from sources.core.storage import atomic, atomic_folder, write_table

ADULT_AGE = 18
BATCH_ROWS = 32  # pictures in memory at once

Film = tuple[int, bytes]  # place among the kept rows, PNG


@dataclass(frozen=True)
class ManifestSummary(Summary):
    """Rows, films kept, films kept of each label, rows excluded, and what the decisions of people did, in words."""

    rows: int
    kept: int
    labels: dict[str, int]
    excluded: int
    decisions: str

    def __str__(self) -> str:
        labels = ", ".join(f"{label} {count:,}" for label, count in self.labels.items()) or "none"
        counts = f"{self.rows:,} rows, {self.kept:,} kept ({labels}), {self.excluded:,} excluded"
        return ", ".join(filter(None, (counts, self.decisions)))


def run(layout: Layout, params: Params, executor: Executor | None = None) -> ManifestSummary:
    """Write ``manifest/``.

    Raises:
        UsageError: a line of ``curation/decisions.csv`` is not valid.
        CxnetError: the stage tables do not fit together, or the pool lacks a picture.
    """
    rows = read_rows(layout, after="harmonise").sort_values(list(KEY), kind="stable", ignore_index=True)
    decided = decisions.read_decisions(layout.decisions)
    rows = build(rows, decided, params.manifest)
    if found := problems(rows):
        raise CxnetError(f"The manifest would not hold together: {'; '.join(found)}; run `dvc repro`.")
    with atomic_folder(layout.manifest) as folder:
        _write_images(layout, folder, rows[rows["status"] == "kept"], params.manifest.shard_rows)
        write_table(folder / "manifest.parquet", rows, MANIFEST_SCHEMA)
    return summary(rows, decisions.effect(rows, decided))


def build(rows: pd.DataFrame, decided: list[decisions.Decision], params: ManifestParams) -> pd.DataFrame:
    """Replay the decisions, exclude what the data set does not use, and add ``status``."""
    rows = decisions.apply(rows, decided)
    rows = exclude_labels(rows, params.labels)
    if not params.keep_pediatric:
        rows = exclude_pediatric(rows, spared=decisions.brought_back(rows, decided))
    rows = exclude_flagged(rows, params.exclude_flags, spared=decisions.brought_back(rows, decided))
    status = rows["excluded_by"].isna().map({True: "kept", False: "excluded"})
    return rows.assign(status=status)


def exclude_labels(rows: pd.DataFrame, labels: Iterable[str]) -> pd.DataFrame:
    """Mark rows whose label the source does not tell, or that is not one of ``labels``."""
    rows = exclude(rows, rows["label"].isna(), "manifest", "label unknown: the source does not tell")
    unused = "label not used: " + rows["label"].astype(object).fillna("") + f" (used are {', '.join(labels)})"
    return exclude(rows, ~rows["label"].isin(list(labels)), "manifest", unused)


def exclude_pediatric(rows: pd.DataFrame, spared: "pd.Series[bool]") -> pd.DataFrame:
    """Mark films of children, but for those that a person decided to keep."""
    by_age = "pediatric: age " + rows["age"].map("{:g}".format, na_action="ignore").astype(object)
    reason = by_age.where(rows["age"].notna(), "pediatric: says the source")
    return exclude(rows, is_pediatric(rows) & ~spared, "manifest", reason)


def exclude_flagged(rows: pd.DataFrame, unwanted: Collection[str], spared: "pd.Series[bool]") -> pd.DataFrame:
    """Mark films whose quality is flagged in a way that is not wanted, but for those that a person decided to keep."""
    found = [[flag for flag in flags if flag in unwanted] if is_list_like(flags) else [] for flags in rows["flags"]]
    reason = pd.Series(["quality: " + ", ".join(flags) for flags in found], index=rows.index, dtype=object)
    return exclude(rows, pd.Series(list(map(bool, found)), index=rows.index) & ~spared, "manifest", reason)


def is_pediatric(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Films of patients below 18 years: by age, or by what the source says where the age is not known."""
    said = rows["pediatric"].fillna(False).astype(bool)
    return (rows["age"] < ADULT_AGE).fillna(False).astype(bool) | (rows["age"].isna() & said)


def summary(rows: pd.DataFrame, effect: str = "") -> ManifestSummary:
    """The numbers of the table; ``effect`` is what the decisions of people did."""
    kept = rows[rows["status"] == "kept"]
    counts = kept["label"].value_counts()
    labels = {label: int(counts[label]) for label in LABELS if label in counts}
    return ManifestSummary(len(rows), len(kept), labels, len(rows) - len(kept), effect)


# ----------------------------------------------------------------------------------------------------- invariants


def problems(rows: pd.DataFrame) -> list[str]:
    """What does not hold in a manifest: one clause per broken rule, with the number of rows and an example."""
    found = []
    for rule, breaks in RULES.items():
        broken = breaks(rows).fillna(False).astype(bool)
        if broken.any():
            example = decisions.row_names(rows[broken]).iloc[0]
            found.append(f"{rule} ({int(broken.sum()):,} rows do not, e.g. {example})")
    return found


def _is_kept(rows: pd.DataFrame) -> "pd.Series[bool]":
    return rows["status"] == "kept"


RULES: dict[str, Callable[[pd.DataFrame], "pd.Series[bool]"]] = {
    "every row has its own source and item_id": lambda rows: rows.duplicated(list(KEY), keep=False),
    "every row is kept or excluded": lambda rows: ~rows["status"].isin(["kept", "excluded"]),
    "an excluded row says by which stage": lambda rows: ~_is_kept(rows) & rows["excluded_by"].isna(),
    "an excluded row says why": lambda rows: ~_is_kept(rows) & (rows["reason"].fillna("") == ""),
    "a kept row has no exclusion": lambda rows: _is_kept(rows) & rows[["excluded_by", "reason"]].notna().any(axis=1),
    "a kept row has a known label": lambda rows: _is_kept(rows) & ~rows["label"].isin(LABELS),
    "a kept row has an image": lambda rows: _is_kept(rows) & rows[["image_id", "width", "height"]].isna().any(axis=1),
}


# ------------------------------------------------------------------------------------------------------- pictures


def _write_images(layout: Layout, folder: UPath, kept: pd.DataFrame, shard_rows: int) -> None:
    """Write the kept rows with their pictures, ``shard_rows`` to a file; an empty data set has one empty shard."""
    places = {key: place for place, key in enumerate(zip(kept["source"], kept["item_id"], strict=True))}
    table = pa.Table.from_pandas(kept[MANIFEST_SCHEMA.names], MANIFEST_SCHEMA, preserve_index=False)
    pool = ((places.get((row["source"], row["item_id"])), png) for row, png in iter_images(layout.pool, "pool"))
    films = ((place, png) for place, png in pool if place is not None)
    written = 0
    for number in range(max(1, math.ceil(len(kept) / shard_rows))):
        shard = folder / f"images-{number:05d}.parquet"
        written += _write_shard(shard, table, islice(films, shard_rows))
    if written < len(kept):
        raise CxnetError(f"{layout.pool} lacks {len(kept) - written} pictures of kept rows; run ingest again.")


def _write_shard(path: UPath, table: pa.Table, films: Iterator[Film]) -> int:
    """Write one shard, a few pictures at a time; returns how many films it holds."""
    written = 0
    with (
        atomic(path) as file,
        open_images_writer(file) as writer,
    ):
        while batch := list(islice(films, BATCH_ROWS)):
            rows = table.take([place for place, _ in batch])
            names = [f"{name}.png" for name in rows["image_id"].to_pylist()]
            images = [{"bytes": png, "path": name} for (_, png), name in zip(batch, names, strict=True)]
            writer.write_table(rows.append_column(IMAGE_FIELD, pa.array(images, IMAGE_FIELD.type)))
            written += len(batch)
    return written
