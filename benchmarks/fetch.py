"""Download speed against a loopback server with latency: cxnet-data, wget, plain requests and img2dataset.

Also measures a second run, a killed run and a large archive, and shows what each server fault does to a fetch.

Run: ``python -m benchmarks.fetch [--quick]``. Politeness is off, and every client has the same number of connections.
The server runs in a process of its own; a minimal client (bare sockets that write nothing) measures the server's limit.
The script installs img2dataset below ``$CXNET_BENCH_CACHE``, by default ``~/.cache/cxnet-data``.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from benchmarks.downloads.clients import (
    CONNECTIONS,
    OLD_SETUPTOOLS,
    addresses,
    bare_client,
    img2dataset,
    ours,
    requests_loop,
    wget,
)
from benchmarks.downloads.server import LATENCY_S, serving
from benchmarks.peers import environment

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "fetch.json"
REFETCH_TARGET, SERVER_TARGET, MEMORY_TARGET_MB = 20.0, 0.9, 200.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer files, a smaller archive, no img2dataset")
    quick = parser.parse_args().quick
    files, archive_mb = (300, 200) if quick else (2000, 2000)
    with tempfile.TemporaryDirectory() as scratch, serving(files, archive_mb) as url:
        rows = compare(url, files, Path(scratch), quick)
        again = second_runs(url, files, Path(scratch))
        memory = archive_memory(url, Path(scratch), archive_mb)
    faults = fault_table()
    result = {"files": files, "connections": CONNECTIONS, "latency_ms": LATENCY_S * 1e3, "rates": rows}
    result |= {"cores": os.cpu_count(), "load": os.getloadavg()[0]}
    result |= {
        "second_runs": again,
        "archive": memory,
        "faults": faults,
        "targets": targets(rows, again, memory, faults),
    }
    show(result)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")


def compare(url: str, files: int, scratch: Path, quick: bool) -> list[dict[str, Any]]:
    """Files per second of each client, best of two runs that take turns."""
    urls = addresses(url, files)
    clients: dict[str, Callable[[list[str], Path], int]] = {"ours": ours, "bare sockets (server's own)": bare_client}
    clients |= {"requests, one by one": requests_loop}
    if shutil.which("wget"):
        clients["wget -i"] = wget
    if not quick:
        clients[f"img2dataset, {CONNECTIONS} threads"] = img2dataset
    return [timed(name, client, urls, scratch) for name, client in clients.items()]


def timed(name: str, client: Callable[[list[str], Path], int], urls: list[str], scratch: Path) -> dict[str, Any]:
    best, fetched, note = float("inf"), 0, None
    for turn in range(2):
        folder = scratch / f"{name.split()[0].strip(',')}{turn}"
        try:
            if name.startswith("img2dataset"):
                environment("img2dataset", OLD_SETUPTOOLS)
            began = time.perf_counter()
            fetched = client(urls, folder)
            best = min(best, time.perf_counter() - began)
        except (OSError, subprocess.CalledProcessError) as error:
            note = f"does not run here ({type(error).__name__})"
            break
    rate = None if note or not fetched else fetched / best
    return {"client": name, "files": fetched, "seconds": None if note else best, "files_per_s": rate, "note": note}


def second_runs(url: str, files: int, scratch: Path) -> dict[str, float]:
    """Seconds of a first run, a second run (best of three), an update that checks every file, and a killed run."""
    urls = addresses(url, files)
    seconds = {"first_s": clock(partial(ours, urls, scratch / "again"))}
    seconds["second_s"] = min(clock(partial(ours, urls, scratch / "again")) for _ in range(3))
    seconds["update_s"] = clock(partial(ours, urls, scratch / "again", update=True))
    child = multiprocessing.get_context("fork").Process(target=ours, args=(urls, scratch / "broken"))
    began = time.perf_counter()
    child.start()
    time.sleep(seconds["first_s"] / 2)
    child.kill()
    child.join()
    ours(urls, scratch / "broken")
    seconds["killed_half_way_s"] = time.perf_counter() - began
    return seconds


def clock(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def archive_memory(url: str, scratch: Path, archive_mb: int) -> dict[str, float]:
    """Peak resident memory of a process that fetches one large archive, including its libraries."""
    work = "import sys; from benchmarks.downloads.clients import fetch_archive; fetch_archive(sys.argv[1], sys.argv[2])"
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-c", work, url, str(scratch / "archive")], cwd=HERE.parent)
    peak, process = 0, psutil.Process(child.pid)
    while child.poll() is None:
        try:
            peak = max(peak, process.memory_info().rss)
        except psutil.Error:
            break
        time.sleep(0.02)
    child.wait()
    kept = sum(path.stat().st_size for path in (scratch / "archive").rglob("*.zip"))
    return {"mb": archive_mb, "kept_mb": kept / 1e6, "seconds": time.perf_counter() - began, "peak_mb": peak / 1e6}


def fault_table() -> list[dict[str, Any]]:
    """For each server fault: the requests made for the film, the film's row, and the number of lost rows."""
    sys.path.insert(0, str(HERE.parent / "tests" / "helpers"))
    import loopback
    import toy

    faults = {
        "503 twice": loopback.busy(2, 503),
        "429 with Retry-After": loopback.busy(2, 429, Retry_After="1"),
        "503 forever": loopback.busy(99, 503),
        "connection lost in the body, three times": loopback.dropped(5_000, times=3),
        "Content-Length too large, once": loopback.wrong_length(500),
        "truncated gzip body, once": loopback.gzipped(cut=4_000, times=1),
        "truncated gzip body, always": loopback.gzipped(cut=4_000),
        "one byte every 10 ms": loopback.dripping(0.01),
        "no answer, once": loopback.silent(1.0, times=1),
        "new ETag with every request": loopback.flapping,
        "endless body": loopback.endless,
        "redirect to a foreign host": loopback.redirected("http://evil.example/film.png"),
        "redirect to 169.254.169.254": loopback.redirected("http://169.254.169.254/latest/"),
    }
    return [fault_row(loopback, toy, name, fault) for name, fault in faults.items()]


