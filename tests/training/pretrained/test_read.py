"""Weights of any published layout give the outputs of the network that they come from."""

import hashlib
import re
from collections import OrderedDict

import densenet_reference as reference
import h5py
import keras
import numpy as np
import pytest
from keras.src.applications.densenet import DenseNet
from loopback import serving
from torch_files import legacy, tensors_of, zipped
from torch_networks import whole_network

from pipeline.core.experiments import WeightsParams
from sources.core.errors import CxnetError
from training.pretrained.read import HEAD, read_pretrained
from training.pretrained.scales import SCALES

BLOCKS = (2, 1, 1, 2)  # layers in each block; DenseNet-121 has (6, 12, 24, 16)
IMAGES = np.random.default_rng(2).uniform(0, 1, (2, 48, 48, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    """A shrunken DenseNet with the layer names of keras.applications, and 14 outputs."""
    trunk = DenseNet(BLOCKS, include_top=False, weights=None, input_shape=(48, 48, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(trunk.output)
    return keras.Model(trunk.input, keras.layers.Dense(14, activation="sigmoid", name=HEAD)(pooled))


def chexnet_names(tensors):
    """As CheXNet's port to PyTorch of 2017 has them."""
    renamed = {re.sub(r"(norm|conv)([12])\.", r"\1.\2.", name): array for name, array in tensors.items()}
    return {
        f"module.densenet121.{name.replace('classifier.', 'classifier.0.')}": each for name, each in renamed.items()
    }


def read(path, content, network="DenseNet-121", **options):
    path.write_bytes(content)
    return read_pretrained(WeightsParams(path=str(path), **options), network)


def outputs(network, images):
    return keras.ops.convert_to_numpy(network(images, training=False))


def kernels(tensors):
    return [name for name in tensors if tensors[name].ndim == 4]


@pytest.mark.parametrize(
    ("name", "rename", "write", "layout"),
    [
        ("torchvision.pth", lambda tensors: tensors, zipped, "torchvision (also EVA-X)"),
        ("eva_x.pth", lambda tensors: tensors, lambda content: zipped({"model": content}), "torchvision (also EVA-X)"),
        ("m.pth.tar", chexnet_names, lambda content: legacy({"state_dict": content}), "CheXNet, PyTorch port"),
    ],
)
def test_a_checkpoint_of_pytorch_gives_the_outputs_of_its_network(network, tmp_path, name, rename, write, layout):
    tensors = reference.random_tensors(BLOCKS)
    renamed = rename(tensors)
    pretrained = read(tmp_path / name, write(tensors_of(renamed, transposed=kernels(renamed))))
    pretrained.load_into(network)
    np.testing.assert_allclose(outputs(network, IMAGES), reference.findings(tensors, BLOCKS, IMAGES), atol=1e-4)
    assert (pretrained.origin.layout, pretrained.origin.scale) == (layout, "imagenet")
    assert pretrained.origin.sha256 == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()


def test_a_whole_network_for_one_gray_channel_is_read_without_running_its_pickle(network, tmp_path):
    tensors = reference.random_tensors(BLOCKS, channels=1)
    tensors["features.conv0.weight"] /= 500  # of the size of such networks' own; otherwise all outputs are 0 or 1
    with whole_network(tensors_of(tensors)) as whole:
        content = legacy(whole)
    pretrained = read(tmp_path / "xray.pt", content)
    pretrained.load_into(network)
    gray = IMAGES[..., :1]
    scale = SCALES[pretrained.origin.scale]
    scaled = np.repeat(gray, 3, axis=3) * scale.factors + scale.offsets
    expected = reference.findings(tensors, BLOCKS, gray * 2048 - 1024)
    np.testing.assert_allclose(outputs(network, scaled.astype(np.float32)), expected, atol=1e-4)
    assert ((expected > 0.01) & (expected < 0.99)).mean() > 0.5
    assert pretrained.origin.layout == "torchxrayvision"
    assert pretrained.origin.license.startswith("Apache-2.0")


def write_early_layout(path, network, rename=lambda name: name, whole=False):
    """HDF5 as Keras 2 wrote it."""
    with h5py.File(path, "w") as file:
        group = file.create_group("model_weights") if whole else file
        layers = [layer for layer in network.layers if layer.weights]
        group.attrs["layer_names"] = [rename(layer.name).encode() for layer in layers]
        for layer in layers:
            name = rename(layer.name)
            inside = group.create_group(name)
            inside.attrs["weight_names"] = [f"{name}/{weight.name}:0".encode() for weight in layer.weights]
            for weight in layer.weights:
                inside[f"{name}/{weight.name}:0"] = keras.ops.convert_to_numpy(weight)


def slashed(name):
    return {HEAD: "dense_1"}.get(name, name.replace("conv1_", "conv1/", 1) if name.startswith("conv1_") else name)


@pytest.mark.parametrize("whole", [False, True])
def test_a_file_of_an_early_keras_is_read(network, tmp_path, whole):
    rng = np.random.default_rng(3)
    network.set_weights([rng.uniform(0.1, 1, each.shape).astype(np.float32) for each in network.get_weights()])
    before = network.get_weights()
    write_early_layout(tmp_path / "chexnet.h5", network, slashed, whole)
    network.set_weights([np.zeros_like(each) for each in before])
    pretrained = read_pretrained(WeightsParams(path=str(tmp_path / "chexnet.h5")), "DenseNet-121")
    pretrained.load_into(network)
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert (pretrained.origin.layout, pretrained.origin.scale) == ("CheXNet, Keras port", "imagenet")


def test_weights_of_resnet_are_scaled_as_caffe_does(tmp_path):
    inputs = keras.Input((32, 32, 3))
    small = keras.Model(inputs, keras.layers.Conv2D(4, 7, name="conv1_conv")(inputs))
    write_early_layout(tmp_path / "resnet.h5", small)
    pretrained = read_pretrained(WeightsParams(path=str(tmp_path / "resnet.h5")), "ResNet-50")
    assert pretrained.origin.scale == "caffe"
    assert "ImageNet" in pretrained.origin.license


def test_the_profile_can_say_scale_and_license(tmp_path):
    content = zipped(tensors_of(reference.random_tensors(BLOCKS)))
    origin = read(tmp_path / "w.pth", content, scale="unit", license="CC BY 4.0").origin
    assert (origin.scale, origin.license) == ("unit", "CC BY 4.0")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop("features.norm5.bias"), "bn/beta is missing"),
        (
            lambda tensors: tensors["features.norm5.bias"].__setitem__(0, np.nan),
            "bn/beta holds values that are not finite",
        ),
        (lambda tensors: tensors.update({"features.norm5.bias": np.zeros(3, np.float32)}), r"bn/beta has shape \(3,\)"),
        (lambda tensors: tensors.pop("features.conv0.weight"), "they have no features.conv0.weight"),
    ],
)
def test_weights_of_another_network_are_one_sentence_and_change_nothing(network, tmp_path, change, message):
    tensors = reference.random_tensors(BLOCKS)
    change(tensors)
    before = network.get_weights()
    with pytest.raises(CxnetError, match=message) as caught:
        read(tmp_path / "w.pth", zipped(tensors_of(tensors))).load_into(network)
    assert "\n" not in str(caught.value)
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


class Shell:
    def __reduce__(self):
        import os

        return os.system, ("touch ran",)


@pytest.mark.parametrize("keep", [0, 100, -100])
def test_a_truncated_checkpoint_is_one_sentence(tmp_path, keep):
    content = legacy(tensors_of(reference.random_tensors(BLOCKS)))[: keep or 1]
    with pytest.raises(CxnetError, match="not a PyTorch checkpoint that can be read"):
        read(tmp_path / "w.pth", content)


def test_code_in_a_checkpoint_is_refused_and_never_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = legacy(OrderedDict(tensors_of({"a": np.zeros(2, np.float32)}), code=Shell()))
    with pytest.raises(CxnetError, match=r"names (posix|nt)\.system, which is not a tensor"):
        read(tmp_path / "w.pth", content)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kind", ["link", "truncated"])
def test_a_damaged_file_of_keras_is_one_sentence(network, tmp_path, kind):
    path = tmp_path / "w.h5"
    write_early_layout(path, network)
    if kind == "link":
        with h5py.File(path, "a") as file:
            del file["bn"]
            file["bn"] = h5py.ExternalLink("other.h5", "/bn")
    else:
        path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(CxnetError, match=r"refers to another file|do not fit") as caught:
        read_pretrained(WeightsParams(path=str(path)), "DenseNet-121").load_into(network)
    assert "\n" not in str(caught.value)


def test_downloaded_weights_are_checked_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    content = zipped(tensors_of(reference.random_tensors(BLOCKS)))
    sha256 = hashlib.sha256(content).hexdigest()
    with serving(files={"/w.pth": content}) as site:
        for _ in range(2):
            pretrained = read_pretrained(WeightsParams(url=f"{site.url}/w.pth", sha256=sha256), "DenseNet-121")
        assert site.counts()["/w.pth"] == 1
    assert (pretrained.origin.file, pretrained.origin.sha256) == (f"{site.url}/w.pth", sha256)


@pytest.mark.parametrize(
    ("path", "message"), [("/w.pth", "is not the file that the profile means"), ("/no", "answers 404")]
)
def test_a_wrong_download_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch, path, message):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with serving(files={"/w.pth": b"something else"}) as site, pytest.raises(CxnetError, match=message):
        read_pretrained(WeightsParams(url=f"{site.url}{path}", sha256="0" * 64), "DenseNet-121")
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []


def test_a_file_with_another_hash_than_the_profile_says_is_refused(tmp_path):
    with pytest.raises(CxnetError, match="is not the file that the profile means"):
        read(tmp_path / "w.pth", b"content", sha256="0" * 64)


@pytest.mark.parametrize("given", [{}, {"path": "a", "url": "http://b/c"}, {"url": "http://b/c"}])
def test_weights_need_one_place_and_those_from_the_web_a_hash(given):
    with pytest.raises(ValueError, match=r"either a path or a url|need their sha256"):
        WeightsParams(**given)
