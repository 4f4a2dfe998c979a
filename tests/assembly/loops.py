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
    loads: float       # of vectors, at most; operands of other instructions included
    broadcasts: float  # at most
    stores: float      # at most
    most: float        # instructions of any kind but prefetches
    function: str = ""         # the loop is in one with this in its name
    prefetches: float = 0      # at most
    nonzeros: bool = False     # nonzeros are instructions: all loops hold all of the layer's, and the limits are those of each


# sparse_direct, tiling "planes,vectors,..." (planes 3: lifted): a nonzero is its offset and its value, a broadcast of that, and for every vector of
# the tile a load, as an operand where instructions have such, and a multiply-add; SSE4.2 multiplies and adds apart, and loads what it multiplies.
# Beside them at most 6 for the address, the count and the branch. NEON multiplies by an element of a vector: no broadcast is needed, but clang may
# make one.
#
# dense_direct, tiling "planes,vectors,channels": a load of each vector and a broadcast of each channel's weight serve vectors * channels
# multiply-adds. SSE4.2 copies the register that it multiplies, but for the last use; and its broadcast is a load and a shuffle.
#
# dense_gemm, tiling "rows,vectors": the same with rows of the left matrix for channels. dense_winograd, tiling "tiles,vectors,...": the same with
# tiles; its transforms are other loops.
#
# depthwise, tiling "planes,rows": all taps in one round: a multiply-add for each tap and row of outputs, a load for each tap of the rows of inputs
# below them, which several rows of outputs take, then the bias' and the activation's instructions and a store for each row. The nine weights stay in
# registers, or copies of them stand in memory as operands, as the compiler likes it: of tilings with more rows and of SSE4.2 on the stack.
#
# sparse_pointwise, tiling "planes,vectors,blocks": as sparse_direct.
#
# sparse_panel, tiling "planes,vectors,channels": the set of all channels has the most multiply-adds, and a loop as of dense_direct.
#
# sparse_inline, tiling "planes,vectors,channels,...": a nonzero is a multiply-add for each vector. AVX-512 takes the weight from memory and
# broadcasts it on the way, AVX2 broadcasts it first. A column's vector is loaded once for all channels of a body: 28 with AVX-512, 6 with AVX2.
# Of AVX-512 with one vector it is aligned out of lines in registers, which neighbouring taps share: fewer loads, but an instruction more a column.
# NEON loads four weights at once and multiplies by one of them; its pointer to the input moves along.
# 16 channels set their sums to the bias and store them, among 246 nonzeros: a fifteenth of a broadcast and of a store for each vector.
LOOPS = [
    Loop("sse4.2", "sparse_direct", "sparse 3x3", "1,12", 12, 12, 1, 0, 3 * 12 + 9),
    Loop("sse4.2", "sparse_direct", "sparse 1x1", "1,7", 7, 7, 1, 0, 3 * 7 + 9),
    Loop("avx2", "sparse_direct", "sparse 3x3", "1,12", 12, 12, 1, 0, 12 + 8),
    Loop("avx2", "sparse_direct", "sparse 1x1", "1,7", 7, 7, 1, 0, 7 + 8),
    Loop("avx512", "sparse_direct", "sparse 3x3", "1,17", 17, 17, 1, 0, 17 + 8),
    Loop("avx512", "sparse_direct", "sparse 1x1", "1,10", 10, 10, 1, 0, 10 + 8),
    Loop("neon", "sparse_direct", "sparse 3x3", "1,12", 12, 12, 1, 0, 2 * 12 + 9),
    Loop("neon", "sparse_direct", "sparse 1x1", "1,7", 7, 7, 1, 0, 2 * 7 + 9),
    Loop("sse4.2", "sparse_direct", "sparse 3x3", "3,11,8,28,1", 11, 11, 1, 0, 3 * 11 + 9),
    Loop("avx2", "sparse_direct", "sparse 3x3", "3,13,8,28,1", 13, 13, 1, 0, 13 + 8),
    Loop("avx512", "sparse_direct", "sparse 3x3", "3,19,8,28,1", 19, 19, 1, 0, 19 + 8),
    Loop("neon", "sparse_direct", "sparse 3x3", "3,14,16,28,1", 14, 14, 1, 0, 2 * 14 + 8),
    Loop("sse4.2", "dense_direct", "dense 3x3", "1,2,6", 12, 2, 6, 0, 2 * 12 + 2 + 2 * 6 + 6 + 6),
    Loop("avx2", "dense_direct", "dense 3x3", "1,2,6", 12, 2, 6, 0, 12 + 2 + 6 + 6),
    Loop("avx512", "dense_direct", "dense 3x3", "1,3,8", 24, 3, 8, 0, 24 + 3 + 8 + 6),
    Loop("neon", "dense_direct", "dense 3x3", "1,3,6", 18, 3, 2, 0, 18 + 3 + 6 + 8),
    Loop("sse4.2", "dense_gemm", "product", "6,2", 12, 2, 6, 0, 2 * 12 + 2 + 2 * 6 + 6 + 6),
    Loop("avx2", "dense_gemm", "product", "6,2", 12, 2, 6, 0, 12 + 2 + 6 + 6),
    Loop("avx512", "dense_gemm", "product", "8,3", 24, 3, 8, 0, 24 + 3 + 8 + 6),
    Loop("neon", "dense_gemm", "product", "5,4", 20, 4, 5, 0, 20 + 4 + 5 + 6),
    Loop("avx2", "dense_winograd", "dense 3x3", "6,2,4,1", 12, 2, 6, 0, 12 + 2 + 6 + 6, "product"),
    Loop("avx512", "dense_winograd", "dense 3x3", "13,2,4,1", 26, 2, 13, 0, 26 + 2 + 13 + 6, "product"),
    Loop("avx2", "depthwise", "depthwise 3x3", "1,4", 36, 18, 1, 4, 36 + 18 + 4 * 3 + 16),
    Loop("avx512", "depthwise", "depthwise 3x3", "1,2", 18, 12, 1, 2, 18 + 12 + 2 * 3 + 16),
    Loop("neon", "depthwise", "depthwise 3x3", "1,5", 45, 21, 1, 5, 45 + 21 + 5 * 3 + 16),
    Loop("sse4.2", "sparse_pointwise", "sparse 1x1", "1,8,1", 8, 8, 1, 0, 3 * 8 + 9),
    Loop("avx2", "sparse_pointwise", "sparse 1x1", "1,8,1", 8, 8, 1, 0, 8 + 8),
    Loop("avx512", "sparse_pointwise", "sparse 1x1", "1,10,1", 10, 10, 1, 0, 10 + 8),
    Loop("neon", "sparse_pointwise", "sparse 1x1", "1,8,1", 8, 8, 1, 0, 2 * 8 + 8),
    Loop("sse4.2", "sparse_panel", "middle 3x3", "1,2,4", 8, 2, 4, 0, 2 * 8 + 2 + 2 * 4 + 4 + 6),
    Loop("avx2", "sparse_panel", "middle 3x3", "1,3,3", 9, 3, 3, 0, 9 + 3 + 3 + 6),
    Loop("avx512", "sparse_panel", "middle 3x3", "1,4,6", 24, 4, 6, 0, 24 + 4 + 6 + 6),
    Loop("neon", "sparse_panel", "middle 3x3", "1,7,3", 21, 7, 3, 0, 21 + 7 + 3 + 6),
    Loop("avx512", "sparse_inline", "sparse 3x3", "1,1,28,1200,1,1", 1, 0.4, 1.1, 0.1, 2.1, prefetches=0.2, nonzeros=True),
    Loop("avx512", "sparse_inline", "sparse 3x3", "4,1,28,1200,1,1", 1, 0.4, 1.1, 0.1, 2.2, prefetches=0.2, nonzeros=True),
    Loop("avx2", "sparse_inline", "sparse 3x3", "1,2,6,1200,1,1", 2, 1.5, 1.2, 0.2, 5, prefetches=0.15, nonzeros=True),
    Loop("neon", "sparse_inline", "sparse 3x3", "1,1,28,1200,1,1", 1, 0.85, 0.1, 0.1, 2.25, prefetches=0.05, nonzeros=True),
    Loop("neon", "sparse_inline", "sparse 3x3", "1,2,13,1200,1,1", 2, 1.7, 0.15, 0.15, 4.55, prefetches=0.05, nonzeros=True),
    Loop("neon", "sparse_inline", "sparse 3x3", "1,3,8,1200,1,1", 3, 2.6, 0.2, 0.2, 7, prefetches=0.05, nonzeros=True),
]


