"""tulle explain: JSON that agrees with itself and with what is compiled, tables, pictures that are XML whatever the names are, wrong use.
explain.py TULLE"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

import numpy
import onnx
from onnx import helper, numpy_helper

tulle = os.path.abspath(sys.argv[1])
samples = pathlib.Path(__file__).resolve().parents[2] / "samples"
glyphs = str(samples / "glyphs" / "glyphs.onnx")
SVG = "{http://www.w3.org/2000/svg}"
BENCH_FIELDS = {"name", "op", "kernel", "density", "median_ms", "predicted_ms", "gflops", "effective_gflops"}


def call(*arguments, code=0):
    done = subprocess.run([tulle, *arguments], capture_output=True)
    assert done.returncode == code, (arguments, done.returncode, done.stderr.decode())
    return done


def explain(*arguments):
    return json.loads(call("explain", *arguments, "--json").stdout)


def near(a, b, relative=1e-6):
    return abs(a - b) <= relative * max(abs(a), abs(b), 1e-30)


def check_candidate(candidate, gpu):
    if not candidate["stages"]:      # nothing is computed
        assert candidate["predicted_ms"] == 0 and candidate["bound"] == "nothing", candidate
        return
    longest = max(candidate["stages"], key=lambda stage: stage["ms"])
    assert candidate["bound"] == longest["bound"], candidate
    assert near(sum(stage["ms"] for stage in candidate["stages"]), candidate["predicted_ms"]), candidate
    for stage in candidate["stages"]:
        assert stage["cycles"][stage["bound"]] == max(stage["cycles"].values()), stage
    assert candidate["why"] and (candidate["why"] == "chosen") == candidate["chosen"]
    assert not (candidate["chosen"] and candidate["projected"]) or gpu


def check_layer(layer, gpu=False):
    assert BENCH_FIELDS <= layer.keys()
    chosen = [candidate for candidate in layer["candidates"] if candidate["chosen"]]
    assert len(chosen) == 1, (layer["name"], layer["kernel"])
    for field in ["kernel", "tiling", "layout_in", "layout_out", "bound", "predicted_ms", "hot_ms", "alpha"]:
        assert chosen[0][field] == layer[field], (layer["name"], field)
    prices = [candidate["predicted_ms"] for candidate in layer["candidates"]]
    assert all(a <= b * 1.01 for a, b in zip(prices, prices[1:])), (layer["name"], prices)     # in order, to three digits
    for candidate in layer["candidates"]:
        check_candidate(candidate, gpu)
    assert near(layer["gflops"], layer["effective_gflops"] * layer["density"])
    if layer["dense_ms"] is not None:
        assert near(layer["speedup"], layer["dense_ms"] / layer["predicted_ms"])
        if not chosen[0]["sparse"]:
            assert near(layer["dense_ms"], layer["predicted_ms"], 0.02) or layer["dense_ms"] < layer["predicted_ms"]
    if layer["pattern"]:
        pattern = layer["pattern"]
        assert near(layer["density"], pattern["nonzeros"] / (pattern["rows"] * pattern["columns"]))
        assert pattern["imbalance"] >= 1 and pattern["kernels"] <= pattern["nonzeros"]
    if layer["useful"] is not None:
        low, high = layer["useful"]
        assert 0 <= low <= high <= 1


def check_network(network, gpu=False):
    layers = network["layers"]
    assert near(sum(layer["predicted_ms"] for layer in layers), network["predicted_ms"])
    assert near(sum(layer["predicted_ms"] if layer["dense_ms"] is None else layer["dense_ms"] for layer in layers), network["dense_ms"])
    assert near(network["speedup"], network["dense_ms"] / network["predicted_ms"])
    assert near(sum(layer["share"] for layer in layers), 1)
    for layer in layers:
        check_layer(layer, gpu)


def compiled_kernels(*arguments):
    """From the generated table of layers, views left out."""
    source = call("compile", *arguments, "--single-file", "-o", "-").stdout.decode()
    rows = re.findall(r'^\s+\{"([^"]*)", "([^"]*)", "([^"]*)", .*\},$', source, re.MULTILINE)
    return [(name, kernel) for name, _, kernel in rows if kernel != "view"]


def check_targets():
    """Every machine there is answers; those without kernels to write say so."""
    targets = json.loads(call("targets", "--json").stdout)["targets"]
    assert len(targets) > 10
    for target in targets:
        gpu = target["isa"] == "cuda"
        if gpu and subprocess.run([tulle, "explain", glyphs, "--target", target["name"]], capture_output=True).returncode == 3:
            continue
        network = explain(glyphs, "--target", target["name"])
        assert network["target"] == target["name"] or target["name"] == "native"
        check_network(network, gpu)


def check_against_compile(model, *options):
    network = explain(model, *options)
    check_network(network)
    assert [(layer["name"], layer["kernel"]) for layer in network["layers"]] == compiled_kernels(model, *options)
    return network


def check_one_layer():
    options = ["--target", "skylake-server"]
    network = explain(glyphs, *options)
    of_all = next(layer for layer in network["layers"] if layer["name"] == "conv4")
    alone = explain(glyphs, "conv4", *options)["layers"]
    assert len(alone) == 1 and len(alone[0]["candidates"]) >= len(of_all["candidates"])
    check_layer(alone[0])
    text = call("explain", glyphs, "conv4", *options).stdout.decode()
    assert "local price" in text and "joint price" in text and "weights: 64 rows x 288 columns" in text
    assert len(re.findall(r"^\s*\d+  \w+ .*slower: bound by", text, re.MULTILINE)) >= 2, text
    starred = [line for line in text.splitlines() if "*" in line and not line.startswith("cycles")]
    assert len(starred) == len(alone[0]["candidates"]), text


def check_ranges():
    """They are guide's."""
    options = [glyphs, "--target", "zen4"]
    guide = {layer["name"]: layer["useful"] for layer in json.loads(call("guide", *options, "--json").stdout)["layers"]}
    explained = {layer["name"]: layer["useful"] for layer in explain(*options)["layers"] if layer["pattern"]}
    assert guide == explained and len(guide) == 11, (guide, explained)
    for name, useful in guide.items():
        assert ("useful range of density: none" in call("explain", *options, name).stdout.decode()) == (useful is None)


