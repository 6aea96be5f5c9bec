"""The kept films in the forms that other tools read, by split.

================  ====================================================================================================
form              what is written
================  ====================================================================================================
csv               ``films.csv``: file, label, split, patient, view, age, sex, source, license; and ``images/*.png``
folder            ``‹split›/‹label›/*.png``, for ``image_dataset_from_directory`` and the like
hf                ``data/‹split›-*.parquet`` with an image column, which Hugging Face's ``datasets`` decodes
webdataset        ``‹split›-*.tar`` with ``‹image›.png`` and ``‹image›.json`` side by side
tfrecord          ``‹split›-*.tfrecord`` of ``tf.train.Example``: image, label, and the columns of the CSV
torchxrayvision   ``films.csv`` with the columns of its COVID19_Dataset, and ``images/*.png``
================  ====================================================================================================

Pictures that may not be passed on are written too: an export is for one's own use. To share films, make a snapshot.
"""

import csv
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from pipeline.core.layout import Layout
from pipeline.core.schema import IMAGES_SCHEMA, SPLITS_SCHEMA
from pipeline.core.tables import iter_images
from sources.core.errors import CxnetError, UsageError
from sources.core.items import KEY
from sources.core.storage import atomic_folder, read_table
from sources.core.text import counted

Form = Literal["csv", "folder", "hf", "webdataset", "tfrecord", "torchxrayvision"]
COLUMNS = ("label", "view", "age", "sex", "patient_key", "study_id", "offset_days", "licence", "attribution", "finding")
PER_SHARD = 1000  # films
GROUP_ROWS = 100  # of Parquet files
UNLABELED = "unlabeled"
XRV_FINDINGS = {"normal": "No Finding", "cap": "Pneumonia", "covid": "Pneumonia/Viral/COVID-19"}
XRV_VIEWS = {"AP_SUPINE": "AP Supine"}


@dataclass(frozen=True)
class Film:
    """One kept film: its row with the split, and its picture as PNG."""

    row: dict[str, Any]
    png: bytes

    @property
    def name(self) -> str:
        """Name of its file: the hash of the image, which is different for all kept films."""
        return f"{self.row['image_id']}.png"

    @property
    def label(self) -> str:
        return str(self.row["label"] or UNLABELED)

    def facts(self) -> dict[str, Any]:
        """The columns of the CSV."""
        names = ("source", "item_id", "image_id", "split", *COLUMNS)
        return {"file": self.name, **{name: self.row[name] for name in names}}


def export(layout: Layout, form: Form, out: UPath) -> int:
    """Write the kept films to the new folder ``out``; how many there are.

    Raises:
        UsageError: the folder exists.
        CxnetError: the data set is not there, or the disk is full.
    """
    if out.exists():
        raise UsageError(f"{out} exists; name a new folder.")
    splits = read_table(layout.splits, [*KEY, "split"], SPLITS_SCHEMA)
    split_of = dict(zip(zip(splits["source"], splits["item_id"], strict=True), splits["split"], strict=True))
    with atomic_folder(out) as folder:
        count = WRITERS[form](Path(folder.path), _films(layout, split_of))
    if not count:
        raise CxnetError(f"{layout.manifest} keeps no film; there is nothing to export.")
    return count


def _films(layout: Layout, split_of: dict[tuple[str, str], str]) -> Iterator[Film]:
    for row, png in iter_images(layout.manifest, "images", [*KEY, "image_id", *COLUMNS]):
        split = split_of.get((row["source"], row["item_id"]))
        if split is None:
            raise CxnetError(f"{layout.splits} lacks {row['source']}/{row['item_id']}; run `cxnet-data split` again.")
        yield Film({**row, "split": split}, png)


def _csv(folder: Path, films: Iterator[Film]) -> int:
    return _table(folder, films, lambda film: film.facts())


def _torchxrayvision(folder: Path, films: Iterator[Film]) -> int:
    def facts(film: Film) -> dict[str, Any]:
        row = film.row
        return {
            "patientid": row["patient_key"],
            "offset": row["offset_days"],
            "sex": row["sex"],
            "age": row["age"],
            "finding": XRV_FINDINGS.get(film.label, "Unknown"),
            "view": XRV_VIEWS.get(row["view"], row["view"]),
            "modality": "X-ray",
            "folder": "images",
            "filename": film.name,
            "split": row["split"],
            "license": row["licence"],
        }

    return _table(folder, films, facts)


