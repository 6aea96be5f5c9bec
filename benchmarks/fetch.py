"""Downloads from a loopback server with latency: ours against wget, plain requests and img2dataset.

Also: what a second run, a broken run and a large archive cost, and what each fault of a server does.

Run: ``python -m benchmarks.fetch [--quick]``. Politeness is off, all clients have the same number of connections, and
the server runs in a process of its own. Its own rate is what a minimal client (bare sockets, nothing written) gets.
img2dataset is installed by this script below ``$CXNET_BENCH_CACHE``, else ``~/.cache/cxnet-data``.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import requests

from benchmarks.peers import environment
from sources.core.source import Item, Terms
from sources.download.driver import Wishes, fetch_source
from sources.download.store import LIVE, Store
from sources.transport.client import Client
from sources.transport.policy import Policy

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "fetch.json"
OLD_SETUPTOOLS = "setuptools<81"  # img2dataset needs pkg_resources
CONNECTIONS = 16
LATENCY_S = 0.02
SIDE = 387  # pixels; noise of this size is a PNG of 150 KB
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


# ------------------------------------------------------------------------------------------------------ the server


def serve(listener: socket.socket, files: int, archive_mb: int) -> None:
    """Answer ``/<number>.png`` after the latency, and ``/archive.zip`` at once; a thread per connection."""
    noise = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE), np.uint8)
    body = cv2.imencode(".png", noise)[1].tobytes()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=converse, args=(connection, body, files, archive_mb), daemon=True).start()


def converse(connection: socket.socket, body: bytes, files: int, archive_mb: int) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    block = bytes(1_000_000)
    with suppress(ConnectionError), connection, connection.makefile("rb") as requested:
        while first := requested.readline():
            while requested.readline() not in (b"\r\n", b""):
                pass
            method, path = first.split()[:2]
            name = path[1:].partition(b".")[0]
            if path == b"/archive.zip":
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (archive_mb * len(block) + 4))
                connection.sendall(b"PK\x03\x04")
                for _ in range(archive_mb):
                    connection.sendall(block)
            elif name.isdigit() and int(name) < files:
                time.sleep(LATENCY_S)
                content = body + b"%08d" % int(name)
                head = b'HTTP/1.1 200 OK\r\nETag: "%s"\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n'
                connection.sendall(head % (name, len(content)) + (content if method == b"GET" else b""))
            else:
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


@contextmanager
def serving(files: int, archive_mb: int) -> Iterator[str]:
    """Address of the server."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    process = multiprocessing.get_context("fork").Process(target=serve, args=(listener, files, archive_mb), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        process.kill()
        listener.close()


# -------------------------------------------------------------------------------------------------------- clients


class Films:
    """The server's pictures, or its archive, as a source."""

    name = "films"
    title = homepage = "loopback"
    labels: tuple[str, ...] = ("covid",)
    hosts: tuple[str, ...] = ("127.0.0.1",)
    terms = Terms(licence="CC0")
    optional = True

    def __init__(self, addresses: list[str]) -> None:
        self.addresses = addresses

    def items(self, web: Any) -> Iterator[Item]:
        yield from (Item(item_id=address, url=address) for address in self.addresses)


def addresses(url: str, files: int) -> list[str]:
    return [f"{url}/{number}.png" for number in range(files)]


def ours(urls: list[str], folder: Path, update: bool = False) -> int:
    policy = Policy(delay_s=0.0, connections=CONNECTIONS, private_hosts=True)
    store = Store(folder, LIVE)
    with store.alone(print):
        counts = fetch_source(Films(urls), store, Client(policy), Wishes(update=update)).counts
    return counts["fetched"] + counts["cached"]


