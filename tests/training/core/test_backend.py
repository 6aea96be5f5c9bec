"""Code that depends on the Keras backend."""

import keras
import numpy as np
import pytest

from sources.core.errors import CxnetError
from training.core import backend


def test_a_gradient_is_that_of_the_function():
    at = np.array([[1.0, -2.0], [3.0, 0.5]], np.float32)
    assert np.allclose(backend.gradient(lambda x: keras.ops.sum(x**3), at), 3 * at**2)


def test_gradients_on_another_backend_are_refused_in_one_sentence(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(CxnetError, match="needs TensorFlow, but Keras runs on jax; set KERAS_BACKEND=tensorflow"):
        backend.gradient(keras.ops.sum, np.zeros(2, np.float32))
    assert backend.compiles() == "auto"


def test_equal_seeds_give_equal_weights():
    def first_weights(seed):
        backend.start(seed)
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).get_weights()[0]

    assert (first_weights(1) == first_weights(1)).all()
    assert (first_weights(1) != first_weights(2)).any()


def test_versions_name_the_backend():
    versions = backend.versions()
    assert versions["backend"] == keras.config.backend()
    assert versions[versions["backend"]].count(".") == 2
