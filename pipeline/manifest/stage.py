"""The ``manifest`` stage: all rows with all columns, and the kept films with their pictures.

Reads the pool, the tables of dedupe, views, segment and harmonise, and ``curation/decisions.csv``. Writes
``manifest/manifest.parquet`` (all rows) and ``manifest/images-*.parquet`` (kept rows with ``image``). Adds ``status``.
Excludes films that a person excluded, films whose label is unknown or not in ``manifest.labels`` (none if that is
``any``), films of children unless ``manifest.keep_pediatric`` (by age or, where it is unknown, according to the
source), and films with one of ``manifest.exclude_flags``.
"""

from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import islice
from typing import Self

import pandas as pd
import pyarrow as pa
from upath import UPath

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.schema import IMAGES_SCHEMA, MANIFEST_SCHEMA, UNLABELED
from pipeline.core.shards import ShardWriter, with_picture
from pipeline.core.summary import Summary
from pipeline.core.tables import iter_images, read_rows
from pipeline.decisions import replay
from pipeline.decisions.file import all_decisions
from pipeline.manifest.rules import broken_rules, build
from sources.core.errors import CxnetError
from sources.core.items import KEY, LABELS
from sources.core.storage import atomic_folder, write_table
from sources.core.text import counted

BATCH_ROWS = 32  # pictures in memory at a time


@dataclass(frozen=True)
class ManifestSummary(Summary):
    """Rows, kept films, kept films of each label, excluded rows, and a clause on the decisions of people."""

    rows: int
    kept: int
    labels: dict[str, int]
    excluded: int
    decisions: str

    @classmethod
    def of(cls, rows: pd.DataFrame, decisions: str = "") -> Self:
        """Count the rows of the manifest."""
        kept = rows[rows["status"] == "kept"]
        counts = kept["label"].astype(object).fillna(UNLABELED).value_counts()
        labels = {label: int(counts[label]) for label in (*LABELS, UNLABELED) if label in counts}
        return cls(len(rows), len(kept), labels, len(rows) - len(kept), decisions)

    def __str__(self) -> str:
        labels = ", ".join(f"{label} {count:,}" for label, count in self.labels.items()) or "none"
        counts = f"{counted(self.rows, 'row')}, {self.kept:,} kept ({labels}), {self.excluded:,} excluded"
        return ", ".join(filter(None, (counts, self.decisions)))


def run(layout: Layout, params: Params, executor: Executor | None = None) -> ManifestSummary:
    """Write ``manifest/``.

    Raises:
        UsageError: a line of ``curation/decisions.csv`` is not valid.
        CxnetError: the stage tables do not fit together, or the pool lacks a picture.
    """
    rows = read_rows(layout, after="harmonise").sort_values(list(KEY), kind="stable", ignore_index=True)
    decided = all_decisions(layout)
    rows = build(rows, decided, params.manifest)
    if broken := broken_rules(rows, params.manifest):
        raise CxnetError(f"The manifest would be inconsistent: {'; '.join(broken)}; run `dvc repro`.")
    with atomic_folder(layout.manifest) as folder:
        _write_images(layout, folder, rows[rows["status"] == "kept"], params.manifest.shard_rows)
        write_table(folder / "manifest.parquet", rows, MANIFEST_SCHEMA)
    return ManifestSummary.of(rows, replay.effect(rows, decided))


def _write_images(layout: Layout, folder: UPath, kept: pd.DataFrame, shard_rows: int) -> None:
    """Write the kept rows with their pictures, ``shard_rows`` per file."""
    places = {key: place for place, key in enumerate(zip(kept["source"], kept["item_id"], strict=True))}
    table = pa.Table.from_pandas(kept[MANIFEST_SCHEMA.names], MANIFEST_SCHEMA, preserve_index=False)
    pool = ((places.get((row["source"], row["item_id"])), png) for row, png in iter_images(layout.pool, "pool"))
    pictures = ((place, png) for place, png in pool if place is not None)
    written = 0
    with ShardWriter(folder, "images", IMAGES_SCHEMA, shard_rows) as shards:
        while batch := list(islice(pictures, BATCH_ROWS)):
            rows = table.take([place for place, _ in batch]).to_pylist()
            for row, (_, png) in zip(rows, batch, strict=True):
                shards.add(with_picture(row, png))
            written += len(batch)
    if written < len(kept):
        raise CxnetError(f"{layout.pool} lacks {len(kept) - written} pictures of kept rows; run ingest again.")
