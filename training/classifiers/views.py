"""Train the networks that recognize frontal and lateral films.

It learns from altered copies of films whose view is known, and from pictures of other things: CT slices, details and
montages of films, pages, plots, shapes and photographs. Only films whose terms allow it are used
(:mod:`training.classifiers.known_films`); results are in docs/view-model-card.md.

Run: ``python -m training.classifiers.views ROOT... --truth views.csv``.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.classifiers.thumbnails import features, thumbnail
from pipeline.classifiers.views import CLASSES, ViewModel
from pipeline.imaging.arrays import Gray
from training.classifiers.altered import alter
from training.classifiers.command import parse_arguments
from training.classifiers.known_films import Example
from training.classifiers.networks import fit, write_networks
from training.classifiers.not_chest import draw_not_chest, photographs, synthetic_slices

WORK_SIDE = 256  # px, long side of the films in memory
VERSIONS = {"frontal": 3, "lateral": 60, "other": 60}  # altered copies of each film
SLICES, SLICE_VERSIONS = 150, 6  # synthetic CT slices, and altered copies of each
SYNTHETIC = 1500  # synthetic pictures of other things
PAIRS = 1000  # pictures that contain two films
NEGATIVES = 0.12  # share of inverted copies
SEED = 18


def main() -> None:
    """Train on all films that may be used and write the weights."""
    arguments = parse_arguments(__doc__, out="pipeline/classifiers/weights/views.npz")
    write_networks(train(list(arguments.examples(WORK_SIDE))).networks, arguments.out)


def train(examples: Sequence[Example], seed: int = SEED) -> ViewModel:
    """Train the ensemble on altered copies of ``examples`` and on synthetic pictures of other things."""
    rng = np.random.default_rng(seed)
    pictures, labels = training_set(examples, rng)
    thumbs, aspects = zip(*(thumbnail(picture) for picture in pictures), strict=True)
    vectors = features(np.stack(thumbs), np.array(aspects, np.float32))
    targets = np.array([CLASSES.index(label) for label in labels])
    return ViewModel(fit(vectors, targets, members=5, hidden=48, decay=0.3, epochs=15, seed=seed))


def training_set(examples: Sequence[Example], rng: np.random.Generator) -> tuple[list[Gray], list[str]]:
    """Altered copies of the films and of other pictures, (H, W) uint8 each, and the class of each."""
    pictures, labels = [], []
    for example in examples:
        for _ in range(VERSIONS[example.view_class]):
            pictures.append(_invert_some(alter(example.picture, rng), rng))
            labels.append(example.view_class)
    for picture in synthetic_slices(SLICES, rng):
        for _ in range(SLICE_VERSIONS):
            pictures.append(_invert_some(alter(picture, rng), rng))
            labels.append("other")
    films = [example.picture for example in examples if example.view_class != "other"]
    photos = photographs()
    others = [draw_not_chest(films, photos, rng) for _ in range(SYNTHETIC)]
    pairs = [pair(films, rng) for _ in range(PAIRS if films else 0)]
    for picture in (*others, *pairs):
        pictures.append(_invert_some(alter(picture, rng), rng))
        labels.append("other")
    return pictures, labels


def pair(films: Sequence[Gray], rng: np.random.Generator) -> Gray:
    """Two films, or one film twice, stacked or side by side: the pictures that most resemble a single film."""
    first, second = (films[int(rng.integers(len(films)))] for _ in range(2))
    tiles = [first, first if rng.random() < 0.4 else second]
    is_stacked, gutter, background = rng.random() < 0.6, int(rng.integers(0, 8)), int(rng.choice([0, 255]))
    height, width = first.shape if rng.random() < 0.5 else rng.integers(WORK_SIDE // 3, WORK_SIDE, 2)
    size = int(width), int(height)
    gap = np.full((gutter, size[0]) if is_stacked else (size[1], gutter), background, np.uint8)
    above, below = (cv2.resize(tile, size, interpolation=cv2.INTER_AREA) for tile in tiles)
    return np.concatenate([above, gap, below], axis=0 if is_stacked else 1)


def _invert_some(picture: Gray, rng: np.random.Generator) -> Gray:
    return np.bitwise_not(picture) if rng.random() < NEGATIVES else picture


if __name__ == "__main__":
    main()