def compilers(isa):
    arm = isa == "neon"
    cross = "aarch64-linux-gnu-gcc"
    if not arm or shutil.which(cross):
        yield "gcc", [cross if arm else "gcc"]
    clang = shutil.which("clang-19") or shutil.which("clang")
    if clang and (not arm or shutil.which(cross)):
        yield "clang", [clang, "--target=aarch64-linux-gnu"] if arm else [clang]


def missing_tools():
    """Why nothing can be done here, or ""; says what is left out."""
    if not shutil.which("objdump") or not shutil.which("gcc") or os.uname().machine != "x86_64":
        return "skipped: needs x86-64, gcc and objdump"
    if not any(name == "clang" for name, _ in compilers("avx2")):
        print("clang: skipped, not installed")
    if not any(compilers("neon")):
        print("neon: skipped, no cross compiler")
    return ""


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


def faults_of(loop, counts, rounds):
    """What is wrong with a loop of such counts."""
    if counts["multiply"] != rounds * loop.multiplies:
        return [f"{counts['multiply']} multiply-adds, not {rounds} x {loop.multiplies}"]
    most = {"load": loop.loads, "broadcast": loop.broadcasts, "store": loop.stores, "stack": 0, "prefetch": loop.prefetches, "all": loop.most}
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
    loops = disassembly.hot_loops(disassembly.functions_of(path, arm), arm, loop.function)
    hot = [one for found in loops[:None if loop.nonzeros else 1] for one in found]
    counts = disassembly.counted(hot, arm)
    rounds = layers.nonzeros_of(loop.layer, folder) if loop.nonzeros else max(1, counts["multiply"] // loop.multiplies)
    faults = faults_of(loop, counts, rounds)
    each = ", ".join(f"{counts[kind] / rounds:.3g} {kind}" for kind in ("multiply", "load", "broadcast", "store", "stack", "prefetch", "all"))
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
    missing = missing_tools()
    if missing:
        print(missing)
        return SKIPPED
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
