"""One-layer models whose loops are taken apart."""
import os

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

# name: input channels, output channels, height and width, window, density, groups
CONVOLUTIONS = {
    "sparse 3x3": (16, 16, 28, 3, 0.1, 1),
    "middle 3x3": (16, 24, 28, 3, 0.7, 1),
    "sparse 1x1": (32, 16, 28, 1, 0.2, 1),
    "dense 3x3": (16, 24, 28, 3, 1, 1),
    "small 3x3": (24, 96, 14, 3, 1, 1),
    "dense 1x1": (32, 48, 28, 1, 1, 1),
    "depthwise 3x3": (8, 8, 28, 3, 1, 8),
}

# name: rows, inner length, columns, density
PRODUCTS = {"product": (47, 64, 96, 1), "sparse product": (384, 64, 96, 0.2)}


def convolution(channels, outputs, size, window, density, group):
    random = numpy.random.default_rng(1)
    weights = random.uniform(0.5, 1, (outputs, channels // group, window, window)).astype(numpy.float32)
    weights[random.random(weights.shape) >= density] = 0
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], name="layer", kernel_shape=[window] * 2, pads=[window // 2] * 4, group=group)
    constants = [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(numpy.ones(outputs, numpy.float32), "b")]
    return node, [1, channels, size, size], [1, outputs, size, size], constants


def product(rows, inner, columns, density):
    """A matrix of both rows and columns more than a tile's, times a constant one."""
    random = numpy.random.default_rng(1)
    weights = random.uniform(0.5, 1, (inner, columns)).astype(numpy.float32)
    weights[random.random(weights.shape) >= density] = 0
    constants = [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(numpy.ones(columns, numpy.float32), "b")]
    return helper.make_node("Gemm", ["x", "w", "b"], ["y"], name="layer"), [rows, inner], [rows, columns], constants


def path_of(name, folder):
    """The model's file, made if it is not there yet."""
    path = os.path.join(folder, name.replace(" ", "-") + ".onnx")
    if not os.path.exists(path):
        node, x, y, constants = convolution(*CONVOLUTIONS[name]) if name in CONVOLUTIONS else product(*PRODUCTS[name])
        values = [[helper.make_tensor_value_info(label, TensorProto.FLOAT, shape)] for label, shape in (("x", x), ("y", y))]
        graph = helper.make_graph([node], "layer", *values, constants)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def nonzeros_of(name, folder):
    """Of the model's weights."""
    return int(numpy.count_nonzero(numpy_helper.to_array(onnx.load(path_of(name, folder)).graph.initializer[0])))
