#!/usr/bin/env python3
"""Holds what work() counts against what runs: every kernel on common shapes, its stages stepped through one instruction at a time, and its code's
size against the object's. Needs x86-64, gcc, objdump and nm."""
import argparse
import collections
import json
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
FLAGS = {"sse4.2": "-msse4.2", "avx2": "-mavx2 -mfma", "avx512": "-mavx512f -mavx512vl -mavx512dq -mavx512bw -mfma"}
FEATURES = {"sse4.2": ["sse4_2"], "avx2": ["avx2", "fma"], "avx512": ["avx512f", "avx512vl", "avx512dq", "avx512bw"]}
WHAT = ["instructions", "fma", "vector", "loads", "stores"]
# How far a count may be from what runs: compilers fold, unroll and spill as they like. Old x86 copies registers where the others do not.
ALLOWED = {"instructions": 1.3, "fma": 1.02, "vector": 1.1, "loads": 1.3, "stores": 2.2, "code": 1.6}
ALLOWED_SSE = {**ALLOWED, "instructions": 1.45, "vector": 1.7, "loads": 2}
LEAST = {"instructions": 1000, "fma": 100, "vector": 500, "loads": 500, "stores": 500, "code": 0}    # of fewer it does not matter
EXEMPT = {"fma": ("softmax", "lrn", "normalization", "elementwise", "pooling", "reference"),     # products the compiler may turn into others
          "vector": ("softmax", "lrn", "normalization", "elementwise", "pooling", "global_pooling", "reference"),    # divisions count more
          "loads": ("softmax", "elementwise"),                  # constants, when registers are few
          "stores": ("reference", "sparse_fc"), "code": ("reference",)}
SKIPPED = 77

ARITHMETIC = re.compile(r"v?(u?comi|add|sub|mul|div|sqrt|max|min|round|rndscale|cmp|cvt|blendv?|fn?m|andn?|x?or)\w*(ps|ss|pd|sd|dq|[dq])")
MULTIPLY = {True: re.compile(r"vfn?m\w+(ps|ss)|vmul[ps]d"), False: re.compile(r"mul[ps][sd]")}     # by whether f32 fuses


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
    return {"instructions": 1, "fma": MULTIPLY[name.startswith("v")].fullmatch(name) is not None and "mm" in operands, "vector": vector,
            "loads": loads or name == "pop", "stores": stores or name == "push"}


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
        found = re.match(r"[0-9a-f]+ ([0-9a-f]+) [tT] (?:counted_)?([a-z0-9]+)_(\w+)[.\w]*$", line)
        if found:
            sizes[found[2]] += int(found[1], 16)
    return sizes


def build(options, isa, folder):
    subprocess.run([options.counted, "generic-" + isa, folder, str(options.tilings), *([options.kernel] if options.kernel else [])], check=True)
    sources = [str(HERE / "stepper.c"), folder + "/counted.c"]
    command = ["gcc", "-std=gnu11", "-O2", *FLAGS[isa].split(), "-ffp-contract=off", "-fno-ipa-icf", "-static", "-no-pie", "-I" + folder,
               '-DPROGRAM_HEADER="counted.h"', "-o", folder + "/stepper", *sources, "-lm"]
    subprocess.run(command, check=True)
    return folder + "/stepper"


def executed_by(program):
    """What ran, by layer and stage."""
    steps = subprocess.run([program], capture_output=True, text=True)
    if steps.returncode == SKIPPED:
        print("skipped: this system does not allow ptrace")
        sys.exit(SKIPPED)
    if steps.returncode != 0:
        sys.exit(f"{program} failed: {steps.returncode}")
    table = instructions_of(program)
    executed = collections.defaultdict(collections.Counter)
    for line in steps.stdout.splitlines():
        layer, stage, address, count = line.split()
        text = table.get(int(address, 16))
        for what, much in classify(text).items() if text else ():
            executed[int(layer), int(stage)][what] += much * int(count)
    return executed


def compare(head, kernel, what, counted, real, allowed, verbose):
    """1 if they are too far apart."""
    exempt = kernel in EXEMPT.get(what, ())
    ratio = counted / max(1, real)
    wrong = not exempt and max(counted, real) >= LEAST[what] and not 1 / allowed[what] <= ratio <= allowed[what]
    if wrong or verbose:
        print(f"{head} {what:12} {counted:9.0f} counted, {real:9.0f} real: {ratio:5.2f}{'  WRONG' if wrong else ''}")
    return int(wrong)


def check(isa, layers, executed, sizes, verbose):
    faults = 0
    allowed = ALLOWED_SSE if isa == "sse4.2" else ALLOWED
    for number, layer in enumerate(layers):
        head = f"{isa:7} {layer['name']:9} {layer['kernel']:15} {layer['tiling']:8}"
        for stage, work in enumerate(layer["stages"]):
            for what in WHAT:
                faults += compare(f"{head} stage {stage}", layer["kernel"], what, work[what], executed[number, stage][what], allowed, verbose)
        code = sizes[layer["op"].lower() + str(number)]
        faults += compare(f"{head}        ", layer["kernel"], "code", layer["code_bytes"], code, allowed, verbose)
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counted")
    parser.add_argument("--isa", choices=FLAGS)
    parser.add_argument("--kernel")
    parser.add_argument("--tilings", type=int, default=2, help="of each layer, at most")
    parser.add_argument("--keep", help="a folder for the program")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    if platform.machine() != "x86_64" or not shutil.which("gcc") or not shutil.which("objdump"):
        print("skipped: needs x86-64, gcc and objdump")
        return SKIPPED
    features = next((line for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("flags")), "").split()
    faults = ran = 0
    for isa in FLAGS:
        if options.isa and options.isa != isa:
            continue
        if not all(feature in features for feature in FEATURES[isa]):
            print(f"{isa}: skipped, cannot run here")
            continue
        with tempfile.TemporaryDirectory() as folder:
            program = build(options, isa, options.keep or folder)
            layers = json.loads((pathlib.Path(options.keep or folder) / "counted.json").read_text())
            wrong = check(isa, layers, executed_by(program), sizes_of(program), options.verbose)
        print(f"{isa}: {len(layers)} layers, {wrong} counts wrong", flush=True)
        faults, ran = faults + wrong, ran + 1
    return int(faults > 0) if ran > 0 else SKIPPED


if __name__ == "__main__":
    sys.exit(main())
