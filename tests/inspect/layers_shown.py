"""tulle inspect: on a sparse layer of small networks for four machines what it counts is what numpy, objdump and the tables of tests/assembly count;
pictures are XML, JSON is JSON, texts differ where it says so, and without LLVM it says what is missing. layers_shown.py TULLE"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import numpy
import onnx
from onnx import numpy_helper

from asking import call, glyphs, inspect, refused, root, tulle, with_llvm
from comparisons import check_differences, check_machines, check_pictures

sys.path[:0] = [str(root / "tests/assembly"), str(root / "samples/zoo")]
import builder
import disassembly
import layers
import networks

TARGETS = {"atom-c2750": "silvermont", "xeon-e5-2697v4": "broadwell", "native": None, "neoverse-n1": "neoverse-n1"}
CLASSES = ["multiply_adds", "vector", "shuffles", "moves", "loads", "stores", "prefetches", "integer", "branches"]


# ---- zeros ----

def weights_of(path, layer):
    """Rows first: of convolutions [outputs, inputs of a group, ...]."""
    model = onnx.load(path)
    node = next(node for node in model.graph.node if node.name == layer)
    array = next(numpy_helper.to_array(value) for value in model.graph.initializer if value.name == node.input[1])
    transposed = node.op_type == "Gemm" and not any(item.name == "transB" and item.i for item in node.attribute)
    if node.op_type == "ConvTranspose":
        groups = next((item.i for item in node.attribute if item.name == "group"), 1)
        return numpy.concatenate([part.swapaxes(0, 1) for part in numpy.split(array, groups)])
    return array.T if transposed else array


def fillers_of(kept):
    """Of zeros, so that an index of 4 bits gets from each group that is kept to the next."""
    left_out = fillers = 0
    for one in kept:
        if one:
            left_out = 0
        else:
            left_out += 1
            if left_out == 16:
                fillers, left_out = fillers + 1, 0
    trailing = len(kept) - 1 - max(numpy.flatnonzero(kept), default=-1)
    return fillers - trailing // 16


def check_zeros(said, weights, whole=True):
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
        any_left = groups.any(axis=1)
        kept, fillers = int(any_left.sum()), fillers_of(any_left)
        density, each = kept / len(groups), 1 + 4 / (8 * groups.shape[1])
        expected = {"size": groups.shape[1], "groups": len(groups), "kept": kept, "density": density, "index_bits": 4 * kept,
                    "storage": density * each}
        if whole or name == "filters":
            expected |= {"fillers": fillers, "storage_filled": (kept + fillers) / len(groups) * each}
        else:
            assert grains[name]["fillers"] is None and grains[name]["storage_filled"] is None, grains[name]
        assert all(abs(grains[name][field] - value) <= 1e-6 * value for field, value in expected.items()), (name, grains[name], expected)


# ---- what was compiled ----

def check_mix(mix):
    assert sum(mix[name] for name in CLASSES) == mix["instructions"], mix
    assert mix["loaded"] >= mix["loads"] and mix["stored"] >= mix["stores"] and mix["bytes"] > 0, mix


def check_throughput(loop):
    model = loop["throughput"]
    assert model["cycles"] > 0 and model["cycles"] >= 0.99 * model["bound_cycles"], loop
    assert model["bound_cycles"] * model["width"] >= 0.99 * model["micro_ops"] > 0, loop
    names = {unit["name"] for unit in model["units"]}
    assert model["busiest"] is None or names & {model["busiest"], *model["busiest_units"]}, model
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
        assert ("throughput" in loop) != bool(loop.get("why")), loop
    if loops["core"]:
        check_throughput(hot)
    assert loops["round_loops_modelled"] <= min(loops["round_loops"], 6)
    check_agreement(loops, 0.2)


def check_agreement(loops, least):
    """The plan counts what stands around the loop, too: of small layers that is more than the loop."""
    for name in ("instructions", "loads"):
        pair = loops["each_multiply_add"][name]
        assert least * pair["counted"] < pair["compiled"] < 1.25 * pair["counted"], (name, pair)


def sparse_layer(path, target):
    table = inspect(path, "--target", target)
    chosen = [layer for layer in table["layers"] if (layer["density"] or 1) < 0.5]
    return max(chosen, key=lambda layer: layer["predicted_ms"])["name"]


def check_network(name, folder):
    _, model = networks.build(name, builder.Options(density=0.1, scale=0.25))
    path = os.path.join(folder, name + ".onnx")
    onnx.save(model, path)
    for target, core in TARGETS.items():
        layer = sparse_layer(path, target)
        said = inspect(path, layer, "--target", target)
        check_zeros(said, weights_of(path, layer), said["layer"]["op"] == "Conv")
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
    ("avx512", "dense_direct", "dense 3x3", "1,3,8", 24), ("neon", "dense_direct", "dense 3x3", "1,3,8", 24), ("neon", "dense_gemm", "product", "5,4", 20),
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
    check_agreement(loops, 0.35)
    check_hot(call(*arguments, "--show", "hot").stdout, isa)
    check_objdump(arguments, isa, kernel, folder)


def check_hot(text, isa):
    """Each instruction's class, beside what tests/assembly makes of it."""
    arm, seen = isa == "neon", set()
    places = [int(line.split()[0], 16) for line in text.splitlines()]
    for line in text.splitlines():
        _, kind, name, operands = re.match(r"\s*([0-9a-f]+)  (\S+)\s+(\S+)\s*(.*)", line).groups()
        one = disassembly.Instruction(0, name, operands.replace("{ ", "{").replace(" }", "}"), 0)
        target = re.search(r"(?:^|\s)#?0x([0-9a-f]+)$", operands) if kind == "branches" else None
        inside = target and places[0] <= int(target[1], 16) <= places[-1]
        assert not inside or int(target[1], 16) in places, (line, places)
        if line == text.splitlines()[-1]:
            assert target and int(target[1], 16) == places[0], (line, places[0])
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


