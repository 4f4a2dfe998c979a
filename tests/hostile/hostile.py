#!/usr/bin/env python3
"""Bad input to the command line: each case has the exit code and the words that the message must hold; no output file may be left behind.

    tests/hostile/hostile.py --tulle build-sanitize/tulle --mutate build-sanitize/tests/hostile/mutate [--flips N]"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
CASES = []


def case(function):
    CASES.append(function)
    return function


def info(name, shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes, inputs=None, outputs=None, initializers=(), opset=17, **extra):
    graph = helper.make_graph(nodes, "g", inputs or [info("x", [1, 4])], outputs or [info("y", None)], list(initializers), **extra)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def relu(source="x", target="y", name="act"):
    return helper.make_node("Relu", [source], [target], name=name)


def weights(name, shape, data=None):
    return numpy_helper.from_array(numpy.ones(shape, numpy.float32) if data is None else data, name)


def small_model():
    """A convolution, batch norm, activation, pooling and product: what the damaged copies are made of."""
    generator = numpy.random.default_rng(1)
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]),
             helper.make_node("BatchNormalization", ["c", "s", "s", "s", "s"], ["b"], name="norm"),
             helper.make_node("Relu", ["b"], ["r"], name="relu"),
             helper.make_node("MaxPool", ["r"], ["p"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
             helper.make_node("Reshape", ["p", "shape"], ["f"], name="flat"),
             helper.make_node("Gemm", ["f", "v", "s4"], ["y"], name="fc")]
    constants = [weights("w", None, generator.standard_normal((2, 1, 3, 3)).astype(numpy.float32)), weights("s", [2]), weights("s4", [4]),
                 weights("v", None, generator.standard_normal((8, 4)).astype(numpy.float32)),
                 numpy_helper.from_array(numpy.array([1, -1], numpy.int64), "shape")]
    return model(nodes, [info("x", [1, 1, 4, 4])], [info("y", [1, 4])], constants)


class Bench:
    """Runs cases in a folder of their own and counts what went wrong."""

    def __init__(self, tulle, folder):
        self.tulle, self.folder, self.faults, self.checks = os.path.abspath(tulle), folder, 0, 0

    def fault(self, name, what, output=""):
        self.faults += 1
        print(f"FAILED {name}: {what}\n    " + "\n    ".join(output.strip().split("\n")[-12:]))

    def write(self, thing):
        path = self.folder / "m.onnx"
        if path.exists():
            path.unlink()
        path.write_bytes(thing if isinstance(thing, bytes) else thing.SerializeToString())
        return path

    def run(self, name, thing, codes, words=(), options=(), output=None):
        """Compiles `thing`; checks exit code, words of the message and that nothing is left."""
        self.checks += 1
        path = self.write(thing) if not isinstance(thing, pathlib.Path) else thing
        place = self.folder / "out"
        place.mkdir(exist_ok=True)
        command = [self.tulle, "compile", str(path), "--target", "scalar", "-o", output or str(place / "o.c"), *options]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=120)
        said = done.stderr
        left = sorted(p.name for p in place.iterdir())
        for p in place.iterdir():
            p.unlink()
        if "Sanitizer" in said or "runtime error" in said:
            self.fault(name, "sanitizer report", said)
        elif done.returncode not in codes:
            self.fault(name, f"exit {done.returncode}, expected one of {codes}", said)
        elif done.returncode != 0 and left:
            self.fault(name, f"left behind {left}", said)
        elif done.returncode != 0 and "error:" not in said:
            self.fault(name, "no error message", said)
        else:
            for word in words:
                if word not in said:
                    self.fault(name, f"the message does not mention {word!r}", said)
        return done


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out + bytes([number]))


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


@case
def nested_messages(bench):
    """Attribute -> graph -> node -> attribute ..., 10,000 deep."""
    payload = b""
    for _ in range(3334):
        payload = field(1, field(5, field(6, payload)))
    bench.run("nested 10,000 deep", field(7, payload), [2], ["nest"])


@case
def overflowing_dimensions(bench):
    huge = TensorProto(name="w", data_type=FLOAT, dims=[1 << 40, 1 << 40], raw_data=b"1234")
    add = helper.make_node("Add", ["x", "w"], ["y"], name="adder")
    bench.run("product of dimensions overflows", model([add], initializers=[huge]), [2], ["w"])
    bench.run("negative dimension", model([add], initializers=[TensorProto(name="w", data_type=FLOAT, dims=[-1], raw_data=b"1234")]), [2], ["w"])
    bench.run("input overflows", model([relu()], [info("x", [1 << 40, 1 << 40])]), [2, 3], ["x"])
    fill = helper.make_node("ConstantOfShape", ["s"], ["y"], name="filler")
    shape = numpy_helper.from_array(numpy.array([1 << 20, 1 << 20], numpy.int64), "s")
    bench.run("folding to a terabyte", model([fill], initializers=[shape]), [2, 3], ["filler"])
    tile = helper.make_node("Tile", ["x", "s"], ["y"], name="tiler")
    bench.run("tiling to a terabyte", model([tile], initializers=[shape]), [0, 2, 3])
    product = helper.make_node("Tile", ["x", "t"], ["y"], name="tiler")
    times = numpy_helper.from_array(numpy.array([1 << 40, 1 << 40], numpy.int64), "t")
    bench.run("tiling overflows", model([product], initializers=[times]), [2, 3], ["tiler"])


@case
def data_and_shape(bench):
    add = helper.make_node("Add", ["x", "w"], ["y"], name="adder")
    for label, raw in (("shorter", bytes(12)), ("longer", bytes(20)), ("empty", b"")):
        bench.run(f"data {label} than its shape", model([add], initializers=[TensorProto(name="w", data_type=FLOAT, dims=[4], raw_data=raw)]), [2], ["w"])
    typed = TensorProto(name="w", data_type=FLOAT, dims=[4], float_data=[1, 2, 3])
    bench.run("typed data shorter", model([add], initializers=[typed]), [2], ["w"])
    both = TensorProto(name="w", data_type=FLOAT, dims=[4], float_data=[1, 2, 3, 4, 5])
    bench.run("typed data longer", model([add], initializers=[both]), [2], ["w"])


@case
def structure(bench):
    bench.run("unknown operator", model([helper.make_node("Wobble", ["x"], ["y"], name="odd")]), [3], ["odd", "Wobble"])
    two = model([helper.make_node("Wobble", ["x"], ["a"], name="odd"), helper.make_node("Wibble", ["a"], ["y"], name="even")])
    bench.run("all unknown operators at once", two, [3], ["odd", "Wobble", "even", "Wibble"])
    ring = model([helper.make_node("Add", ["x", "b"], ["a"], name="first"), relu("a", "b", "second"), relu("b", "y", "third")])
    bench.run("cycle", ring, [2], ["cycle"])
    bench.run("missing input", model([relu("nowhere", "y")]), [2], ["nowhere", "act"])
    bench.run("two producers", model([relu("x", "y", "one"), relu("x", "y", "two")]), [2], ["y", "two"])
    bench.run("output without producer", model([relu("x", "z")]), [2], ["y"])
    bench.run("shapes that do not fit", model([helper.make_node("Add", ["x", "w"], ["y"], name="adder")], initializers=[weights("w", [3])]), [2], ["adder"])
    bench.run("wrong number of inputs", model([helper.make_node("Conv", ["x"], ["y"], name="conv")]), [2], ["conv"])
    bench.run("absurd stride", model([helper.make_node("Conv", ["x", "w"], ["y"], name="conv", strides=[0, 0])], [info("x", [1, 1, 4, 4])],
                                     initializers=[weights("w", [1, 1, 3, 3])]), [2], ["conv"])
    bench.run("absurd padding", model([helper.make_node("Conv", ["x", "w"], ["y"], name="conv", pads=[1 << 62] * 4)], [info("x", [1, 1, 4, 4])],
                                      initializers=[weights("w", [1, 1, 3, 3])]), [2, 3], ["conv"])
    wide = helper.make_node("Concat", ["x"] * 1000000, ["y"], name="wide", axis=1)
    bench.run("a million operands", model([wide]), [3], ["wide", "operands"])
    bench.run("not a model", b"hello, world\n" * 10, [2])
    bench.run("empty file", b"", [2])
    bench.run("no such file", bench.folder / "nothing.onnx", [2], ["nothing.onnx"])
    bench.run("a folder", bench.folder, [2])
    bench.run("left-over dimension", model([relu()], [info("x", ["batch", "length"])]), [1, 2, 3], ["length", "--dim"])


EVIL_NAMES = ['quote"quote', "star */ int main(void) {", "line\nbreak", "tri??/graph", "int", "back\\slash", "%s%n%d", "tab\tbell\a", "ünïcödé", " ", "a" * 65536]


@case
def names(bench):
    """Strange names must compile, as input, output, node and weight; the output must be C."""
    for name in EVIL_NAMES:
        add = helper.make_node("Add", [name, name + "w"], [name + "y"], name=name)
        thing = model([add], [info(name, [1, 4])], [info(name + "y", [1, 4])], [weights(name + "w", [4])])
        thing.graph.name = name
        label = f"name {name[:30]!r}"
        bench.checks += 1
        path, place = bench.write(thing), bench.folder / "c"
        place.mkdir(exist_ok=True)
        done = subprocess.run([bench.tulle, "compile", str(path), "--target", "scalar", "-o", str(place / "o.c")], capture_output=True, text=True, errors="replace")
        if done.returncode != 0 or "Sanitizer" in done.stderr:
            bench.fault(label, f"exit {done.returncode}", done.stderr)
        else:
            compiled = subprocess.run(["gcc", "-Wall", "-Wextra", "-Wconversion", "-Wtrigraphs", "-Werror", "-trigraphs", "-c", "-o", "/dev/null", str(place / "o.c")],
                                      capture_output=True, text=True, errors="replace")
            if compiled.returncode != 0:
                bench.fault(label, "gcc refuses the output", compiled.stderr)
        shutil.rmtree(place)
    bad = model([helper.make_node("Wobble", ["x"], ["y"], name="red\x1b[31m\nline")])
    done = bench.run("escape sequences in a refused name", bad, [3], ["red"])
    if "\x1b[31m" in done.stderr:
        bench.fault("escape sequences in a refused name", "reach the terminal", done.stderr)


def sparse(values, indices, dims):
    return helper.make_sparse_tensor(numpy_helper.from_array(numpy.array(values, numpy.float32), "w"),
                                     numpy_helper.from_array(numpy.array(indices, numpy.int64), "i"), dims)


@case
def sparse_initializers(bench):
    add = helper.make_node("Add", ["x", "w"], ["y"], name="adder")
    for label, values, indices, code in (("good", [1, 2], [0, 3], 0), ("out of range", [1, 2], [0, 4], 2), ("negative", [1, 2], [-1, 2], 2),
                                         ("twice", [1, 2], [2, 2], 2), ("fewer than values", [1, 2], [1], 2), ("more than values", [1], [1, 2], 2)):
        thing = model([add], sparse_initializer=[sparse(values, indices, [4])])
        bench.run(f"sparse indices {label}", thing, [code], ["w"] if code else [])
    coordinates = model([add], [info("x", [2, 4])], sparse_initializer=[sparse([1, 2], [[0, 1], [2, 1]], [2, 4])])
    bench.run("sparse coordinates out of range", coordinates, [2], ["w"])


@case
def external_data(bench):
    inside, outside = bench.folder / "data", bench.folder / "secret.bin"
    inside.mkdir()
    outside.write_bytes(bytes(16))
    (inside / "good.bin").write_bytes(bytes(16))
    (inside / "short.bin").write_bytes(bytes(8))
    (inside / "soft.bin").symlink_to(outside)
    os.link(outside, inside / "hard.bin")
    (inside / "folder").symlink_to(bench.folder)
    add = helper.make_node("Add", ["x", "w"], ["y"], name="adder")
    for location, code in (("good.bin", 0), ("../secret.bin", 2), (str(outside), 2), ("soft.bin", 2), ("hard.bin", 2), ("folder/secret.bin", 2),
                           ("short.bin", 2), ("absent.bin", 2), ("", 2), (".", 2), ("good.bin\0x", 2)):
        tensor = TensorProto(name="w", data_type=FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
        tensor.external_data.add(key="location", value=location)
        thing = model([add], initializers=[tensor])
        bench.run(f"external data {location!r}", thing, [code], ["w"] if code else [], ["--allow-external-data", str(inside)])
        bench.run(f"external data {location!r} not allowed", thing, [2, 3], ["--allow-external-data"])
    for key, value in (("offset", "-4"), ("offset", "99999999999999999999"), ("length", "17"), ("offset", "8"), ("length", "zero")):
        tensor = TensorProto(name="w", data_type=FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
        tensor.external_data.add(key="location", value="good.bin")
        tensor.external_data.add(key=key, value=value)
        bench.run(f"external data {key}={value}", model([add], initializers=[tensor]), [2], ["w"], ["--allow-external-data", str(inside)])


@case
def outputs(bench):
    good = model([relu()], [info("x", [1, 4])], [info("y", [1, 4])])
    bench.run("good model", good, [0])
    bench.run("folder that is not there", good, [1], ["nowhere"], output=str(bench.folder / "nowhere" / "o.c"))
    bench.run("output is a folder", good, [1], output=str(bench.folder))
    if os.geteuid() == 0:
        full = bench.folder / "full"
        full.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(full)], capture_output=True).returncode == 0:
            big = model([helper.make_node("MatMul", ["x", "w"], ["y"], name="fc")], [info("x", [1, 100])], [info("y", [1, 100])], [weights("w", [100, 100])])
            bench.run("full disk", big, [1], ["o.c"], output=str(full / "o.c"))
            left = list(full.iterdir())
            subprocess.run(["umount", str(full)], check=True)
            if left:
                bench.fault("full disk", f"left behind {left}")
        else:
            print("skipped: full disk (cannot mount a small tmpfs here)")
    else:
        print("skipped: full disk (needs root to mount a small tmpfs)")


def damaged_copies(bench, mutate, flips):
    path = bench.write(small_model())
    for arguments in (["truncate"], ["flip", str(flips), "1"]):
        bench.checks += 1
        done = subprocess.run([os.path.abspath(mutate), str(path), *arguments], capture_output=True, text=True, errors="replace")
        print("damaged copies, " + (done.stdout.strip().split("\n") or [""])[-1])
        if done.returncode != 0:
            bench.fault(" ".join(arguments), f"exit {done.returncode}", done.stdout + done.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tulle", default="build-sanitize/tulle")
    parser.add_argument("--mutate", default="build-sanitize/tests/hostile/mutate")
    parser.add_argument("--flips", type=int, default=1000)
    arguments = parser.parse_args()
    for function in CASES:
        with tempfile.TemporaryDirectory(prefix="tulle-hostile-") as folder:
            bench = Bench(arguments.tulle, pathlib.Path(folder))
            function(bench)
            totals[0] += bench.checks
            totals[1] += bench.faults
    with tempfile.TemporaryDirectory(prefix="tulle-hostile-") as folder:
        bench = Bench(arguments.tulle, pathlib.Path(folder))
        damaged_copies(bench, arguments.mutate, arguments.flips)
        totals[0] += bench.checks
        totals[1] += bench.faults
    print(f"bad input: {totals[0]} cases, {totals[1]} failed")
    return 1 if totals[1] else 0


totals = [0, 0]

if __name__ == "__main__":
    sys.exit(main())
