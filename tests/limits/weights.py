#!/usr/bin/env python3
"""weights.py MODEL.onnx: how many layers have constant weights, and how many of those weights are not zero."""
import sys

import numpy
import onnx
from onnx import numpy_helper

graph = onnx.load(sys.argv[1]).graph
constants = {tensor.name: tensor for tensor in graph.initializer}
layers = [node for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul") and node.input[1] in constants]
print(len(layers), sum(int(numpy.count_nonzero(numpy_helper.to_array(constants[node.input[1]]))) for node in layers))
