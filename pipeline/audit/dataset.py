"""Where the tables and files of a data set are: a project, a snapshot, or a manifest alone."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from upath import UPath

from pipeline.audit.rules import Tables
from pipeline.core.layout import Layout
from pipeline.core.schema import MANIFEST_SCHEMA, SPLITS_SCHEMA
from pipeline.core.withdrawn import read_withdrawn
from sources.core.errors import CxnetError, UsageError
from sources.core.items import KEY, LOCK_SCHEMA
from sources.core.storage import read_table

SNAPSHOT = "snapshot.json"  # what makes a folder a snapshot
MANIFEST, SPLITS = "manifest.parquet", "splits.parquet"
WITHDRAWN = "withdrawn.csv"


@dataclass(frozen=True)
class Place:
    """A data set.

    Attributes:
        name: how messages call it.
        manifest: its table of all rows.
        splits: its splits; None = it has none.
        images: its shards of pictures.
        locks: source -> its lock.
        raw: folder that holds, by source, the files of the locks; None = they are not here.
        withdrawn: list of withdrawn films, which need not be there.
        holds_all_pictures: must every kept film have a picture among ``images``?
    """

    name: str
    manifest: UPath
    splits: UPath | None
    images: tuple[UPath, ...]
    locks: dict[str, UPath]
    raw: UPath | None
    withdrawn: UPath
    holds_all_pictures: bool

    def read(self) -> Tables:
        """The tables that are checked.

        Raises:
            CxnetError: one is missing, damaged or of another version.
        """
        keys = [read_table(path, list(KEY), LOCK_SCHEMA) for path in self.locks.values()]
        return Tables(
            read_table(self.manifest, None, MANIFEST_SCHEMA),
            None if self.splits is None else read_table(self.splits, None, SPLITS_SCHEMA),
            pd.concat(keys, ignore_index=True) if keys else None,
            read_withdrawn(self.withdrawn),
        )


def find_place(given: str | None, layout: Layout) -> Place:
    """The data set that is meant: a snapshot or manifest by its path, or the project.

    Raises:
        UsageError: there is none.
    """
    if given is None:
        return project(layout)
    path = UPath(given)
    if (path / SNAPSHOT).exists():
        return snapshot(path)
    if path.is_file():
        return _alone(path)
    for inside in (path / MANIFEST, path / "data" / "manifest" / MANIFEST):
        if inside.is_file():
            return _alone(inside) if inside.parent == path else project(Layout.at(path))
    raise UsageError(f"{given} is no snapshot, no project and no manifest; name one of them.")


def project(layout: Layout) -> Place:
    """The data set of a project.

    Raises:
        UsageError: it has no manifest yet.
    """
    manifest = layout.manifest / MANIFEST
    if not manifest.exists():
        raise UsageError(f"{manifest} does not exist; run `cxnet-data run` first, or name a manifest or snapshot.")
    locks = {name: layout.raw / name / "items.parquet" for name in _sources(manifest)}
    return Place(
        name=str(manifest),
        manifest=manifest,
        splits=layout.splits if layout.splits.exists() else None,
        images=tuple(sorted(layout.manifest.glob("images-*.parquet"), key=str)),
        locks={name: path for name, path in locks.items() if path.exists()},
        raw=layout.raw,
        withdrawn=layout.withdrawn,
        holds_all_pictures=True,
    )


def _sources(manifest: UPath) -> list[str]:
    """The sources of a manifest: others are of other profiles. None if it is damaged, which reading it tells."""
    try:
        return sorted(set(read_table(manifest, ["source"], MANIFEST_SCHEMA)["source"].dropna()))
    except CxnetError:
        return []


def snapshot(folder: UPath) -> Place:
    """The data set of a snapshot; pictures that may not be passed on are not in it."""
    return Place(
        name=str(folder),
        manifest=folder / MANIFEST,
        splits=folder / SPLITS,
        images=tuple(sorted((folder / "images").glob("*.parquet"), key=str)),
        locks={Path(str(path)).stem: path for path in sorted((folder / "locks").glob("*.parquet"), key=str)},
        raw=None,
        withdrawn=folder / WITHDRAWN,
        holds_all_pictures=False,
    )


def _alone(manifest: UPath) -> Place:
    """A manifest, with what stands beside it."""
    folder = manifest.parent
    splits = next((path for path in (folder / SPLITS, folder.parent / SPLITS) if path.exists()), None)
    images = tuple(sorted(folder.glob("images-*.parquet"), key=str))
    return Place(str(manifest), manifest, splits, images, {}, None, folder / WITHDRAWN, bool(images))
