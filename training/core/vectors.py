"""What a frozen trunk makes of every film: one vector, and one of its mirror image; computed once and kept on disk.

The files are in ``data/vectors/<inputs>/``. They are a cache: their name holds a hash of everything that they depend on
(films, network, weights, versions), so that later experiments with the same trunk find them, and one with another trunk
or other films does not. Vectors of films that are gone are removed when new ones are written.
"""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np
from upath import UPath

from pipeline.core.layout import Layout
from pipeline.imaging.array_errors import ARRAY_ERRORS
from pipeline.prepare.arrays import Arrays
from sources.core.storage import atomic
from training.core import backend
from training.core.data import SCALING, Batch, Batches, Floats, Images, Ints, LabeledFilms, ShuffledBatches, to_float

log = logging.getLogger(__name__)

BATCH_SIZE = 32  # films that the trunk sees at once
HASHED = 64  # films that are hashed at once
DIGITS = 16  # of the hashes in the names of files


@dataclass(frozen=True)
class Vectors:
    """The vectors of all films of prepared inputs, in their order.

    Attributes:
        films: (M, d) float32.
        mirrored: those of the mirror images (M, d) float32; None if they are not needed.
    """

    films: Floats
    mirrored: Floats | None = None


class VectorBatches(Batches):
    """Batches of vectors instead of films, in the given order."""

    def __init__(self, vectors: Vectors, films: LabeledFilms, batch_size: int, class_weights: Floats) -> None:
        super().__init__(films, batch_size, class_weights)
        self.vectors = vectors

    def _batch(self, selected: Ints) -> Batch:
        return (self.vectors.films[self.films.positions[selected]], *self._targets(selected))


class ShuffledVectorBatches(ShuffledBatches):
    """Batches of vectors in a new order every epoch; if there are mirrored ones, each film is drawn as one of both."""

    def __init__(
        self, vectors: Vectors, films: LabeledFilms, batch_size: int, class_weights: Floats, seed: int
    ) -> None:
        super().__init__(films, batch_size, class_weights, seed)
        self.workers = 1  # a batch is made faster than it is handed from one thread to another
        self.vectors = vectors

    def __getitem__(self, index: int) -> Batch:
        selected = self.order[self.parts[index]]
        places = self.films.positions[selected]
        made = self.vectors.films[places]
        if self.vectors.mirrored is not None:
            mirrored = np.random.default_rng((self.seed, self.epoch, index)).random(len(selected)) < 0.5
            made = np.where(mirrored[:, None], self.vectors.mirrored[places], made)
        return (made, *self._targets(selected))


def film_vectors(layout: Layout, arrays: Arrays, inputs: str, trunk: keras.Model, mirrored: bool) -> Vectors:
    """The vectors of all films, from disk if they have been computed before.

    Args:
        layout: where the vectors are kept.
        arrays: the prepared inputs.
        inputs: their name.
        trunk: films to vectors.
        mirrored: whether those of the mirror images are needed too.
    """
    folder, films = layout.vectors(inputs), films_sha256(arrays)[:DIGITS]
    name = f"{films}_{trunk.name}_{_hash_trunk(trunk)}"
    _remove_others(folder, films)
    paths = {kind: folder / f"{name}_{kind}.npz" for kind in ("films", "mirrored")}
    made = _cached(paths["films"], trunk, arrays.images)
    return Vectors(made, _cached(paths["mirrored"], trunk, arrays.images, True) if mirrored else None)


def _cached(path: UPath, trunk: keras.Model, images: Images, mirrored: bool = False) -> Floats:
    """The vectors in ``path``; if there are none, or they are damaged, they are computed and written."""
    shape = (len(images), trunk.output_shape[-1])
    kept = _read(path)
    if kept is not None and kept.shape == shape and kept.dtype == np.float32:
        return kept
    log.info("%s: computing %d vectors of %d features", path, *shape)
    made = compute_vectors(trunk, images, mirrored)
    with atomic(path) as file:
        np.savez(file, vectors=made)
    return made


def _read(path: UPath) -> Floats | None:
    """The vectors of a file; a zip archive has a checksum of each member, which is compared."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return np.asarray(archive["vectors"])
    except FileNotFoundError:
        return None
    except ARRAY_ERRORS:
        log.warning("%s is damaged; the vectors are computed again.", path)
        return None


def compute_vectors(trunk: keras.Model, images: Images, mirrored: bool = False) -> Floats:
    """Run ``trunk`` on every film.

    Args:
        trunk: films to vectors.
        images: prepared images (M, S, S, 3) uint8.
        mirrored: whether to mirror each film.

    Returns:
        (M, d) float32.
    """
    trunk.compile(jit_compile=backend.compiles())
    return np.asarray(trunk.predict(_Films(images, mirrored), verbose=0), np.float32)


class _Films(keras.utils.PyDataset):
    """All films in their order, as a trunk takes them."""

    def __init__(self, images: Images, mirrored: bool) -> None:
        super().__init__()
        self.images = images[:, :, ::-1] if mirrored else images

    def __len__(self) -> int:
        return -(-len(self.images) // BATCH_SIZE)

    def __getitem__(self, index: int) -> tuple[Floats]:
        return (to_float(np.asarray(self.images[index * BATCH_SIZE : (index + 1) * BATCH_SIZE])),)


def films_sha256(arrays: Arrays) -> str:
    """Hash of all prepared images."""
    digest = hashlib.sha256(f"{arrays.images.shape} {SCALING}".encode())
    for start in range(0, len(arrays.images), HASHED):
        digest.update(np.asarray(arrays.images[start : start + HASHED]).tobytes())
    return digest.hexdigest()


def _hash_trunk(trunk: keras.Model) -> str:
    """Hash of the layers with their options, of the weights, and of the versions that compute with them."""
    digest = hashlib.sha256(repr(sorted(backend.versions().items())).encode())
    for part in _layers(trunk):
        digest.update(part)
    return digest.hexdigest()[:DIGITS]


def _layers(trunk: keras.Model) -> Iterator[bytes]:
    for layer in trunk.layers:
        options = {name: value for name, value in layer.get_config().items() if name != "name"}
        yield repr((type(layer).__name__, sorted(options.items()))).encode()
        for weight in layer.get_weights():
            yield repr((weight.shape, weight.dtype)).encode()
            yield np.ascontiguousarray(weight).tobytes()


def _remove_others(folder: UPath, films: str) -> None:
    """Remove the vectors of other films: those that the inputs had before."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.suffix == ".npz" and not path.name.startswith(films):
            path.unlink(missing_ok=True)
