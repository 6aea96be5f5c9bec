"""Small ensembles of two-layer networks that ship as plain arrays (``pipeline/classifiers/weights/*.npz``).

They are trained by the scripts in ``training/`` and need NumPy alone. Nothing is unpickled.
"""

import zipfile
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from sources.core.errors import CxnetError

Vectors = npt.NDArray[np.float32]
Layers = tuple[Vectors, Vectors, Vectors, Vectors]

CLIP = 6.0  # standardised features beyond so many spreads are cut


@dataclass(frozen=True)
class Networks:
    """An ensemble of two-layer networks over standardised features.

    Attributes:
        mean, scale: float32 (D,), standardise the features.
        members: (W1 (D, H), b1 (H,), W2 (H, K), b2 (K,)) of each network.
    """

    mean: Vectors
    scale: Vectors
    members: tuple[Layers, ...]

    def probabilities(self, vectors: Vectors) -> Vectors:
        """Probability of each of the K classes, float32 (N, K), mean over the ensemble.

        Args:
            vectors: float32 (N, D).
        """
        standard = standardised(vectors, self.mean, self.scale)
        outputs = []
        for first, first_bias, second, second_bias in self.members:
            hidden = np.maximum(standard @ first + first_bias, 0)
            outputs.append(_softmax(hidden @ second + second_bias))
        return np.asarray(np.mean(outputs, axis=0), np.float32)


def standardised(vectors: Vectors, mean: Vectors, scale: Vectors) -> Vectors:
    """Features as the networks take them."""
    return np.asarray(np.clip((vectors - mean) / scale, -CLIP, CLIP), np.float32)


@cache
def shipped(name: str) -> Networks:
    """The networks ``name`` that come with the package."""
    with files("pipeline.classifiers").joinpath("weights", f"{name}.npz").open("rb") as file:
        return load_networks(file)


def load_networks(file: "str | IO[bytes]") -> Networks:
    """Read networks from a file of plain arrays.

    Raises:
        CxnetError: it holds none.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            values = {name: arrays[name].astype(np.float32) for name in arrays.files}
        count = int(values["members"])
        members = tuple(
            (values[f"w1_{i}"], values[f"b1_{i}"], values[f"w2_{i}"], values[f"b2_{i}"]) for i in range(count)
        )
        return Networks(values["mean"], values["scale"], members)
    except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise CxnetError(f"{file} holds no networks ({error}); train them with the scripts in training/.") from error


def _softmax(values: Vectors) -> Vectors:
    shifted: Any = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), np.float32)
