#!/usr/bin/env python3
"""Models that exercise what the frontend alone does (functions, branches, sparse and typed tensors, old forms) give ONNX Runtime's results.

    results.py TULLE"""
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
CASES = []
RANDOM = numpy.random.default_rng(3)


def case(function):
    CASES.append(function)
    return function


def model(nodes, inputs, output="y", opset=17, initializers=(), functions=(), kind=FLOAT, **extra):
    infos = [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()]
    graph = helper.make_graph(nodes, "g", infos, [helper.make_empty_tensor_value_info(output)], list(initializers), **extra)
    domains = sorted({function.domain for function in functions})
    imports = [helper.make_opsetid("", opset)] + [helper.make_opsetid(domain, 1) for domain in domains]
    return helper.make_model(graph, opset_imports=imports, functions=list(functions), ir_version=8)


def constant(name, values, kind=numpy.float32):
    return numpy_helper.from_array(numpy.array(values, kind), name)


X = {"x": [2, 3, 4, 5]}


@case
def functions():
    inner = helper.make_function("own", "Inner", ["v"], ["r"], [helper.make_node("LeakyRelu", ["v"], ["r"])],
        [helper.make_opsetid("", 17)], ["slope"])
    alpha = inner.node[0].attribute.add()
    alpha.name, alpha.type, alpha.ref_attr_name = "alpha", onnx.AttributeProto.FLOAT, "slope"
    call = helper.make_node("Inner", ["t"], ["u"], domain="own")
    reference = call.attribute.add()
    reference.name, reference.type, reference.ref_attr_name = "slope", onnx.AttributeProto.FLOAT, "steep"
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    outer = helper.make_function("own", "Outer", ["a", "b"], ["r", "t"], [helper.make_node("Sub", ["a", "b"], ["t"]), call,
                                 helper.make_node("Mul", ["u", "a"], ["r"])], imports, ["steep"])
    nodes = [helper.make_node("Outer", ["x", "w"], ["p", "q"], domain="own", steep=0.25), helper.make_node("Add", ["p", "q"], ["y"])]
    return model(nodes, X, initializers=[constant("w", [0.5])], functions=[inner, outer])


@case
def branch_within_function():
    body = [helper.make_node("Constant", [], ["yes"], value=constant("", True, numpy.bool_)),
            helper.make_node("If", ["yes"], ["r"],
                             then_branch=helper.make_graph([helper.make_node("Neg", ["v"], ["b"])], "t", [],
                                 [helper.make_empty_tensor_value_info("b")]),
                             else_branch=helper.make_graph([helper.make_node("Abs", ["v"], ["b"])], "e", [],
                                 [helper.make_empty_tensor_value_info("b")]))]
    choose = helper.make_function("own", "Choose", ["v"], ["r"], body, [helper.make_opsetid("", 17)])
    return model([helper.make_node("Choose", ["x"], ["y"], domain="own")], X, functions=[choose])


@case
def branch_by_shape():
    graphs = {name: helper.make_graph([helper.make_node(op, ["x"], ["b"])], name, [], [helper.make_empty_tensor_value_info("b")])
              for name, op in (("then_branch", "Relu"), ("else_branch", "Neg"))}
    nodes = [helper.make_node("If", ["k"], ["y"], **graphs), helper.make_node("Equal", ["n", "two"], ["k"]),
             helper.make_node("Gather", ["s", "zero"], ["n"]), helper.make_node("Shape", ["x"], ["s"])]
    ordered = [nodes[3], nodes[2], nodes[1], nodes[0]]
    return model(ordered, X, initializers=[constant("two", 2, numpy.int64), constant("zero", 0, numpy.int64)])


@case
def sparse_and_typed_tensors():
    sparse = helper.make_sparse_tensor(constant("w", [1.5, -2]), constant("i", [1, 4], numpy.int64), [5])
    half = helper.make_tensor("h", TensorProto.FLOAT16, [5], numpy.array([1, 2, 3, 4, 0.1], numpy.float16))
    small = helper.make_tensor("k", TensorProto.INT8, [5], [1, -2, 3, -128, 127])
    nodes = [helper.make_node("Add", ["x", "w"], ["a"]), helper.make_node("Cast", ["h"], ["hf"], to=FLOAT),
             helper.make_node("Mul", ["a", "hf"], ["b"]),
             helper.make_node("Cast", ["k"], ["kf"], to=FLOAT), helper.make_node("Add", ["b", "kf"], ["y"])]
    return model(nodes, X, initializers=[half, small], sparse_initializer=[sparse])


@case
def old_softmax():
    return model([helper.make_node("Softmax", ["x"], ["y"], axis=2)], X, opset=11)


@case
def old_upsample():
    return model([helper.make_node("Upsample", ["x"], ["y"], scales=[1.0, 1, 2, 3])], X, opset=7)


