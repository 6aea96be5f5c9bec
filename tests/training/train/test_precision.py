"""Training in mixed precision, and on other backends of Keras."""

import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from pydantic import ValidationError
from synthetic_arrays import profile, write_arrays

from training.core.model_file import load_model
from training.train import stage as train

STEP = """
import sys

import keras
import numpy as np

from pipeline.core.experiments import ExperimentParams
from training.core import backend
from training.core.losses import make_loss
from training.models import build
from training.train.fit import compile_model

assert keras.config.backend() == sys.argv[1]
options = ExperimentParams(model="base", size=72)
backend.start(options.seed)
model = build(options)
compile_model(model, options)
before = [weights.copy() for weights in model.get_weights()]
films = np.random.default_rng(0).random((4, 72, 72, 3), np.float32)
loss = model.train_on_batch(films, np.array([0.0, 1.0, 0.0, 1.0]))
assert np.isfinite(loss).all()
assert any((old != new).any() for old, new in zip(before, model.get_weights()))
"""


@pytest.mark.parametrize("scheme", ["flat", "hierarchical"])
def test_the_stored_model_computes_in_float32(tmp_path, scheme):
    classes = ("normal", "covid") if scheme == "flat" else ("normal", "cap", "covid")
    layout = write_arrays(tmp_path, classes=classes) if scheme == "hierarchical" else write_arrays(tmp_path)
    params = profile(classes=classes, scheme=scheme, precision="mixed_bfloat16", epochs=1)
    seen = []
    layers = keras.layers.Conv2D.call

    def watched(layer, inputs, *rest, **named):
        seen.append(layer.compute_dtype)
        return layers(layer, inputs, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.layers.Conv2D, "call", watched)
        train.run(layout, params, "tiny")
    assert "bfloat16" in seen
    model, record = load_model(layout.model("tiny") / "model.keras")
    assert {layer.compute_dtype for layer in model._flatten_layers()} == {"float32"}
    assert np.isfinite(record.val_loss)
    assert keras.config.dtype_policy().name == "float32"


def test_a_frozen_trunk_in_mixed_precision_is_refused():
    with pytest.raises(ValidationError, match="a frozen trunk runs once per film, in float32; set precision"):
        profile(model="efficientnet_lite", frozen=True, augmentation="mirror", precision="mixed_float16")


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_one_step_on_another_backend(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    environment = {**os.environ, "KERAS_BACKEND": backend, "KERAS_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", STEP, backend], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
