"""An exported model computes in onnxruntime what it computes in Keras."""

import json

import keras
import numpy as np
import onnxruntime
import pytest
from keras.src.applications.densenet import DenseNet
from synthetic_arrays import profile, write_arrays
from typer.testing import CliRunner

from pipeline.cli.main import app
from training.core.model_file import MODEL, load_model
from training.export.onnx import to_onnx
from training.models.base import base
from training.models.efficientnet_lite import efficientnet_lite
from training.models.frozen import settle_statistics
from training.models.heads import transfer_head
from training.pretrained.scales import SCALES
from training.train import stage as train


def small_densenet():
    """Every kind of layer of DenseNet-121, scaled as for ImageNet, with the head of the paper's transfer."""
    films = keras.Input((48, 48, 3))
    scale = SCALES["imagenet"]
    scaled = keras.layers.Rescaling(scale.factors, scale.offsets)(films)
    trunk = DenseNet([2, 1, 1, 1], include_top=False, weights=None, input_tensor=scaled)
    return keras.Model(films, transfer_head(trunk.output, 3))


@pytest.mark.parametrize(
    "build",
    [lambda: base(72, 3), small_densenet, lambda: efficientnet_lite(48, 2)],
    ids=["base", "densenet", "efficientnet_lite"],
)
def test_outputs_are_equal(build):
    model, rng = build(), np.random.default_rng(8)
    side = model.input_shape[1]
    films = rng.uniform(0, 1, (4, side, side, 3)).astype(np.float32)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(rng.uniform(0.5, 1.5, layer.gamma.shape))
            layer.beta.assign(rng.uniform(-0.5, 0.5, layer.beta.shape))
    settle_statistics(model, films)
    given = run(to_onnx(model, {}), films)
    expected = keras.ops.convert_to_numpy(model(films, training=False))
    np.testing.assert_allclose(given, expected, atol=1e-4)
    assert np.ptp(expected, axis=0).max() > 1e-4


def run(content, films):
    session = onnxruntime.InferenceSession(content)
    return session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(films.transpose(0, 3, 1, 2))})[0]


def test_the_command_writes_the_model_with_its_record(tmp_path):
    layout = write_arrays(tmp_path)
    train.run(layout, profile(epochs=1), "tiny")
    out = tmp_path / "tiny.onnx"
    result = CliRunner().invoke(app, ["export-model", str(tmp_path / "models" / "tiny"), "--out", str(out)])
    assert (result.exit_code, out.is_file()) == (0, True)
    model, record = load_model(layout.model("tiny") / MODEL)
    films = np.random.default_rng(9).uniform(0, 1, (2, 72, 72, 3)).astype(np.float32)
    expected = keras.ops.convert_to_numpy(model(films, training=False))
    np.testing.assert_allclose(run(out.read_bytes(), films), expected, atol=1e-4)
    facts = onnxruntime.InferenceSession(out).get_modelmeta().custom_metadata_map
    assert json.loads(facts["classes"]) == list(record.classes)
    assert json.loads(facts["inputs"]) == record.inputs
