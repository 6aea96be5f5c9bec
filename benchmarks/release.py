"""What snapshots cost: create, check, verify, diff and a query, against copying and hashing the same bytes.

``create`` is compared with copying the files of the snapshot and hashing them; ``verify`` with hashing alone. A second
version with 5% more films shows how many of its bytes a store would hold anew that keeps equal chunks once (chunks are
cut where their content says so, of 64 KiB on average).

Run: ``python -m benchmarks.release --root PROJECT`` for a finished run, or ``--rows 112120`` for synthetic rows.
"""

import argparse
import hashlib
import json
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from upath import UPath

from pipeline.audit.check import check
from pipeline.audit.dataset import find_place
from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.schema import IMAGES_SCHEMA, MANIFEST_SCHEMA, SPLITS_SCHEMA
from pipeline.core.shards import ShardWriter, with_picture
from pipeline.release.create import create
from pipeline.release.diff import compare
from pipeline.release.verify import verify
from pipeline.report.query import select_rows
from sources.core.storage import write_table

RESULTS = Path(__file__).parent / "results" / "release.json"
CREATE, VERIFY, QUERY_S, MEMORY_MB, NEW_BYTES = 1.5, 1 / 0.9, 2.0, 2000, 0.10  # targets
CHUNK_BITS = 16  # of the average size of a chunk
PICTURES = 200  # different ones among the synthetic films


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", help="project with a finished run")
    parser.add_argument("--rows", type=int, default=20_000, help="synthetic rows, without --root")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        layout = Layout.at(given.root) if given.root else draw(work / "project", given.rows)
        results = measure(layout, work)
        if not given.root:
            results["new_bytes"] = grown(work, given.rows)
    show(results)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")


def measure(layout: Layout, work: Path) -> dict[str, Any]:
    """Seconds of each command, and of the yardsticks; MB of memory at the most."""
    params = Params(profile="measured")
    made, seconds = timed(lambda: create(layout, params, "v1", UPath(work / "out"), "noncommercial"))
    folder = Path(made.folder.path)
    results: dict[str, Any] = {"rows": len(find_place(None, layout).read().manifest), "create_s": seconds}
    results["bytes"] = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    hash_all(folder)  # the files are then in memory for all that follows
    results["copy_and_hash_s"] = timed(lambda: copy_and_hash(folder, work / "copy"))[1]
    results["hash_s"] = timed(lambda: hash_all(folder))[1]
    results["verify_s"] = timed(lambda: verify(made.folder))[1]
    results["check_s"] = timed(lambda: check(find_place(None, layout)))[1]
    again = create(layout, params, "v2", UPath(work / "out"), "open")
    results["diff_s"] = timed(lambda: compare(made.folder, again.folder))[1]
    where = "label = 'covid' and status = 'kept'"
    results["query_s"] = timed(lambda: select_rows(layout.manifest / "manifest.parquet", where))[1]
    results["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return results


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began


def copy_and_hash(folder: Path, copy: Path) -> None:
    shutil.copytree(folder, copy)
    hash_all(copy)


def hash_all(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                hashlib.file_digest(file, "sha256")


def draw(root: Path, count: int, first: int = 0) -> Layout:
    """A manifest, splits and shards of ``count`` kept films, with a few different pictures."""
    layout = Layout.at(UPath(root))
    rng = np.random.default_rng(0)
    shapes = [cv2.GaussianBlur(rng.integers(0, 256, (96, 96)).astype(np.uint8), (0, 0), 4) for _ in range(PICTURES)]
    pictures = [cv2.imencode(".png", shape)[1].tobytes() for shape in shapes]
    numbers = np.arange(first, first + count)
    rows = pd.DataFrame({name: pd.Series([None] * count, dtype=object) for name in MANIFEST_SCHEMA.names})
    rows = rows.assign(
        source=np.where(numbers % 3 == 0, "nih", "cohen"),
        item_id=[f"{number:08d}" for number in numbers],
        image_id=[hashlib.sha256(str(number).encode()).hexdigest() for number in numbers],
        phash=[f"{int(value):016x}" for value in rng.integers(0, 2**63, count)],
        label=np.where(numbers % 2 == 0, "covid", "normal"),
        patient_key=[f"p{number // 3}" for number in numbers],
        licence="CC-BY-4.0",
        redistributable=True,
        status="kept",
        width=96,
        height=96,
    ).sort_values(["source", "item_id"], ignore_index=True)
    write_table(layout.manifest / "manifest.parquet", rows, MANIFEST_SCHEMA)
    split = np.array(["train", "val", "test"], dtype=object)[[int(key[1:]) % 3 for key in rows["patient_key"]]]
    parts = rows[["source", "item_id", "image_id"]].assign(group_id=rows["patient_key"], split=split, fold=0)
    write_table(layout.splits, parts, SPLITS_SCHEMA)
    with ShardWriter(layout.manifest, "images", IMAGES_SCHEMA, 5000) as shards:
        for place, row in enumerate(rows.to_dict("records")):
            shards.add(with_picture({str(key): value for key, value in row.items()}, pictures[place % PICTURES]))
    return layout


def grown(work: Path, count: int) -> float:
    """Share of the bytes of a version with 5% more films that an earlier one does not have as chunks."""
    before = create(Layout.at(UPath(work / "project")), Params(profile="measured"), "a", UPath(work / "grown"), "open")
    larger = draw(work / "larger", count + count // 20)
    after = create(larger, Params(profile="measured"), "b", UPath(work / "grown"), "open")
    known = {name for name, _ in chunks(Path(before.folder.path))}
    found = chunks(Path(after.folder.path))
    return sum(size for name, size in dict(found).items() if name not in known) / sum(size for _, size in found)


def chunks(folder: Path) -> list[tuple[str, int]]:
    """Hash and size of the chunks of all files, cut by a rolling hash of 32 bytes (Gear hashing)."""
    table = np.random.default_rng(1).integers(0, 2**63, 256, dtype=np.uint64)
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        data = np.frombuffer(path.read_bytes(), np.uint8)
        rolling = np.zeros(len(data), np.uint64)
        for shift in range(32):  # the sum of the shifted values of the last bytes
            rolling[shift:] += table[data[: len(data) - shift]] << np.uint64(shift)
        cuts = np.flatnonzero((rolling >> np.uint64(24)) % (1 << CHUNK_BITS) == 0) + 1
        edges = np.unique(np.r_[0, cuts, len(data)])
        for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            found.append((hashlib.sha256(data[start:end].tobytes()).hexdigest(), end - start))
    return found


def show(results: dict[str, Any]) -> None:
    create_ratio = results["create_s"] / results["copy_and_hash_s"]
    verify_ratio = results["verify_s"] / results["hash_s"]
    print(f"{results['rows']:,} rows, {results['bytes'] / 1e6:,.0f} MB")
    lines = [
        ("create / copying and hashing", create_ratio, CREATE),
        ("verify / hashing", verify_ratio, VERIFY),
        ("query, s", results["query_s"], QUERY_S),
        ("memory, MB", results["memory_mb"], MEMORY_MB),
    ]
    if "new_bytes" in results:
        lines.append(("new bytes of 5% more films", results["new_bytes"], NEW_BYTES))
    for name, value, target in lines:
        print(f"{name:<32}{value:>10.2f}   {'met' if value <= target else 'MISSED'} ({target:.2f})")
    for name in ("create_s", "check_s", "verify_s", "diff_s"):
        print(f"{name:<32}{results[name]:>10.2f}")


if __name__ == "__main__":
    main()
