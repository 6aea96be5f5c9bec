"""Per-image stages on 1 process, on 2 processes, and on a Dask cluster with 2 workers: images/s, overhead, result.

Each setup runs ingest and dedupe on the same synthetic films, into a folder of its own, once its workers have started
and loaded their modules. Dask's own commands start the cluster on loopback. Overhead is the extra core time compared
with one process, so 2 processes at twice the speed have none. Run: ``python -m benchmarks.distributed``.
"""

import argparse
import hashlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import pandas as pd

from benchmarks.enhance import draw_film
from pipeline.core.layout import Layout
from pipeline.core.parallel import map_images, open_executor
from pipeline.core.params import Params
from pipeline.dedupe import stage as dedupe
from pipeline.dedupe.films import measure_png
from pipeline.ingest import stage as ingest
from sources.core.items import LOCK_SCHEMA
from sources.core.storage import write_table

RESULTS = Path(__file__).parent / "results" / "distributed.json"
SIDE = 1200
SETUPS = {"1 process": 1, "2 processes": 2, "Dask, 2 workers": 2}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--films", type=int, default=80)
    films = options.parse_args().films
    with tempfile.TemporaryDirectory() as folder, cluster(Path(folder)) as address:
        draw_source(Path(folder) / "synthetic", films)
        rows = [measure(Path(folder), setup, None if setup in list(SETUPS)[:2] else address, films) for setup in SETUPS]
    for row in rows:
        row["overhead"] = row["seconds"] * row["workers"] / rows[0]["seconds"] - 1
    same = len({row["sha256"] for row in rows}) == 1
    print(f"{'setup':<18}{'seconds':>9}{'ingest img/s':>14}{'dedupe img/s':>14}{'overhead':>10}  result")
    for row in rows:
        print(
            f"{row['setup']:<18}{row['seconds']:>9.2f}{row['ingest_per_s']:>14.1f}{row['dedupe_per_s']:>14.1f}"
            f"{row['overhead']:>9.0%}  {row['sha256'][:12]}"
        )
    print(f"identical tables: {'met' if same else 'MISSED'}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"films": films, "side": SIDE, "rows": rows, "met": same}, indent=2) + "\n")


def measure(folder: Path, setup: str, scheduler: str | None, films: int) -> dict[str, Any]:
    """Run both stages on a copy of the synthetic source."""
    layout, params = Layout.at(str(folder / setup.replace(" ", "-"))), Params(profile="measured", sources=("cohen",))
    shutil.copytree(folder / "synthetic" / "data", str(layout.data))
    with open_executor(SETUPS[setup], scheduler) as executor:
        blank = cv2.imencode(".png", draw_film(128, 0))[1].tobytes()
        list(map_images(measure_png, [blank] * 8, executor))
        began = time.perf_counter()
        ingest.run(layout, params, executor)
        between = time.perf_counter()
        dedupe.run(layout, params, executor)
        ended = time.perf_counter()
    return {
        "setup": setup,
        "workers": SETUPS[setup],
        "seconds": ended - began,
        "ingest_per_s": films / (between - began),
        "dedupe_per_s": films / (ended - between),
        "sha256": digest(Path(str(layout.data))),
    }


def digest(folder: Path) -> str:
    """One hash of all tables."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*.parquet")):
        total.update(str(path.relative_to(folder)).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def draw_source(root: Path, films: int) -> None:
    """Write a fetched source of ``films`` synthetic JPEG files."""
    folder = root / "data" / "raw" / "cohen"
    (folder / "files").mkdir(parents=True)
    rows = []
    for number in range(films):
        data = cv2.imencode(".jpg", draw_film(SIDE, number % 23))[1].tobytes()
        data += number.to_bytes(4, "big")  # after the picture's end: all files differ, but some show the same pixels
        (folder / "files" / f"{number}.jpg").write_bytes(data)
        facts = {"source": "cohen", "item_id": f"{number:05d}", "url": "synthetic", "fetch_status": "fetched"}
        rows.append(dict.fromkeys(LOCK_SCHEMA.names) | facts | {"file": f"files/{number}.jpg", "redistributable": True})
    write_table(folder / "items.parquet", pd.DataFrame(rows), LOCK_SCHEMA)


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """Start a scheduler and two workers, and yield the scheduler's address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    address, dask = f"tcp://127.0.0.1:{port}", [sys.executable, "-m", "dask"]
    worker = ["worker", address, "--nthreads", "1", "--no-dashboard", "--local-directory", str(folder)]
    commands = [["scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"], worker, worker]
    started = [subprocess.Popen([*dask, *command], stderr=subprocess.DEVNULL) for command in commands]
    try:
        wait_for_workers(address)
        yield address
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(30)


def wait_for_workers(address: str) -> None:
    from distributed import Client

    with Client(address, timeout=60, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)


if __name__ == "__main__":
    main()
