"""Rebuild a snapshot's data set: fetch the files that it names by their hashes, run the stages, compare the result."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from importlib import import_module

import pandas as pd
from upath import UPath

from pipeline.audit.dataset import MANIFEST, WITHDRAWN
from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.withdrawn import read_withdrawn
from pipeline.release.record import SnapshotRecord, record_file
from pipeline.release.verify import verify
from sources.core.errors import CxnetError, UsageError
from sources.core.items import LOCK_SCHEMA
from sources.core.storage import atomic, read_table
from sources.core.text import counted

STAGES = ("ingest", "dedupe", "views", "segment", "harmonise", "manifest", "split")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Restored:
    """What came of it.

    Attributes:
        record: of the snapshot.
        missing: files that no longer come with their hash, a row each.
        is_identical: is the manifest the snapshot's, bit by bit?
        withdrawn: films that were withdrawn since, and are left out.
    """

    record: SnapshotRecord
    missing: pd.DataFrame
    is_identical: bool
    withdrawn: int

    def __str__(self) -> str:
        if self.is_identical:
            return f"{self.record.name} is restored: the manifest is identical ({self.record.manifest_sha256[:16]})."
        lost = (
            f"{counted(len(self.missing), 'file')} no longer come with the recorded hash" if len(self.missing) else ""
        )
        gone = f"{counted(self.withdrawn, 'film')} withdrawn since" if self.withdrawn else ""
        why = "; ".join(filter(None, (lost, gone))) or "code or options differ"
        return f"{self.record.name} is not restored whole: the manifest differs ({why})."


def prepare(folder: UPath, out: UPath, withdrawn: UPath | None) -> tuple[SnapshotRecord, int]:
    """Make the project ``out`` from a snapshot: locks, decisions, profile, and the list of withdrawn films.

    Args:
        folder: the snapshot.
        out: where the project goes; it must not hold one already, unless of the same snapshot.
        withdrawn: a later list of withdrawn films; those of both lists are left out.

    Returns:
        The record, and the number of films withdrawn since.

    Raises:
        UsageError: it is no snapshot, or ``out`` holds something else.
        CxnetError: a file of the snapshot has changed.
    """
    found = verify(folder)
    if found.violations:
        first = found.violations[0]
        raise CxnetError(f"{folder} has changed: {first.row}: {first.value}; get the snapshot again.")
    mark = out / "snapshot.sha256"
    if out.exists() and any(out.iterdir()) and not _is_of(mark, found.record):
        raise UsageError(f"{out} holds something else; name a new folder.")
    _write(mark, found.record.root_sha256 + "\n")
    for lock in sorted((folder / "locks").glob("*.parquet"), key=str):
        source = lock.name.removesuffix(".parquet")
        target = out / "data" / "raw" / source / "items.parquet"
        if not target.exists():
            _copy(lock, target)
    _copy(folder / "profile.yaml", out / "profile.yaml")
    for name in ("decisions.csv", WITHDRAWN):
        if (folder / name).exists():
            _copy(folder / name, out / "curation" / name)
    known = read_withdrawn(folder / WITHDRAWN)
    later = {} if withdrawn is None else read_withdrawn(withdrawn)
    new = sorted(set(later) - set(known))
    if new:
        text = "image_id,when,why\n" + "".join(f"{image},,withdrawn since\n" for image in sorted({*known, *later}))
        _write(out / "curation" / WITHDRAWN, text)
    return found.record, len(new)


def rebuild(layout: Layout, params: Params, executor: Executor | None, say: Say) -> None:
    """Run the stages from the files to the splits."""
    for name in STAGES:
        say(f"{name}: {import_module(f'pipeline.{name}.stage').run(layout, params, executor)}")


def outcome(layout: Layout, record: SnapshotRecord, withdrawn: int) -> Restored:
    """Compare the rebuilt manifest with that of the snapshot, and collect what did not come."""
    same = record_file(layout.manifest / MANIFEST).sha256 == record.manifest_sha256
    return Restored(record, missing_files(layout), same, withdrawn)


def missing_files(layout: Layout) -> pd.DataFrame:
    """The files of all locks that are not there: source, url, file."""
    rows = []
    for lock in sorted(layout.raw.glob("*/items.parquet"), key=str):
        items = read_table(lock, ["source", "url", "file", "fetch_status"], LOCK_SCHEMA)
        files = items[(items["fetch_status"] == "fetched") & items["file"].notna()].drop_duplicates("file")
        rows += [row for row in files.to_dict("records") if not (lock.parent / str(row["file"])).exists()]
    return pd.DataFrame(rows, columns=["source", "url", "file", "fetch_status"])


def _is_of(mark: UPath, record: SnapshotRecord) -> bool:
    return mark.is_file() and mark.read_text(encoding="utf-8").strip() == record.root_sha256


def _copy(source: UPath, target: UPath) -> None:
    with atomic(target) as file:
        file.write(source.read_bytes())


def _write(path: UPath, text: str) -> None:
    with atomic(path, "w") as file:
        file.write(text)
