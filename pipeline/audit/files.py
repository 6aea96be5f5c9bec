"""Whether the files of a data set are there, and are what the tables say."""

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pandas as pd
from upath import UPath

from pipeline.audit.dataset import Place
from pipeline.audit.rules import Tables
from pipeline.audit.violations import Violation, broken
from pipeline.core.schema import IMAGES_SCHEMA
from sources.core.items import KEY, LOCK_SCHEMA
from sources.core.storage import open_parquet, read_table
from sources.core.text import counted

THREADS = 4  # hashing runs outside Python's lock
PNG = b"\x89PNG\r\n\x1a\n"
BATCH_ROWS = 64
BLOCK = 1 << 20


@dataclass(frozen=True)
class FileCheck:
    """What of the files was checked, and what is wrong."""

    pictures: int
    files: int
    violations: list[Violation]

    def __str__(self) -> str:
        return f"{counted(self.pictures, 'picture')}, {counted(self.files, 'file')} of sources"


def check_files(place: Place, tables: Tables) -> FileCheck:
    """Read every picture, and hash every file that a source gave.

    Raises:
        CxnetError: a table of pictures or a lock is damaged.
    """
    pictures, wrong = _check_pictures(place, tables)
    files, missing = _check_sources(place)
    return FileCheck(pictures, files, sorted({*wrong, *missing}))


def _check_pictures(place: Place, tables: Tables) -> tuple[int, list[Violation]]:
    """Every kept film has one picture, which is a PNG; nothing else has one."""
    found, wrong = [], []
    for shard in place.images:
        with open_parquet(shard, IMAGES_SCHEMA) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=[*KEY, "image_id", "redistributable", "image"]):
                for row in batch.to_pylist():
                    content = (row["image"] or {}).get("bytes") or b""
                    if not content.startswith(PNG):
                        wrong.append(Violation("a picture is a PNG", f"{row['source']}/{row['item_id']}", shard.name))
                    found.append((row["source"], row["item_id"], row["image_id"]))
    pictures = pd.DataFrame(found, columns=[*KEY, "picture_of"], dtype=object)
    kept = tables.kept[[*KEY, "image_id"]].astype(object)
    both = kept.merge(pictures, on=list(KEY), how="outer", indicator="where")
    wrong += broken("a film has one picture", pictures[pictures.duplicated(list(KEY), keep=False)])
    wrong += broken("a picture is one of a kept film", both[both["where"] == "right_only"])
    if place.holds_all_pictures:
        wrong += broken("a kept film has a picture", both[both["where"] == "left_only"])
    other = both[(both["where"] == "both") & (both["image_id"] != both["picture_of"])]
    wrong += broken("a picture is that of its row", other, other["picture_of"])
    return len(found), wrong


def _check_sources(place: Place) -> tuple[int, list[Violation]]:
    """Every fetched file is there, and its hash is that of the lock."""
    if place.raw is None:
        return 0, []
    wrong, count = [], 0
    for source, lock in place.locks.items():
        rows = read_table(lock, [*KEY, "fetch_status", "file", "file_sha256", "file_size"], LOCK_SCHEMA)
        fetched = rows[(rows["fetch_status"] == "fetched") & rows["file"].notna()]
        files = fetched.drop_duplicates("file")
        hashes = dict(
            zip(files["file"], _hashes(place.raw / source / str(name) for name in files["file"]), strict=True)
        )
        actual = fetched["file"].map(hashes)
        wrong += broken(
            "the file of a fetched image is there", fetched[actual == ""], fetched.loc[actual == "", "file"]
        )
        other = (actual != "") & (actual != fetched["file_sha256"])
        wrong += broken("a file has the hash that its lock states", fetched[other], fetched.loc[other, "file"])
        count += len(files)
    return count, wrong


def _hashes(paths: Iterable[UPath]) -> Iterator[str]:
    """sha256 of each file, "" where there is none."""
    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(_hash, paths)


def _hash(path: UPath) -> str:
    try:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
        return digest.hexdigest()
    except OSError:
        return ""
