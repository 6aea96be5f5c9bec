"""Weights in the files of Keras. Only arrays are read: no code or pickle in the file is ever run.

Keras 3 writes ``.weights.h5`` and ``.keras``; earlier versions, among them the published weights of
``keras.applications`` and of CheXNet's Keras port, wrote HDF5 with the names of layers and weights as attributes.
"""

import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import h5py
import keras
import numpy as np

from sources.core.errors import CxnetError, UsageError
from training.pretrained.converted import Arrays

MAX_VALUES = 50_000_000  # of one array; the largest of ResNet-50 has 2.4 million
MAX_LAYERS = 10_000
VARIABLES = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")


def load_backbone(backbone: keras.Model, path: Path, what: str = "DenseNet-121 without its top") -> None:
    """Load a file of Keras 3 into ``backbone``.

    Raises:
        UsageError: the file does not fit the network.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras only warns if a file leaves layers unchanged
            backbone.load_weights(path)
    except (ValueError, OSError, KeyError, UserWarning, zipfile.BadZipFile) as error:
        first = str(error).strip().splitlines()[0].rstrip(".")
        raise UsageError(f"Backbone weights {path} do not fit {what} ({first}).") from None
    if not all(np.isfinite(values).all() for values in backbone.get_weights()):
        raise UsageError(f"Backbone weights {path} hold values that are not finite.")


def is_early_layout(path: Path) -> bool:
    """Is the file HDF5 as versions before Keras 3 wrote it?"""
    try:
        with h5py.File(path, "r") as file:
            return "layer_names" in _layers_group(file).attrs
    except (OSError, KeyError, ValueError):
        return False


def read_early_layout(path: Path, head: str) -> Arrays:
    """The arrays of a file of an earlier Keras, by ``<layer>/<variable>``; the one dense layer is called ``head``.

    Raises:
        CxnetError: the file is damaged, refers to other files, or holds an array that is too large.
    """
    try:
        with h5py.File(path, "r") as file:
            arrays = dict(_named_arrays(_layers_group(file), path))
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, UnicodeDecodeError):
        raise CxnetError(f"{path} is a damaged file of Keras weights.") from None
    dense = {name.rpartition("/")[0] for name, array in arrays.items() if array.ndim == 2}
    if len(dense) != 1:
        return arrays
    renamed = {f"{layer}/": f"{head}/" for layer in dense}
    (old, new), *_ = renamed.items()
    return {new + name.removeprefix(old) if name.startswith(old) else name: each for name, each in arrays.items()}


def _layers_group(file: h5py.File) -> h5py.Group:
    """The group of all layers: the root, or ``model_weights`` of a whole model."""
    link = file.get("model_weights", getlink=True)
    return file["model_weights"] if isinstance(link, h5py.HardLink) else file


def _named_arrays(group: h5py.Group, path: Path) -> Iterator[tuple[str, np.ndarray]]:
    names = group.attrs["layer_names"]
    if len(names) > MAX_LAYERS:
        raise CxnetError(f"{path} names {len(names):,} layers; at most {MAX_LAYERS:,} are read.")
    for layer in map(_text, names):
        inside = _own(group, layer, path)
        for name in map(_text, inside.attrs["weight_names"]):
            variable = name.rpartition("/")[2].partition(":")[0]
            if variable in VARIABLES:
                yield f"{layer.replace('/', '_')}/{variable}", _values(_own(inside, name, path), path)


def _own(group: h5py.Group, name: str, path: Path) -> h5py.Group | h5py.Dataset:
    """A member that lies in this file: links to other files are not followed."""
    place = group
    for part in name.split("/"):
        if not isinstance(place.get(part, getlink=True), h5py.HardLink):
            raise CxnetError(f"{path} has no {name} of its own; it is damaged or refers to another file.")
        place = place[part]
    return place


def _values(dataset: h5py.Dataset, path: Path) -> np.ndarray:
    if dataset.external or dataset.is_virtual or dataset.size > MAX_VALUES or dataset.dtype.kind != "f":
        raise CxnetError(f"{path}: {dataset.name} is no array of numbers that can be read.")
    return np.asarray(dataset[()], np.float32)


def _text(name: bytes | str) -> str:
    return name.decode("utf-8") if isinstance(name, bytes) else str(name)
