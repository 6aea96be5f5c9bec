"""The view classifier: confusion table and recall by cross-validation grouped by patient, and its speed.

Run: ``python -m benchmarks.views [ROOT] [--truth views.csv]`` where ROOT holds the ``data/`` of a run up to dedupe, and
the CSV has the columns ``image, view``. Only a run on real films gives meaningful numbers. No network is tested on
patients of its training films, nor trained on films whose terms forbid machine learning.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.stats import binomtest
from sklearn.model_selection import StratifiedGroupKFold

from pipeline.classifiers.thumbnails import thumbnail
from pipeline.classifiers.views import CLASSES, predict, shipped_model
from pipeline.core.layout import Layout
from training.classifiers.known_films import Example, read_examples
from training.classifiers.views import WORK_SIDE, train

SHARED_VIEWS = Path(__file__).parents[2] / "shared" / "truth" / "views.csv"
RESULTS = Path(__file__).parent / "results" / "views.json"
TARGETS = {"frontal": 0.995, "lateral": 0.95, "other": 0.98, "images_per_s": 300}
FOLDS = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", nargs="?", default=".")
    parser.add_argument("--truth", type=Path, default=SHARED_VIEWS if SHARED_VIEWS.exists() else None)
    options = parser.parse_args()
    examples = list(read_examples(Layout.at(options.root), options.truth, WORK_SIDE))
    kinds = np.array([CLASSES.index(example.view_class) for example in examples])
    scores = cross_validated(examples, kinds)
    table = confusion(kinds, predict(scores))
    speed = images_per_second(examples)
    show(table, speed)
    RESULTS.parent.mkdir(exist_ok=True)
    result = {"classes": CLASSES, "confusion": table.tolist(), "images_per_s": speed, "targets": TARGETS}
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")


def cross_validated(examples: Sequence[Example], kinds: np.ndarray) -> np.ndarray:
    """Probabilities (N, 3) of every film by a model trained without films of its patient."""
    scores = np.zeros((len(examples), len(CLASSES)))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=1)
    for training, judged in folds.split(kinds, kinds, [example.patient for example in examples]):
        model = train([examples[place] for place in training if examples[place].may_train])
        thumbs, aspects = zip(*(thumbnail(examples[place].picture) for place in judged), strict=True)
        scores[judged] = model.probabilities(np.stack(thumbs), np.array(aspects))
    return scores


def confusion(kinds: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Counts (3, 3): one row per true class, one column per predicted class."""
    table = np.zeros((len(CLASSES), len(CLASSES)), int)
    np.add.at(table, (kinds, predicted), 1)
    return table


def images_per_second(examples: Sequence[Example], least_s: float = 2.0) -> float:
    """Thumbnails that the shipped model classifies per second in one process."""
    thumbs, aspects = zip(*(thumbnail(example.picture) for example in examples[:256]), strict=True)
    stacked, shapes = np.stack(thumbs), np.array(aspects)
    model = shipped_model()
    model.probabilities(stacked, shapes)
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < least_s:
        model.probabilities(stacked, shapes)
        count += len(stacked)
    return count / (time.perf_counter() - began)


def show(table: np.ndarray, speed: float) -> None:
    print(
        f"{'true':<10}"
        + "".join(f"{name:>10}" for name in CLASSES)
        + f"{'recall':>9}{'95 % interval':>18}{'target':>8}"
    )
    for place, name in enumerate(CLASSES):
        right, count = int(table[place, place]), int(table[place].sum())
        interval = binomtest(right, count).proportion_ci(method="wilson")
        row = "".join(f"{value:>10}" for value in table[place])
        print(f"{name:<10}{row}{right / count:>9.4f}{interval.low:>9.3f} - {interval.high:<6.3f}{TARGETS[name]:>8}")
    print(f"{speed:,.0f} thumbnails per second in one process (target {TARGETS['images_per_s']})")


if __name__ == "__main__":
    main()
