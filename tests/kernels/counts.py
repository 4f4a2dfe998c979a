#!/usr/bin/env python3
"""Holds what work() counts against what runs: every kernel on common shapes, its stages stepped through one instruction at a time, and its code's size
against the object's. Usage: counts.py COUNTED_BINARY [--isa NAME] [--kernel NAME] [--verbose]. Needs x86-64, gcc, objdump and nm."""
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

ARITHMETIC = re.compile(r"v?(u?comi|add|sub|mul|div|sqrt|max|min|round|rndscale|cmp|cvt|blendv?|fn?m|ands?|andn|x?or|padd|psub|psll|psrl|pand|por|pxor|pmovm|"
                        r"shuf|unpck|movhl|movlh|perm|extract|insert)\w*(ps|ss|pd|sd|dq|[dq])|vp?(and|or|xor|sll|srl|add|sub)[dq]")
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


def counted_and_executed(counted, isa, kernel, folder):
    subprocess.run([counted, "generic-" + isa, folder] + ([kernel] if kernel else []), check=True)
    layers = json.loads((pathlib.Path(folder) / "counted.json").read_text())
    runner = f"{folder}/stepper"
    command = f"gcc -std=gnu11 -O2 {FLAGS[isa]} -ffp-contract=off -static -no-pie -g -I{folder} -DPROGRAM_HEADER=\"counted.h\""
    subprocess.run(command.replace('"', '\\"').split()[:0] + ["sh", "-c", command.replace('"', '\\"') + f" -o {runner} {HERE}/stepper.c {folder}/counted.c -lm"],
                   check=True)
    steps = subprocess.run([runner], capture_output=True, text=True)
    if steps.returncode == SKIPPED:
        print("skipped: this system does not allow ptrace")
        sys.exit(SKIPPED)
    if steps.returncode != 0:
        sys.exit(f"{runner} failed: {steps.returncode}")
    table = instructions_of(runner)
    executed = collections.defaultdict(collections.Counter)
    for line in steps.stdout.splitlines():
        layer, stage, address, count = line.split()
        text = table.get(int(address, 16))
        for what, much in classify(text).items() if text else ():
            executed[int(layer), int(stage)][what] += much * int(count)
    sizes = sizes_of(runner)
    return layers, executed, sizes


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("counted")
    parser.add_argument("--isa")
    parser.add_argument("--kernel")
    parser.add_argument("--keep")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    features = next((line for line in open("/proc/cpuinfo") if line.startswith("flags")), "").split()
    faults = 0
    for isa in FLAGS:
        if options.isa and options.isa != isa:
            continue
        if not all(feature in features for feature in FEATURES[isa]):
            print(f"{isa}: skipped, cannot run here")
            continue
        with tempfile.TemporaryDirectory() as folder:
            folder = options.keep or folder
            layers, executed, sizes = counted_and_executed(options.counted, isa, options.kernel, folder)
        for number, layer in enumerate(layers):
            base = layer["op"].lower() + str(number)
            head = f"{isa:7} {layer['name']:9} {layer['kernel']:15} {layer['tiling']:8}"
            for stage, work in enumerate(layer["stages"]):
                real = executed[number, stage]
                text = "  ".join(f"{what} {work[what]:9.0f}/{real[what]:<9} {work[what] / max(1, real[what]):5.2f}" for what in WHAT)
                if options.verbose:
                    print(head, f"[{stage}]", text)
            if options.verbose:
                print(head, f"code {layer['code_bytes']:.0f}/{sizes[base]} {layer['code_bytes'] / max(1, sizes[base]):.2f}")
    return faults


if __name__ == "__main__":
    sys.exit(main())
