"""What depends on Keras' backend: repeatable runs, and a graph that is ready quickly.

Everything else here is Keras 3 alone, but for the gradients of :mod:`training.evaluate.grad_cam`.
"""

from collections.abc import Callable
from typing import Any

import cv2
import keras
import numpy as np
import numpy.typing as npt

from sources.core.errors import CxnetError


def start(seed: int) -> None:
    """Forget earlier models and seed everything random, so that equal seeds give equal runs on one machine.

    OpenCV works on one thread: films are small, and its threads would wait for those of the network.
    On TensorFlow the ops are made deterministic, and its graph optimiser is switched off: it takes 7 s of the 30 that a
    DenseNet-121 needs before its first step, and the steps are no faster for it (measured on CPU).
    """
    cv2.setNumThreads(1)
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def compiles() -> str | bool:
    """Whether models use the backend's compiler: on TensorFlow not.

    For a DenseNet-121 on CPU, XLA takes a minute, and its steps at 96 px are 1.7 times as long (measured).
    """
    return False if keras.config.backend() == "tensorflow" else "auto"


def versions() -> dict[str, str]:
    """Keras' version, its backend and the backend's version."""
    from importlib.metadata import version

    backend = keras.config.backend()
    return {"keras": keras.version(), "backend": backend, backend: version(backend)}


def gradient(function: Callable[[Any], Any], at: Any) -> npt.NDArray[np.float32]:
    """Gradient of a scalar ``function`` of one tensor, same shape as ``at``.

    Raises:
        CxnetError: Keras runs on another backend than TensorFlow.
    """
    if keras.config.backend() != "tensorflow":
        raise CxnetError(
            f"Grad-CAM is made on TensorFlow only, Keras runs on {keras.config.backend()}; "
            f"set KERAS_BACKEND=tensorflow, or the experiment's key 'explained' to 0."
        )
    import tensorflow as tf

    at = tf.convert_to_tensor(at)
    with tf.GradientTape() as tape:
        tape.watch(at)
        value = function(at)
    return np.asarray(tape.gradient(value, at), np.float32)