def bare_client(urls: list[str], folder: Path) -> int:
    """The server's own rate: sockets that are kept open, bodies thrown away."""
    host, port = urls[0].split("/")[2].split(":")

    def read(part: list[str]) -> int:
        with socket.create_connection((host, int(port))) as connection, connection.makefile("rb") as answer:
            for url in part:
                connection.sendall(f"GET /{url.rpartition('/')[2]} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                length = 0
                while (line := answer.readline()) != b"\r\n":
                    if line.startswith(b"Content-Length:"):
                        length = int(line.split()[1])
                answer.read(length)
        return len(part)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return sum(pool.map(read, (urls[start::CONNECTIONS] for start in range(CONNECTIONS))))


def requests_loop(urls: list[str], folder: Path) -> int:
    """What a script usually does: one after the other, no checks, files named by number."""
    folder.mkdir()
    for number, url in enumerate(urls):
        (folder / f"{number}.png").write_bytes(requests.get(url, timeout=30).content)
    return len(urls)


def wget(urls: list[str], folder: Path) -> int:
    listed = folder.with_suffix(".txt")
    listed.write_text("\n".join(urls))
    subprocess.run(["wget", "-q", "-i", listed, "-P", folder], check=True)
    return len(list(folder.iterdir()))


def img2dataset(urls: list[str], folder: Path) -> int:
    listed = folder.with_suffix(".txt")
    listed.write_text("\n".join(urls))
    options = f"--processes_count 1 --thread_count {CONNECTIONS} --resize_mode no --output_format files --retries 0"
    command = [str(environment("img2dataset", OLD_SETUPTOOLS) / "bin" / "img2dataset"), "--url_list", str(listed)]
    quiet = os.environ | {"NO_ALBUMENTATIONS_UPDATE": "1"}
    subprocess.run(
        [*command, "--output_folder", str(folder), *options.split()], check=True, capture_output=True, env=quiet
    )
    return len(list(folder.rglob("*.jpg"))) + len(list(folder.rglob("*.png")))


# --------------------------------------------------------------------------------------------------- measurements


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
    best, fetched, why = float("inf"), 0, None
    for turn in range(2):
        folder = scratch / f"{name.split()[0].strip(',')}{turn}"
        try:
            if name.startswith("img2dataset"):
                environment("img2dataset", OLD_SETUPTOOLS)
            began = time.perf_counter()
            fetched = client(urls, folder)
            best = min(best, time.perf_counter() - began)
        except (OSError, subprocess.CalledProcessError) as error:
            why = f"does not run here ({type(error).__name__})"
            break
    rate = None if why or not fetched else fetched / best
    return {"client": name, "files": fetched, "seconds": None if why else best, "files_per_s": rate, "note": why}


def second_runs(url: str, files: int, scratch: Path) -> dict[str, float]:
    """Seconds of a first run, a second one (best of three), an update that asks for every file, a run broken off."""
    urls = addresses(url, files)
    found = {"first_s": clock(partial(ours, urls, scratch / "again"))}
    found["second_s"] = min(clock(partial(ours, urls, scratch / "again")) for _ in range(3))
    found["update_s"] = clock(partial(ours, urls, scratch / "again", update=True))
    child = multiprocessing.get_context("fork").Process(target=ours, args=(urls, scratch / "broken"))
    began = time.perf_counter()
    child.start()
    time.sleep(found["first_s"] / 2)
    child.kill()
    child.join()
    ours(urls, scratch / "broken")
    found["killed_half_way_s"] = time.perf_counter() - began
    return found


def clock(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def archive_memory(url: str, scratch: Path, archive_mb: int) -> dict[str, float]:
    """Peak resident memory of a process that fetches one large archive, all of its libraries included."""
    work = "import sys; from benchmarks.fetch import archive; archive(sys.argv[1], sys.argv[2])"
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


def archive(url: str, folder: str) -> None:
    """Fetch the archive into ``folder`` (runs in a process of its own)."""
    policy = Policy(delay_s=0.0, private_hosts=True)
    store = Store(Path(folder), LIVE)
    with store.alone(print):
        fetch_source(Films([f"{url}/archive.zip"]), store, Client(policy))


def fault_table() -> list[dict[str, Any]]:
    """Each injected fault of a server: requests that the film took, what its row says, rows lost."""
    sys.path.insert(0, str(HERE.parent / "tests" / "sources"))
    import loopback
    import toy

    faults = {
        "503 twice": loopback.busy(2, 503),
        "429 with Retry-After": loopback.busy(2, 429, Retry_After="1"),
        "503 for ever": loopback.busy(99, 503),
        "connection lost in the body, three times": loopback.dropped(5_000, times=3),
        "Content-Length too large, once": loopback.wrong_length(500),
        "gzip body cut off, once": loopback.gzipped(cut=4_000, times=1),
        "gzip body cut off, always": loopback.gzipped(cut=4_000),
        "one byte every 10 ms": loopback.dripping(0.01),
        "no answer, once": loopback.silent(1.0, times=1),
        "ETag changes at every request": loopback.flapping,
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
        patient = toy.client(timeout_s=0.4, slowest_bytes_s=50_000)
        _, rows = toy.fetch(toy.Toy(site.url), Path(scratch) / "toy", with_client=patient)
        asked = site.counts()[film]
    result = rows.fetch_status[film] + (f": {rows.fetch_reason[film]}" if rows.fetch_status[film] == "failed" else "")
    return {"fault": name, "requests": asked, "row": result.replace(site.url, ""), "rows_lost": 3 - len(rows)}


def targets(
    rows: list[dict[str, Any]], again: dict[str, float], memory: dict[str, float], faults: list[dict[str, Any]]
) -> dict[str, bool | None]:
    """What was aimed at, and whether it was reached; None where the other side did not run."""
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
    print(f"{'client':<32}{'files':>7}{'seconds':>9}{'files/s':>9}{'ours is':>10}")
    for row in result["rates"]:
        if row["files_per_s"] is None:
            print(f"{row['client']:<32}{row['note'] or 'no file came'}")
        else:
            times = rates["ours"] / row["files_per_s"]
            print(f"{row['client']:<32}{row['files']:>7}{row['seconds']:>9.2f}{row['files_per_s']:>9.0f}{times:>9.2f}x")
    again, memory = result["second_runs"], result["archive"]
    print("\nseconds: " + ", ".join(f"{name.removesuffix('_s').replace('_', ' ')} {again[name]:.2f}" for name in again))
    print(f"archive of {memory['mb']:,} MB: peak {memory['peak_mb']:.0f} MB, {memory['seconds']:.1f} s")
    print(f"\n{'fault':<44}{'asked':>6}{'lost':>6}  row")
    for row in result["faults"]:
        print(f"{row['fault']:<44}{row['requests']:>6}{row['rows_lost']:>6}  {row['row']}")
    print()
    for name, met in result["targets"].items():
        print(f"{name}: {'not measured' if met is None else 'met' if met else 'MISSED'}")


if __name__ == "__main__":
    main()
