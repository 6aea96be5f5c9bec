"""How long it takes, and how much memory, to fetch a folder of one's own with a large table, or with many other files.

``python -m benchmarks.large_folders`` draws a folder with a table of two million rows of which most name no file, and
one of 100,000 files of which 99,000 are no pictures, and fetches each in a process of its own, as the stage does.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import yaml

from pipeline.cli.console import print_table

ROWS, FILES, PICTURES = 2_000_000, 100_000, 1_000
MOST_SECONDS, MOST_MB = 240, 2_000  # processor time, memory
COLUMNS = {"item_id": "Path", "patient_id": "Patient", "label": "Finding", "age": "Age", "sex": "Sex", "view": "View"}


def draw_pictures(folder: Path, count: int) -> None:
    """Pictures in folders of at most a thousand, each with other bytes."""
    rng = np.random.default_rng(7)
    for number in range(count):
        path = folder / f"p{number // 4:06d}" / f"view{number % 4}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".png", rng.integers(0, 255, (80, 80), np.uint8))[1].tobytes())


def draw_table(folder: Path, rows: int) -> None:
    """A table that names the drawn pictures, and then files that are not there."""
    with (folder / "films.csv").open("w") as file:
        file.write("Path,Patient,Finding,Age,Sex,View,Remark\n")
        for number in range(rows):
            place = f"p{number // 4:06d}/view{number % 4}.png"
            finding = ("No Finding", "Pneumonia", "Effusion|Mass")[number % 3]
            file.write(f"{place},{number // 4},{finding},{number % 90},{'FM'[number % 2]},PA,remark {number}\n")


def draw_others(folder: Path, count: int) -> None:
    """Files that are no pictures; half of them have names that do not tell."""
    for number in range(count):
        path = folder / f"other{number // 1000}" / f"{number}{('.txt', '')[number % 2]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("no picture")


def measure(root: Path, has_table: bool) -> tuple[str, float, float]:
    """What a fetch in a process of its own says, its processor time in seconds and its memory in MB."""
    films = {"name": "own", "path": str(root / "films"), "labels": {"No Finding": "normal", "Pneumonia": "cap"}}
    facts = films | ({"table": "films.csv", "columns": COLUMNS} if has_table else {})
    (root / "profile.yaml").write_text(yaml.safe_dump({"profile": "large", "folders": [facts]}))
    command = [sys.executable, "-m", "benchmarks.large_folders", "--fetch", str(root)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    said, seconds, megabytes = json.loads(answer.stdout.splitlines()[-1])
    return said, seconds, megabytes


def fetch(root: Path) -> None:
    """Fetch the folder, and print what came of it and what it took as JSON."""
    from upath import UPath

    from pipeline.core.layout import Layout
    from pipeline.fetch.stage import run
    from pipeline.profile.load import load_params

    summary = run(Layout.at(UPath(root)), load_params(root / "profile.yaml"), None, "own")
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps([str(summary), used.ru_utime + used.ru_stime, used.ru_maxrss / 1000]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--fetch", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.fetch:
        fetch(arguments.fetch)
        return
    results = []
    for name, rows, others in (
        (f"{arguments.rows:,} rows", arguments.rows, 0),
        (f"{arguments.files:,} files", 0, arguments.files - PICTURES),
    ):
        with tempfile.TemporaryDirectory() as folder:
            films = Path(folder) / "films"
            draw_pictures(films, PICTURES)
            draw_others(films, others)
            if rows:
                draw_table(films, rows)
            results.append((name, *measure(Path(folder), bool(rows))))
    print_table(None, ("folder", "fetch", "CPU s", "MB"), [(n, t, round(s, 1), round(m)) for n, t, s, m in results])
    missed = [name for name, _, seconds, megabytes in results if seconds > MOST_SECONDS or megabytes > MOST_MB]
    print(f"limits of {MOST_SECONDS} s and {MOST_MB:,} MB: {'missed by ' + ', '.join(missed) if missed else 'kept'}")


if __name__ == "__main__":
    main()