def fault_row(loopback: Any, toy: Any, name: str, fault: Any) -> dict[str, Any]:
    film = "/films/001.png"
    with loopback.serving() as site, tempfile.TemporaryDirectory() as scratch:
        toy.fill(site, 3)
        site.faults[film] = fault
        client = toy.client(timeout_s=0.4, slowest_bytes_s=50_000)
        _, rows = toy.fetch(toy.Toy(site.url), Path(scratch) / "toy", with_client=client)
        requested = site.counts()[film]
    result = rows.fetch_status[film] + (f": {rows.fetch_reason[film]}" if rows.fetch_status[film] == "failed" else "")
    return {"fault": name, "requests": requested, "row": result.replace(site.url, ""), "rows_lost": 3 - len(rows)}


def targets(
    rows: list[dict[str, Any]], again: dict[str, float], memory: dict[str, float], faults: list[dict[str, Any]]
) -> dict[str, bool | None]:
    """Whether each target is met; None if the client to compare with did not run."""
    rate = {row["client"].split()[0].strip(","): row["files_per_s"] for row in rows}
    peer_rate = rate.get("img2dataset")
    return {
        "at least as fast as img2dataset": None if peer_rate is None else rate["ours"] >= peer_rate,
        "90 % of the server's own rate": rate["ours"] >= SERVER_TARGET * rate["bare"],
        "an unchanged source 20 times faster": again["first_s"] >= REFETCH_TARGET * again["second_s"],
        "under 200 MB for a large archive": memory["peak_mb"] < MEMORY_TARGET_MB,
        "no row lost to a fault": all(row["rows_lost"] == 0 for row in faults),
    }


def show(result: dict[str, Any]) -> None:
    rates = {row["client"]: row["files_per_s"] for row in result["rates"]}
    print(
        f"{result['files']} files of 150 KB, {CONNECTIONS} connections, {LATENCY_S * 1e3:.0f} ms latency; "
        f"{result['cores']} cores, load {result['load']:.1f}"
    )
    print(f"{'client':<32}{'files':>7}{'seconds':>9}{'files/s':>9}{'our speed-up':>14}")
    for row in result["rates"]:
        if row["files_per_s"] is None:
            print(f"{row['client']:<32}{row['note'] or 'downloaded no file'}")
        else:
            times = rates["ours"] / row["files_per_s"]
            print(
                f"{row['client']:<32}{row['files']:>7}{row['seconds']:>9.2f}{row['files_per_s']:>9.0f}{times:>13.2f}x"
            )
    again, memory = result["second_runs"], result["archive"]
    print("\nseconds: " + ", ".join(f"{name.removesuffix('_s').replace('_', ' ')} {again[name]:.2f}" for name in again))
    print(f"archive of {memory['mb']:,} MB: peak {memory['peak_mb']:.0f} MB, {memory['seconds']:.1f} s")
    print(f"\n{'fault':<44}{'requests':>10}{'lost rows':>11}  row of the film")
    for row in result["faults"]:
        print(f"{row['fault']:<44}{row['requests']:>10}{row['rows_lost']:>11}  {row['row']}")
    print()
    for name, met in result["targets"].items():
        print(f"{name}: {'not measured' if met is None else 'met' if met else 'MISSED'}")


if __name__ == "__main__":
    main()