def check_forced():
    options = ["--target", "skylake-server", "--kernel", "conv4=reference"]
    layer = explain(glyphs, "conv4", *options)["layers"][0]
    assert layer["kernel"] == "reference"
    assert "--kernel asked for another" in layer["candidates"][0]["why"], layer["candidates"][0]
    for seed in "1", "2":
        check_network(explain(glyphs, "--target", "zen4", "--select", "random:" + seed))


def check_table():
    done = call("explain", glyphs, "--target", "atom-c2750", "--threads", "8")
    lines = done.stdout.decode().splitlines()
    assert not done.stderr and "8 threads" in lines[0] and "atom-c2750" in lines[0]
    network = explain(glyphs, "--target", "atom-c2750", "--threads", "8")
    for layer in network["layers"]:
        assert sum(line.split()[0] == layer["name"] and layer["kernel"] in line for line in lines if line) == 1, layer["name"]
    assert any(line.startswith("whole network ") and "100 %" in line for line in lines)
    assert max(map(len, lines)) <= 140
    projected = call("explain", glyphs, "--target", "atom-c2750", "--prune", "0.02").stdout.decode()
    assert "a projection, not the model: weights of" in projected and "a density of 0.02" in projected
    assert explain(glyphs, "--target", "atom-c2750", "--prune", "0.02")["projection"]


def check_paper():
    network = explain(glyphs, "--target", "atom-c2750", "--alpha", "paper")
    assert network["formula"] == "paper" and len(network["layers"]) == 11
    for layer in network["layers"]:
        if layer["bound"] == "compute" and layer["speedup"] > 1:
            assert near(layer["speedup"] * layer["alpha"] * layer["density"], 1), layer
    assert any(layer["speedup"] > 1 for layer in network["layers"])
    low, high = network["layers"][3]["useful"]
    assert 0 < low < high and near(high, 1 / 1.2)


def write_hostile(path):
    """Names that XML, HTML and terminals would trip over; the bytes that are no UTF-8 are put in afterwards."""
    names = ['<script>alert("x")</script>', "a&b]]>'c", "\x01\x1b[31mred\x7f", "turned\u202ename", "XXYY-not-utf8", "long" * 80,
             "\uffff\ufffe", "日本語の層", "stage4/unit2/branch2/convolution_of_40_c", "層" * 60]
    generator = numpy.random.default_rng(1)
    nodes, weights, value = [], [], "x"
    for i, name in enumerate(names):
        array = generator.normal(size=(8, 8, 3, 3)).astype("float32")
        array[generator.random(array.shape) > 0.1] = 0
        weights.append(numpy_helper.from_array(array, f"w{i}"))
        nodes.append(helper.make_node("Conv", [value, f"w{i}"], [f"v{i}"], name=name, pads=[1, 1, 1, 1]))
        value = f"v{i}"
    tensors = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 8, 12, 12]) for name in ("x", value)]
    graph = helper.make_graph(nodes, "<&\"'>", tensors[:1], tensors[1:], weights)
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    pathlib.Path(path).write_bytes(data.replace(b"XXYY-not-utf8", b"\xff\xc0\x80\xed\xa0\x80not-utf8"[:13]))
    return len(names)


