"""Read the tensors of a PyTorch checkpoint without PyTorch, and without running its pickle.

Both layouts of ``torch.save`` are read: the legacy one (one stream of pickles, then the raw storages) and the zip one
(since PyTorch 1.6). The pickle may name tensors, their storages and ordered dictionaries, and the layers of a network
saved as a whole; anything else is refused. Layers are not rebuilt: a stand-in holds what the pickle says of them.
Sources: ``torch/serialization.py`` (``_legacy_save``, ``_save``) and ``torch/_utils.py`` (``_rebuild_tensor_v2``).
"""

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sources.core.errors import CxnetError

MAX_BYTES = 2_000_000_000  # of a checkpoint, and of all its storages together
MAX_PICKLE = 50_000_000  # bytes of one pickle; names and shapes of a large network need a few megabytes
MAGIC = 0x1950A86A20F9469CFC6C  # of the legacy layout
PROTOCOL = 1001
DTYPES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}

LAYERS = ("torch.nn.", "torchvision.models.", "torchxrayvision.models")  # modules whose classes have stand-ins
INERT = {("argparse", "Namespace")}  # often saved beside the weights

Tensors = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Storage:
    """The flat memory behind one or several tensors, as the pickle describes it."""

    key: str
    dtype: np.dtype[Any]
    size: int


@dataclass(frozen=True)
class TensorView:
    """A tensor: where it starts in its storage, its shape, and its strides in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_tensors(path: Path) -> Tensors:
    """All tensors of a checkpoint by name, as contiguous arrays of their own.

    Tensors in nested dictionaries get names with dots: ``{"state_dict": {"fc.bias": ...}}`` is
    ``state_dict.fc.bias``. Whatever is not a tensor (numbers, strings) is left out.

    Raises:
        CxnetError: the file is missing, too large, truncated, not a checkpoint, or its pickle names anything but
            tensors.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CxnetError(f"Checkpoint {path} has more than {MAX_BYTES:,} bytes; only smaller ones are read.")
        with path.open("rb") as file:
            content, storages = _read_zip(file) if zipfile.is_zipfile(file) else _read_legacy(file)
        return {name: _array(view, storages) for name, view in _named_views(content)}
    except OSError as error:
        raise CxnetError(f"Checkpoint {path} cannot be read: {error.strerror or error}.") from None
    except _MalformedError as error:
        raise CxnetError(f"{path} is not a PyTorch checkpoint that can be read: {error}.") from None


class _MalformedError(Exception):
    """What is wrong with a checkpoint, as a clause."""


# ------------------------------------------------------------------------------------------------------ two layouts


def _read_legacy(file: BinaryIO) -> tuple[Any, Mapping[str, bytes]]:
    """The pickled object and the storages of the legacy layout."""
    file.seek(0)
    magic, protocol, system = (_load(file) for _ in range(3))
    if magic != MAGIC or protocol != PROTOCOL:
        raise _MalformedError("it does not begin like a checkpoint")
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise _MalformedError("it was written on a big-endian machine")
    unpickler = _Unpickler(file)
    content = _unpickled(unpickler)
    keys = _load(file)
    if not isinstance(keys, list) or not set(unpickler.storages) <= set(keys):
        raise _MalformedError("its list of storages does not fit its tensors")
    storages = {}
    for key in keys:
        storage = unpickler.storages.get(key)
        if storage is None:
            raise _MalformedError(f"storage {key!r} belongs to no tensor")
        count = int.from_bytes(_exactly(file, 8), "little")
        if count != storage.size:
            raise _MalformedError(f"storage {key!r} holds {count:,} elements, not {storage.size:,}")
        storages[key] = _exactly(file, count * storage.dtype.itemsize)
    return content, storages


def _read_zip(file: BinaryIO) -> tuple[Any, Mapping[str, bytes]]:
    """The pickled object and the storages of the zip layout."""
    try:
        with zipfile.ZipFile(file) as archive:
            sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
            if sum(sizes.values()) > MAX_BYTES:
                raise _MalformedError(f"it unpacks to more than {MAX_BYTES:,} bytes")
            pickles = [name for name in sizes if name == "data.pkl" or name.endswith("/data.pkl")]
            if len(pickles) != 1 or sizes[pickles[0]] > MAX_PICKLE:
                raise _MalformedError("it holds no data.pkl")
            root = pickles[0].removesuffix("data.pkl")
            if sizes.get(f"{root}byteorder") and archive.read(f"{root}byteorder") != b"little":
                raise _MalformedError("it was written on a big-endian machine")
            unpickler = _Unpickler(io.BytesIO(archive.read(pickles[0])))
            content = _unpickled(unpickler)
            storages = {}
            for key, storage in unpickler.storages.items():
                name = f"{root}data/{key}"
                if sizes.get(name) != storage.size * storage.dtype.itemsize:
                    raise _MalformedError(f"storage {key!r} is missing or has another size")
                storages[key] = archive.read(name)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise _MalformedError(f"its zip archive is damaged ({error})") from None
    return content, storages


