"""The networks have the layers and parameters of the paper."""

import keras
import numpy as np
import pytest

from pipeline.core.experiments import ExperimentParams
from sources.core.errors import UsageError
from training.models import build
from training.models.base import base
from training.models.covid_cxnet import covid_cxnet, load_backbone
from training.models.heads import output


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
        ("weights.pkl", r"must be a file named \*\.weights\.h5 or \*\.keras"),
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
    with pytest.raises(UsageError, match=message) as caught:
        load_backbone(backbone_of(small), tmp_path / name)
    assert "\n" not in str(caught.value)
