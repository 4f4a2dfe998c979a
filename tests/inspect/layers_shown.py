"""tulle inspect: on a sparse layer of small networks for four machines what it counts is what numpy, objdump and the tables of tests/assembly count;
pictures are XML, JSON is JSON, texts differ where it says so, and without LLVM it says what is missing. layers_shown.py TULLE"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

import numpy
import onnx
from onnx import numpy_helper

root = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(root / "tests/assembly"), str(root / "samples/zoo")]
import builder
import disassembly
import layers
import networks

tulle = os.path.abspath(sys.argv[1])
glyphs = str(root / "samples/glyphs/glyphs.onnx")
with_llvm = os.path.exists(os.path.join(os.path.dirname(tulle), "libtulle_jit.so"))
# Of a sanitized program: gcc's leak checker takes what stands before a loaded library's thread-local variables for their size, and runs into nowhere.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":intercept_tls_get_addr=0"
TARGETS = {"atom-c2750": "silvermont", "xeon-e5-2697v4": "broadwell", "native": None, "neoverse-n1": "neoverse-n1"}
CLASSES = ["multiply_adds", "vector", "shuffles", "moves", "loads", "stores", "prefetches", "integer", "branches"]


def call(*arguments, code=0, program=tulle, **more):
    done = subprocess.run([program, "inspect", *arguments], capture_output=True, text=True, **more)
    assert done.returncode == code, (arguments, done.returncode, done.stderr)
    return done


def inspect(*arguments, **more):
    return json.loads(call(*arguments, "--json", **more).stdout)


def refused(words, *arguments, code=1):
    done = call(*arguments, code=code)
    assert words in done.stderr, (words, done.stderr)


# ---- zeros ----

def weights_of(path, layer):
    model = onnx.load(path)
    node = next(node for node in model.graph.node if node.name == layer)
    array = next(numpy_helper.to_array(value) for value in model.graph.initializer if value.name == node.input[1])
    transposed = node.op_type == "Gemm" and not any(item.name == "transB" and item.i for item in node.attribute)
    return array.T if transposed else array


def check_zeros(said, weights):
    zeros, grains = said["zeros"], said["granularity"]
    present = (weights != 0).reshape(len(weights), weights.shape[1], -1)      # rows, channels, taps
    assert zeros["nonzeros"] == present.sum() and zeros["taps"] == present.shape[2]
    assert zeros["row_nonzeros"] == present.sum(axis=(1, 2)).tolist()
    assert zeros["channel_nonzeros"] == present.sum(axis=(0, 2)).tolist()
    assert zeros["tap_nonzeros"] == present.sum(axis=(0, 1)).tolist()
    width = weights.shape[-1] if present.shape[2] > 1 else 1
    assert zeros["kernel_width"] == width
    seen = {"elements": present.reshape(-1, 1), "vectors": present.reshape(-1, width), "kernels": present.reshape(-1, present.shape[2]),
            "filters": present.reshape(len(present), -1)}
    for name, groups in seen.items():
        kept = int(groups.any(axis=1).sum())
        density = kept / len(groups)
        expected = {"size": groups.shape[1], "groups": len(groups), "kept": kept, "density": density, "index_bits": 4 * kept,
                    "storage": density * (1 + 4 / (8 * groups.shape[1]))}
        assert all(abs(grains[name][field] - value) <= 1e-6 * value for field, value in expected.items()), (name, grains[name], expected)


# ---- what was compiled ----

def check_mix(mix):
    assert sum(mix[name] for name in CLASSES) == mix["instructions"], mix
    assert mix["loaded"] >= mix["loads"] and mix["stored"] >= mix["stores"] and mix["bytes"] > 0, mix


def check_throughput(loop):
    model = loop["throughput"]
    assert model["cycles"] > 0 and model["cycles"] >= 0.99 * model["bound_cycles"], loop
    assert model["bound_cycles"] * model["width"] >= 0.99 * model["micro_ops"] > 0, loop
    assert model["units"] and all(unit["cycles"] <= 1.01 * model["cycles"] for unit in model["units"]), loop


def check_code(said, core):
    code, loops = said["code"], said["loops"]
    for function in code["functions"]:
        check_mix(function)
    assert abs(sum(function["bytes"] for function in code["functions"]) - code["code_bytes"]) < 64
    assert core is None or loops["core"] == core, loops["core"]
    hot = loops["loops"][0]
    sums = [loop for loop in loops["loops"] if loop["multiply_adds"] > 0 and loop["stored"] == 0] or loops["loops"]
    assert hot["multiply_adds"] == max(loop["multiply_adds"] for loop in sums) > 0
    for loop in loops["loops"]:
        check_mix(loop)
    if loops["core"]:
        check_throughput(hot)
    for name in ("instructions", "loads"):               # the plan counts what stands around the loop, too
        pair = loops["each_multiply_add"][name]
        assert 0 < pair["compiled"] < 1.25 * pair["counted"], (name, pair)


def sparse_layer(path, target):
    table = inspect(path, "--target", target)
    chosen = [layer for layer in table["layers"] if layer["density"] < 0.5]
    return max(chosen, key=lambda layer: layer["predicted_ms"])["name"]


def check_network(name, folder):
    _, model = networks.build(name, builder.Options(density=0.1, scale=0.25))
    path = os.path.join(folder, name + ".onnx")
    onnx.save(model, path)
    for target, core in TARGETS.items():
        layer = sparse_layer(path, target)
        said = inspect(path, layer, "--target", target)
        check_zeros(said, weights_of(path, layer))
        if with_llvm:
            check_code(said, core)
        text = call(path, layer, "--target", target).stdout
        assert f"'{layer}'" in text and all(len(line) < 200 for line in text.splitlines())
        print(f"{name} {target}: {layer} by {said['layer']['kernel']}")


# ---- loops of which is known what is in them ----

# isa, kernel, layer, tiling, multiply-adds a round; of sparse_inline: of the bodies, for each nonzero
KNOWN = [
    ("sse4.2", "sparse_direct", "sparse 3x3", "1,12", 12), ("avx2", "sparse_direct", "sparse 3x3", "1,12", 12),
    ("avx512", "sparse_direct", "sparse 3x3", "1,17", 17), ("neon", "sparse_direct", "sparse 1x1", "1,7", 7),
    ("avx512", "dense_direct", "dense 3x3", "1,3,8", 24), ("neon", "dense_gemm", "product", "5,4", 20),
    ("avx512", "sparse_inline", "sparse 3x3", "1,1,28,1200,1,1", 1), ("neon", "sparse_inline", "sparse 3x3", "1,1,28,1200,1,1", 1),
]


def check_known(isa, kernel, layer, tiling, multiplies, folder):
    path = layers.path_of(layer, folder)
    arguments = [path, "layer", "--target", "generic-" + isa, "--kernel", f"layer={kernel}:{tiling}"]
    loops = inspect(*arguments)["loops"]
    assert loops["core"] is None and "throughput" not in loops["loops"][0]
    assert loops["bodies"] == (kernel == "sparse_inline")
    if loops["bodies"]:
        found = sum(loop["multiply_adds"] for loop in loops["loops"])
        assert found == multiplies * layers.nonzeros_of(layer, folder), (isa, kernel, found)
    else:
        hot = loops["loops"][0]
        assert hot["multiply_adds"] == multiplies and hot["spilled"] + hot["reloaded"] == 0 and hot["vector_registers"] > 1, (isa, kernel, hot)
    check_hot(call(*arguments, "--show", "hot").stdout, isa)
    check_objdump(arguments, isa, kernel, folder)


def check_hot(text, isa):
    """Each instruction's class, beside what tests/assembly makes of it."""
    arm, seen = isa == "neon", set()
    for line in text.splitlines():
        _, kind, name, operands = re.match(r"\s*([0-9a-f]+)  (\S+)\s+(\S+)\s*(.*)", line).groups()
        one = disassembly.Instruction(0, name, re.sub(r"\s+\([0-9a-f]+\)$", "", operands).replace("{ ", "{").replace(" }", "}"), 0)
        kinds = disassembly.arm_kinds(one) if arm else disassembly.x86_kinds(one)
        seen.add(kind)
        assert (kind == "multiply-adds") == (kinds["multiply"] > 0), line
        assert (kind == "stores") == (kinds["store"] > 0), line
        assert (kind == "prefetches") == (kinds["prefetch"] > 0), line
        assert (kind == "branches") == disassembly.is_branch(name, arm), line
        memory = "(" in operands or "[x" in operands or "[sp" in operands
        if kind == "loads":
            assert memory, line
        elif kind in ("shuffles", "moves", "vector"):
            assert kinds["vector"], line
    assert {"multiply-adds", "loads", "branches"} <= seen, seen


