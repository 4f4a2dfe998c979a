#!/usr/bin/env python3
"""Inner loops as compilers leave them: small layers are compiled with one kernel in one tiling, by gcc and by clang, and the innermost loop with the
most multiply-adds is taken apart. It may hold so many multiply-adds, loads, broadcasts and stores a nonzero (of dense kernels: a weight of each
channel of its block), so many instructions in all, and may not touch the stack.

    tests/assembly/loops.py --tulle build/tulle [--isa NAME] [--kernel NAME] [--verbose] [--keep FOLDER]

Needs Python with onnx, binutils, gcc; clang, aarch64's gcc and binutils where they are."""
import argparse
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import disassembly
import layers

SKIPPED = 77
FLAGS = {"sse4.2": "-msse4.2", "avx2": "-mavx2 -mfma", "avx512": "-mavx512f -mavx512vl -mavx512dq -mavx512bw -mfma", "neon": "-march=armv8-a"}


@dataclasses.dataclass
class Loop:
    isa: str
    kernel: str
    layer: str
    tiling: str
    multiplies: int    # exactly, in each round: unrolled loops have several
    loads: int         # of vectors, at most; operands of other instructions included
    broadcasts: int    # at most
    stores: int        # at most
    most: int          # instructions of any kind
    straight: bool = False     # no loop: the longest stretch without a jump


# sparse_direct, tiling "planes,vectors": a nonzero is its offset and its value, a broadcast of that, and for every vector of the tile a load, as an
# operand where instructions have such, and a multiply-add; SSE4.2 multiplies and adds apart, and loads what it multiplies. Beside them at most 6
# for the address, the count and the branch. NEON multiplies by an element of a vector: no broadcast is needed, but clang may make one.
#
# dense_direct, tiling "planes,vectors,channels": a load of each vector and a broadcast of each channel's weight serve vectors * channels
# multiply-adds. SSE4.2 copies the register that it multiplies, but for the last use; and its broadcast is a load and a shuffle.
#
# dense_gemm, tiling "rows,vectors": the same with rows of the left matrix for channels.
#
# depthwise, tiling "planes,vectors": all taps in one round: a load and a multiply-add for each tap and vector, then the bias' and the
# activation's instructions and a store for each vector. The nine weights and the bias are broadcast in each round, or stay in registers, or copies
# of them stand in memory as operands, as the compiler likes it.
LOOPS = [
    Loop("sse4.2", "sparse_direct", "sparse 3x3", "1,12", 12, 12, 1, 0, 3 * 12 + 9),
    Loop("sse4.2", "sparse_direct", "sparse 1x1", "1,7", 7, 7, 1, 0, 3 * 7 + 9),
    Loop("avx2", "sparse_direct", "sparse 3x3", "1,12", 12, 12, 1, 0, 12 + 8),
    Loop("avx2", "sparse_direct", "sparse 1x1", "1,7", 7, 7, 1, 0, 7 + 8),
    Loop("avx512", "sparse_direct", "sparse 3x3", "1,17", 17, 17, 1, 0, 17 + 8),
    Loop("avx512", "sparse_direct", "sparse 1x1", "1,10", 10, 10, 1, 0, 10 + 8),
    Loop("neon", "sparse_direct", "sparse 3x3", "1,12", 12, 12, 1, 0, 2 * 12 + 8),
    Loop("neon", "sparse_direct", "sparse 1x1", "1,7", 7, 7, 1, 0, 2 * 7 + 8),
    Loop("sse4.2", "dense_direct", "dense 3x3", "1,2,6", 12, 2, 6, 0, 2 * 12 + 2 + 2 * 6 + 6 + 6),
    Loop("avx2", "dense_direct", "dense 3x3", "1,2,6", 12, 2, 6, 0, 12 + 2 + 6 + 6),
    Loop("avx512", "dense_direct", "dense 3x3", "1,3,8", 24, 3, 8, 0, 24 + 3 + 8 + 6),
    Loop("neon", "dense_direct", "dense 3x3", "1,3,6", 18, 3, 2, 0, 18 + 3 + 6 + 8),
    Loop("sse4.2", "dense_gemm", "product", "6,2", 12, 2, 6, 0, 2 * 12 + 2 + 2 * 6 + 6 + 6),
    Loop("avx2", "dense_gemm", "product", "6,2", 12, 2, 6, 0, 12 + 2 + 6 + 6),
    Loop("avx512", "dense_gemm", "product", "8,3", 24, 3, 8, 0, 24 + 3 + 8 + 6),
    Loop("neon", "dense_gemm", "product", "5,4", 20, 4, 5, 0, 20 + 4 + 5 + 6),
    Loop("sse4.2", "depthwise", "depthwise 3x3", "1,4", 36, 36, 10, 4, 36 * 3 + 4 * 3 + 30),
    Loop("avx2", "depthwise", "depthwise 3x3", "1,6", 54, 54, 10, 6, 54 + 6 * 3 + 20),
    Loop("avx512", "depthwise", "depthwise 3x3", "1,6", 54, 54, 10, 6, 54 + 6 * 3 + 20),
    Loop("neon", "depthwise", "depthwise 3x3", "1,7", 63, 63, 10, 7, 63 * 2 + 7 * 3 + 20),
]


