"""Train the view classifier that the package ships: ``python -m training.classifiers.views --help``.

On films whose view is known (:mod:`training.classifiers.known_films`), altered copies of them, and on what is not a
chest film: CT slices, details and montages of films, pages, plots, shapes and photographs (docs/view-model-card.md).
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pipeline.classifiers.thumbnails import features, thumbnail
from pipeline.classifiers.views import CLASSES, ViewModel
from pipeline.core.layout import Layout
from training.classifiers.altered import alter
from training.classifiers.known_films import Example, Gray, read_examples
from training.classifiers.networks import fit, write_networks
from training.classifiers.not_chest import draw_not_chest, drawn_slices, photographs

WORK_SIDE = 256  # px, long side of the films in memory
VERSIONS = {"frontal": 3, "lateral": 60, "other": 60}  # altered copies per film
SLICES, SLICE_VERSIONS = 150, 6  # drawn CT slices, and altered copies of each
DRAWN = 1500  # pictures of other things
PAIRS = 1000  # pictures that hold two films
NEGATIVES = 0.12  # share of the copies
SEED = 18


def main() -> None:
    """Train on everything that may be used, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("roots", nargs="+", help="folders with the data/ of finished runs (mirror, sandbox)")
    parser.add_argument("--truth", type=Path, help="CSV with the columns image, view")
    parser.add_argument("--out", type=Path, default=Path("pipeline/classifiers/weights/views.npz"))
    options = parser.parse_args()
    examples = [
        example for root in options.roots for example in read_examples(Layout.at(root), options.truth, WORK_SIDE)
    ]
    write_networks(train([example for example in examples if example.may_train]).networks, options.out)


def train(examples: Sequence[Example], seed: int = SEED) -> ViewModel:
    """Fit the ensemble on altered copies of ``examples`` and on drawn pictures of other things."""
    rng = np.random.default_rng(seed)
    pictures, kinds = training_set(examples, rng)
    thumbs, aspects = zip(*(thumbnail(picture) for picture in pictures), strict=True)
    vectors = features(np.stack(thumbs), np.array(aspects, np.float32))
    targets = np.array([CLASSES.index(kind) for kind in kinds])
    return ViewModel(fit(vectors, targets, members=5, hidden=48, decay=0.3, epochs=15, seed=seed))


def training_set(examples: Sequence[Example], rng: np.random.Generator) -> tuple[list[Gray], list[str]]:
    """Altered copies of the films and drawn other pictures, with their classes."""
    pictures, kinds = [], []
    for example in examples:
        for _ in range(VERSIONS[example.kind]):
            pictures.append(_perhaps_negative(alter(example.picture, rng), rng))
            kinds.append(example.kind)
    for picture in drawn_slices(SLICES, rng):
        for _ in range(SLICE_VERSIONS):
            pictures.append(_perhaps_negative(alter(picture, rng), rng))
            kinds.append("other")
    films = [example.picture for example in examples if example.kind != "other"]
    photos = photographs()
    strangers = [draw_not_chest(films, photos, rng) for _ in range(DRAWN)]
    pairs = [pair(films, rng) for _ in range(PAIRS if films else 0)]
    for picture in (*strangers, *pairs):
        pictures.append(_perhaps_negative(alter(picture, rng), rng))
        kinds.append("other")
    return pictures, kinds


def pair(films: Sequence[Gray], rng: np.random.Generator) -> Gray:
    """Two films, or one twice, above or beside each other in one picture: of all that is no single film the nearest."""
    first, second = (films[int(rng.integers(len(films)))] for _ in range(2))
    tiles = [first, first if rng.random() < 0.4 else second]
    is_above, gutter, ground = rng.random() < 0.6, int(rng.integers(0, 8)), int(rng.choice([0, 255]))
    height, width = first.shape if rng.random() < 0.5 else rng.integers(WORK_SIDE // 3, WORK_SIDE, 2)
    size = int(width), int(height)
    gap = np.full((gutter, size[0]) if is_above else (size[1], gutter), ground, np.uint8)
    shown = [cv2.resize(tile, size, interpolation=cv2.INTER_AREA) for tile in tiles]
    joined = np.concatenate([shown[0], gap, shown[1]], axis=0 if is_above else 1)
    return np.asarray(joined, np.uint8)


def _perhaps_negative(picture: Gray, rng: np.random.Generator) -> Gray:
    return np.asarray(np.bitwise_not(picture) if rng.random() < NEGATIVES else picture, np.uint8)


if __name__ == "__main__":
    main()
