"""Wall time and peak memory of every stage, and the speed of the per-image stages relative to decoding alone.

Run: ``python -m benchmarks.pipeline [sandbox] [mirror]``. Ingest, dedupe, harmonise and prepare are compared with
OpenCV that decodes the same files on as many workers: a ratio of 2.0 means twice as long as decoding alone.
``benchmarks/films.py`` measures single films in two minutes.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.stages import STAGES
from pipeline.core.tables import iter_images
from pipeline.fetch.origin import mirror_folder
from pipeline.profile.load import load_params
from sources.core.errors import CxnetError
from sources.core.storage import read_table
from sources.reading.archive import read_members

PROJECT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "pipeline.json"
TARGETS = {"ingest": 4.0, "ingest without judges": 2.5, "dedupe": 5.0, "prepare": 2.0}
WORKERS = os.cpu_count() or 1


def main() -> None:
    results = {}
    for name in sys.argv[1:] or ["sandbox", "mirror"]:
        try:
            results[name] = measure_profile(name)
        except CxnetError as error:
            print(f"{name}: skipped, {error}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"workers": WORKERS, "targets": TARGETS, "profiles": results}, indent=2) + "\n")


def measure_profile(name: str) -> list[dict[str, Any]]:
    """Run all stages of a profile in an empty folder, and print a row per stage."""
    profile = PROJECT / "profiles" / f"{name}.yaml"
    params = load_params(profile)
    with tempfile.TemporaryDirectory() as root:
        layout = Layout.at(root)
        if name != "sandbox":
            mirror_folder(layout, params)
        (Path(root) / "curation").mkdir()
        (Path(root) / "curation" / "decisions.csv").write_bytes((PROJECT / "curation" / "decisions.csv").read_bytes())
        rows = [run_command(words, profile, root) for words in commands(params)]
        compare_with_decoding(rows, layout, Path(root) / "bare")
    show(name, rows)
    return rows


def commands(params: Params) -> Iterator[list[str]]:
    """The arguments of every command of a profile, in order."""
    yield ["sandbox"]
    yield ["fetch", *params.sources]
    for stage in STAGES:
        yield from [[stage, inputs] for inputs in params.input_names] if stage == "prepare" else [[stage]]
    for name in params.experiments:
        yield ["train", name]
        yield ["evaluate", name]
    yield ["report"]


def run_command(words: list[str], profile: Path, root: str) -> dict[str, Any]:
    """Run one command: its wall time, the time of its stage alone, and the peak memory of all its processes."""
    command = [sys.executable, "-m", "pipeline.cli", *words, "--params", str(profile), "--root", root]
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    peak = PeakMemory(process.pid)
    output, _ = process.communicate()
    wall = time.perf_counter() - began
    if process.returncode:
        raise CxnetError(f"`cxnet-data {' '.join(words)}` failed with exit code {process.returncode}.")
    own = re.findall(r", ([\d.]+) s$", output, flags=re.MULTILINE)
    stage = "@".join(words[:2]) if words[0] in ("train", "evaluate", "prepare") else words[0]
    return {"stage": stage, "wall_s": wall, "own_s": float(own[-1]) if own else wall, "peak_mb": peak.stop()}


class PeakMemory(threading.Thread):
    """A thread that samples the resident memory of a process and its children."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.process, self.peak, self.running = psutil.Process(pid), 0.0, True
        self.start()

    def run(self) -> None:
        while self.running:
            self.peak = max(self.peak, sum(map(resident, family(self.process))))
            time.sleep(0.05)

    def stop(self) -> float:
        """Stop sampling, and return the peak in MB."""
        self.running = False
        self.join()
        return self.peak / 1e6


def family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def compare_with_decoding(rows: list[dict[str, Any]], layout: Layout, folder: Path) -> None:
    """Add images, images per second and the ratio to decoding alone to the rows of the per-image stages."""
    received = bare_seconds(write_files(received_images(layout), folder / "received"))
    pooled = bare_seconds(write_files((png for _, png in iter_images(layout.pool, "pool")), folder / "pool"))
    kept = bare_seconds(write_files((png for _, png in iter_images(layout.manifest, "images")), folder / "kept"))
    limits = {"ingest": received, "dedupe": pooled, "harmonise": pooled, "prepare": kept}
    for row in rows:
        limit = limits.get(row["stage"].split("@")[0])
        if limit:
            images, seconds = limit
            row |= {
                "images": images,
                "images_per_s": images / row["own_s"],
                "bare_s": seconds,
                "ratio": row["own_s"] / seconds,
            }


def received_images(layout: Layout) -> Iterator[bytes]:
    """The bytes of every downloaded image, also from archives."""
    for items in sorted(layout.raw.glob("*/items.parquet"), key=str):
        table = read_table(items)
        table = table[table["file"].notna()]
        whole, packed = table[table["member"].isna()], table[table["member"].notna()]
        for file in sorted(whole["file"].unique()):
            yield (items.parent / str(file)).read_bytes()
        for file, members in packed.groupby("file"):
            for _, data in read_members(items.parent / str(file), set(members["member"])):
                yield data


def write_files(images: Iterator[bytes], folder: Path) -> list[Path]:
    folder.mkdir(parents=True)
    paths = []
    for index, data in enumerate(images):
        paths.append(folder / f"{index:06}.img")
        paths[-1].write_bytes(data)
    return paths


def bare_seconds(paths: list[Path]) -> tuple[int, float]:
    """How many files OpenCV decodes on all workers, and in how many seconds (best of two runs)."""
    chunks = [paths[start : start + 16] for start in range(0, len(paths), 16)]
    with ProcessPoolExecutor(WORKERS) as pool:
        list(pool.map(decode_files, chunks[:WORKERS]))
        best, decoded = float("inf"), 0
        for _ in range(2):
            began = time.perf_counter()
            decoded = sum(pool.map(decode_files, chunks))
            best = min(best, time.perf_counter() - began)
    return decoded, best


def decode_files(paths: list[Path]) -> int:
    cv2.setNumThreads(1)
    decoded = 0
    for path in paths:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        decoded += len(data) > 0 and cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) is not None
    return decoded


def show(profile: str, rows: list[dict[str, Any]]) -> None:
    print(f"\n{profile} ({WORKERS} workers)")
    print(
        f"{'stage':<24}{'wall s':>9}{'own s':>9}{'peak MB':>9}{'images':>9}{'images/s':>10}{'ratio':>8}{'target':>16}"
    )
    for row in rows:
        line = f"{row['stage']:<24}{row['wall_s']:>9.1f}{row['own_s']:>9.1f}{row['peak_mb']:>9.0f}"
        if "ratio" in row:
            target = TARGETS.get(row["stage"].split("@")[0])
            met = f"{target} {'met' if row['ratio'] <= target else 'MISSED'}" if target else ""
            line += f"{row['images']:>9}{row['images_per_s']:>10.0f}{row['ratio']:>8.2f}{met:>16}"
        print(line)
    print(f"{'total':<24}{sum(row['wall_s'] for row in rows):>9.1f}")


if __name__ == "__main__":
    main()
