"""Small ensembles of two-layer networks that ship as plain arrays (``pipeline/classifiers/weights/*.npz``).

The scripts in ``training/classifiers/`` train them. Using them takes NumPy alone, and nothing is unpickled.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from pipeline.imaging.array_errors import ARRAY_ERRORS
from sources.core.errors import CxnetError

Vectors = npt.NDArray[np.float32]
Layers = tuple[Vectors, Vectors, Vectors, Vectors]

CLIP = 6.0  # standard deviations at which standardized features are clipped


@dataclass(frozen=True)
class Networks:
    """An ensemble of two-layer networks over standardized features.

    Attributes:
        mean: of each feature, float32 (D,).
        scale: what each feature is divided by, a little more than its standard deviation, float32 (D,).
        members: the weights of each network, (W1 (D, H), b1 (H,), W2 (H, K), b2 (K,)), float32.
    """

    mean: Vectors
    scale: Vectors
    members: tuple[Layers, ...]

    def probabilities(self, vectors: Vectors) -> Vectors:
        """Probability of each of the K classes, averaged over the ensemble, float32 (N, K).

        Args:
            vectors: features, float32 (N, D).
        """
        first, first_bias, second, second_bias = self._stacked
        hidden = np.maximum(standardize(vectors, self.mean, self.scale) @ first + first_bias, 0)
        by_member = hidden.reshape(len(vectors), len(self.members), -1).swapaxes(0, 1)
        return np.asarray(np.mean(_softmax(by_member @ second + second_bias), axis=0), np.float32)

    @cached_property
    def _stacked(self) -> Layers:
        """The weights of all M members: (D, M * H), (M * H,), (M, H, K), (M, 1, K)."""
        first, first_bias, second, second_bias = zip(*self.members, strict=True)
        return np.hstack(first), np.hstack(first_bias), np.stack(second), np.stack(second_bias)[:, None]


def standardize(vectors: Vectors, mean: Vectors, scale: Vectors) -> Vectors:
    """Features with mean 0 and standard deviation 1 on the training set, clipped."""
    return np.asarray(np.clip((vectors - mean) / scale, -CLIP, CLIP), np.float32)


@cache
def shipped(name: str) -> Networks:
    """The networks that come with the package as ``weights/<name>.npz``."""
    with files("pipeline.classifiers").joinpath("weights", f"{name}.npz").open("rb") as file:
        return load_networks(file)


def load_networks(file: "str | IO[bytes]") -> Networks:
    """Read networks from a ``.npz`` file of plain arrays.

    Raises:
        CxnetError: the file is missing, damaged or holds something else.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            values = {name: arrays[name].astype(np.float32) for name in arrays.files}
        count = int(values["members"])
        members = tuple(
            (values[f"w1_{i}"], values[f"b1_{i}"], values[f"w2_{i}"], values[f"b2_{i}"]) for i in range(count)
        )
        return Networks(values["mean"], values["scale"], members)
    except ARRAY_ERRORS as error:
        raise CxnetError(
            f"{file} holds no networks ({error}); train them with the scripts in training/classifiers/."
        ) from error


def _softmax(values: Vectors) -> Vectors:
    shifted: Any = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), np.float32)
