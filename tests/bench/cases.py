"""The layers and networks that are measured, and their models as ONNX files, with weights like the zoo's."""
import dataclasses
import math
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

import trained
from shared import ROOT, run

sys.path.insert(0, str(ROOT / "samples/zoo"))
import builder      # noqa: E402  the zoo's
import numeric      # noqa: E402


@dataclasses.dataclass
class Layer:
    title: str
    channels: int
    size: int
    outputs: int
    kernel: int
    groups: int = 1

    @property
    def weights(self):
        return (self.outputs, self.channels // self.groups, self.kernel, self.kernel)

    def flops(self, batch=1):
        """Of all weights, zero or not; padded by half a kernel, so the output is as large as the input."""
        return 2.0 * math.prod(self.weights) * self.size ** 2 * batch

    def product(self, batch=1):
        """M, N and K of the matrix product that does as much, and how many of them."""
        return [self.outputs // self.groups, self.size ** 2 * batch, math.prod(self.weights[1:]), self.groups]

    def scaled(self, scale):
        def small(value, step):
            return value if scale == 1 else max(step, step * round(value * scale / step))
        step = 8 * self.groups
        return dataclasses.replace(self, channels=small(self.channels, step), size=small(self.size, 1), outputs=small(self.outputs, step))


LAYERS = {
    "alexnet-conv2": Layer("AlexNet conv2, 96x27x27 -> 256, 5x5, 2 groups", 96, 27, 256, 5, 2),
    "alexnet-conv3": Layer("AlexNet conv3, 256x13x13 -> 384, 3x3", 256, 13, 384, 3),
    "alexnet-conv4": Layer("AlexNet conv4, 384x13x13 -> 384, 3x3, 2 groups", 384, 13, 384, 3, 2),
    "alexnet-conv5": Layer("AlexNet conv5, 384x13x13 -> 256, 3x3, 2 groups", 384, 13, 256, 3, 2),
    "resnet-64": Layer("ResNet 64x56x56 -> 64, 3x3", 64, 56, 64, 3),
    "resnet-128": Layer("ResNet 128x28x28 -> 128, 3x3", 128, 28, 128, 3),
    "resnet-256": Layer("ResNet 256x14x14 -> 256, 3x3", 256, 14, 256, 3),
    "resnet-512": Layer("ResNet 512x7x7 -> 512, 3x3", 512, 7, 512, 3),
    "vgg-256": Layer("VGG 256x56x56 -> 256, 3x3", 256, 56, 256, 3),
    "vgg-512": Layer("VGG 512x14x14 -> 512, 3x3", 512, 14, 512, 3),
    "resnet-512-1x1": Layer("ResNet 512x28x28 -> 128, 1x1", 512, 28, 128, 1),
    "resnet-1024-1x1": Layer("ResNet 1024x14x14 -> 256, 1x1", 1024, 14, 256, 1),
}
LARGE_LAYERS = {      # measured dense only
    "vgg-64": Layer("VGG 64x224x224 -> 64, 3x3", 64, 224, 64, 3),
    "vgg-128": Layer("VGG 128x112x112 -> 128, 3x3", 128, 112, 128, 3),
    "vgg-512-28": Layer("VGG 512x28x28 -> 512, 3x3", 512, 28, 512, 3),
    "resnet-256-1x1": Layer("ResNet 256x56x56 -> 128, 1x1", 256, 56, 128, 1),
}
ALL_LAYERS = {**LAYERS, **LARGE_LAYERS}
PAPER_LAYERS = [name for name in LAYERS if name.startswith("alexnet")]

# The pruned ones: how `samples/zoo/make.py` is asked for them, and what the tables call them.
NETWORKS = {
    "alexnet": (["--density-file", "samples/zoo/alexnet-001.density"], "papers/001"),
    "googlenet": (["--density", "0.15", "--density-file", "tests/bench/googlenet-1x1.density"], "15 %, 1x1 40 %"),
    "mobilenet1": (["--density", "0.1"], "10 %"),
    "resnet50": (["--density", "0.1"], "10 %"),
    "vgg16": (["--density", "0.1"], "10 %"),
}
SPARSE, DENSE = "sparse", "dense"


def weights(name, layer, density, pattern):
    made = builder.Builder(name, builder.Options(density)).weights("conv", layer.weights)
    if pattern == "trained":
        made = trained.pruned_like(builder.Builder(name, builder.Options(1)).weights("conv", layer.weights), density)
    return made


def write_layer(path, name, layer, density, pattern):
    """A convolution with bias and ReLU."""
    made = weights(name, layer, density, pattern)
    bias = numpy.random.default_rng(1).standard_normal(layer.outputs).astype(numpy.float32)
    pixels = [layer.size, layer.size]
    nodes = [helper.make_node("Conv", ["x", "weight", "bias"], ["sum"], "conv", kernel_shape=[layer.kernel] * 2, pads=[layer.kernel // 2] * 4,
                              group=layer.groups), helper.make_node("Relu", ["sum"], ["y"], "relu")]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", layer.channels, *pixels])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", layer.outputs, *pixels])]
    constants = [numpy_helper.from_array(made, "weight"), numpy_helper.from_array(bias, "bias")]
    graph = helper.make_graph(nodes, name, inputs, outputs, constants)
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)], producer_name="tulle-bench"), path)


def layer_input(layer, batch=1):
    """Normal numbers behind a ReLU: half of them zeros."""
    return numpy.maximum(numpy.random.default_rng(2).standard_normal((batch, layer.channels, layer.size, layer.size)), 0).astype(numpy.float32)


def write_network(path, name, density, scale):
    """`density`: SPARSE, as in NETWORKS, or DENSE."""
    choice = [str(ROOT / word) if word.endswith(".density") else word for word in NETWORKS[name][0]] if density == SPARSE else ["--density", "1"]
    run([sys.executable, ROOT / "samples/zoo/make.py", name, *choice, "--scale", scale, "-o", path])


def network_input(path, batch=1):
    value = onnx.load(path, load_external_data=False).graph.input[0]
    return numeric.input_values([1], (batch, *[size.dim_value for size in value.type.tensor_type.shape.dim[1:]]))
