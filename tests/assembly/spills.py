#!/usr/bin/env python3
"""Every tiling that the kernels offer for small layers, compiled by gcc and clang: none may touch the stack in its innermost loop of multiply-adds.

    tests/assembly/spills.py --tulle build/tulle [--all] [--isa NAME] [--kernel NAME] [--jobs COUNT] [--verbose]

Without --all: for each kernel's first layer and each instruction set the tiling with the most sums. Needs what loops.py needs, which counts the
other instructions of chosen loops. depthwise has no loop over weights: they may lie on the stack, as operands, and so may what its loop over a line
keeps; an address for each row of outputs may not."""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import disassembly
import layers
import loops

# kernel: layers; how many numbers of a tiling say what its loop is, while others say where its data lie; the places of those that its sums are the
# product of
KERNELS = {
    "dense_direct": (["dense 3x3", "dense 1x1"], 3, (1, 2)),
    "dense_gemm": (["product"], 2, (0, 1)),
    "dense_implicit": (["dense 3x3", "dense 1x1"], 9, (1, 2, 3)),
    "dense_winograd": (["dense 3x3", "small 3x3"], 3, (0, 1)),
    "depthwise": (["depthwise 3x3"], 9, (1,)),
    "sparse_direct": (["sparse 3x3", "sparse 1x1"], 9, (1,)),
    "sparse_fc": (["sparse product"], 9, (0,)),
    "sparse_lowered": (["sparse 3x3"], 9, (0,)),
    "sparse_panel": (["middle 3x3"], 3, (1, 2)),
    "sparse_pointwise": (["sparse 1x1"], 9, (1,)),
}

LINE_WORDS = 2     # of depthwise's loop over the vectors of a line


def tilings_of(tulle, isa, kernel, layer, folder):
    """One tiling of every different loop."""
    _, numbers, _ = KERNELS[kernel]
    said = subprocess.run([tulle, "explain", layers.path_of(layer, folder), "layer", "--target", "generic-" + isa], check=True, capture_output=True,
                          text=True).stdout
    found = re.findall(rf"^ *\d+ +{kernel} +([\d,]+) +plain ", said, re.MULTILINE)
    return list({tuple(tiling.split(",")[:numbers]): tiling for tiling in reversed(found)}.values())[::-1]


def sums_of(kernel, tiling):
    numbers, sums = [int(number) for number in tiling.split(",")], 1
    for place in KERNELS[kernel][2]:
        sums *= max(numbers[place] if place < len(numbers) else 1, 1)
    return sums


def examine(job):
    """What the innermost loops with the most multiply-adds do on the stack: (job, vectors, others), or what went wrong."""
    tulle, isa, kernel, layer, tiling, name, compiler, folder = job
    with tempfile.TemporaryDirectory(dir=folder) as own:
        os.symlink(layers.path_of(layer, folder), os.path.join(own, layer.replace(" ", "-") + ".onnx"))
        loop = loops.Loop(isa, kernel, layer, tiling, 0, 0, 0, 0, 0)
        path, said = loops.object_of(argparse.Namespace(tulle=tulle), loop, name, compiler, own)
        if path is None:
            return job, said, None
        arm = isa == "neon"
        found = disassembly.hot_loops(disassembly.functions_of(path, arm), arm, "product" if kernel == "dense_winograd" else "")
    kinds = [disassembly.arm_kinds(one) if arm else disassembly.x86_kinds(one) for one in (found[0] if found else [])]
    vectors, all_of_them = sum(kind["stack"] and kind["vector"] for kind in kinds), sum(kind["stack"] for kind in kinds)
    words = all_of_them - vectors
    if kernel == "depthwise":
        vectors, words = 0, max(words - LINE_WORDS, 0)
    return job, "" if found else "no loop of multiply-adds", (vectors, words)


def jobs_of(options, folder):
    for kernel, (names, _, _) in KERNELS.items():
        for layer in (names if options.all else names[:1]) if options.kernel in (None, kernel) else []:
            for isa in loops.FLAGS if options.isa is None else [options.isa]:
                tilings = tilings_of(options.tulle, isa, kernel, layer, folder)
                if tilings and not options.all:
                    tilings = [max(tilings, key=lambda tiling: sums_of(kernel, tiling))]
                for name, compiler in loops.compilers(isa):
                    for tiling in tilings:
                        yield options.tulle, isa, kernel, layer, tiling, name, compiler, folder


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tulle", default="build/tulle")
    parser.add_argument("--isa", choices=loops.FLAGS)
    parser.add_argument("--kernel", choices=KERNELS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--verbose", action="store_true", help="name those that keep off the stack, too")
    options = parser.parse_args()
    missing = loops.missing_tools()
    if missing:
        print(missing)
        return loops.SKIPPED
    tried = faults = 0
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for names, _, _ in KERNELS.values():
            for name in names:
                layers.path_of(name, folder)
        for (_, isa, kernel, layer, tiling, name, _, _), wrong, stack in pool.map(examine, list(jobs_of(options, pathlib.Path(folder)))):
            tried += 1
            fault = wrong or (f"{stack[0]} vectors and {stack[1]} other words on the stack" if any(stack) else "")
            faults += bool(fault)
            if fault or options.verbose:
                print(f"{isa:7} {kernel:16} {tiling:14} {layer:14} {name:6}{' WRONG: ' + fault.strip() if fault else ''}", flush=True)
    print(f"{tried} loops, {faults} faults")
    return int(faults > 0 or tried == 0)


if __name__ == "__main__":
    sys.exit(main())
