"""Grad-CAM explains the level that decides, also in a model that was loaded from its file."""

import keras
import numpy as np

from training.core.levels import levels_of
from training.evaluate.grad_cam import grad_cam
from training.models.base import base
from training.models.cascade import cascade

SIZE = 72


def test_a_loaded_model_is_explained_level_by_level(tmp_path):
    keras.utils.set_random_seed(2)
    first, second = base(SIZE, 2), base(SIZE, 2)
    expected = {"normal": first, "covid": second}
    cascade(SIZE, [first, second]).save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    films = np.random.default_rng(1).random((3, SIZE, SIZE, 3)).astype(np.float32)
    assert [level.name for level in levels_of(loaded)] == ["level1", "level2"]
    for number, name in ((0, "normal"), (2, "covid")):
        heat = grad_cam(loaded, films, np.full(3, number))
        np.testing.assert_allclose(heat, grad_cam(expected[name], films, np.full(3, min(number, 1))), atol=1e-5)
