"""Synthetic films with known lungs, and lung networks in files."""

import json

import cv2
import numpy as np
import onnx
from onnx import helper, numpy_helper

from pipeline.classifiers.lungs import FACTS
from sources.sandbox.anatomy import draw_anatomy
from sources.sandbox.phantom import Exposure, frontal

BLOBS = ((0.3, 0.5, 0.13, 0.3), (0.7, 0.5, 0.13, 0.3))  # center and half axes of ellipses, as shares of the sides


def film_with_lungs(seed, height=400, width=380, age=50, label="normal"):
    """A frontal phantom, (H, W) uint8, and its lungs, bool (H, W)."""
    anatomy = draw_anatomy(np.random.default_rng(seed), age, "F" if seed % 2 else "M")
    film, mask = frontal(anatomy, Exposure(height, width, seed, label, 0.6, 1, seed, False))
    return film, mask > 0


def ellipses(*blobs, size=320):
    """A mask, bool (size, size), of ellipses given as (x, y, half width, half height), shares of the side."""
    mask = np.zeros((size, size), np.uint8)
    for x, y, half_width, half_height in blobs:
        center, axes = (round(x * size), round(y * size)), (round(half_width * size), round(half_height * size))
        cv2.ellipse(mask, center, axes, 0, 0, 360, 1, -1)
    return mask > 0


def dark_network(path, size=32, definitions=("whole",), **stated):
    """Write a network to ``path`` that takes all that is darker than half for lung, one output per definition."""
    weight = numpy_helper.from_array(np.full((len(definitions), 1, 1, 1), -50, np.float32), "weight")
    bias = numpy_helper.from_array(np.full(len(definitions), 25, np.float32), "bias")
    nodes = [helper.make_node("Conv", ["films", "weight", "bias"], ["dark"], kernel_shape=[1, 1])]
    nodes.append(helper.make_node("Sigmoid", ["dark"], ["lungs"]))
    shape = ["N", len(definitions), size, size]
    ends = [[helper.make_tensor_value_info("films", onnx.TensorProto.FLOAT, ["N", 1, size, size])]]
    ends.append([helper.make_tensor_value_info("lungs", onnx.TensorProto.FLOAT, shape)])
    model = helper.make_model(
        helper.make_graph(nodes, "dark", *ends, initializer=[weight, bias]),
        opset_imports=[helper.make_opsetid("", 13)],
    )
    model.ir_version = 8
    facts = {"version": 1, "size": size, "definitions": list(definitions)} | stated
    helper.set_model_props(model, {FACTS: json.dumps(facts)})
    path.write_bytes(model.SerializeToString())
    return str(path)
