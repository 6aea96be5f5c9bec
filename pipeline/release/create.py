"""Make a snapshot: tables, splits, locks, profile, decisions, report, and the pictures that may be passed on.

A snapshot is a folder::

    snapshot.json            what it is, with the hash of every file and one over all of them
    README.md                card for a hub, with what may be done with the films
    croissant.json           machine-readable description (mlcommons.org/croissant)
    datacite.json            for a DOI
    CITATION.cff             how to cite
    ATTRIBUTION.csv          author, address and license of every film whose picture is here
    manifest.parquet, ...    all tables; every listed image is a row, also those without a picture here
    images/‹class›-*.parquet rows with pictures, by class of terms
    locks/‹source›.parquet   addresses and hashes, from which the other pictures are rebuilt
    profile.yaml, decisions.csv, withdrawn.csv, report.html, experiments/
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from pipeline.audit.certificate import FILE as CERTIFICATE
from pipeline.audit.certificate import write as write_certificate
from pipeline.audit.check import make_certificate
from pipeline.audit.dataset import MANIFEST, SPLITS, WITHDRAWN, project
from pipeline.audit.rules import Tables, check_tables
from pipeline.core.exclusive import exclusive
from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.schema import IMAGES_SCHEMA
from pipeline.core.shards import shard_format
from pipeline.core.terms import ALLOWED, CLASSES, Purpose, TermsClass, classes_of
from pipeline.profile.text import profile_text
from pipeline.release.record import SnapshotRecord, check_name, files_below, record_file, record_files, root_of
from pipeline.release.texts import write_attribution, write_texts
from sources.core.errors import CxnetError, UsageError
from sources.core.seal import sealed_writer
from sources.core.storage import atomic, atomic_folder, is_local, open_parquet, read_table
from sources.core.text import counted

SNAPSHOTS = "snapshots"  # in a project
ALL: Literal["all"] = "all"
TABLES = ("duplicates", "conflicts", "contradictions")
EVALUATED = ("metrics.json", "predictions.parquet")  # of an experiment


@dataclass(frozen=True)
class Created:
    """A new snapshot: where it is, and its record."""

    folder: UPath
    record: SnapshotRecord

    def __str__(self) -> str:
        pictures, films = sum(self.record.pictures.values()), sum(self.record.films.values())
        rest = films - pictures
        left_out = (
            f"; {counted(rest, 'film')} may not be passed on: their addresses and hashes are here" if rest else ""
        )
        return (
            f"{self.folder}: {counted(films, 'film')}, {counted(pictures, 'picture')}{left_out}; "
            f"root hash {self.record.root_sha256[:16]}"
        )


def create(layout: Layout, params: Params, name: str, place: UPath, purpose: Purpose | Literal["all"]) -> Created:
    """Make the snapshot ``place/name``.

    Args:
        layout: the project.
        params: its profile.
        name: of the version.
        place: folder or bucket of snapshots.
        purpose: what it is for: decides which pictures are in it; ``all`` = every one, whatever the licenses say.

    Raises:
        UsageError: the name is not one, or there is such a snapshot already.
        CxnetError: the data set breaks a rule, another snapshot is being made, or a file cannot be read or written.
    """
    target = place / check_name(name)
    lock = layout.root / ".snapshot.lock"
    with ExitStack() as stack:
        if is_local(lock):
            stack.enter_context(exclusive(Path(lock.path), "Another `cxnet-data snapshot create`"))
        if target.exists():
            raise UsageError(f"{target} exists, and a version never changes; choose another name.")
        data = project(layout)
        tables = data.read()
        certificate = make_certificate(data, tables)
        _refuse_broken(tables, certificate)
        with atomic_folder(target) as folder:
            pictures = _write_images(data.images, folder / "images", purpose)
            _copy_tables(layout, folder)
            _copy_locks(data.locks, folder)
            _copy_extras(layout, params, folder)
            write_attribution(folder / "ATTRIBUTION.csv", tables.kept, purpose)
            write_certificate(folder / CERTIFICATE, certificate)
            files = record_files(folder, files_below(folder))
            films = {str(key): int(count) for key, count in classes_of(tables.kept).value_counts().sort_index().items()}
            record = SnapshotRecord(
                format=1,
                name=name,
                profile=params.profile,
                code=version("cxnet-data"),
                purpose=purpose,
                root_sha256=root_of(files),
                manifest_sha256=files[MANIFEST].sha256,
                films=films,
                pictures=pictures,
                files=files,
                texts={},
            )
            write_texts(folder, record, tables)
            texts = record_files(folder, set(files_below(folder)) - set(files))
            record = record.model_copy(update={"texts": texts})
            record.write(folder)
    return Created(target, record)


def _refuse_broken(tables: Tables, certificate: Mapping[str, Any]) -> None:
    """Refuse a data set that breaks a rule: others could not use it."""
    if any(entry["violations"] for entry in certificate["rules"]):
        found = check_tables(tables)
        value = f": {found[0].value}" if found[0].value else ""
        raise CxnetError(
            f"The data set breaks {counted(len(found), 'rule')} ({found[0].rule}; not so {found[0].row}{value}); "
            "`cxnet-data check` lists them all."
        )


def _write_images(shards: Sequence[UPath], folder: UPath, purpose: Purpose | Literal["all"]) -> dict[str, int]:
    """Write the rows with pictures that ``purpose`` allows, a shard for each class and shard; films by class."""
    allowed: tuple[TermsClass, ...] = CLASSES if purpose == ALL else ALLOWED[purpose]
    counts: dict[str, int] = {}
    for number, shard in enumerate(shards):
        terms = classes_of(read_table(shard, ["licence", "redistributable"], IMAGES_SCHEMA)).to_numpy(str)
        kinds = sorted(set(terms) & set(allowed))
        for kind in kinds:
            counts[kind] = counts.get(kind, 0) + int((terms == kind).sum())
        paths = {kind: folder / f"{kind}-{number:05d}.parquet" for kind in kinds}
        if len(set(terms)) == 1 and kinds:
            _copy(shard, paths[kinds[0]])  # all of one class: byte for byte
        elif kinds:
            _write_classes(shard, terms, paths)
    return counts


def _write_classes(shard: UPath, terms: npt.NDArray[np.str_], paths: Mapping[TermsClass, UPath]) -> None:
    """Write the rows of each class to its file, a row group at a time."""
    with open_parquet(shard, IMAGES_SCHEMA) as file, ExitStack() as stack:
        writers = {kind: stack.enter_context(_writer(path)) for kind, path in paths.items()}
        start = 0
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group)
            inside = terms[start : start + len(rows)]
            start += len(rows)
            for kind, writer in writers.items():
                chosen = rows.filter(pa.array(inside == kind))
                if len(chosen):
                    writer.write_table(chosen, row_group_size=len(chosen))


@contextmanager
def _writer(path: UPath) -> Iterator[pq.ParquetWriter]:
    with atomic(path) as file, sealed_writer(file, IMAGES_SCHEMA, **shard_format(IMAGES_SCHEMA)) as writer:
        yield writer


def _copy_tables(layout: Layout, folder: UPath) -> None:
    _copy(layout.manifest / MANIFEST, folder / MANIFEST)
    _copy(layout.splits, folder / SPLITS)
    for name in TABLES:
        _copy(layout.data / f"{name}.parquet", folder / f"{name}.parquet")


def _copy_locks(locks: dict[str, UPath], folder: UPath) -> None:
    for source, path in locks.items():
        _copy(path, folder / "locks" / f"{source}.parquet")


def _copy_extras(layout: Layout, params: Params, folder: UPath) -> None:
    """Profile, decisions and withdrawals, the report, and the figures of the models."""
    with atomic(folder / "profile.yaml", "w") as file:
        file.write(profile_text(params))
    _copy(layout.decisions, folder / "decisions.csv")
    _copy(layout.withdrawn, folder / WITHDRAWN)
    _copy(layout.reports / "audit.json", folder / "audit.json")
    report = layout.reports / "index.html"
    if report.exists() and _manifest_sha256(layout)[:16].encode() in report.read_bytes():
        _copy(report, folder / "report.html")
    for experiment in params.experiments:
        record = layout.model(experiment) / "params.json"
        if _is_of_these_films(layout, params, experiment, record):
            for path in (record, *(layout.report(experiment) / name for name in EVALUATED)):
                _copy(path, folder / "experiments" / experiment / path.name)


def _manifest_sha256(layout: Layout) -> str:
    return record_file(layout.manifest / MANIFEST).sha256


def _is_of_these_films(layout: Layout, params: Params, experiment: str, record: UPath) -> bool:
    """Did the model of an experiment learn from the films of this data set, and not from those of an earlier run?"""
    rows = layout.arrays(params.experiments[experiment].inputs) / "rows.parquet"
    if not record.exists() or not rows.exists():
        return False
    return record_file(rows).sha256 == json.loads(record.read_text(encoding="utf-8")).get("rows_sha256")


def _copy(source: UPath, target: UPath) -> None:
    """Copy a file; one that is not there is left out."""
    if source.exists():
        with source.open("rb") as given, atomic(target) as file:
            while block := given.read(1 << 20):
                file.write(block)
