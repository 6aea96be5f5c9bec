"""Train what tells blurred films and blown-up thumbnails: ``python -m training.fineness --help``.

On films whose terms allow it (:mod:`training.known_films`) as they are, blurred, and shrunk and blown up again here,
some of them saved as JPEG afterwards (docs/quality-model-card.md).
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from pipeline.borders import without_border
from pipeline.fineness import KINDS, spectrum
from pipeline.layout import Layout
from pipeline.networks import Networks
from pipeline.png import shrink
from training.known_films import Example, Gray, read_examples
from training.small_networks import fit, write_networks

POOL_SIDE = 1024  # px
VERSIONS = 3  # of every film and kind
SIZES = (1.0, 1.0, 0.7, 0.5)  # of the long side
KERNELS = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4, cv2.INTER_CUBIC)
SHARPEST, DULLEST = 300.0, 70.0  # long sides per blur width
LEAST_FACTOR, MOST_FACTOR = 2.5, 8.0  # of blowing up
SEED = 18


def main() -> None:
    """Train on everything that may be used, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("roots", nargs="+", help="folders with the data/ of finished runs (mirror, sandbox)")
    parser.add_argument("--truth", type=Path, help="CSV with the columns image, view")
    parser.add_argument("--out", type=Path, default=Path("pipeline/weights/fineness.npz"))
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
        found += [
            (_seen(resaved(size, rng)), "fine"),
            (_seen(resaved(blur(size, rng), rng)), "blurred"),
            (_seen(resaved(blow_up(size, rng), rng)), "upscaled"),
        ]
    return found


def _seen(film: Gray) -> np.ndarray:
    return spectrum(without_border(film))


def blur(film: Gray, rng: np.random.Generator) -> Gray:
    """Out of focus: a Gaussian of 1/300 to 1/70 of the long side."""
    width = max(film.shape) / np.exp(rng.uniform(np.log(DULLEST), np.log(SHARPEST)))
    return np.asarray(cv2.GaussianBlur(film, (0, 0), width), np.uint8)


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