def _exactly(file: BinaryIO, size: int) -> bytes:
    if size > MAX_BYTES:
        raise _MalformedError(f"a storage claims {size:,} bytes")
    data = file.read(size)
    if len(data) != size:
        raise _MalformedError("it is truncated")
    return data


# --------------------------------------------------------------------------------------------------- a tame pickle


class _Unpickler(pickle.Unpickler):
    """Loads tensors as :class:`TensorView` and remembers their storages; refuses every other class."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="latin-1")
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch._utils" and name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
            return _view
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _parameter
        if module in ("torch", "torch.cuda") and name in DTYPES:
            return DTYPES[name]
        if module.startswith(LAYERS) or (module, name) in INERT:
            return _Part
        raise _MalformedError(f"its pickle names {module}.{name}, which is not a tensor")

    def persistent_load(self, pid: Any) -> Any:
        if isinstance(pid, tuple) and len(pid) == 4 and pid[0] == "module" and pid[1] is _Part:
            return _Part  # the class of a layer, with its source text, which nobody runs
        if not (isinstance(pid, tuple) and len(pid) >= 5 and pid[0] == "storage" and isinstance(pid[1], np.dtype)):
            raise _MalformedError("its pickle refers to something that is not a storage")
        _, dtype, key, _, size, *view = pid
        if any(entry is not None for entry in view):
            raise _MalformedError("it holds views of storages, as very old versions wrote them")
        if not isinstance(key, str) or not isinstance(size, int) or not 0 <= size * dtype.itemsize <= MAX_BYTES:
            raise _MalformedError("its pickle describes an impossible storage")
        storage = Storage(key, dtype, size)
        if self.storages.setdefault(key, storage) != storage:
            raise _MalformedError(f"storage {key!r} is described twice")
        return storage


class _Part:
    """Stands for an object that is not a tensor, most often a layer: takes any arguments and keeps its state."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.state: dict[Any, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, dict) else {}


def _view(storage: Any, offset: Any, shape: Any, strides: Any, *rest: Any) -> TensorView:
    """Stands for ``torch._utils._rebuild_tensor_v2``; what follows the strides concerns gradients alone."""
    whole = isinstance(offset, int) and offset >= 0 and isinstance(storage, Storage)
    sizes = all(
        isinstance(entry, tuple) and all(type(n) is int and n >= 0 for n in entry) for entry in (shape, strides)
    )
    if not (whole and sizes) or len(shape) != len(strides):
        raise _MalformedError("its pickle describes an impossible tensor")
    return TensorView(storage, offset, shape, strides)


def _parameter(view: Any, *rest: Any) -> Any:
    """Stands for ``torch._utils._rebuild_parameter``: a parameter is a tensor that can be trained."""
    return view


def _load(file: BinaryIO) -> Any:
    return _unpickled(_Unpickler(file))


def _unpickled(unpickler: _Unpickler) -> Any:
    try:
        return unpickler.load()
    except _MalformedError:
        raise
    except Exception as error:  # a damaged pickle fails in any way that its bytes can spell
        raise _MalformedError(f"its pickle is damaged ({type(error).__name__})") from None


# --------------------------------------------------------------------------------------------------------- tensors


def _named_views(content: Any, prefix: str = "", depth: int = 0) -> list[tuple[str, TensorView]]:
    if isinstance(content, TensorView):
        return [(prefix, content)]
    if isinstance(content, _Part):
        state = getattr(content, "state", {})
        held = [state.get(kind) for kind in ("_parameters", "_buffers", "_modules")]
        content = {name: value for part in held if isinstance(part, dict) for name, value in part.items()}
    if not isinstance(content, dict) or depth > 8:
        return []
    named = []
    for key, value in content.items():
        if isinstance(key, str):
            named += _named_views(value, f"{prefix}.{key}" if prefix else key, depth + 1)
    return named


def _array(view: TensorView, storages: Mapping[str, bytes]) -> NDArray[Any]:
    """The tensor as an array; its strides matter, as kernels are often stored transposed."""
    flat = np.frombuffer(storages[view.storage.key], view.storage.dtype)
    if 0 in view.shape:
        return np.zeros(view.shape, flat.dtype)
    last = view.offset + sum((n - 1) * stride for n, stride in zip(view.shape, view.strides, strict=True))
    if last >= len(flat):
        raise _MalformedError("a tensor reaches beyond its storage")
    if int(np.prod(view.shape, dtype=object)) > len(flat):
        raise _MalformedError("a tensor repeats its storage")
    strides = tuple(stride * flat.itemsize for stride in view.strides)
    return np.array(np.lib.stride_tricks.as_strided(flat[view.offset :], view.shape, strides))