def draw(model, path, *options):
    call("explain", model, *options, "--svg", path)
    text = pathlib.Path(path).read_bytes()
    root = ElementTree.fromstring(text)
    assert root.tag == SVG + "svg"
    assert {element.tag for element in root.iter()} <= {SVG + tag for tag in
                                                        ("svg", "title", "style", "defs", "pattern", "rect", "path", "line", "circle", "text")}
    width, height = float(root.get("width")), float(root.get("height"))
    for element in root.iter():
        for name in ("x", "x1", "x2", "cx"):
            assert element.get(name) is None or 0 <= float(element.get(name)) <= width, element.attrib
        for name in ("y", "y1", "y2", "cy"):
            assert element.get(name) is None or 0 <= float(element.get(name)) <= height, element.attrib
    return text, root


def check_picture():
    options = ["--target", "skylake-server", "--threads", "4"]
    text, root = draw(glyphs, "glyphs.svg", *options)
    assert draw(glyphs, "again.svg", *options)[0] == text
    assert call("explain", glyphs, *options, "--svg", "-").stdout == text
    network = explain(glyphs, *options)
    sparse = sum(any(candidate["chosen"] and candidate["sparse"] for candidate in layer["candidates"]) for layer in network["layers"])
    dots = [circle for circle in root.iter(SVG + "circle") if circle.get("class") == "black"]
    assert len(dots) == sparse + 1                                       # and the legend's
    written = " ".join(element.text or "" for element in root.iter(SVG + "text"))
    assert all(layer["name"] in written for layer in network["layers"])
    count = write_hostile("hostile.onnx")
    paper = ["--target", "atom-c2750", "--alpha", "paper"]
    for picture, _ in draw("hostile.onnx", "hostile.svg", *options), draw("hostile.onnx", "paper.svg", *paper):
        assert b"<script" not in picture and b"\x1b" not in picture and "\u202e".encode() not in picture
    check_network(explain("hostile.onnx", *options))
    table = call("explain", "hostile.onnx", *options).stdout
    assert b"\x1b" not in table and "\u202e".encode() not in table and len(table.splitlines()) == count + 6
    assert "日本語の層" in table.decode() and b"\\x1b[31mred" in table
    call("explain", "hostile.onnx", "stage4/unit2/branch2/convolution_of_40_c", *options)
    assert b"stage4/unit2/branch2/convolution_of_40_c " in table                # as LAYER takes it


def check_wrong_use():
    def refused(pattern, *arguments, code=1):
        error = call("explain", *arguments, code=code).stderr.decode()
        assert re.search(pattern, error), error
    refused("did you mean 'conv4'", glyphs, "conv44", "--target", "zen4")
    refused("did you mean 'atom-c2750'", glyphs, "--target", "atom-c275")
    refused("did you mean 'dense_gemm'", glyphs, "--kernel", "full=dense_gem", "--target", "zen4")
    refused("no kernel named|no layer named", glyphs, "--kernel", "nowhere=dense_gemm", "--target", "zen4")
    refused("one layer at a time", glyphs, "conv4", "conv5")
    refused("no model is given")
    refused("--alpha takes 'paper'", glyphs, "--alpha", "papr")
    refused("no alpha.* for 'zen4'.*\n.*atom-c2750", glyphs, "--alpha", "paper", "--target", "zen4")
    refused("no candidates", glyphs, "conv4", "--alpha", "paper", "--target", "atom-c2750")
    refused("cannot both", glyphs, "--json", "--svg", "-")
    refused("whole network", glyphs, "conv4", "--svg", "x.svg")
    refused("", glyphs, "--target", "zen4", "--svg", "nowhere/x.svg")
    pathlib.Path("copy.onnx").write_bytes(pathlib.Path(glyphs).read_bytes())
    refused("overwrite the model", "copy.onnx", "--target", "zen4", "--svg", "copy.onnx")
    assert not pathlib.Path("x.svg").exists() and pathlib.Path("copy.onnx").read_bytes() == pathlib.Path(glyphs).read_bytes()


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    check_targets()
    check_against_compile(glyphs, "--target", "skylake-server", "--threads", "2")
    check_against_compile(glyphs, "--target", "atom-c2750")
    zoo = [sys.executable, str(samples / "zoo" / "make.py"), "squeezenet", "--scale", "0.25", "-o", "squeezenet.onnx"]
    subprocess.run(zoo, check=True, stdout=subprocess.DEVNULL)
    check_against_compile("squeezenet.onnx", "--target", "zen4")
    draw("squeezenet.onnx", "squeezenet.svg", "--target", "cortex-a53")
    check_one_layer()
    check_ranges()
    check_forced()
    check_table()
    check_paper()
    check_picture()
    check_wrong_use()
print("explain: fine")