def check_spills(text, said, what):
    """What the compiler says itself, in comments: a register stored, or loaded again; those that are kept for the caller are not meant."""
    counts = {"Spill": 0, "Reload": 0}
    for line in text.splitlines():
        word = re.search(r"-byte (?:Folded )?(Spill|Reload)", line)
        instruction = re.split("//|#", line)[0] if "%" not in line else line.split("#")[0]
        if word and re.search(r"%[xyz]mm|\s[bhsdq]\d+,", instruction) and not re.search(r"\sd(?:[89]|1[0-5]),", instruction):
            counts[word[1]] += 2 if re.match(r"\s*(?:ld|st)p\s", instruction) else 1
    found = [sum(function[field] for function in said) for field in ("spilled", "reloaded")]
    assert found == list(counts.values()), (what, found, counts)
    return found[0]


def arm_transfers(instructions, letters):
    """Registers that are loaded ("ld") or stored ("st")."""
    moved = 0
    for one in instructions:
        listed = re.match(r"\{v(\d+)[^}]*?(?:-\s*v(\d+)[^}]*)?\}", one.operands)
        if not one.name.startswith(letters):
            continue
        if listed and re.match(r"..[1-4]", one.name):
            moved += (int(listed[2]) - int(listed[1])) % 32 + 1 if listed[2] else one.operands[:listed.end()].count(",") + 1
        else:
            moved += 2 if re.match(r"..n?p(sw)?$", one.name) else 1
    return moved


def check_objdump(arguments, isa, kernel, folder):
    """The assembly, assembled and taken apart by others."""
    tool = "aarch64-linux-gnu-gcc" if isa == "neon" else "gcc"
    if not shutil.which(tool) or (isa != "neon" and os.uname().machine != "x86_64"):
        print(f"skipped: no {tool} to assemble with")
        return
    source, result = os.path.join(folder, "layer.s"), os.path.join(folder, "layer.o")
    text = re.sub(r"^\s*\.addrsig.*\n", "", call(*arguments, "--show", "assembly").stdout, flags=re.M)       # LLVM's own
    spilled = check_spills(text, inspect(*arguments, "--show", "code")["code"]["functions"], (isa, kernel))
    assert spilled > 0 or (isa, kernel) != ("neon", "dense_direct"), "none to be counted"
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
            moved = [arm_transfers(found[name], letters) for letters in ("ld", "st")]
            assert moved == [function["loaded"], function["stored"]], (isa, kernel, name, moved, function)
            assert len(found[name]) == function["instructions"] and 4 * len(found[name]) == function["bytes"], (name, len(found[name]), function)
        else:
            assert flow == function["branches"], (isa, kernel, name, flow, function)


