"""The networks have the layers and parameters of the paper."""

import keras
import numpy as np
import pytest

from pipeline.core.architectures import ARCHITECTURES, MIN_SIZES
from pipeline.core.experiments import ExperimentParams, WeightsParams
from sources.core.errors import UsageError
from training.models import MODELS, build
from training.models.base import base
from training.models.chexnet import FINDINGS, chexnet
from training.models.covid_cxnet import covid_cxnet
from training.models.heads import output
from training.pretrained.keras_files import load_backbone
from training.pretrained.read import read_pretrained


@pytest.fixture(scope="module")
def small():
    """COVID-CXNet at its minimum size, built once because that takes seconds."""
    return covid_cxnet(32, 2)


def backbone_of(model):
    return keras.Model(model.input, model.get_layer("relu").output)


def frozen(model):
    return sum(int(np.prod(weight.shape)) for weight in model.non_trainable_weights)


def test_covid_cxnet_has_the_layers_and_parameters_of_the_paper():
    model = covid_cxnet(320, 2)
    assert (len(model.layers), model.count_params()) == (431, 7_047_765)
    assert frozen(model) == 83_648
    assert model.input_shape == (None, 320, 320, 3)
    assert model.get_layer("relu").output.shape == (None, 10, 10, 1024)


def test_covid_cxnet_for_three_classes_differs_only_in_its_output(small):
    model = covid_cxnet(32, 3)
    assert (len(model.layers), model.count_params()) == (431, 7_047_787)
    assert [type(layer) for layer in model.layers] == [type(layer) for layer in small.layers]
    assert model.output_shape == (None, 3)


@pytest.mark.parametrize("side, parameters", [(320, 60_035), (300, 60_035), (400, 78_275)])
def test_the_base_model_has_the_parameters_of_the_paper(side, parameters):
    model = base(side, 2)
    assert (len(model.layers), model.count_params()) == (10, parameters)


def test_each_convolution_of_the_base_model_halves_the_maps():
    model = base(320, 2)
    sides = [layer.output.shape[1] for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert sides == [158, 78, 38, 18, 8]


def test_images_that_are_too_small_are_refused_in_one_sentence():
    with pytest.raises(UsageError, match=r"64 x 64 px are too small .* at least 65 px"):
        base(64, 2)
    assert base(65, 2).output_shape == (None, 1)


def test_a_single_class_is_refused():
    with pytest.raises(UsageError, match="at least two classes"):
        output(1)


def test_the_table_lists_every_network_with_the_figures_of_the_paper():
    assert set(MIN_SIZES) == {*MODELS, "chexnet", "unet"}
    facts = {each.name: (each.layers, each.parameters) for each in ARCHITECTURES}
    assert facts["base"] == (10, 60_035)
    assert facts["covid_cxnet"] == (431, 7_047_765)
    assert facts["densenet"] == (433, 7_047_995)
    assert facts["chexnet"][1] == 7_051_854
    assert facts["unet"] == (32, 7_759_521)


@pytest.mark.parametrize("name", ["densenet", "resnet", "efficientnet_lite"])
def test_the_table_says_how_large_the_other_networks_are(name):
    model = build(ExperimentParams(model=name, size=32))
    fact = next(each for each in ARCHITECTURES if each.name == name)
    assert (len(model.layers), model.count_params()) == (fact.layers, fact.parameters)


def test_chexnet_has_fourteen_sigmoids_behind_the_normalization_of_imagenet():
    model = chexnet(32)
    fact = next(each for each in ARCHITECTURES if each.name == "chexnet")
    assert (len(model.layers), model.count_params()) == (fact.layers, fact.parameters)
    films = np.random.default_rng(1).uniform(0, 1, (2, 32, 32, 3)).astype(np.float32)
    findings = keras.ops.convert_to_numpy(model(films, training=False))
    assert findings.shape == (2, len(FINDINGS)) == (2, 14)
    assert np.abs(findings.sum(axis=1) - 1).min() > 1
    scaled = keras.ops.convert_to_numpy(keras.Model(model.input, model.get_layer("scale").output)(films))
    np.testing.assert_allclose(scaled, (films - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225), atol=1e-5)


@pytest.mark.parametrize("name", ["backbone.weights.h5", "whole.keras"])
def test_pretrained_weights_are_loaded_into_the_backbone(name, small, tmp_path):
    path = tmp_path / name
    if name == "whole.keras":
        small.save(path)
    else:
        backbone_of(small).save_weights(path)
    options = ExperimentParams(model="covid_cxnet", size=32, classes=("normal", "cap", "covid"), weights=str(path))
    loaded = build(options)
    name = "conv5_block16_2_conv"
    assert (loaded.get_layer(name).kernel.numpy() == small.get_layer(name).kernel.numpy()).all()
    assert loaded.output_shape == (None, 3)


def test_weights_of_half_a_backbone_are_refused(small, tmp_path):
    path = tmp_path / "half.weights.h5"
    keras.Model(small.input, small.get_layer("pool3_relu").output).save_weights(path)
    with pytest.raises(UsageError, match="do not fit DenseNet-121"):
        load_backbone(backbone_of(small), path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("weights.pkl", r"must be a file named \*\.h5, \*\.hdf5, \*\.keras, \*\.pt, \*\.pth or \*\.pth\.tar"),
        ("absent.weights.h5", "do not exist"),
        ("broken.weights.h5", "do not fit"),
        ("broken.keras", "do not fit"),
        ("other.weights.h5", "do not fit"),
    ],
)
def test_weights_that_do_not_fit_are_refused_in_one_sentence(name, message, small, tmp_path):
    if name.startswith("broken"):
        (tmp_path / name).write_bytes(b"no weights")
    if name.startswith("other"):
        base(65, 2).save_weights(tmp_path / name)
    if name.endswith("pkl"):
        (tmp_path / name).write_bytes(b"no weights")
    with pytest.raises(UsageError, match=message) as caught:
        read_pretrained(WeightsParams(path=str(tmp_path / name)), "DenseNet-121").load_into(backbone_of(small))
    assert "\n" not in str(caught.value)
