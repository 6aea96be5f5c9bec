import cv2
import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import layers

from sources.core.errors import CxnetError
from training.export.onnx import to_onnx
from training.models.cascade import cascade
from training.models.lung_net import lung_net
from training.models.unet import unet


def randomized(model):
    """The network with random weights everywhere, statistics included, so that no layer is the identity."""
    rng = np.random.default_rng(3)
    for layer in model.layers:
        layer.set_weights([drawn(value.shape, rng) for value in layer.get_weights()])
    return model


def drawn(shape, rng):
    """Kernels that keep the spread of their input; all else is positive, as variances have to be."""
    return rng.normal(0, np.prod(shape[:-1]) ** -0.5, shape) if len(shape) > 1 else rng.uniform(0.5, 1.0, shape)


def mixed():
    """Layers and settings that the networks of the package do not use: odd strides, a ceiling, a bare activation."""
    films = keras.Input((15, 17, 2))
    maps = layers.Conv2D(3, 3, 2, padding="same", activation="tanh")(films)
    maps = layers.BatchNormalization(scale=False, center=False)(maps)
    maps = layers.ReLU(0.5)(maps)
    wide = layers.Conv2D(4, (2, 4), padding="same", use_bias=False)(maps)
    both = layers.Concatenate()([maps, layers.UpSampling2D((1, 1))(wide)])
    return keras.Model(films, layers.Conv2D(2, 1)(layers.ZeroPadding2D(((1, 0), (0, 2)))(both)), name="mixed")


NETWORKS = [lung_net(64, 2, (4, 8)), unet(32, (3, 5)), unet(None, (3, 5)), mixed()]


@pytest.mark.parametrize("model", NETWORKS, ids=["lung_net", "unet", "unet of any size", "mixed"])
def test_the_file_gives_the_outputs_of_the_network(model):
    model = randomized(model)
    height, width, channels = (side or 48 for side in model.input_shape[1:])
    films = np.random.default_rng(1).random((3, height, width, channels)).astype(np.float32)
    expected = model.predict(films, verbose=0).transpose(0, 3, 1, 2)
    data, planes = to_onnx(model, {"made": "here"}), np.ascontiguousarray(films.transpose(0, 3, 1, 2))
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: planes})
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-4
    assert np.ptp(expected) > 0.01  # else anything would be equal
    if model.name == "mixed":
        return  # OpenCV 5.0 pads a kernel of even side as if it were odd; the lung networks have none
    net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    net.setInput(planes)
    assert np.abs(net.forward() - expected).max() < 1e-4


def test_a_model_of_two_levels_is_written_with_both():
    levels = [randomized(resnet_like(name)) for name in ("level1", "level2")]
    model = cascade(16, levels)
    films = np.random.default_rng(1).random((4, 16, 16, 3)).astype(np.float32)
    data = to_onnx(model, {})
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: films.transpose(0, 3, 1, 2)})
    expected = model.predict(films, verbose=0)
    assert np.abs(found - expected).max() < 1e-4
    assert np.ptp(expected) > 0.01


def resnet_like(name):
    """A network with one output, whose layers are called like those of another one."""
    films = keras.Input((16, 16, 3))
    maps = layers.Conv2D(4, 3, name="conv")(films)
    return keras.Model(films, layers.Dense(1, "sigmoid", name="output")(layers.Flatten(name="flat")(maps)), name=name)


def test_equal_networks_give_equal_files_with_their_metadata():
    model = randomized(unet(16, (2,)))
    first = to_onnx(model, {"b": "2", "a": "1"})
    assert first == to_onnx(model, {"a": "1", "b": "2"})
    entries = onnx.load_model_from_string(first).metadata_props
    assert {entry.key: entry.value for entry in entries} == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (layers.GaussianNoise(1.0, name="noise"), r"Layer noise \(GaussianNoise\) of small cannot be written"),
        (layers.UpSampling2D(2, interpolation="bilinear", name="up"), "Layer up .* its interpolation is bilinear"),
        (layers.Conv2D(2, 3, activation="gelu", name="conv"), "Layer conv .* its activation is gelu"),
        (layers.MaxPooling2D(2, padding="same", name="pool"), "Layer pool .* its pooling is padded"),
        (layers.Conv2DTranspose(2, 3, 2, name="up"), "Layer up .* its kernel is larger than its stride"),
    ],
)
def test_a_layer_that_cannot_be_written_is_named(layer, message):
    films = keras.Input((8, 8, 2))
    with pytest.raises(CxnetError, match=message):
        to_onnx(keras.Model(films, layer(films), name="small"), {})


def test_padding_of_a_stride_needs_a_known_size():
    films = keras.Input((None, None, 1))
    model = keras.Model(films, layers.Conv2D(1, 3, 2, padding="same", name="conv")(films))
    with pytest.raises(CxnetError, match=r"Layer conv .* give the network a fixed size"):
        to_onnx(model, {})