def compilers(isa):
    arm = isa == "neon"
    cross = "aarch64-linux-gnu-gcc"
    if not arm or shutil.which(cross):
        yield "gcc", [cross if arm else "gcc"]
    clang = shutil.which("clang-19") or shutil.which("clang")
    if clang and (not arm or shutil.which(cross)):
        yield "clang", [clang, "--target=aarch64-linux-gnu"] if arm else [clang]


def object_of(options, loop, name, compiler, folder):
    source, result = os.path.join(folder, "layer.c"), os.path.join(folder, f"{name}.o")
    model = layers.path_of(loop.layer, folder)
    made = subprocess.run([options.tulle, "compile", model, "--target", "generic-" + loop.isa, "--kernel", f"layer={loop.kernel}:{loop.tiling}",
                           "--single-file", "-o", source], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return None, made.stderr
    flags = ["-std=gnu11", "-O2", "-ffp-contract=off", *FLAGS[loop.isa].split()]
    subprocess.run([*compiler, *flags, "-c", source, "-o", result], check=True)
    return result, ""


def faults_of(loop, counts):
    """What is wrong with a loop of such counts; the number of rounds in it."""
    rounds = counts["multiply"] // loop.multiplies
    if rounds == 0 or counts["multiply"] % loop.multiplies != 0:
        return [f"{counts['multiply']} multiply-adds, not a multiple of {loop.multiplies}"]
    most = {"load": loop.loads, "broadcast": loop.broadcasts, "store": loop.stores, "stack": 0, "all": loop.most}
    return [f"{counts[kind]} of kind '{kind}' in {rounds} rounds, at most {limit} expected in each"
            for kind, limit in most.items() if counts[kind] > rounds * limit]


def check(options, loop, name, compiler, folder):
    """The faults' number."""
    head = f"{loop.isa:7} {loop.kernel:16} {loop.tiling:8} {loop.layer:12} {name:6}"
    path, said = object_of(options, loop, name, compiler, folder)
    if path is None:
        print(f"{head} WRONG: cannot be compiled: {said.strip()}")
        return 1
    arm = loop.isa == "neon"
    hot = disassembly.hottest(disassembly.functions_of(path, arm), arm, loop.straight)
    counts = disassembly.counted(hot, arm)
    faults = faults_of(loop, counts)
    rounds = max(1, counts["multiply"] // loop.multiplies)
    each = ", ".join(f"{counts[kind] / rounds:.3g} {kind}" for kind in ("multiply", "load", "broadcast", "store", "stack", "all"))
    print(f"{head} {each}{'; WRONG: ' + '; '.join(faults) if faults else ''}", flush=True)
    if options.verbose:
        print("\n".join(f"    {one.name} {one.operands}" for one in hot))
    return len(faults)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tulle", default="build/tulle")
    parser.add_argument("--isa", choices=FLAGS)
    parser.add_argument("--kernel")
    parser.add_argument("--keep", help="a folder for models, sources and objects")
    parser.add_argument("--verbose", action="store_true", help="print the loops")
    options = parser.parse_args()
    if not shutil.which("objdump") or not shutil.which("gcc") or os.uname().machine != "x86_64":
        print("skipped: needs x86-64, gcc and objdump")
        return SKIPPED
    if not any(name == "clang" for name, _ in compilers("avx2")):
        print("clang: skipped, not installed")
    if not any(compilers("neon")):
        print("neon: skipped, no cross compiler")
    faults = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or scratch
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        for loop in LOOPS:
            if options.isa in (None, loop.isa) and options.kernel in (None, loop.kernel):
                faults += sum(check(options, loop, name, compiler, folder) for name, compiler in compilers(loop.isa))
    print(f"{len(LOOPS)} loops, {faults} faults")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