# ---- layers of other kinds ----

def one_layer(folder, name, operator, x, y, weights, **attributes):
    """A model of one node with constant weights, and its path."""
    path = os.path.join(folder, name + ".onnx")
    inputs, constants = (["x", "w"], [numpy_helper.from_array(weights, "w")]) if weights is not None else (["x"], [])
    node = onnx.helper.make_node(operator, attributes.pop("inputs", inputs), ["y"], name="layer", **attributes)
    values = [[onnx.helper.make_tensor_value_info(label, onnx.TensorProto.FLOAT, shape)] for label, shape in (("x", x), ("y", y))]
    graph = onnx.helper.make_graph([node], "layer", *values, constants)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def some_weights(*shape, density=0.2):
    random = numpy.random.default_rng(3)
    return (random.uniform(0.5, 1, shape) * (random.random(shape) < density)).astype(numpy.float32)


def check_other_layers(folder):
    layers_of = {
        "transposed": one_layer(folder, "transposed", "ConvTranspose", [1, 8, 14, 14], [1, 12, 16, 16], some_weights(8, 12, 3, 3), kernel_shape=[3, 3]),
        "transposed-groups": one_layer(folder, "transposed-groups", "ConvTranspose", [1, 8, 14, 14], [1, 24, 16, 16], some_weights(8, 12, 3, 3),
                                       kernel_shape=[3, 3], group=2),
        "grouped": one_layer(folder, "grouped", "Conv", [1, 16, 14, 14], [1, 24, 12, 12], some_weights(24, 4, 3, 3), kernel_shape=[3, 3], group=4),
        "depthwise": one_layer(folder, "depthwise", "Conv", [1, 16, 14, 14], [1, 16, 12, 12], some_weights(16, 1, 3, 3), kernel_shape=[3, 3], group=16),
        "thin": one_layer(folder, "thin", "Conv", [1, 64, 6, 6], [1, 64, 6, 6], some_weights(64, 64, 1, 1, density=0.01), kernel_shape=[1, 1]),
        "volume": one_layer(folder, "volume", "Conv", [1, 4, 8, 8, 8], [1, 8, 6, 7, 4], some_weights(8, 4, 3, 2, 5), kernel_shape=[3, 2, 5]),
    }
    for name, path in layers_of.items():
        said, weights, text = inspect(path, "layer", "--target", "neoverse-n1"), weights_of(path, "layer"), call(path, "layer").stdout
        check_zeros(said, weights)
        zeros = said["zeros"]
        groups = {"transposed-groups": 2, "grouped": 4, "depthwise": 16}.get(name, 1)
        used = (weights != 0).reshape(groups, -1, weights.shape[1], zeros["taps"]).any(axis=(1, 3))
        assert (zeros["groups"], zeros["channels"], zeros["empty_channels"]) == (groups, used.size, int((~used).sum())), zeros
        assert f"{int((~used).sum())} of all {used.size} input channels" in text
        picture = call(path, "layer", "--svg", "-").stdout
        assert (f"{weights.shape[1]} input channel{'' if weights.shape[1] == 1 else 's'} of each of {groups} groups" in picture) == (groups > 1)
        if with_llvm:
            for function in said["code"]["functions"]:
                check_mix(function)
    assert inspect(layers_of["thin"], "layer")["granularity"]["elements"]["fillers"] > 0
    planes = call(layers_of["volume"], "layer", "--show", "zeros").stdout.split("kernel, %:\n")[1].rstrip().split("\n\n")
    assert [len(plane.splitlines()) for plane in planes] == [2, 2, 2] and inspect(layers_of["volume"], "layer")["zeros"]["kernel_height"] == 2
    check_unweighted(folder)
    check_reference(layers_of["grouped"])
    product = one_layer(folder, "product-20", "Gemm", [6, 40], [6, 48], some_weights(40, 48))
    check_zeros(inspect(product, "layer", "--target", "neoverse-n1"), weights_of(product, "layer"), whole=False)
    assert "not known" in call(product, "layer", "--show", "granularity").stdout