def check_objdump(arguments, isa, kernel, folder):
    """The assembly, assembled and taken apart by others."""
    tool = "aarch64-linux-gnu-gcc" if isa == "neon" else "gcc"
    if not shutil.which(tool) or (isa != "neon" and os.uname().machine != "x86_64"):
        print(f"skipped: no {tool} to assemble with")
        return
    source, result = os.path.join(folder, "layer.s"), os.path.join(folder, "layer.o")
    text = re.sub(r"^\s*\.addrsig.*\n", "", call(*arguments, "--show", "assembly").stdout, flags=re.M)       # LLVM's own
    pathlib.Path(source).write_text(text, encoding="utf-8")
    subprocess.run([tool, "-c", source, "-o", result], check=True)
    said = {function["name"].removeprefix("model_"): function for function in inspect(*arguments, "--show", "code")["code"]["functions"]}
    found = {name.removeprefix("model_"): body for name, body in disassembly.functions_of(result, isa == "neon").items()}     # stages have two names
    assert said.keys() & found.keys() == said.keys(), (said.keys(), found.keys())
    for name, function in said.items():
        counts = disassembly.counted(found[name], isa == "neon")
        flow = sum(one.name.startswith(("j", "call", "ret")) for one in found[name])
        assert counts["multiply"] == function["multiply_adds"], (isa, kernel, name, counts, function)
        if isa == "neon":
            assert len(found[name]) == function["instructions"] and 4 * len(found[name]) == function["bytes"], (name, len(found[name]), function)
        else:
            assert flow == function["branches"], (isa, kernel, name, flow, function)


