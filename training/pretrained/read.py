"""Any file of weights that a profile names, recognized by its content: whose layout, which scaling, which license."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.core.experiments import ScaleName, WeightsParams
from sources.core.errors import CxnetError, UsageError
from training.pretrained.converted import IMAGENET, UNKNOWN, Arrays, Origin, Pretrained, assign
from training.pretrained.densenet_torch import FIRST, densenet_arrays, find_prefix
from training.pretrained.keras_files import is_early_layout, load_backbone, read_early_layout
from training.pretrained.torch_file import read_tensors
from training.pretrained.weights_file import WeightsFile, find_weights

Network = Literal["DenseNet-121", "ResNet-50"]
HEAD = "findings"  # the layer that gets the classifier of the file, if it has one
KERAS, TORCH = (".h5", ".hdf5", ".keras"), (".pt", ".pth", ".pth.tar")


@dataclass(frozen=True)
class Layout:
    """What is known of a published kind of file."""

    name: str
    scale: ScaleName
    license: str = UNKNOWN


KERAS_3 = Layout("Keras 3", "unit")
APPLICATIONS = {
    "DenseNet-121": Layout("keras.applications", "imagenet", f"Apache-2.0; {IMAGENET}"),
    "ResNet-50": Layout("keras.applications", "caffe", f"MIT; {IMAGENET}"),
}
CHEXNET_KERAS = Layout("CheXNet, Keras port", "imagenet", "MIT; trained on NIH ChestX-ray14")
CHEXNET_TORCH = Layout("CheXNet, PyTorch port", "imagenet", f"{UNKNOWN}; trained on NIH ChestX-ray14")
XRAYVISION = Layout("torchxrayvision", "xray", "Apache-2.0; its training films have terms of their own")
TORCHVISION = Layout("torchvision (also EVA-X)", "imagenet")


def read_pretrained(weights: WeightsParams, network: Network) -> Pretrained:
    """Read the weights that a profile names.

    Raises:
        UsageError: the file is missing, or its name is of no known kind.
        CxnetError: it cannot be downloaded, or is damaged, or holds another network.
    """
    file = find_weights(weights)
    name = file.path.name.lower()
    if name.endswith(TORCH) and network == "DenseNet-121":
        layout, arrays = _read_torch(file.path)
    elif not name.endswith(KERAS):
        kinds = KERAS + (TORCH if network == "DenseNet-121" else ())
        raise UsageError(
            f"Backbone weights {file.path} must be a file named *{', *'.join(kinds[:-1])} or *{kinds[-1]}."
        )
    elif name.endswith(".keras") or not is_early_layout(file.path):
        what = f"{network} without its top"
        return Pretrained(_origin(file, KERAS_3, weights), lambda model: load_backbone(model, file.path, what))
    else:
        layout, arrays = _read_keras(file.path, network)
    what = f"Backbone weights {file.name} do not fit {network}"
    missing = () if f"{HEAD}/kernel" in arrays else (HEAD,)
    return Pretrained(_origin(file, layout, weights), lambda model: assign(model, arrays, what, optional=missing))


def _origin(file: WeightsFile, layout: Layout, weights: WeightsParams) -> Origin:
    """What the profile says goes before what the layout tells."""
    return Origin(file.name, file.sha256, layout.name, weights.scale or layout.scale, weights.license or layout.license)


def _read_torch(path: Path) -> tuple[Layout, Arrays]:
    tensors = read_tensors(path)
    prefix = find_prefix(tensors)
    if prefix is None:
        raise CxnetError(f"Backbone weights {path} do not fit DenseNet-121: they have no {FIRST}.")
    layout = TORCHVISION
    if tensors[prefix + FIRST].shape[1:2] == (1,):
        layout = XRAYVISION
    elif "densenet121." in prefix:
        layout = CHEXNET_TORCH
    return layout, densenet_arrays(tensors, prefix, HEAD)


def _read_keras(path: Path, network: Network) -> tuple[Layout, Arrays]:
    arrays = read_early_layout(path, HEAD)
    bias = arrays.get(f"{HEAD}/bias")
    return (CHEXNET_KERAS if bias is not None and bias.shape == (14,) else APPLICATIONS[network]), arrays
