"""Fit and write the small networks that the package ships (:mod:`pipeline.classifiers.networks`)."""

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from pipeline.classifiers.networks import Layers, Networks, Vectors, standardize
from sources.core.storage import atomic

LEAST_SPREAD = 0.05  # features that hardly vary are not blown up


def fit(
    vectors: Vectors, targets: npt.NDArray[np.intp], *, members: int, hidden: int, decay: float, epochs: int, seed: int
) -> Networks:
    """An ensemble on feature vectors (N, D) with class numbers (N,); every class occurs in ``targets``."""
    mean, scale = vectors.mean(axis=0), vectors.std(axis=0) + LEAST_SPREAD
    standard = standardize(vectors, mean, scale)
    layers = tuple(_fit_one(standard, targets, (hidden, decay, epochs), seed + member) for member in range(members))
    return Networks(mean.astype(np.float32), scale.astype(np.float32), layers)


def write_networks(networks: Networks, path: Path) -> None:
    """Write the weights as half floats; plain arrays in one compressed file."""
    arrays = {"mean": networks.mean, "scale": networks.scale, "members": np.array(len(networks.members))}
    for index, layers in enumerate(networks.members):
        arrays |= {f"{name}_{index}": layer for name, layer in zip(("w1", "b1", "w2", "b2"), layers, strict=True)}
    halves = {name: value.astype(np.float16) for name, value in arrays.items()}
    with atomic(path) as file:
        np.savez_compressed(file, allow_pickle=False, **halves)


def _fit_one(standard: Vectors, targets: npt.NDArray[np.intp], shape: tuple[int, float, int], seed: int) -> Layers:
    hidden, decay, epochs = shape
    network = MLPClassifier(
        (hidden,), alpha=decay, batch_size=min(256, len(targets)), max_iter=epochs, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fixed number of epochs on purpose
        network.fit(standard, targets)
    (first, second), (first_bias, second_bias) = network.coefs_, network.intercepts_
    if second.shape[1] == 1:  # of two classes scikit-learn keeps one output
        second, second_bias = np.hstack([0 * second, second]), np.hstack([0 * second_bias, second_bias])
    first, first_bias, second, second_bias = (
        np.asarray(part, np.float32) for part in (first, first_bias, second, second_bias)
    )
    return first, first_bias, second, second_bias