def check_unweighted(folder):
    pool = one_layer(folder, "pool", "MaxPool", [1, 8, 16, 16], [1, 8, 8, 8], None, kernel_shape=[2, 2], strides=[2, 2])
    left = one_layer(folder, "left", "MatMul", [12, 20], [8, 20], some_weights(8, 12), inputs=["w", "x"])
    for path, words in ((pool, "no constant weights"), (left, "constant side is the left one")):
        said = inspect(path, "layer", "--target", "neoverse-n1")
        assert said["layer"]["density"] is None and said["zeros"] == {} and said["granularity"] == {}, said["layer"]
        assert inspect(path)["layers"][0]["density"] is None
        assert call(path, "layer").stdout.count(words) == 2
        refused(words, path, "layer", "--svg", os.path.join(folder, "nothing.svg"))
    if with_llvm:
        assert "each_multiply_add" not in inspect(pool, "layer", "--target", "neoverse-n1")["loops"]


def check_reference(path):
    """Products and sums apart, also where the target could do both at once; and no body of it is in assembler, whatever its functions' names."""
    for target in ("scalar", "xeon-e5-2697v4", "neoverse-n1") if with_llvm else ():
        arguments = [path, "layer", "--target", target, "--kernel", "layer=reference"]
        said, text = inspect(*arguments), call(*arguments).stdout
        assert not said["loops"]["bodies"] and not said["code"]["fused"] and said["loops"]["loops"][0]["multiply_adds"] > 0, (target, said["loops"])
        assert ("instructions of their own" in text) == (target != "scalar")
        assert 0.1 < said["loops"]["each_multiply_add"]["instructions"]["compiled"] < said["loops"]["each_multiply_add"]["instructions"]["counted"] * 1.25


def check_bodies():
    """More bodies than are simulated, threads, and a core that is known to be modelled roughly."""
    many = [glyphs, "conv4", "--target", "xeon-e5-2697v4", "--kernel", "conv4=sparse_inline:1,2,6,1200,1,2"]
    loops = inspect(*many)["loops"]
    assert loops["bodies"] and loops["round_loops"] > 6 == loops["round_loops_modelled"], loops["round_loops"]
    assert all(loop["multiply_adds"] > 0 for loop in loops["loops"][:loops["round_loops"]])
    words = f"{loops['round_loops']} bodies, cycles of 6"
    assert words in call(*many).stdout and words in call(*many[:4], "--diff", "sparse_inline:1,2,6,1200,1,2", "sparse_direct").stdout
    both = call(*many[:4], "--diff", "sparse_inline", "sparse_direct").stdout
    assert not re.search(r"^multiply-adds a round .*x$", both, re.M)
    called = [glyphs, "conv4", "--target", "zen4", "--kernel", "conv4=sparse_inline"]
    assert "not known: it calls a function" in call(*called).stdout
    assert any(loop.get("why") == "it calls a function" for loop in inspect(*called)["loops"]["loops"])
    silvermont = [glyphs, "conv4", "--target", "atom-c2750"]
    assert "queues" in call(*silvermont).stdout and "--threads 1 shows them" not in call(*silvermont, "--threads", "1").stdout
    threads = inspect(*silvermont, "--threads", "2")["loops"]["each_multiply_add"]["cycles"]
    assert threads["counted"] is None and threads["compiled"] > 0 and "--threads 1 shows them" in call(*silvermont, "--threads", "2").stdout


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


# ---- wrong use, and without LLVM ----

def check_wrong_use():
    refused("did you mean 'conv4'", glyphs, "cnov4")
    refused("did you mean 'assembly'", glyphs, "conv4", "--show", "asembly")
    refused("lists them", glyphs, "qqqqqqqqqqqqqqq")
    for other in (["--json"], ["--svg", "x.svg"], ["--diff", "sparse_direct", "sparse_inline"], ["--show", "c"]):
        refused(f"leave out {other[0]}", glyphs, "conv4", "--export", "nowhere.c", *other)
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
    check_other_layers(scratch)
    if with_llvm:
        check_bodies()
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
