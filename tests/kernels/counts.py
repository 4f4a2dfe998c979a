#!/usr/bin/env python3
"""Holds what work() counts against what runs: every kernel on common shapes, its stages stepped through one instruction at a time; --verbose
shows its code's size and the object's, too. Needs x86-64, gcc, objdump and nm."""
import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
FLAGS = {"sse4.2": "-msse4.2", "avx2": "-mavx2 -mfma", "avx512": "-mavx512f -mavx512vl -mavx512dq -mavx512bw -mfma"}
FEATURES = {"sse4.2": ["sse4_2"], "avx2": ["avx2", "fma"], "avx512": ["avx512f", "avx512vl", "avx512dq", "avx512bw"]}
WHAT = ["instructions", "fma", "vector", "loads", "stores"]
SKIPPED = 77
FEW = 500

# Counted over executed, of a layer: compilers decide the rest. Multiply-adds follow from the weights and the tiling alone; poolings multiply once an
# output, functions as often as their polynomials ask for, and the reference's loops are the compiler's to turn into vectors.
NEAR = {"instructions": (0.6, 1.7), "fma": (0.98, 1.02)}
EXEMPT = {"instructions": ("reference",), "fma": ("reference", "pooling", "global_pooling", "lrn", "softmax", "elementwise")}

ARITHMETIC = re.compile(r"v?(u?comi|add|sub|mul|div|sqrt|max|min|round|rndscale|cmp|cvt|blendv?|fn?m|ands?|andn|x?or|padd|psub|psll|psrl|pand|por|"
                        r"pxor|pmovm|shuf|unpck|movhl|movlh|perm|extract|insert)\w*(ps|ss|pd|sd|dq|[dq])|vp?(and|or|xor|sll|srl|add|sub)[dq]")
MULTIPLY = re.compile(r"v?(fn?m\w+|mul)(ps|ss|pd|sd)")


def classify(text):
    """How many of fma, vector, loads and stores the instruction is."""
    parts = text.split(None, 1)
    name, operands = parts[0], parts[1].split("#")[0].strip() if len(parts) > 1 else ""
    memory = "(" in operands and not name.startswith(("lea", "nop", "data16", "cs", "prefetch"))
    last = re.split(r",(?![^(]*\))", operands)[-1] if operands else ""
    stores = memory and "(" in last and not name.startswith(("cmp", "test", "ucomi", "comi", "vucomi", "vcomi", "call", "jmp", "push"))
    loads = memory and (not stores or not name.startswith(("mov", "vmov", "set", "vextract")))
    same = len(set(re.findall(r"%\w+", operands))) == 1
    vector = "mm" in operands and ARITHMETIC.fullmatch(name) is not None and not (same and "xor" in name)
    general = "mm" not in operands and name not in ("push", "pop", "call", "ret")
    return {"instructions": 1, "fma": MULTIPLY.fullmatch(name) is not None and "mm" in operands, "vector": vector,
            "loads": loads or name == "pop", "stores": (stores and "(" in last) or name == "push", "general": general}


def instructions_of(binary):
    table = {}
    for line in subprocess.run(["objdump", "-d", "--no-show-raw-insn", binary], check=True, capture_output=True, text=True).stdout.splitlines():
        found = re.match(r"\s*([0-9a-f]+):\t(.+)", line)
        if found:
            table[int(found[1], 16)] = found[2]
    return table


def sizes_of(binary):
    """Bytes of the functions of each layer: NAME_0, NAME_pack, NAME_rows.cold ..."""
    sizes = collections.Counter()
    for line in subprocess.run(["nm", "-S", binary], check=True, capture_output=True, text=True).stdout.splitlines():
        found = re.match(r"[0-9a-f]+ ([0-9a-f]+) [tT] ([a-z0-9]+)_(\w+)[.\w]*$", line)
        if found:
            sizes[found[2]] += int(found[1], 16)
    return sizes


def compile_stepper(isa, folder):
    runner = f"{folder}/stepper"
    subprocess.run(["gcc", "-std=gnu11", "-O2", *FLAGS[isa].split(), "-ffp-contract=off", "-static", "-no-pie", "-g", f"-I{folder}",
                    '-DPROGRAM_HEADER="counted.h"', "-o", runner, HERE / "stepper.c", f"{folder}/counted.c", "-lm"], check=True, cwd=folder)
    return runner


def executed_by(runner):
    """What ran, by layer and stage; None: this system does not allow ptrace."""
    steps = subprocess.run([runner], capture_output=True, text=True)
    if steps.returncode == SKIPPED:
        return None
    if steps.returncode != 0:
        sys.exit(f"{runner} failed: {steps.returncode}")
    table = instructions_of(runner)
    executed = collections.defaultdict(collections.Counter)
    for line in steps.stdout.splitlines():
        layer, stage, address, count = line.split()
        text = table.get(int(address, 16))
        for what, much in classify(text).items() if text else ():
            executed[int(layer), int(stage)][what] += much * int(count)
    return executed


def show(head, layer, number, executed, code):
    for stage, work in enumerate(layer["stages"]):
        real = executed[number, stage]
        print(head, f"[{stage}]", "  ".join(f"{what} {work[what]:9.0f}/{real[what]:<9} {work[what] / max(1, real[what]):5.2f}" for what in WHAT))
    print(head, f"code {layer['code_bytes']:.0f}/{code} {layer['code_bytes'] / max(1, code):.2f}")


def faults_of(head, layer, number, executed):
    """Of all stages together: sums of a few instructions say nothing."""
    faults = 0
    for what, (least, most) in NEAR.items():
        counted = sum(work[what] for work in layer["stages"])
        real = sum(executed[number, stage][what] for stage in range(len(layer["stages"])))
        if layer["kernel"] in EXEMPT[what] or max(counted, real) < FEW or least * real <= counted <= most * real:
            continue
        print(f"FAULT: {head}: {what}: {counted:.0f} counted, {real} ran")
        faults += 1
    return faults


def hold(options, isa, folder):
    """Layers looked at and faults; None: it cannot run here."""
    subprocess.run([options.counted, "generic-" + isa, folder, str(options.tilings), *([options.kernel] if options.kernel else [])], check=True)
    layers = json.loads((pathlib.Path(folder) / "counted.json").read_text())
    runner = compile_stepper(isa, folder)
    executed, sizes, faults = executed_by(runner), sizes_of(runner), 0
    if executed is None:
        return None
    for number, layer in enumerate(layers):
        head = f"{isa:7} {layer['name']:9} {layer['kernel']:15} {layer['tiling']:8}"
        if options.verbose:
            show(head, layer, number, executed, sizes[layer["op"].lower() + str(number)])
        faults += faults_of(head, layer, number, executed)
    return len(layers), faults


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counted")
    parser.add_argument("--isa", choices=FLAGS)
    parser.add_argument("--kernel")
    parser.add_argument("--tilings", type=int, default=6, help="of each layer, at most")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    features = next((line for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("flags")), "").split()
    ran = [0, 0]
    for isa in [options.isa] if options.isa else FLAGS:
        with tempfile.TemporaryDirectory() as folder:
            held = hold(options, isa, folder) if set(FEATURES[isa]) <= set(features) else None
        if held is None:
            print(f"skipped: {isa} cannot be stepped through here")
            continue
        print(f"{isa}: {held[0]} layers, {held[1]} faults", flush=True)
        ran = [ran[0] + held[0], ran[1] + held[1]]
    return 1 if ran[1] else 0 if ran[0] else SKIPPED


if __name__ == "__main__":
    sys.exit(main())
