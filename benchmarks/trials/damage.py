"""Flipped bits in tables, arrays and stored files, and tables in the place of others."""

import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.trials import Tally
from benchmarks.trials.project import SIZE, Project
from pipeline.core.layout import Layout
from pipeline.core.schema import TABLES
from pipeline.prepare.arrays import IMAGES, INPUTS, read_arrays
from sources.core.errors import CxnetError
from sources.core.seal import TAIL_BYTES
from sources.core.storage import open_parquet, read_table

READERS = {  # table -> commands that read it
    "pool": ("dedupe", "views", "manifest"),
    "dedupe": ("views", "harmonise"),
    "views": ("segment", "harmonise", "manifest"),
    "segment": ("manifest",),
    "harmonise": ("manifest",),
    "manifest": ("split", "report"),
    "splits": ("report",),
    "duplicates": ("report",),
    "conflicts": ("contradictions",),
}


def path_of(project: Project, table: str) -> Path:
    """Where a table is; the first shard of shards."""
    data = project.root / "data"
    places = {"pool": data / "pool" / "pool-00000.parquet", "manifest": data / "manifest" / "manifest.parquet"}
    return places.get(table, data / f"{table}.parquet")


def flips(project: Project, count: int) -> dict[str, Tally]:
    """Flip one bit at a time, half of them in footers: a table is the same, or refused."""
    tallies = {"bits of pages": Tally(), "bits of footers": Tally()}
    rng = random.Random(0)
    tables = list(READERS)
    for number in range(count):
        table = tables[number % len(tables)]
        path = path_of(project, table)
        good = path.read_bytes()
        footer = int.from_bytes(good[-TAIL_BYTES:-4], "little") + TAIL_BYTES
        for kind, first, last in (("pages", 4, len(good) - footer), ("footers", len(good) - footer, len(good))):
            place, bit = rng.randrange(first, last), rng.randrange(8)
            bad = bytearray(good)
            bad[place] ^= 1 << bit
            where = f"{path.name}, byte {place}, bit {bit}: not noticed"
            tallies[f"bits of {kind}"].add(None if _is_seen(path, table, good, bytes(bad)) else where)
    return tallies


def flipped_arrays(project: Project, count: int) -> dict[str, Tally]:
    """Flip one bit at a time of the arrays and of their description: they are the same, or refused."""
    tally = Tally()
    rng = random.Random(2)
    layout = Layout.at(str(project.root))
    good = read_arrays(layout, str(SIZE))
    for number in range(count):
        path = layout.arrays(str(SIZE)) / (IMAGES, INPUTS)[number % 10 == 0]
        place, bit = rng.randrange(path.stat().st_size), rng.randrange(8)
        _flip(Path(path.path), place, bit)
        try:
            found = read_arrays(layout, str(SIZE))
            is_same = found.inputs == good.inputs and np.array_equal(found.images, good.images)
        except CxnetError:
            is_same = True
        finally:
            _flip(Path(path.path), place, bit)
        tally.add(None if is_same else f"{path.name}, byte {place}, bit {bit}: not noticed")
    return {"bits of arrays": tally}


def _flip(path: Path, place: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1 << bit]))


def _is_seen(path: Path, table: str, good: bytes, bad: bytes) -> bool:
    """Is the damage found out or harmless? The file is as before in the end."""
    whole = _content(path, table)
    path.write_bytes(bad)
    try:
        return _content(path, table) == whole
    except CxnetError:
        return True
    finally:
        path.write_bytes(good)


def _content(path: Path, table: str) -> pa.Table:
    with open_parquet(path, TABLES[table]) as file:
        return file.read()


def swaps(project: Project, step: int) -> dict[str, Tally]:
    """Put tables in the place of others that a stage reads (every ``step``-th case): the stage refuses them by name."""
    tally = Tally()
    for right, wrong, command in islice(_swaps(), 0, None, step):
        path = path_of(project, right)
        good = path.read_bytes()
        path.write_bytes(path_of(project, wrong).read_bytes())
        try:
            done = project.run(command)
        finally:
            path.write_bytes(good)
        refused = done.returncode == 1 and path.name in done.stderr and len(done.stderr.strip().splitlines()) == 1
        tally.add(None if refused else f"{wrong} as {right}, {command}: {done.returncode} {done.stderr.strip()[-200:]}")
    return {"swapped tables": tally}


def _swaps() -> Iterator[tuple[str, str, str]]:
    """Some of the possible swaps, each table and each reader among them."""
    number = 0
    for right, commands in READERS.items():
        for command in commands:
            for _ in range(2):
                number += 1
                wrong = [name for name in READERS if name != right][number % (len(READERS) - 1)]
                yield right, wrong, command


def rot(project: Project, count: int) -> dict[str, Tally]:
    """Flip a bit of stored files: ingest excludes their rows with a reason."""
    tally = Tally()
    rng = random.Random(1)
    stored = sorted((project.root / "data" / "raw" / "films" / "files").iterdir())[:count]
    kept = {path: path.read_bytes() for path in stored}
    for path, good in kept.items():
        bad = bytearray(good)
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        path.write_bytes(bad)
    try:
        done = project.run("ingest")
        rows = read_table(path_of(project, "pool"), ["file", "excluded_by", "reason"]).astype(object)
        seen = set(rows.loc[rows["excluded_by"] == "ingest", "file"])
    finally:
        for path, good in kept.items():
            path.write_bytes(good)
    for path in stored:
        tally.add(None if done.returncode == 0 and f"files/{path.name}" in seen else f"{path.name}: decoded as it is")
    project.run("ingest")
    return {"rotten files": tally}
