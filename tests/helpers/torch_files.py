"""Checkpoints in the layouts of ``torch.save``, written without PyTorch."""

import io
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from contextlib import contextmanager

import numpy as np

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
NAMES = {"float32": "FloatStorage", "float64": "DoubleStorage", "int64": "LongStorage", "uint8": "ByteStorage"}


class Stored:
    """A flat array as a storage."""

    def __init__(self, key, flat):
        self.key, self.flat = key, flat


class Tensor:
    """A view of a storage that pickles as PyTorch's tensors do."""

    def __init__(self, stored, offset, shape, strides):
        self.parts = (stored, offset, shape, strides, False, OrderedDict())

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.parts


@contextmanager
def fake_torch():
    """Modules of PyTorch's names for as long as something is pickled."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def _rebuild_tensor_v2(*parts):
        raise AssertionError("never called")

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    for name in NAMES.values():
        setattr(torch, name, type(name, (), {"__module__": "torch"}))
    before = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
    sys.modules |= {"torch": torch, "torch._utils": utils}
    try:
        yield torch
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def tensors_of(arrays, transposed=()):
    """Names -> Tensor; those in ``transposed`` are stored in another order of axes."""
    tensors = OrderedDict()
    for number, (name, array) in enumerate(arrays.items()):
        order = tuple(reversed(range(array.ndim))) if name in transposed else tuple(range(array.ndim))
        flat = np.ascontiguousarray(array.transpose(order))
        back = np.argsort(order)
        strides = tuple(int(flat.strides[axis] // flat.itemsize) for axis in back)
        tensors[name] = Tensor(Stored(str(number), flat.ravel()), 0, array.shape, strides)
    return tensors


def _pickled(content, torch, storages, *, view_metadata):
    file = io.BytesIO()

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if not isinstance(value, Stored):
                return None
            storages[value.key] = value.flat
            kind = getattr(torch, NAMES[str(value.flat.dtype)])
            return ("storage", kind, value.key, "cpu", value.flat.size, *([None] if view_metadata else []))

    Pickler(file, protocol=2).dump(content)
    return file.getvalue()


def legacy(content) -> bytes:
    """A checkpoint of PyTorch before 1.6."""
    storages = {}
    with fake_torch() as torch:
        body = _pickled(content, torch, storages, view_metadata=True)
    system = {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    head = b"".join(pickle.dumps(part, protocol=2) for part in (MAGIC, PROTOCOL, system))
    keys = sorted(storages)
    tail = b"".join(struct.pack("<q", storages[key].size) + storages[key].tobytes() for key in keys)
    return head + body + pickle.dumps(keys, protocol=2) + tail


def zipped(content) -> bytes:
    """A checkpoint of PyTorch 1.6 and later."""
    storages, file = {}, io.BytesIO()
    with fake_torch() as torch:
        body = _pickled(content, torch, storages, view_metadata=False)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", body)
        archive.writestr("archive/byteorder", b"little")
        for key, flat in storages.items():
            archive.writestr(f"archive/data/{key}", flat.tobytes())
    return file.getvalue()
