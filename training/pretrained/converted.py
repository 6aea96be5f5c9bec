"""Weights that others trained, ready for a trunk of ours: arrays by layer, and where they come from."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.core.experiments import ScaleName
from sources.core.errors import CxnetError

IMAGENET = "trained on ImageNet, whose images are for non-commercial research only"
UNKNOWN = "not known; ask whoever published the file"

Arrays = dict[str, NDArray[np.float32]]  # "<layer>/<variable>" -> array in the layout of Keras


@dataclass(frozen=True)
class Origin:
    """Where weights come from; part of the record of every model that starts from them.

    Attributes:
        file: the file's name, or its address.
        sha256: hash of the file.
        layout: whose layout it has.
        scale: how its network expects pixels, see :data:`training.pretrained.scales.SCALES`.
        license: under which terms the weights can be used.
    """

    file: str
    sha256: str
    layout: str
    scale: ScaleName
    license: str

    def as_record(self) -> dict[str, str]:
        """The facts as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Pretrained:
    """Weights of a trunk.

    Attributes:
        origin: where they come from.
        load_into: copies them into a network with the layer names of ``keras.applications``; a layer named ``output``
            or ``findings`` gets the classifier, if the file has one of that size.
    """

    origin: Origin
    load_into: Callable[[keras.Model], None]


def assign(model: keras.Model, arrays: Arrays, what: str, *, optional: tuple[str, ...] = ()) -> None:
    """Copy arrays into all layers of ``model``: all of them or, after an error, none.

    Args:
        model: a network.
        arrays: weights by ``<layer>/<variable>``; those of layers that ``model`` lacks are not used.
        what: the file, and the network that it should hold, for messages.
        optional: layers that keep their weights if ``arrays`` has none for them.

    Raises:
        CxnetError: an array is missing, has another shape or holds values that are not finite.
    """
    variables = {f"{layer.name}/{each.name}": each for layer in model.layers for each in layer.weights}
    chosen = {}
    for name, variable in variables.items():
        if name not in arrays:
            if name.partition("/")[0] in optional:
                continue
            raise CxnetError(f"{what}: {name} is missing.")
        if arrays[name].shape != tuple(variable.shape):
            raise CxnetError(f"{what}: {name} has shape {arrays[name].shape}, not {tuple(variable.shape)}.")
        if not np.isfinite(arrays[name]).all():
            raise CxnetError(f"{what}: {name} holds values that are not finite.")
        chosen[name] = arrays[name]
    for name, array in chosen.items():
        variables[name].assign(array)
