"""Fit and write the small networks that ship with the package (:mod:`pipeline.classifiers.networks`)."""

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from pipeline.classifiers.networks import Layers, Networks, Vectors, standardize
from sources.core.storage import atomic

MIN_SPREAD = 0.05  # added to each standard deviation, so that nearly constant features are not amplified


def fit(
    vectors: Vectors, targets: npt.NDArray[np.intp], *, members: int, hidden: int, decay: float, epochs: int, seed: int
) -> Networks:
    """Fit an ensemble of two-layer networks.

    Args:
        vectors: features, float32 (N, D).
        targets: class index of each row (N,); every class occurs.
        members: number of networks.
        hidden: number of hidden units of each.
        decay: L2 penalty of the weights.
        epochs: number of passes over the data.
        seed: seed of the first network; each further one adds 1.
    """
    mean, scale = vectors.mean(axis=0), vectors.std(axis=0) + MIN_SPREAD
    standard = standardize(vectors, mean, scale)
    networks = [
        MLPClassifier(
            (hidden,), alpha=decay, batch_size=min(256, len(targets)), max_iter=epochs, random_state=seed + member
        )
        for member in range(members)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is fixed on purpose
        for network in networks:
            network.fit(standard, targets)
    return Networks(mean.astype(np.float32), scale.astype(np.float32), tuple(map(_layers, networks)))


def write_networks(networks: Networks, path: Path) -> None:
    """Write the weights as half-precision floats: plain arrays in one compressed ``.npz`` file.

    Raises:
        CxnetError: the disk is full, or the folder is not writable.
    """
    arrays = {"mean": networks.mean, "scale": networks.scale, "members": np.array(len(networks.members))}
    for index, layers in enumerate(networks.members):
        arrays |= {f"{name}_{index}": layer for name, layer in zip(("w1", "b1", "w2", "b2"), layers, strict=True)}
    halves = {name: value.astype(np.float16) for name, value in arrays.items()}
    with atomic(path) as file:
        np.savez_compressed(file, allow_pickle=False, **halves)


def _layers(network: MLPClassifier) -> Layers:
    """The weights of a fitted network, with one output per class."""
    (first, second), (first_bias, second_bias) = network.coefs_, network.intercepts_
    if second.shape[1] == 1:  # for two classes scikit-learn has a single output
        second, second_bias = np.hstack([0 * second, second]), np.hstack([0 * second_bias, second_bias])
    first, first_bias, second, second_bias = (
        np.asarray(part, np.float32) for part in (first, first_bias, second, second_bias)
    )
    return first, first_bias, second, second_bias
