"""Whole networks as ``torch.save(network)`` writes them, without PyTorch."""

import sys
import types
from contextlib import contextmanager

CLASSES = {"torchxrayvision.models": "DenseNet", "torch.nn.modules.container": "Sequential"}


@contextmanager
def whole_network(tensors):
    """A network of nested layers that holds ``tensors``; it can be pickled inside the block."""
    modules = {name: types.ModuleType(name) for name in CLASSES}
    kinds = {}
    for name, cls in CLASSES.items():
        kinds[cls] = type(cls, (), {"__module__": name})
        setattr(modules[name], cls, kinds[cls])
    packages = {name.rpartition(".")[0] for name in CLASSES} | {"torch.nn"}
    added = {**{name: types.ModuleType(name) for name in packages}, **modules}
    added = {name: module for name, module in added.items() if name not in sys.modules}
    sys.modules.update(added)
    try:
        yield _layer(tensors, kinds["DenseNet"], kinds["Sequential"])
    finally:
        for name in added:
            del sys.modules[name]


def _layer(tensors, kind, inner):
    layer = kind()
    layer.training, layer._parameters, layer._buffers, layer._modules = False, {}, {}, {}
    groups = {}
    for name, tensor in tensors.items():
        first, _, rest = name.partition(".")
        if rest:
            groups.setdefault(first, {})[rest] = tensor
        else:
            holder = layer._buffers if first.startswith(("running", "num")) else layer._parameters
            holder[first] = tensor
    layer._modules = {name: _layer(group, inner, inner) for name, group in groups.items()}
    return layer
