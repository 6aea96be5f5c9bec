"""Write a Keras network as an ONNX file, layer by layer. Images are (N, C, H, W) there instead of (N, H, W, C)."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from keras import layers

from sources.core.errors import CxnetError
from training.export.graph import Graph, Shape

Writer = Callable[[Graph, Any, list[str]], str]  # layer and names of its inputs -> name of its output
ACTIVATIONS = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}


def to_onnx(model: keras.Model, metadata: Mapping[str, str]) -> bytes:
    """The ONNX file of a functional network of images; the number of images is free.

    Args:
        model: with layers of :data:`WRITERS` only, channels last.
        metadata: further entries of the file.

    Raises:
        CxnetError: the network has a layer that cannot be written.
    """
    graph = Graph()
    names: dict[int, str] = {id(tensor): tensor.name for tensor in model.inputs}
    _write_layers(graph, model, names)
    inputs = {names[id(tensor)]: _channels_first(tensor.shape) for tensor in model.inputs}
    outputs = {names[id(tensor)]: _channels_first(tensor.shape) for tensor in model.outputs}
    return graph.to_bytes(inputs, outputs, metadata)


def _write_layers(graph: Graph, model: keras.Model, names: dict[int, str]) -> None:
    """Write the layers of a network; ``names`` holds the name of each tensor by its id, and gets those of outputs."""
    for layer in model.layers:
        if isinstance(layer, layers.InputLayer):
            continue
        # What the layer takes and gives in this network; a network's own properties name its inner tensors instead.
        taken, made = keras.Operation.input.fget(layer), keras.Operation.output.fget(layer)
        given = [names[id(tensor)] for tensor in (taken if isinstance(taken, list) else [taken])]
        if isinstance(layer, keras.Model):
            names[id(made)] = _write_network(graph, layer, given)
            continue
        write = WRITERS.get(type(layer))
        if write is None:
            raise CxnetError(f"Layer {layer.name} ({type(layer).__name__}) of {model.name} cannot be written as ONNX.")
        names[id(made)] = write(graph, layer, given)


def _write_network(graph: Graph, network: keras.Model, inputs: list[str]) -> str:
    """Write a network that is a layer of another one; the name of its output."""
    inside = {id(tensor): name for tensor, name in zip(network.inputs, inputs, strict=True)}
    with graph.inside(network.name):
        _write_layers(graph, network, inside)
    return inside[id(network.outputs[0])]


def _channels_first(shape: Shape) -> Shape:
    return (shape[0], shape[-1], *shape[1:-1])


def _conv(graph: Graph, layer: layers.Conv2D, inputs: list[str]) -> str:
    """Keras kernels are (height, width, in, out), those of ONNX (out, in, height, width)."""
    kernel = graph.weight(f"{layer.name}/kernel", np.transpose(layer.kernel, (3, 2, 0, 1)))
    pads = _same_pads(layer) if layer.padding == "same" else [0, 0, 0, 0]
    made = graph.add(
        "Conv",
        f"{layer.name}/conv",
        *inputs,
        kernel,
        *_bias(graph, layer),
        kernel_shape=layer.kernel_size,
        strides=layer.strides,
        pads=pads,
    )
    return _activated(graph, layer, made)


def _transposed_conv(graph: Graph, layer: layers.Conv2DTranspose, inputs: list[str]) -> str:
    """Keras kernels are (height, width, out, in), those of ONNX (in, out, height, width)."""
    if layer.kernel_size != layer.strides:
        raise CxnetError(f"Layer {layer.name} cannot be written as ONNX: its kernel is larger than its stride.")
    kernel = graph.weight(f"{layer.name}/kernel", np.transpose(layer.kernel, (3, 2, 0, 1)))
    made = graph.add(
        "ConvTranspose",
        f"{layer.name}/conv",
        *inputs,
        kernel,
        *_bias(graph, layer),
        kernel_shape=layer.kernel_size,
        strides=layer.strides,
    )
    return _activated(graph, layer, made)


def _same_pads(layer: layers.Conv2D) -> list[int]:
    """Rows and columns of zeros before, then behind: an odd one stands behind, as Keras has it."""
    total = [
        max((-(-side // stride) - 1) * stride + kernel - side, 0)
        if side is not None
        else _pads_of_any_side(layer, kernel, stride)
        for side, kernel, stride in zip(layer.input.shape[1:3], layer.kernel_size, layer.strides, strict=True)
    ]
    return [count // 2 for count in total] + [count - count // 2 for count in total]


def _pads_of_any_side(layer: layers.Conv2D, kernel: int, stride: int) -> int:
    if stride != 1:
        raise CxnetError(f"Layer {layer.name} cannot be written as ONNX: give the network a fixed size.")
    return kernel - 1


def _bias(graph: Graph, layer: Any) -> list[str]:
    return [graph.weight(f"{layer.name}/bias", layer.bias)] if layer.use_bias else []


def _activated(graph: Graph, layer: Any, made: str) -> str:
    name = layer.activation.__name__
    if name == "linear":
        return made
    if name not in ACTIVATIONS:
        raise CxnetError(f"Layer {layer.name} cannot be written as ONNX: its activation is {name}.")
    return graph.add(ACTIVATIONS[name], f"{layer.name}/{name}", made)


def _activated_alone(graph: Graph, layer: layers.Activation, inputs: list[str]) -> str:
    return _activated(graph, layer, inputs[0])


def _normalization(graph: Graph, layer: layers.BatchNormalization, inputs: list[str]) -> str:
    values = {
        "scale": layer.gamma if layer.scale else np.ones(layer.moving_mean.shape),
        "shift": layer.beta if layer.center else np.zeros(layer.moving_mean.shape),
        "mean": layer.moving_mean,
        "variance": layer.moving_variance,
    }
    weights = [graph.weight(f"{layer.name}/{name}", value) for name, value in values.items()]
    return graph.add("BatchNormalization", layer.name, *inputs, *weights, epsilon=layer.epsilon)


def _relu(graph: Graph, layer: layers.ReLU, inputs: list[str]) -> str:
    if layer.max_value is None:
        return graph.add("Relu", layer.name, *inputs)
    limits = [graph.weight(f"{layer.name}/{name}", value) for name, value in (("low", 0.0), ("high", layer.max_value))]
    return graph.add("Clip", layer.name, *inputs, *limits)


def _zero_padding(graph: Graph, layer: layers.ZeroPadding2D, inputs: list[str]) -> str:
    (top, bottom), (left, right) = layer.padding
    pads = graph.weight(f"{layer.name}/pads", [0, 0, top, left, 0, 0, bottom, right], np.int64)
    return graph.add("Pad", layer.name, *inputs, pads, mode="constant")


def _max_pooling(graph: Graph, layer: layers.MaxPooling2D, inputs: list[str]) -> str:
    return _pooling(graph, layer, inputs, "MaxPool")


def _pooling(graph: Graph, layer: Any, inputs: list[str], op: str) -> str:
    if layer.padding != "valid":
        raise CxnetError(f"Layer {layer.name} cannot be written as ONNX: its pooling is padded.")
    return graph.add(op, layer.name, *inputs, kernel_shape=layer.pool_size, strides=layer.strides)


def _upsampling(graph: Graph, layer: layers.UpSampling2D, inputs: list[str]) -> str:
    if layer.interpolation != "nearest":
        raise CxnetError(f"Layer {layer.name} cannot be written as ONNX: its interpolation is {layer.interpolation}.")
    scales = graph.weight(f"{layer.name}/scales", [1, 1, *layer.size])
    return graph.add(
        "Resize",
        layer.name,
        *inputs,
        "",
        scales,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def _depthwise_conv(graph: Graph, layer: layers.DepthwiseConv2D, inputs: list[str]) -> str:
    """Keras kernels are (height, width, channels, 1), those of ONNX (channels, 1, height, width)."""
    if layer.depth_multiplier != 1:
        raise CxnetError(f"Layer {layer.name} cannot be written as ONNX: it has several kernels for each channel.")
    kernel = graph.weight(f"{layer.name}/kernel", np.transpose(layer.kernel, (2, 3, 0, 1)))
    made = graph.add(
        "Conv",
        f"{layer.name}/conv",
        *inputs,
        kernel,
        *_bias(graph, layer),
        group=layer.kernel.shape[2],
        kernel_shape=layer.kernel_size,
        strides=layer.strides,
        pads=_same_pads(layer) if layer.padding == "same" else [0, 0, 0, 0],
    )
    return _activated(graph, layer, made)


def _dense(graph: Graph, layer: layers.Dense, inputs: list[str]) -> str:
    made = graph.add("MatMul", f"{layer.name}/matmul", *inputs, graph.weight(f"{layer.name}/kernel", layer.kernel))
    if layer.use_bias:
        made = graph.add("Add", f"{layer.name}/add", made, *_bias(graph, layer))
    if layer.activation.__name__ == "softmax":
        return graph.add("Softmax", f"{layer.name}/softmax", made, axis=-1)
    return _activated(graph, layer, made)


def _flatten(graph: Graph, layer: layers.Flatten, inputs: list[str]) -> str:
    """Keras flattens maps with channels last."""
    last = graph.add("Transpose", f"{layer.name}/transpose", *inputs, perm=[0, 2, 3, 1])
    return graph.add("Flatten", layer.name, last, axis=1)


def _rescaling(graph: Graph, layer: layers.Rescaling, inputs: list[str]) -> str:
    rank = len(layer.output.shape) - 2  # axes behind the channels
    scale, offset = (
        graph.weight(f"{layer.name}/{name}", np.reshape(values, (-1, *[1] * rank)))
        for name, values in (("scale", layer.scale), ("offset", layer.offset))
    )
    return graph.add("Add", layer.name, graph.add("Mul", f"{layer.name}/mul", *inputs, scale), offset)


def _average_pooling(graph: Graph, layer: layers.AveragePooling2D, inputs: list[str]) -> str:
    return _pooling(graph, layer, inputs, "AveragePool")


WRITERS: dict[type, Writer] = {
    layers.Conv2D: _conv,
    layers.Conv2DTranspose: _transposed_conv,
    layers.BatchNormalization: _normalization,
    layers.ReLU: _relu,
    layers.ZeroPadding2D: _zero_padding,
    layers.MaxPooling2D: _max_pooling,
    layers.UpSampling2D: _upsampling,
    layers.DepthwiseConv2D: _depthwise_conv,
    layers.Dense: _dense,
    layers.Flatten: _flatten,
    layers.Rescaling: _rescaling,
    layers.AveragePooling2D: _average_pooling,
    layers.Activation: _activated_alone,
    layers.Dropout: lambda graph, layer, inputs: inputs[0],  # does nothing once a network is trained
    layers.GlobalAveragePooling2D: lambda graph, layer, inputs: graph.add(
        "Flatten", layer.name, graph.add("GlobalAveragePool", f"{layer.name}/mean", *inputs)
    ),
    layers.Multiply: lambda graph, layer, inputs: graph.add("Mul", layer.name, *inputs),
    layers.Add: lambda graph, layer, inputs: graph.add("Add", layer.name, *inputs),
    layers.Concatenate: lambda graph, layer, inputs: graph.add("Concat", layer.name, *inputs, axis=1),
}
