"""What Python reads and writes: numpy's own files of every type through `tulle run`, in every form, in and out again; and all JSON that tulle
prints, of a model whose names need escaping. python_side.py TULLE"""
import importlib.util
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import numpy
import onnx
from onnx import helper, numpy_helper

TYPES = ["float32", "float64", "float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"]
tulle = os.path.abspath(sys.argv[1])


def run(*arguments):
    return subprocess.run([tulle, "run", "model.onnx", *arguments], capture_output=True, text=True)


def make_model(arrays):
    """Every input goes to an output of its own, transposed, so that it has to be read right."""
    def value(name, array, shape):
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), shape)
    nodes = [helper.make_node("Transpose", [name], [name + "_turned"], perm=[2, 0, 1]) for name in arrays]
    graph = helper.make_graph(nodes, "turn", [value(n, a, a.shape) for n, a in arrays.items()],
                              [value(n + "_turned", a, a.transpose(2, 0, 1).shape) for n, a in arrays.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "model.onnx")


def same(arrays, path):
    with numpy.load(path) as outputs:
        assert sorted(outputs.files) == sorted(name + "_turned" for name in arrays), outputs.files
        for name, array in arrays.items():
            found = outputs[name + "_turned"]
            assert found.dtype == array.dtype and numpy.array_equal(found, array.transpose(2, 0, 1)), name


def check_files():
    generator = numpy.random.default_rng(1)
    arrays = {name: (generator.normal(size=(2, 3, 5)) * 20).astype(name) for name in TYPES}
    make_model(arrays)
    numpy.savez("stored.npz", **arrays)
    numpy.savez_compressed("packed.npz", **arrays)
    for name, array in arrays.items():
        numpy.save(name + "_c.npy", array)
        numpy.save(name + "_f.npy", numpy.asfortranarray(array))
        with open(name + "_2.npy", "wb") as stream:
            numpy.lib.format.write_array(stream, array, version=(2, 0))
        with open(name + "_p.pb", "wb") as stream:
            stream.write(numpy_helper.from_array(array, name).SerializeToString())
    forms = {"stored.npz": ["--input", "stored.npz"], "packed.npz": ["--input", "packed.npz"]}
    for ending in ["c.npy", "f.npy", "2.npy", "p.pb"]:
        forms[ending] = [word for name in TYPES for word in ("--input", f"{name}={name}_{ending}")]
    for form, inputs in forms.items():
        done = run(*inputs, "--output", "out.npz")
        assert done.returncode == 0, (form, done.stderr)
        same(arrays, "out.npz")
    done = run("--input", "packed.npz", *[word for name in TYPES for word in ("--output", f"{name}_turned={name}_out.pb")])
    assert done.returncode == 0, done.stderr
    for name, array in arrays.items():
        tensor = onnx.TensorProto.FromString(pathlib.Path(name + "_out.pb").read_bytes())
        assert tensor.name == name + "_turned" and numpy.array_equal(numpy_helper.to_array(tensor), array.transpose(2, 0, 1)), name
    numpy.save("big.npy", arrays["float32"].astype(">f4"))
    done = run("--input", "packed.npz", "--input", "float32=big.npy")
    assert done.returncode == 2 and "big-endian" in done.stderr, done.stderr
    numpy.save("wide.npy", arrays["float64"])
    done = run("--input", "float32=wide.npy")
    assert done.returncode == 2 and "astype(numpy.float32)" in done.stderr, done.stderr
    print(f"{len(forms)} forms of {len(TYPES)} types")


def parsed(*command):
    done = subprocess.run(command, capture_output=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check_json():
    x, y, name = 'in "quoted" \\ \n', "ausgang: größe", "node\t\x1b[31m</script>*/ ??/"
    graph = helper.make_graph([helper.make_node("MatMul", [x, "w"], [y], name=name)], "odd \x01 name",
                              [helper.make_tensor_value_info(x, 1, [2, 3])], [helper.make_tensor_value_info(y, 1, [2, 2])],
                              [numpy_helper.from_array(numpy.eye(3, 2, dtype="float32"), "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "odd.onnx")
    numpy.save("x.npy", numpy.array([[1, 2, numpy.inf], [4, 5, 6]], "float32"))
    targets = parsed(tulle, "targets", "--json")["targets"]
    assert targets[0]["name"] == "native" and {"scalar", "generic"} <= {target["name"] for target in targets}
    output = parsed(tulle, "run", "odd.onnx", "--input", "x.npy", "--json")["outputs"][0]
    assert output["name"] == y and output["shape"] == [2, 2] and output["type"] == "float32", output
    verified = parsed(tulle, "verify", "odd.onnx", "--json")
    assert verified["threads"] == [1, 2, 3] and verified["cases"][0]["passed"] and verified["cases"][0]["layers"] == 1, verified
    subprocess.run([tulle, "build", "odd.onnx", "-o", "odd"], check=True, capture_output=True)
    bench = parsed("./odd", "--bench", "--json", "--threads", "2")
    assert {"model", "target", "threads", "batch", "median_ms", "min_ms", "layers"} <= bench.keys(), bench
    assert (bench["threads"], bench["batch"], bench["model"]) == (2, 2, "odd \x01 name"), bench
    layer = bench["layers"][0]
    assert layer["name"] == name and layer["op"] == "MatMul" and layer["predicted_ms"] is None and 0 < layer["density"] < 1, layer
    assert {"kernel", "median_ms", "gflops", "effective_gflops"} <= layer.keys(), layer
    table = subprocess.run(["./odd", "--bench"], capture_output=True, check=True).stdout
    assert b"\x1b" not in table and b"\t" not in table, table
    print("JSON of four commands")


def make_free():
    """A dimension without a size, and weights that matter."""
    weights = numpy.random.default_rng(1).standard_normal((64, 32)).astype("float32")
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "free", [helper.make_tensor_value_info("x", 1, ["n", 64])],
                              [helper.make_tensor_value_info("y", 1, ["n", 32])], [numpy_helper.from_array(weights, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "free.onnx")


def alive(process):
    try:
        with open(f"/proc/{process}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def check_strangers():
    """Modules in the current folder, where a downloaded model may lie, are not run."""
    os.environ["TULLE_PYTHON"] = sys.executable
    os.mkdir("stranger")
    for module in ("struct", "time", "numpy", "onnxruntime", "signal", "os", "posixpath"):
        with open(f"stranger/{module}.py", "w", encoding="ascii") as file:
            file.write(f"open('ran-{module}', 'w').close()\nraise SystemExit(3)\n")
    subprocess.run([tulle, "bench", "../odd.onnx", "--against", "onnxruntime"], capture_output=True, cwd="stranger")
    ran = [name for name in os.listdir("stranger") if name.startswith("ran-")]
    assert not ran, ran


def check_against():
    """Another engine in turns with ours: every type, odd names, a dimension without a size; and it ends when we are ended."""
    os.environ["TULLE_PYTHON"] = sys.executable
    if importlib.util.find_spec("onnxruntime") is None:
        lacking = subprocess.run([tulle, "bench", "odd.onnx", "--against", "onnxruntime"], capture_output=True, text=True)
        assert lacking.returncode == 1 and "pip install onnxruntime" in lacking.stderr, lacking
        print("no onnxruntime: it is said how to get it")
        return
    for arguments in (["model.onnx"], ["odd.onnx", "--threads", "2", "--input", "x.npy"], ["free.onnx", "--batch", "5"]):
        against = parsed(tulle, "bench", *arguments, "--against", "onnxruntime", "--json")["against"]
        assert against["engine"].startswith("onnxruntime 1") and against["runs"] >= 10, against
        assert against["median_ms"] > 0 and abs(against["ratio"] * against["our_median_ms"] / against["median_ms"] - 1) < 1e-4, against
        assert against["largest_difference"] <= 1e-5 * against["largest_element"] and against["largest_element"] > 0, against
    table = subprocess.run([tulle, "bench", "free.onnx", "--against", "onnxruntime"], capture_output=True, text=True).stdout
    assert "onnxruntime 1" in table and "results differ by" in table, table
    bench = subprocess.Popen([tulle, "bench", "free.onnx", "--against", "onnxruntime", "--repeat", "10000000"], stdout=subprocess.DEVNULL)
    python = []
    while not python and bench.poll() is None:
        with open(f"/proc/{bench.pid}/task/{bench.pid}/children", encoding="ascii") as file:
            python = [int(child) for child in file.read().split()]
    bench.send_signal(signal.SIGINT)
    assert bench.wait() == -signal.SIGINT, bench.returncode
    for _ in range(100):
        if not alive(python[0]):
            break
        time.sleep(0.1)
    assert not alive(python[0]), "the other engine outlives us"
    print("another engine beside ours")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    check_files()
    check_json()
    make_free()
    check_strangers()
    check_against()
