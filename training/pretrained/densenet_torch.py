"""DenseNet-121 in the layouts of PyTorch, as torchvision names it: ``features.denseblock1.denselayer1.conv1.weight``.

Read are the files of torchvision, of CheXNet's port (``module.densenet121.``, and ``norm.1`` instead of ``norm1``), of
torchxrayvision (whole pickled networks, one gray channel) and of EVA-X.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.pretrained.converted import Arrays

FIRST = "features.conv0.weight"
STATISTICS = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
TORCH_EPSILON, KERAS_EPSILON = 1e-5, 1.001e-5  # of the batch normalization
LAYER = re.compile(r"features\.denseblock(\d+)\.denselayer(\d+)\.(norm|conv)\.?([12])")
TRANSITION = re.compile(r"features\.transition(\d+)\.(norm|conv)")
OUTER = {"features.conv0": "conv1_conv", "features.norm0": "conv1_bn", "features.norm5": "bn"}
PARTS = {("norm", "1"): "0_bn", ("conv", "1"): "1_conv", ("norm", "2"): "1_bn", ("conv", "2"): "2_conv"}
HEADS = ("classifier", "classifier.0")


def find_prefix(tensors: Mapping[str, NDArray[Any]]) -> str | None:
    """What stands before ``features.conv0.weight``; None = it is no DenseNet."""
    found = sorted(name.removesuffix(FIRST) for name in tensors if name.endswith(FIRST))
    return found[0] if found else None


def densenet_arrays(tensors: Mapping[str, NDArray[Any]], prefix: str, head: str) -> Arrays:
    """The weights in the names and layout of Keras; whatever is not DenseNet-121's is left out.

    A kernel for one gray channel becomes a third of itself on each of three, so that gray films give equal outputs.

    Args:
        tensors: all tensors of the checkpoint.
        prefix: see :func:`find_prefix`.
        head: name for the classifier.
    """
    arrays: Arrays = {}
    for full, tensor in tensors.items():
        layer, _, part = full.removeprefix(prefix).rpartition(".")
        name = head if layer in HEADS else _keras_name(layer)
        if not full.startswith(prefix) or name is None:
            continue
        if name == head or name.endswith("_conv"):
            variable = {"weight": "kernel", "bias": "bias"}.get(part)
        else:
            variable = STATISTICS.get(part)
        if variable is not None:
            arrays[f"{name}/{variable}"] = _to_keras(tensor, variable)
    return arrays


def _keras_name(layer: str) -> str | None:
    if layer in OUTER:
        return OUTER[layer]
    if found := LAYER.fullmatch(layer):
        block, number, kind, place = found.groups()
        return f"conv{int(block) + 1}_block{number}_{PARTS[kind, place]}"
    if found := TRANSITION.fullmatch(layer):
        number, kind = found.groups()
        return f"pool{int(number) + 1}_{'bn' if kind == 'norm' else 'conv'}"
    return None


def _to_keras(tensor: NDArray[Any], variable: str) -> NDArray[np.float32]:
    """Kernels with channels last; variances so that Keras' epsilon gives the same divisor."""
    if variable == "moving_variance":
        return (tensor.astype(np.float64) + (TORCH_EPSILON - KERAS_EPSILON)).astype(np.float32)
    values = tensor.astype(np.float32)
    if values.ndim == 2:
        return values.T
    if values.ndim != 4:
        return values
    kernel = values.transpose(2, 3, 1, 0)
    is_gray = kernel.shape[2] == 1 and kernel.shape[:2] == (7, 7)
    return np.repeat(kernel / 3, 3, axis=2) if is_gray else kernel