def check_model(target, triple, core, layer, tiling, folder):
    """The simulated throughput is llvm-mca's for the same loop."""
    if not shutil.which("llvm-mca-19"):
        print("skipped: no llvm-mca-19 to compare with")
        return
    arguments = [layers.path_of(layer, folder), "layer", "--target", target, "--kernel", f"layer=sparse_direct:{tiling}"]
    model = inspect(*arguments)["loops"]["loops"][0]["throughput"]
    lines = [line.split(maxsplit=2)[2] for line in call(*arguments, "--show", "hot").stdout.splitlines()]
    lines[-1] = lines[-1].split()[0] + " again"
    text = "again:\n" + "\n".join(line.replace("\t", " ") for line in lines) + "\n"
    said = subprocess.run(["llvm-mca-19", "-mtriple=" + triple, "-mcpu=" + core, "-iterations=1000"], input=text, capture_output=True, text=True,
                          check=True).stdout
    bound, cycles = (float(re.search(words + r":\s+([\d.]+)", said)[1]) for words in ("Block RThroughput", "Total Cycles"))
    assert abs(bound - model["bound_cycles"]) <= 0.06, (target, bound, model)
    assert abs(cycles / 1000 - model["cycles"]) <= 0.02 * model["cycles"], (target, cycles, model)
    print(f"{target}: {model['cycles']} cycles a round, at least {model['bound_cycles']}; llvm-mca: {cycles / 1000}, {bound}")


# ---- pictures, differences, other machines ----

