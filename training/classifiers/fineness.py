"""Train the networks that recognize blurred and upscaled films.

They learn from films as they are, and from copies that are blurred or shrunk and enlarged again here; some are saved as
JPEG afterwards. Only films whose terms allow it are used (:mod:`training.classifiers.known_films`); results are in
docs/quality-model-card.md.

Run: ``python -m training.classifiers.fineness ROOT... --truth views.csv``.
"""

from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.classifiers.fineness import KINDS, spectrum
from pipeline.classifiers.networks import Networks, Vectors
from pipeline.imaging.arrays import Gray
from pipeline.imaging.borders import without_border
from pipeline.imaging.png import shrink
from training.classifiers.command import parse_arguments
from training.classifiers.known_films import Example
from training.classifiers.networks import fit, write_networks

POOL_SIDE = 1024  # px, long side of the films
VERSIONS = 3  # of each film and kind
SIZES = (1.0, 1.0, 0.7, 0.5)  # of a version, as shares of the long side
KERNELS = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4, cv2.INTER_NEAREST)
SHARPEST, DULLEST = 400.0, 70.0  # the long side is this many times the standard deviation of a blur
BOX_SHARE = 0.2  # of the blurred copies
MIN_FACTOR, MAX_FACTOR = 2.5, 8.0  # of upscaling
SEED = 18


def main() -> None:
    """Train on all films that may be used and write the weights."""
    arguments = parse_arguments(__doc__, out="pipeline/classifiers/weights/fineness.npz")
    write_networks(train(arguments.examples(POOL_SIDE)), arguments.out)


def train(examples: Iterable[Example], seed: int = SEED) -> Networks:
    """Train networks over :data:`pipeline.classifiers.fineness.KINDS` that work on the spectrum of a film."""
    rng = np.random.default_rng(seed)
    vectors, targets = [], []
    for example in examples:
        if example.view_class == "other":
            continue
        for vector, kind in spectra(example.picture, rng):
            vectors.append(vector)
            targets.append(KINDS.index(kind))
    return train_on(np.stack(vectors), np.array(targets), seed)


def train_on(vectors: Vectors, targets: npt.NDArray[np.intp], seed: int = SEED) -> Networks:
    """Train the networks of :func:`train` on spectra, float32 (N, D), and indices of their kinds (N,)."""
    return fit(vectors, targets, members=4, hidden=32, decay=0.03, epochs=200, seed=seed)


def spectra(film: Gray, rng: np.random.Generator) -> list[tuple[Vectors, str]]:
    """Spectra of versions of a film, float32 (D,), each with its kind: fine, blurred or upscaled."""
    versions: list[tuple[Vectors, str]] = []
    for _ in range(VERSIONS):
        sized = shrink(film, int(max(film.shape) * rng.choice(SIZES)))
        blurring = box_blur if rng.random() < BOX_SHARE else blur
        versions += [
            (_spectrum(resave(sized, rng)), "fine"),
            (_spectrum(resave(blurring(sized, rng), rng)), "blurred"),
            (_spectrum(resave(upscale(sized, rng), rng)), "upscaled"),
        ]
    return versions


def _spectrum(film: Gray) -> Vectors:
    return spectrum(without_border(film))


def blur(film: Gray, rng: np.random.Generator) -> Gray:
    """Blur a film, by 1/400 to 1/70 of the long side: mostly with a Gaussian, else with the even disk of a lens."""
    width = _blur_width(film, rng)
    if rng.random() < 0.75:
        return cv2.GaussianBlur(film, (0, 0), width)
    return cv2.filter2D(film, -1, disk(2 * width))


def box_blur(film: Gray, rng: np.random.Generator) -> Gray:
    """Blur a film by averaging over squares, as image editors do; of all blurs the most like upscaling."""
    side = max(3, round(_blur_width(film, rng) * 12**0.5))
    return cv2.blur(film, (side, side))


def _blur_width(film: Gray, rng: np.random.Generator) -> float:
    """A random standard deviation of a blur (px)."""
    return float(max(film.shape) / np.exp(rng.uniform(np.log(DULLEST), np.log(SHARPEST))))


def disk(radius: float) -> npt.NDArray[np.float64]:
    """A filter with the shape of a disk of ``radius`` px, float64; its sum is 1."""
    reach = int(np.ceil(radius))
    down, right = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    weights = np.clip(radius + 0.5 - np.hypot(down, right), 0, 1)
    return np.asarray(weights / weights.sum())


def upscale(film: Gray, rng: np.random.Generator) -> Gray:
    """Shrink a film to a thumbnail and enlarge it again, by a factor of 2.5 to 8."""
    factor = np.exp(rng.uniform(np.log(MIN_FACTOR), np.log(MAX_FACTOR)))
    size = tuple(max(16, round(side / factor)) for side in film.shape[::-1])
    small = cv2.resize(film, size, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, film.shape[::-1], interpolation=int(rng.choice(KERNELS)))


def resave(film: Gray, rng: np.random.Generator) -> Gray:
    """Return half of the films unchanged, and save the others as JPEG of common quality."""
    if rng.random() < 0.5:
        return film
    data = cv2.imencode(".jpg", film, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(75, 96))])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


if __name__ == "__main__":
    main()