def _table(folder: Path, films: Iterator[Film], facts: Callable[[Film], dict[str, Any]]) -> int:
    """``films.csv``, and the pictures below ``images``."""
    count = 0
    (folder / "images").mkdir()
    with (folder / "films.csv").open("w", newline="", encoding="utf-8") as file:
        writer: csv.DictWriter[str] | None = None
        for film in films:
            row = facts(film)
            if writer is None:
                writer = csv.DictWriter(file, list(row), lineterminator="\n")
                writer.writeheader()
            writer.writerow(row)
            (folder / "images" / film.name).write_bytes(film.png)
            count += 1
    return count


def _folders(folder: Path, films: Iterator[Film]) -> int:
    count = 0
    for film in films:
        place = folder / str(film.row["split"]) / film.label
        place.mkdir(parents=True, exist_ok=True)
        (place / film.name).write_bytes(film.png)
        count += 1
    return count


def _webdataset(folder: Path, films: Iterator[Film]) -> int:
    def add(archive: tarfile.TarFile, film: Film) -> None:
        for name, data in ((film.name, film.png), (f"{film.row['image_id']}.json", json.dumps(film.facts()).encode())):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))

    return _sharded(folder, films, "tar", lambda file: tarfile.open(fileobj=file, mode="w"), add)


def _hugging_face(folder: Path, films: Iterator[Film]) -> int:
    names = ["image", "label", "split", *KEY, "image_id", *(name for name in COLUMNS if name != "label")]
    schema = pa.schema([IMAGES_SCHEMA.field(name) if name != "split" else SPLITS_SCHEMA.field(name) for name in names])
    features = {name: _feature(schema.field(name)) for name in names}
    schema = schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    (folder / "data").mkdir()

    def add(rows: list[dict[str, Any]], film: Film) -> None:
        image = {"bytes": film.png, "path": film.name}
        rows.append({**{name: film.row.get(name) for name in names}, "image": image})

    @contextmanager
    def start(file: IO[bytes]) -> Iterator[list[dict[str, Any]]]:
        rows: list[dict[str, Any]] = []  # of one shard
        yield rows
        pq.write_table(pa.Table.from_pylist(rows, schema), file, row_group_size=GROUP_ROWS)

    return _sharded(folder / "data", films, "parquet", start, add)


def _feature(field: pa.Field) -> dict[str, Any]:
    if field.name == "image":
        return {"_type": "Image"}
    return {"dtype": {"double": "float64"}.get(str(field.type), str(field.type)), "_type": "Value"}


def _tfrecord(folder: Path, films: Iterator[Film]) -> int:
    import tensorflow as tf

    def example(film: Film) -> bytes:
        values = {**film.facts(), "image": film.png}
        features = {
            name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[_bytes(value)]))
            for name, value in values.items()
        }
        return bytes(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())

    count, writers = 0, dict[str, Any]()
    with ExitStack() as stack:
        for film in films:
            split = str(film.row["split"])
            if split not in writers:
                writers[split] = stack.enter_context(tf.io.TFRecordWriter(str(folder / f"{split}-00000.tfrecord")))
            writers[split].write(example(film))
            count += 1
    return count


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    return b"" if value is None else str(value).encode()


def _sharded(
    folder: Path,
    films: Iterator[Film],
    suffix: str,
    start: Callable[[IO[bytes]], AbstractContextManager[Any]],
    add: Callable[[Any, Film], None],
) -> int:
    """Write films to ``‹split›-00000.‹suffix›``, ... of :data:`PER_SHARD` films each."""
    counts: dict[str, int] = {}
    open_now: dict[str, tuple[Any, ExitStack]] = {}
    with ExitStack() as everything:
        for film in films:
            split = str(film.row["split"])
            number = counts.get(split, 0)
            if number % PER_SHARD == 0:
                if split in open_now:
                    open_now[split][1].close()
                shard = everything.enter_context(ExitStack())
                file = shard.enter_context((folder / f"{split}-{number // PER_SHARD:05d}.{suffix}").open("wb"))
                open_now[split] = shard.enter_context(start(file)), shard
            add(open_now[split][0], film)
            counts[split] = number + 1
    return sum(counts.values())


WRITERS: dict[Form, Callable[[Path, Iterator[Film]], int]] = {
    "csv": _csv,
    "folder": _folders,
    "hf": _hugging_face,
    "webdataset": _webdataset,
    "tfrecord": _tfrecord,
    "torchxrayvision": _torchxrayvision,
}


def told(count: int, out: UPath) -> str:
    """What was written, as a sentence."""
    return f"{out}: {counted(count, 'film')}. For your own use: to share films, make a snapshot."
