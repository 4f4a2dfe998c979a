# What the zoo's generator promises, on small networks: densities, uneven rows, zeros behind ReLUs, calibrated outputs.
import os
import sys

import numpy
import onnx
import onnxruntime
from onnx import numpy_helper

sys.path.insert(0, "samples/zoo")
import builder
import networks
import numeric


def weights_of(model):
    """By layer: of everything that is convolved or multiplied."""
    values = {constant.name: constant for constant in model.graph.initializer}
    return {node.name: numpy_helper.to_array(values[node.input[1]]) for node in model.graph.node if node.op_type in ("Conv", "Gemm")}


def zeros_behind_relus(model, seed):
    names = [node.output[0] for node in model.graph.node if node.op_type in ("Relu", "Clip")]
    model.graph.output.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    input = session.get_inputs()[0]
    found = session.run(names, {input.name: numeric.input_values(seed, [8, *input.shape[1:]])})
    return sum(numpy.count_nonzero(values == 0) for values in found) / sum(values.size for values in found)


def check_density():
    _, model = networks.build("vgg16", builder.Options(density=0.2, scale=0.25, densities={"conv3_2": 0.05}))
    weights = weights_of(model)
    for layer, array in weights.items():
        wanted = {"conv1_1": 1.0, "conv3_2": 0.05}.get(layer, 0.2)
        density = numpy.count_nonzero(array) / array.size
        assert abs(density - wanted) < 1 / array.size + 1e-9, f"{layer}: density {density}, wanted {wanted}"
    rows = numpy.count_nonzero(weights["conv5_1"].reshape(len(weights["conv5_1"]), -1), axis=1)
    assert rows.max() > 3 * numpy.median(rows), f"rows are too even: {sorted(rows)}"
    _, model = networks.build("mobilenet1", builder.Options(density=0.2, scale=0.25, prune_all=True))
    for layer, array in weights_of(model).items():
        assert abs(numpy.count_nonzero(array) / array.size - 0.2) < 1 / array.size, layer


def check_sparsity():
    for name in ("alexnet", "resnet50", "mobilenet1", "densenet121"):
        for wanted in (0.75, 0.95):
            _, model = networks.build(name, builder.Options(density=1.0, scale=0.25, zeros=wanted))
            found = zeros_behind_relus(model, 5)
            assert abs(found - wanted) < 0.06, f"{name}: {found:.3f} zeros behind ReLUs, wanted {wanted}"


def check_builder(name):
    """What the builder computed on its own pictures is what ONNX Runtime computes: otherwise it calibrates something else."""
    b = builder.Builder(name, builder.Options(scale=0.25))
    output = networks.NETWORKS[name](b)
    model = b.model(output)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    found = session.run(None, {session.get_inputs()[0].name: b.pictures})[0]
    gap = numpy.abs(found - output.data).max() / numpy.abs(output.data).max()
    assert gap < 1e-4, f"{name}: the builder's results are {gap:.1e} off"


check_density()
check_sparsity()
for network in networks.NETWORKS:
    check_builder(network)
print("the generator keeps its promises")
