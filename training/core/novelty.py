"""How unlike its training films a film is, by the distance of its vector (Sun et al. 2022, arXiv:2204.06507).

The vector is what the first dense layer of a network takes, scaled to length 1. The distance of a film is that to the
:data:`NEIGHBOR`-th nearest vector of the training films; its novelty is the share of validation films that are nearer.
A film that is more novel than 99% of them is unlike the training films, and what the model says of it means little.
"""

from dataclasses import dataclass
from typing import Self

import keras
import numpy as np
import numpy.typing as npt
from upath import UPath

from pipeline.imaging.array_errors import ARRAY_ERRORS
from sources.core.errors import CxnetError
from sources.core.storage import atomic

Floats = npt.NDArray[np.float32]

FILE = "novelty.npz"  # in models/<experiment>/
NEIGHBOR = 5
REFERENCES = 1000  # training films that are kept, at most
JUDGES = 1000  # validation films, at most
UNLIKE = 0.99  # novelty from which a film is unlike the training films
MAX_BYTES = 100_000_000


@dataclass(frozen=True, eq=False)
class Novelty:
    """The training films that new ones are compared with.

    Attributes:
        references: vectors of length 1 (R, d) float16.
        distances: those of the validation films, in ascending order (V,) float32.
    """

    references: npt.NDArray[np.float16]
    distances: Floats

    @classmethod
    def of(cls, train: Floats, val: Floats) -> Self:
        """Of the vectors of training films (N, d) and of validation films (V, d)."""
        references = _unit(train).astype(np.float16)
        distances = _distances(references, _unit(val))
        return cls(references, np.sort(distances).astype(np.float32))

    @classmethod
    def read(cls, folder: UPath, features: int) -> Self:
        """That of the model in ``folder``, whose vectors have so many ``features``.

        Raises:
            CxnetError: the file is missing, damaged or of another model.
        """
        path = folder / FILE
        again = "train its experiment again."
        try:
            if path.stat().st_size > MAX_BYTES:
                raise CxnetError(f"{path} is larger than {MAX_BYTES:,} bytes; {again}")
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                found = cls(archive["references"], archive["distances"])
        except FileNotFoundError:
            raise CxnetError(f"{path} does not exist; {again}") from None
        except ARRAY_ERRORS:
            raise CxnetError(f"{path} is damaged; {again}") from None
        kinds = (found.references.dtype, found.distances.dtype, found.references.ndim, found.distances.ndim)
        is_whole = kinds == (np.float16, np.float32, 2, 1) and min(found.references.shape[0], len(found.distances)) > 0
        if not is_whole or found.references.shape[1] != features:
            raise CxnetError(f"{path} does not fit its model; {again}")
        return found

    def write(self, folder: UPath) -> None:
        """Write the file of the model in ``folder``."""
        with atomic(folder / FILE) as file:
            np.savez(file, references=self.references, distances=self.distances)

    def measure(self, vectors: Floats) -> npt.NDArray[np.float64]:
        """Share of the validation films (N,) that are nearer to the training films than each of the vectors (N, d)."""
        places = np.searchsorted(self.distances, _distances(self.references, _unit(vectors)))
        return places / len(self.distances)


def vector_of(network: keras.Model) -> keras.KerasTensor:
    """What the first dense layer of a network takes: a vector of the film."""
    return next(layer.input for layer in network.layers if isinstance(layer, keras.layers.Dense))


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)


def _distances(references: npt.NDArray[np.float16], vectors: Floats) -> Floats:
    """Distance of each vector to its n-th nearest reference (N,)."""
    squared = np.maximum(2 - 2 * vectors @ references.T.astype(np.float32), 0)
    nth = min(NEIGHBOR, len(references)) - 1
    return np.sqrt(np.partition(squared, nth, axis=1)[:, nth])
