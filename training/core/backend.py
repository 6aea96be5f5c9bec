"""Code that depends on the Keras backend: repeatable runs, compilation, gradients.

All other code of ``training`` uses Keras 3 only.
"""

from collections.abc import Callable
from typing import Any

import cv2
import keras
import numpy as np
import numpy.typing as npt

from sources.core.errors import CxnetError


def start(seed: int, precision: str = "float32") -> None:
    """Clear earlier models and seed all randomness, so that equal seeds give equal runs on the same machine.

    Layers made from now on compute in ``precision``, a dtype policy of Keras.

    OpenCV is limited to one thread: films are small, and more threads would compete with those of the network.
    On TensorFlow, ops are deterministic and the graph optimizer is off: it takes 7 of the 30 s that DenseNet-121 needs
    before its first step and does not make steps faster (measured on a CPU).
    """
    cv2.setNumThreads(1)
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(precision)
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")  # it warns of every new network that predicts: several runs have several
        tf.config.experimental.enable_op_determinism()
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def compiles() -> str | bool:
    """Value of ``jit_compile`` for ``Model.compile``: False on TensorFlow, else ``"auto"``.

    For DenseNet-121 on a CPU, compiling with XLA takes a minute and makes steps at 96 px 1.7 times as long (measured).
    """
    return False if keras.config.backend() == "tensorflow" else "auto"


def versions() -> dict[str, str]:
    """Versions of Keras and its backend, and the backend's name."""
    from importlib.metadata import version

    backend = keras.config.backend()
    return {"keras": keras.version(), "backend": backend, backend: version(backend)}


def gradient(function: Callable[[Any], Any], at: Any) -> npt.NDArray[np.float32]:
    """Gradient of a scalar ``function`` of one tensor, at the point ``at``.

    Returns:
        float32, same shape as ``at``.

    Raises:
        CxnetError: Keras does not run on TensorFlow.
    """
    if keras.config.backend() != "tensorflow":
        raise CxnetError(
            f"Grad-CAM needs TensorFlow, but Keras runs on {keras.config.backend()}; "
            f"set KERAS_BACKEND=tensorflow, or set 'explained' of the experiment to 0."
        )
    import tensorflow as tf

    at = tf.convert_to_tensor(at)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(at)
        value = function(at)
    return np.asarray(tape.gradient(value, at), np.float32)
