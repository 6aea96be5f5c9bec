"""A folder of synthetic films with a table, and ``cxnet-data curate`` on it as a command."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import psutil
from phantoms import phantom

PROJECT = Path(__file__).parents[2]
HEADER = ("Image Index", "Patient ID", "Finding Labels", "Patient Age", "Patient Gender")


def write_films(folder: Path, films: int = 8, laterals: int = 1) -> Path:
    """Frontal films of two labels, a copy of the first, and laterals: two films per patient."""
    folder.mkdir(parents=True)
    for number in range(films):
        cv2.imwrite(str(folder / f"f{number}.png"), phantom("frontal", number + 1))
    cv2.imwrite(str(folder / "copy.jpg"), phantom("frontal", 1))
    for number in range(laterals):
        cv2.imwrite(str(folder / f"l{number}.png"), phantom("lateral", number + 1))
    return folder


def write_table(folder: Path, name: str = "films.csv", header: tuple[str, ...] = HEADER) -> Path:
    """A row for every film in the folder, with columns as NIH has them."""
    rows = []
    for place, path in enumerate(sorted(path for path in folder.iterdir() if path.suffix in (".png", ".jpg"))):
        finding = "No Finding" if place % 2 else "COVID-19"
        rows.append((path.name, f"p{place // 2}", finding, 40 + place // 2, "FM"[place // 2 % 2]))
    with (folder / name).open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return folder / name


def heed_interrupts() -> None:
    """What is started in the background ignores them, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start_curate(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start the command in a folder of its own, in one process unless the words say otherwise."""
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "curate", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PROJECT), "CXNET_WORKERS": "1"},
        preexec_fn=heed_interrupts,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def curate(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    process = start_curate(folder, *words)
    out, errors = process.communicate(timeout=180)
    return subprocess.CompletedProcess(words, process.returncode, out, errors)


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a file is there, while the command works."""
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def results(out: Path) -> dict[str, bytes]:
    """The bytes of all tables and pictures of a curation, by path."""
    data = out / "data"
    files = (path for path in data.rglob("*") if path.is_file() and "receipts" not in path.parts)
    return {str(path.relative_to(data)): path.read_bytes() for path in files if path.suffix in (".parquet", ".npy")}
