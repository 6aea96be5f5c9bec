"""Losses and class weights (paper, section 4)."""

import keras
import numpy as np
import numpy.typing as npt


def make_loss(num_classes: int, smoothing: float) -> keras.losses.Loss:
    """Cross-entropy with label smoothing: binary for two classes, categorical for more.

    Smoothing 0.1 turns binary targets into 0.05 and 0.95, and those of three classes into 0.0333 and 0.9333.
    """
    if num_classes == 2:
        return keras.losses.BinaryCrossentropy(label_smoothing=smoothing)
    return keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)


def encode(targets: npt.NDArray[np.integer], num_classes: int) -> npt.NDArray[np.float32]:
    """Encode class indices (N,) as the loss expects them: (N, 1) for two classes, else one-hot (N, k); float32."""
    if num_classes == 2:
        return targets.astype(np.float32)[:, None]
    return np.eye(num_classes, dtype=np.float32)[targets]


def class_probabilities(outputs: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Probability of each class (N, k), rows of which sum to 1, from the outputs of a network: (N, 1) or (N, k)."""
    last = outputs.astype(np.float64)
    return np.concatenate([1 - last, last], axis=1) if last.shape[1] == 1 else last


def balanced_weights(targets: npt.NDArray[np.integer], num_classes: int) -> npt.NDArray[np.float32]:
    """Weight of each class, n / (k n_c), as in the paper: 0.5669 and 4.2383 for 3,200 and 428 films.

    Args:
        targets: class index of each film (N,).
        num_classes: k.

    Returns:
        (k,) float32.

    Raises:
        ValueError: a class has no film.
    """
    counts = np.bincount(targets, minlength=num_classes)
    if (counts == 0).any():
        raise ValueError(f"Every class needs at least one film, got counts {counts.tolist()}.")
    return (len(targets) / (num_classes * counts)).astype(np.float32)