def check_pictures(folder):
    path = os.path.join(folder, "zeros.svg")
    hostile = os.path.join(folder, "hostile.onnx")
    model = onnx.load(glyphs)
    next(node for node in model.graph.node if node.name == "conv3").name = "<b>&\"'\x1b[31m"
    onnx.save(model, hostile)
    for file, layer in ((glyphs, "conv3"), (glyphs, "conv10"), (glyphs, "full"), (hostile, "<b>&\"'\x1b[31m")):
        call(file, layer, "--svg", path, "--show", "zeros")
        text = pathlib.Path(path).read_text(encoding="utf-8")
        tree = ElementTree.fromstring(text)
        assert tree.tag.endswith("svg") and len(tree) > 20 and "\x1b" not in text
        assert call(file, layer, "--svg", "-").stdout == text
    assert "\x1b" not in call(hostile, "<b>&\"'\x1b[31m").stdout + call(hostile).stdout
    refused("nothing to draw", glyphs, "mean", "--svg", path)
    refused("--svg is about one layer", glyphs, "--svg", path)
    refused("cannot both go", glyphs, "conv3", "--svg", "-", "--json")
    refused("overwrite the model", hostile, "<b>&\"'\x1b[31m", "--svg", hostile)


def patched(before, hunks):
    """The text behind, from the text before and what is said to differ."""
    result, at = [], 0
    for hunk in re.split(r"^@@ line (\d+), line \d+ @@\n", hunks, flags=re.M)[1:]:
        if hunk.isdigit():
            result += before[at:int(hunk) - 1]
            at = int(hunk) - 1
            continue
        for line in hunk.splitlines():
            if line[:1] in (" ", "-"):
                assert before[at] == line[1:], (before[at], line)
                at += 1
            if line[:1] in (" ", "+"):
                result.append(line[1:])
    return result + before[at:]


def check_differences():
    pair = ["sparse_direct:1,9", "sparse_direct:1,14"]
    arguments = [glyphs, "conv4", "--target", "neoverse-n1"]
    for show in ("c", "source"):
        texts = [call(*arguments, "--kernel", f"conv4={one}", "--show", show).stdout.splitlines() for one in pair]
        said = call(*arguments, "--diff", *pair, "--show", show).stdout
        assert patched(texts[0], said[said.index("@@"):]) == texts[1]
        removed, added = map(int, re.search(r": (\d+) lines only in A \(-\), (\d+) only in B", said).groups())
        assert (removed, added) == (len(re.findall("^-", said, re.M)), len(re.findall(r"^\+", said, re.M))) and removed < added < 40
    other = ["sparse_direct:1,9", "sparse_inline"]
    for show in ("c", "assembly") if with_llvm else ("c",):      # of the latter too much differs to look for the fewest lines
        texts = [call(*arguments, "--kernel", f"conv4={one}", "--show", show).stdout.splitlines() for one in other]
        said = call(*arguments, "--diff", *other, "--show", show).stdout
        assert patched(texts[0], said[said.index("@@"):]) == texts[1]
        assert ("too different" in said) == (show == "assembly")
    same = call(*arguments, "--diff", pair[0], pair[0], "--show", "c").stdout
    assert "0 lines only in A (-), 0 only in B (+)" in same and "@@" not in same
    both = inspect(*arguments, "--diff", *pair)
    assert [both[side]["layer"]["tiling"] for side in "ab"] == ["1,9", "1,14"]
    if with_llvm:
        assert [both[side]["loops"]["loops"][0]["multiply_adds"] for side in "ab"] == [9, 14]
        assert "cycles, simulated" in call(*arguments, "--diff", *pair).stdout
    refused("needs two values", *arguments, "--diff", "sparse_direct")
    refused("did you mean 'sparse_direct'", *arguments, "--diff", "sparse_direct", "sparse_dierct")
    refused("--diff is about one layer", glyphs, "--diff", *pair)


