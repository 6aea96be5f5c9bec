"""Time and peak memory of every stage for as many films as NIH ChestX-ray14 has (112,120), and for a tenth of them.

Run: ``python -m benchmarks.memory [--films N] [--side PX]``. The script draws small films, all different, into a folder
that is the only source of a profile. It then runs the command of each stage and samples the resident memory of all its
processes. Rows, hashes and features grow with the number of films, pictures do not; the target is 2 GB. The exponent
shows how a stage grows: 1 = ten times as many films take ten times as long.
"""

import argparse
import csv
import json
import math
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from benchmarks.pipeline import WORKERS, run_command
from pipeline.core.stages import STAGES
from pipeline.imaging.arrays import Gray
from sources.sandbox.anatomy import draw_anatomy
from sources.sandbox.phantom import Exposure, frontal

RESULTS = Path(__file__).parent / "results" / "memory.json"
NIH_FILMS = 112_120
MOST_MB = 2000
FILMS_PER_PATIENT = 4
GRAIN = 16.0  # gray levels; without grain, synthetic films are smoother and more alike than real ones
SIZE = 96  # px; side of the arrays for training
EXPERIMENT = "base"
COMMANDS = (
    "fetch films",
    *(f"prepare {SIZE}" if stage == "prepare" else stage for stage in STAGES),
    *("conceal", f"train {EXPERIMENT}", f"evaluate {EXPERIMENT}", "report"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=NIH_FILMS)
    parser.add_argument("--side", type=int, default=160, help="width of the synthetic films (px)")
    options = parser.parse_args()
    results = {films: measure(films, options.side) for films in (options.films // 10, options.films)}
    show(results)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"workers": WORKERS, "target_mb": MOST_MB, "films": results}, indent=2) + "\n")


def measure(films: int, side: int) -> list[dict[str, Any]]:
    """Draw the films and run all stages on them."""
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "films"
        draw(folder, films, side)
        profile = write_profile(Path(root), folder)
        return [run_command(command.split(), profile, root) | {"films": films} for command in COMMANDS]


def draw(folder: Path, films: int, side: int) -> None:
    """Write synthetic films, and a table of their patients and labels."""
    folder.mkdir()
    with ProcessPoolExecutor(WORKERS) as pool:
        for _ in pool.map(partial(draw_one, folder, side), range(films), chunksize=256):
            pass
    with (folder / "films.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "patient", "finding"])
        table.writerows(
            (name_of(number), f"p{number // FILMS_PER_PATIENT}", "covid" if number % 3 == 0 else "normal")
            for number in range(films)
        )


def draw_one(folder: Path, side: int, number: int) -> None:
    rng = np.random.default_rng(number)
    anatomy = draw_anatomy(rng, float(rng.uniform(20, 90)), "F" if number % 2 else "M")
    size = int(side * rng.uniform(1, 1.2)), side
    label, severity = ("covid", float(rng.uniform(0.3, 1))) if number % 3 == 0 else ("normal", 0.0)
    film, _ = frontal(anatomy, Exposure(*size, number, label, severity, 1, number, number % 2 == 0))
    grainy = framed(film, rng) + rng.normal(0, GRAIN, film.shape)
    cv2.imwrite(str(folder / name_of(number)), np.clip(grainy, 0, 255).astype(np.uint8))


def framed(film: Gray, rng: np.random.Generator) -> Gray:
    """The film enlarged, shifted and slightly rotated, as no two real films are framed alike."""
    height, width = film.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-5, 5), rng.uniform(1, 1.4))
    shift = rng.uniform(-0.12, 0.12, 2) * np.array([width, height])
    moved = matrix + np.column_stack([np.zeros((2, 2)), shift])
    return cv2.warpAffine(film, moved, (width, height), borderMode=cv2.BORDER_REPLICATE)


def name_of(number: int) -> str:
    return f"{number:07d}.jpg"


def write_profile(root: Path, folder: Path) -> Path:
    """The sandbox profile with the folder as its only source, and one epoch of one experiment."""
    source = {
        "name": "films",
        "path": str(folder),
        "table": "films.csv",
        "columns": {"item_id": "file", "patient_id": "patient", "label": "finding"},
    }
    options: dict[str, Any] = {"extends": "sandbox", "mirror": None, "sources": [], "folders": [source]}
    options |= {"prepare": {"sizes": [SIZE]}, "harmonise": {"sources": ["films"]}}
    experiment = {"model": "base", "size": SIZE, "epochs": 1, "classes": ["normal", "covid"]}
    options["experiments"] = {"covid_cxnet": None, "effnet_lite_imagenet": None, EXPERIMENT: experiment}
    path = root / "profile.yaml"
    path.write_text(yaml.safe_dump(options))
    return path


def show(results: dict[int, list[dict[str, Any]]]) -> None:
    fewer, all_films = results
    print(f"{'stage':<16}{fewer:>10,} films{'':>12}{all_films:>10,} films{'':>5}exponents of time and memory")
    for few, many in zip(*results.values(), strict=True):
        values = "".join(f"{row['wall_s']:>9.0f} s{row['peak_mb']:>9.0f} MB" for row in (few, many))
        exponents = "".join(f"{exponent(few, many, name):>8.2f}" for name in ("wall_s", "peak_mb"))
        print(f"{few['stage']:<16}{values}{exponents}")
    peak = max(row["peak_mb"] for row in results[all_films])
    print(f"under {MOST_MB:,} MB: {'met' if peak < MOST_MB else 'MISSED'} (peak: {peak:,.0f} MB)")


def exponent(few: dict[str, Any], many: dict[str, Any], name: str) -> float:
    """With which power of the number of films a value grows."""
    return math.log(many[name] / few[name]) / math.log(many["films"] / few["films"])


if __name__ == "__main__":
    main()