@case
def old_upsample_linear():
    return model([helper.make_node("Upsample", ["x", "s"], ["y"], mode="linear")], X, opset=9, initializers=[constant("s", [1, 1, 2, 2])])


@case
def old_resize():
    return model([helper.make_node("Resize", ["x", "s"], ["y"], mode="linear")], X, opset=10, initializers=[constant("s", [1, 1, 2.5, 0.6])])


@case
def old_clip_pad_slice():
    nodes = [helper.make_node("Clip", ["x"], ["a"], min=-0.5, max=0.25),
             helper.make_node("Pad", ["a"], ["b"], pads=[0, 0, 1, 2, 0, 0, 3, 0], value=7.0),
             helper.make_node("Slice", ["b"], ["y"], starts=[1, 0], ends=[100, -2], axes=[3, 2])]
    return model(nodes, X, opset=8)


@case
def old_reduce_squeeze_split():
    nodes = [helper.make_node("Split", ["x"], ["a", "b"], axis=3, split=[2, 3]), helper.make_node("ReduceSum", ["a"], ["c"], axes=[1, 3], keepdims=1),
             helper.make_node("Squeeze", ["c"], ["d"], axes=[1]), helper.make_node("Unsqueeze", ["d"], ["e"], axes=[1]),
                 helper.make_node("Add", ["e", "b"], ["f"]),
             helper.make_node("ReduceL2", ["f"], ["y"])]
    return model(nodes, X, opset=11)


@case
def many_operands():
    nodes = [helper.make_node("Mean", ["x", "w", "v"], ["a"]), helper.make_node("Max", ["x", "a", "w"], ["b"]),
             helper.make_node("Sum", ["a", "b", "x"], ["c"]),
             helper.make_node("Min", ["c"], ["y"])]
    return model(nodes, X, initializers=[constant("w", [0.5]), constant("v", RANDOM.standard_normal((3, 1, 5)))])


@case
def chosen_operators():
    nodes = [helper.make_node("Gelu", ["x"], ["a"], approximate="tanh"), helper.make_node("Gelu", ["a"], ["b"]),
             helper.make_node("Mod", ["b", "w"], ["y"], fmod=1)]
    return model(nodes, X, opset=20, initializers=[constant("w", [0.375])])


@case
def quantized():
    nodes = [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], axis=1), helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], axis=1)]
    return model(nodes, X, opset=13, initializers=[constant("s", [0.1, 0.02, 0.5]), constant("z", [3, 0, -7], numpy.int8)])


@case
def quantized_to_a_named_type():
    nodes = [helper.make_node("QuantizeLinear", ["x", "s"], ["q"], output_dtype=TensorProto.INT16), helper.make_node("Cast", ["q"], ["y"], to=FLOAT)]
    return model(nodes, X, opset=21, initializers=[constant("s", 0.001)])


@case
def shapes_of_old():
    nodes = [helper.make_node("ConstantOfShape", ["k"], ["c"], value=constant("", [2])), helper.make_node("Dropout", ["x"], ["d"], ratio=0.7),
             helper.make_node("Flatten", ["d"], ["f"], axis=2), helper.make_node("MatMul", ["f", "c"], ["y"])]
    return model(nodes, X, opset=10, initializers=[constant("k", [20, 3], numpy.int64)])


@case
def symbolic_batch():
    return model([helper.make_node("Relu", ["x"], ["y"])], {"x": ["N", 3]})


def differences(tulle, name, proto, folder):
    path = folder / f"{name}.onnx"
    path.write_bytes(proto.SerializeToString())
    shapes = {info.name: [dim.dim_value or 1 for dim in info.type.tensor_type.shape.dim] for info in proto.graph.input}
    inputs = {key: RANDOM.standard_normal(shape).astype(numpy.float32) for key, shape in shapes.items()}
    command = [tulle, "run", str(path), "--target", "scalar", "--output", f"y={folder / 'y.npy'}"]
    for key, value in inputs.items():
        numpy.save(folder / f"{key}.npy", value)
        command += ["--input", f"{key}={folder / (key + '.npy')}"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        return done.stderr
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    expected, found = session.run(None, inputs)[0], numpy.load(folder / "y.npy")
    if expected.shape != found.shape or expected.dtype != found.dtype:
        return f"{found.dtype}{list(found.shape)}, expected {expected.dtype}{list(expected.shape)}"
    error = numpy.max(numpy.abs(expected - found)) / (numpy.max(numpy.abs(expected)) + 1e-30)
    return f"differs by {error}" if not error < 1e-5 else None


def main():
    faults = 0
    onnxruntime.set_default_logger_severity(4)
    with tempfile.TemporaryDirectory(prefix="tulle-results-") as folder:
        for function in CASES:
            fault = differences(sys.argv[1], function.__name__, function(), pathlib.Path(folder))
            faults += fault is not None
            if fault:
                print(f"FAILED {function.__name__}: {fault}")
    print(f"results: {len(CASES)} models compared with ONNX Runtime, {faults} differ")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