def check_machines(folder):
    path = os.path.join(folder, "board.target")
    text = subprocess.run([tulle, "targets", "atom-c2750"], capture_output=True, text=True, check=True).stdout
    assert re.search(r"^core +silvermont", text, re.M)
    for words, core in ((text, "silvermont"), (re.sub(r"^core .*\n", "", text, flags=re.M), None), (text.replace("silvermont", "no-such-core"), None)):
        pathlib.Path(path).write_text(words, encoding="utf-8")
        if with_llvm:
            assert inspect(glyphs, "conv4", "--target-file", path)["loops"]["core"] == core
            assert (core is not None) == ("no throughput" not in call(glyphs, "conv4", "--target-file", path).stdout)
    refused("is a GPU", glyphs, "conv4", "--target", "v100", code=3)


# ---- wrong use, and without LLVM ----

def check_wrong_use():
    refused("did you mean 'conv4'", glyphs, "cnov4")
    refused("did you mean 'assembly'", glyphs, "conv4", "--show", "asembly")
    refused("--show is about one layer", glyphs, "--show", "c")
    refused("one layer at a time", glyphs, "conv4", "conv5")
    refused("there is no target named", glyphs, "conv4", "--target", "atom")


def check_alone(folder):
    """A copy of the program without its library, and no compiler on the PATH."""
    alone, work = os.path.join(folder, "alone"), os.path.join(folder, "work")
    os.mkdir(alone)
    os.mkdir(work)
    program = shutil.copy(tulle, alone)
    environment = {**os.environ, "PATH": alone, "TMPDIR": work}
    said = inspect(glyphs, "conv4", program=program, env=environment)
    assert "built without LLVM" in said["missing"] and said["code"] is None and said["loops"] is None and said["zeros"]["nonzeros"] > 0
    assert call(glyphs, "conv4", program=program, env=environment).stdout.count("not shown: ") >= 2
    assert "conv3_0" in call(glyphs, "conv4", "--show", "c", program=program, env=environment).stdout
    assert "nothing can be compiled" in call(glyphs, "conv4", "--show", "ir", program=program, env=environment, code=3).stderr
    assert "nothing is compiled" in call(glyphs, "conv4", "--diff", "sparse_direct", "sparse_panel", program=program, env=environment).stdout
    if with_llvm:
        assert inspect(glyphs, "conv4", env=environment)["loops"]["loops"]
    assert not os.listdir(work)


def check_cache(folder):
    """Objects are those that run keeps."""
    objects = pathlib.Path(folder, "cache", "tulle", "objects")
    environment = {**os.environ, "XDG_CACHE_HOME": os.path.join(folder, "cache")}
    arguments = [glyphs, "conv4", "--target", "neoverse-n1", "--json"]
    first = call(*arguments, "--no-cache", env=environment).stdout
    assert not objects.exists()
    for _ in range(2):
        assert call(*arguments, env=environment).stdout == first
        assert len(list(objects.iterdir())) == 1


with tempfile.TemporaryDirectory() as scratch:
    check_wrong_use()
    check_alone(scratch)
    check_machines(scratch)
    check_pictures(scratch)
    check_differences()
    if with_llvm:
        check_cache(scratch)
    for row in KNOWN if with_llvm else []:
        check_known(*row, scratch)
    for machine in (("atom-c2750", "x86_64", "silvermont", "sparse 3x3", "1,12"), ("xeon-e5-2697v4", "x86_64", "broadwell", "sparse 3x3", "1,12"),
                    ("skylake-server", "x86_64", "skylake-avx512", "sparse 3x3", "1,17"), ("zen4", "x86_64", "znver4", "sparse 3x3", "1,17"),
                    ("neoverse-n1", "aarch64", "neoverse-n1", "sparse 1x1", "1,7"), ("cortex-a53", "aarch64", "cortex-a53", "sparse 1x1", "1,7")):
        if with_llvm:
            check_model(*machine, scratch)
    for network in ("alexnet", "googlenet", "mobilenet1", "resnet50"):
        check_network(network, scratch)
print("inspect says what is so")
