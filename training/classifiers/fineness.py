"""Train what tells blurred films and blown-up thumbnails: ``python -m training.classifiers.fineness --help``.

On films whose terms allow it (:mod:`training.classifiers.known_films`) as they are, blurred, and shrunk and blown up
again here, some of them saved as JPEG afterwards (docs/quality-model-card.md).
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from pipeline.classifiers.fineness import KINDS, spectrum
from pipeline.classifiers.networks import Networks
from pipeline.core.layout import Layout
from pipeline.imaging.borders import without_border
from pipeline.imaging.png import shrink
from training.classifiers.known_films import Example, Gray, read_examples
from training.classifiers.networks import fit, write_networks

POOL_SIDE = 1024  # px
VERSIONS = 3  # of every film and kind
SIZES = (1.0, 1.0, 0.7, 0.5)  # of the long side
KERNELS = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4, cv2.INTER_NEAREST)
SHARPEST, DULLEST = 400.0, 70.0  # long sides per blur width
BOXES = 0.2  # share of the blurred copies
LEAST_FACTOR, MOST_FACTOR = 2.5, 8.0  # of blowing up
SEED = 18


def main() -> None:
    """Train on everything that may be used, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("roots", nargs="+", help="folders with the data/ of finished runs (mirror, sandbox)")
    parser.add_argument("--truth", type=Path, help="CSV with the columns image, view")
    parser.add_argument("--out", type=Path, default=Path("pipeline/classifiers/weights/fineness.npz"))
    options = parser.parse_args()
    known = (example for root in options.roots for example in read_examples(Layout.at(root), options.truth, POOL_SIDE))
    write_networks(train(example for example in known if example.may_train), options.out)


def train(examples: Iterable[Example], seed: int = SEED) -> Networks:
    """Networks that tell ``KINDS`` from the spectrum of a film."""
    rng = np.random.default_rng(seed)
    vectors, targets = [], []
    for example in examples:
        if example.kind == "other":
            continue
        for found, kind in spectra(example.picture, rng):
            vectors.append(found)
            targets.append(KINDS.index(kind))
    return train_on(np.stack(vectors), np.array(targets), seed)


def train_on(vectors: np.ndarray, targets: np.ndarray, seed: int = SEED) -> Networks:
    """As :func:`train`, from spectra (N, D) and numbers of kinds (N,)."""
    return fit(vectors, targets, members=4, hidden=32, decay=0.03, epochs=200, seed=seed)


def spectra(film: Gray, rng: np.random.Generator) -> list[tuple[np.ndarray, str]]:
    """Spectra of a film as it is, blurred and blown up, with their kinds."""
    found = []
    for _ in range(VERSIONS):
        size = shrink(film, int(max(film.shape) * rng.choice(SIZES)))
        unsharp = box_blur if rng.random() < BOXES else blur
        found += [
            (_seen(resaved(size, rng)), "fine"),
            (_seen(resaved(unsharp(size, rng), rng)), "blurred"),
            (_seen(resaved(blow_up(size, rng), rng)), "upscaled"),
        ]
    return found


def _seen(film: Gray) -> np.ndarray:
    return spectrum(without_border(film))


def blur(film: Gray, rng: np.random.Generator) -> Gray:
    """Out of focus by 1/400 to 1/70 of the long side: mostly a Gaussian, else the even disk of a lens."""
    width = _width(film, rng)
    if rng.random() < 0.75:
        return np.asarray(cv2.GaussianBlur(film, (0, 0), width), np.uint8)
    return np.asarray(cv2.filter2D(film, -1, disk(2 * width)), np.uint8)


def box_blur(film: Gray, rng: np.random.Generator) -> Gray:
    """Averaged over a square of the same spread, as image editors do: the nearest to a blown-up thumbnail."""
    side = max(3, round(_width(film, rng) * 12**0.5))
    return np.asarray(cv2.blur(film, (side, side)), np.uint8)


def _width(film: Gray, rng: np.random.Generator) -> float:
    """Spread of a blur (px)."""
    return float(max(film.shape) / np.exp(rng.uniform(np.log(DULLEST), np.log(SHARPEST))))


def disk(radius: float) -> np.ndarray:
    """An even disk of ``radius`` (px) whose sum is 1."""
    reach = int(np.ceil(radius))
    down, right = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    weights = np.clip(radius + 0.5 - np.hypot(down, right), 0, 1)
    return np.asarray(weights / weights.sum())


def blow_up(film: Gray, rng: np.random.Generator) -> Gray:
    """Shrunk to a thumbnail and enlarged again, 2.5 to 8 times."""
    factor = np.exp(rng.uniform(np.log(LEAST_FACTOR), np.log(MOST_FACTOR)))
    size = tuple(max(16, round(side / factor)) for side in film.shape[::-1])
    small = cv2.resize(film, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, film.shape[::-1], interpolation=int(rng.choice(KERNELS))), np.uint8)


def resaved(film: Gray, rng: np.random.Generator) -> Gray:
    """As it is, or through a JPEG file of common quality."""
    if rng.random() < 0.5:
        return film
    data = cv2.imencode(".jpg", film, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(75, 96))])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


if __name__ == "__main__":
    main()
