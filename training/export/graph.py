"""The parts of an ONNX network: nodes and weights, added one by one."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

OPSET = 13
IR_VERSION = 8  # of opset 13: read by OpenCV 4.7 and later, and by any ONNX runtime
Shape = tuple[int | None, ...]


class Graph:
    """A network that grows node by node; images are (N, C, H, W), as in all of ONNX."""

    def __init__(self) -> None:
        """Create an empty network."""
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._prefix = ""

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Put ``name/`` before the names of all that is added, so that two networks may have layers of one name."""
        outside, self._prefix = self._prefix, f"{self._prefix}{name}/"
        try:
            yield
        finally:
            self._prefix = outside

    def add(self, op: str, name: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output, called ``name``; return its name in the file."""
        name = self._prefix + name
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def weight(self, name: str, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        """Add a constant; return its name in the file."""
        name = self._prefix + name
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype), name))
        return name

    def to_bytes(self, inputs: Mapping[str, Shape], outputs: Mapping[str, Shape], metadata: Mapping[str, str]) -> bytes:
        """The file; equal networks give equal bytes.

        Args:
            inputs: name -> shape; None stands for any number.
            outputs: the same.
            metadata: further entries of the file.
        """
        graph = helper.make_graph(self.nodes, "network", _values(inputs), _values(outputs), initializer=self.weights)
        model = helper.make_model(graph, producer_name="cxnet-data", opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = IR_VERSION
        helper.set_model_props(model, dict(sorted(metadata.items())))
        onnx.checker.check_model(model, full_check=True)
        data = model.SerializeToString(deterministic=True)
        return bytes(data)


def _values(shapes: Mapping[str, Shape]) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, list(shape)) for name, shape in shapes.items()]
