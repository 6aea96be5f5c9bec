"""Wrong labels: how many planted ones the cross-validated classifier lists, and how many others.

Plants wrong labels in a share of the films and runs :mod:`pipeline.contradictions.disagreement`. Precision counts every
other listed film as an error. Labels of real films have errors of their own, so it is a lower bound there. *best* is
the precision among the most doubtful films, as many as were planted.

Run: ``python -m benchmarks.labels [ROOT ...]`` with folders that hold ``data/arrays`` (after ``dvc repro`` or
``cxnet-data prepare``). Synthetic films come first.
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from pipeline.contradictions.disagreement import cross_validate
from pipeline.core.layout import Layout
from pipeline.core.params import ContradictionsParams, PrepareParams
from pipeline.imaging.arrays import Pixels
from pipeline.prepare.arrays import read_arrays
from pipeline.prepare.inputs import to_input

RESULTS = Path(__file__).parent / "results" / "labels.json"
LABELS = ("normal", "cap", "covid")
SHARES = (0.02, 0.05, 0.10)  # of wrong labels
SEEDS = (0, 1, 2)
SIDE = 96


@dataclass(frozen=True)
class Films:
    """Prepared films: images uint8 (N, size, size, 3), and the label and group of each."""

    name: str
    images: Pixels
    labels: "pd.Series[str]"
    groups: "pd.Series[str]"


def main() -> None:
    rows = []
    print(f"{'films':<24}{'n':>7}{'planted':>9}{'listed':>9}{'precision':>11}{'recall':>9}{'best':>8}{'s':>8}")
    for films in [synthetic_films(), *stored_films(sys.argv[1:])]:
        for share in SHARES:
            row = measure(films, share)
            rows.append(row)
            print(
                f"{row['films']:<24}{row['n']:>7}{row['planted']:>9.1f}{row['listed']:>9.1f}{row['precision']:>11.2f}"
                f"{row['recall']:>9.2f}{row['best']:>8.2f}{row['seconds']:>8.2f}"
            )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"seeds": len(SEEDS), "rows": rows}, indent=2) + "\n")


def measure(films: Films, share: float) -> dict[str, Any]:
    """Means over the seeds; ``recall_range`` holds the lowest and the highest recall."""
    runs = [plant_and_predict(films, share, seed) for seed in SEEDS]
    means = {name: float(np.mean([run[name] for run in runs])) for name in runs[0]}
    recalls = [run["recall"] for run in runs]
    identity = {"films": films.name, "n": len(films.labels), "share": share}
    return {**identity, **means, "recall_range": [min(recalls), max(recalls)]}


def plant_and_predict(films: Films, share: float, seed: int) -> dict[str, float]:
    """Plant wrong labels, run the classifier, and count what it lists."""
    options = ContradictionsParams()
    labels, planted = plant(films.labels, share, seed)
    began = time.perf_counter()
    predictions = cross_validate(films.images, labels, films.groups, options.folds, options.seed)
    seconds = time.perf_counter() - began
    given = [predictions.classes.index(label) for label in labels]
    doubt = 1 - predictions.probabilities[np.arange(len(labels)), given]
    best = np.argsort(-doubt, kind="stable")[: planted.sum()]
    hits = int((predictions.suspicious & planted).sum())
    return {
        "planted": float(planted.sum()),
        "listed": float(predictions.suspicious.sum()),
        "precision": hits / max(1, int(predictions.suspicious.sum())),
        "recall": hits / max(1, int(planted.sum())),
        "best": float(planted[best].mean()),
        "seconds": seconds,
    }


def plant(labels: "pd.Series[str]", share: float, seed: int) -> "tuple[pd.Series[str], np.ndarray[Any, Any]]":
    """Replace a share of the labels by other ones; returns all labels, and a mask (N,) of the replaced ones."""
    rng = np.random.default_rng(seed)
    names = sorted(labels.unique())
    planted = np.zeros(len(labels), bool)
    planted[rng.choice(len(labels), max(1, round(share * len(labels))), replace=False)] = True
    wrong = [
        names[(names.index(label) + rng.integers(1, len(names))) % len(names)] if is_planted else label
        for label, is_planted in zip(labels, planted, strict=True)
    ]
    return pd.Series(wrong, labels.index, dtype=object), planted


# --------------------------------------------------------------------------------------------------------- films


def synthetic_films(count: int = 450, seed: int = 1) -> Films:
    """Films with clear lungs, one dense lobe, or patches at both edges; three films per patient."""
    labels = [LABELS[(number // 3) % 3] for number in range(count)]
    films = (draw_film(label, seed * count + number) for number, label in enumerate(labels))
    images = np.stack([to_input(film, None, SIDE, PrepareParams()) for film in films])
    groups = [f"p{number // 3:03d}" for number in range(count)]
    return Films("synthetic", images, pd.Series(labels, dtype=object), pd.Series(groups, dtype=object))


def draw_film(label: str, seed: int, side: int = SIDE) -> Pixels:
    """A simple film with the signs of ``label``, (side, side) uint8; each seed has a chest of its own."""
    rng = np.random.default_rng(seed)
    film = np.full((side, side), 20.0, np.float32)
    wide, tall = rng.uniform(0.12, 0.16) * side, rng.uniform(0.28, 0.36) * side
    center = side * rng.uniform(0.46, 0.54, 2)
    lungs = [(center[0] + sign * 0.2 * side, center[1]) for sign in (-1, 1)]
    _ellipse(film, (center[0], center[1]), (side * 0.46, side * 0.58), rng.uniform(170, 200))
    for middle in lungs:
        _ellipse(film, middle, (wide, tall), rng.uniform(60, 80))
    if label == "cap":
        x, y = lungs[rng.integers(2)]
        _ellipse(film, (x, y + rng.uniform(-0.4, 0.5) * tall), (wide * 0.8, tall * 0.35), rng.uniform(120, 160))
    for x, y in lungs if label == "covid" else ():
        for _ in range(4):
            spot = (x + np.sign(x - center[0]) * wide * rng.uniform(0.3, 0.7), y + tall * rng.uniform(-0.2, 0.7))
            _ellipse(film, spot, (wide * 0.35, wide * 0.35), rng.uniform(100, 140))
    noisy = cv2.GaussianBlur(film, (0, 0), side / 45) + rng.normal(0, 6, film.shape).astype(np.float32)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def _ellipse(film: Any, center: tuple[float, float], axes: tuple[float, float], tone: float) -> None:
    middle, half = tuple(round(value) for value in center), tuple(max(1, round(value)) for value in axes)
    cv2.ellipse(film, middle, half, 0, 0, 360, float(tone), -1)


def stored_films(roots: list[str]) -> Iterator[Films]:
    """The prepared films below each root, at the smallest size."""
    for root in roots:
        layout = Layout.at(root)
        size = min(int(path.name) for path in (layout.data / "arrays").iterdir() if path.name.isdigit())
        arrays = read_arrays(layout, str(size))
        rows = arrays.rows
        yield Films(f"{Path(root).resolve().name}, {size} px", arrays.images, rows["label"], rows["group_id"])


if __name__ == "__main__":
    main()
