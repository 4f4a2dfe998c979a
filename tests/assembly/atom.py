#!/usr/bin/env python3
"""Programs for the Atom C2750 stay within what that core has: the glyph net is built for it and judges the sample's images in an emulator without
AVX; what the compiler made of tulle's own texts (the program and the runtime; not libc, which chooses by processor) is disassembled and held
against a list; and the loop where a sparse convolution spends its time asks most of the core's multiplier, as LLVM's model of its ports has it.

    tests/assembly/atom.py --tulle build/tulle [--verbose]

Needs x86-64, gcc, binutils; qemu-x86_64 to run, Python with onnx and llvm-mca for the loop."""
import argparse
import collections
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import disassembly

SKIPPED = 77
ROOT = pathlib.Path(__file__).resolve().parents[2]
FLAGS = ["-std=gnu11", "-O2", "-ffp-contract=off", "-msse4.2"]
SLACK = 1.1                # of the multiplier's time

# Instructions of Silvermont that compilers use, from Intel's list of instructions by extension: x86-64 itself, and SSE to SSE4.2. AVX's begin with v;
# BMI, FMA, MOVBE, ADX, SHA and others are not here.
CONDITION = "(n?[abceglopsz]|n?[abgl]e|p[eo])"
INTEGER = ("add|sub|adc|sbb|cmp|test|and|or|xor|not|neg|inc|dec|mul|imul|div|idiv|shl|shr|sal|sar|rol|ror|shld|shrd|mov|movabs|lea|push|pop|call|ret|"
           "leave|xchg|cmpxchg|xadd|bt|bts|btr|btc|bsf|bsr|bswap|jmp|nop|pause|ud2|cmpsb|stos|movs|scas|cpuid|rdtsc|mfence|lfence|sfence|endbr64|hlt")
SSE = ("add|sub|mul|div|sqrt|min|max|cmp\\w*|and|andn|or|xor|mov|movu|mova|movnt|unpckl|unpckh|shuf|ucomi|comi|rcp|rsqrt|round|blend|blendv|dp|"
       "hadd|addsub")
ALLOWED = [re.compile(text) for text in (
    f"({INTEGER})[bwlq]?", f"(j|set|cmov){CONDITION}[bwlq]?", "movs[bwl][wlq]|movz[bw][wlq]|cltq|cqto|cltd|cwtl|cbtw|cwtd|data16|repz?|lock|cs|ds",
    f"({SSE})(ps|ss|pd|sd)", "mov(h|l)p[sd]|movhlps|movlhps|mov(msk|sl|sh)\\w+|movd|movq|mov(dqa|dqu|ddup|ntdq|shdup|sldup)|lddqu|cvtt?\\w+2\\w+",
    "p(add|sub|mull|mulh|muld|mulud|cmp(eq|gt)|max[su]|min[su]|sll|srl|sra|unpck[lh]|shuf|extr|insr|abs|sign|movmsk|movzx|movsx)\\w*",
    "pxor|por|pandn?|pshuf\\w+|palignr|pblend\\w+|pack[su]s\\w+|ptest|insertps|extractps|prefetch(t0|t1|t2|nta|w)|popcnt",
    "f\\w+")]                # x87, of long double


def foreign(objects):
    """Mnemonics outside of the list: how often, and where first."""
    found, where, total = collections.Counter(), {}, 0
    for path in objects:
        for name, instructions in disassembly.functions_of(path).items():
            total += len(instructions)
            for one in instructions:
                if not any(pattern.fullmatch(one.name) for pattern in ALLOWED) or re.search(r"%[yz]mm|%k[0-7]", one.operands):
                    found[one.name] += 1
                    where.setdefault(one.name, f"{os.path.basename(path)}: {name}: {one.name} {one.operands}")
    print(f"{total} instructions of {len(objects)} objects, {sum(found.values())} outside of the core's")
    for name, count in found.items():
        print(f"WRONG: {count} x {name}, first in {where[name]}")
    return len(found)


def check_program(options, folder):
    """The program, made as users do it, in a folder where the compiler leaves its objects."""
    model = str(ROOT / "samples/glyphs/glyphs.onnx")
    subprocess.run([options.tulle, "build", model, "--target", "atom-c2750", "--static", "--cc", "gcc -save-temps=cwd", "-o", "glyphs"], cwd=folder,
                   check=True, stderr=subprocess.DEVNULL)
    objects = sorted(str(path) for path in pathlib.Path(folder).glob("*.o"))
    if len(objects) < 5:
        print(f"WRONG: only {len(objects)} objects")
        return 1
    return foreign(objects) + check_run([os.path.join(folder, "glyphs"), "--bench"], folder)


def check_run(command, folder):
    if not shutil.which("qemu-x86_64"):
        print("skipped: no qemu-x86_64 to run programs for the core")
        return 0
    done = subprocess.run(["qemu-x86_64", "-cpu", "Denverton", *command], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return 0
    print(f"WRONG: {command[0]} fails in the emulator: exit code {done.returncode}\n{done.stderr}")
    return 1


def check_images(options, folder):
    """The sample's images, judged in the emulator as well as its README says."""
    if not shutil.which("qemu-x86_64"):
        return 0
    model, sample = str(ROOT / "samples/glyphs/glyphs.onnx"), ROOT / "samples/glyphs"
    subprocess.run([options.tulle, "build", model, "--target", "atom-c2750", "-o", "libglyphs.a"], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["gcc", "-O2", "-static", "-fopenmp", "-I.", str(sample / "classify.c"), "-L.", "-lglyphs", "-lm", "-o", "classify"], cwd=folder,
                   check=True, stderr=subprocess.DEVNULL)
    done = subprocess.run(["qemu-x86_64", "-cpu", "Denverton", "./classify", str(sample / "test.npy"), "1"], cwd=folder, capture_output=True,
                          text=True, check=False)
    promised = re.search(r"demo's 360 images: \*\*([\d.]+) %", (sample / "README.md").read_text(encoding="utf-8"))[1]
    said = done.stdout.strip().splitlines()[-1:] or ["nothing"]
    print(f"in the emulator: {said[0]}")
    if done.returncode == 0 and re.search(rf"accuracy: .* {promised} %", done.stdout):
        return 0
    print(f"WRONG: exit code {done.returncode}; the README says {promised} %")
    return 1


def assembler_of(loop):
    """The loop as text that an assembler takes."""
    lines = ["again:"]
    for one in loop:
        lines.append(f"{one.name} {'again' if one.target else one.operands}")
    return "\n".join(lines) + "\n"


def check_loop(options, layer, tiling, folder):
    """Cycles of a round that the ports need, in the model, over those of its multiplications at one in two cycles. Beside it what the model gives
    when every port holds one instruction and waits for it: the core's queues are longer, so it comes between."""
    import layers
    command = [options.tulle, "compile", layers.path_of(layer, folder), "--target", "atom-c2750", "--kernel", f"layer=sparse_direct:{tiling}",
               "--single-file", "-o", "layer.c"]
    subprocess.run(command, cwd=folder, check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["gcc", *FLAGS, "-c", "layer.c", "-o", "layer.o"], cwd=folder, check=True)
    loop = disassembly.hot_loops(disassembly.functions_of(os.path.join(folder, "layer.o")), False)[0]
    said = subprocess.run(["llvm-mca", "-mtriple=x86_64", "-mcpu=slm", "-iterations=100"], input=assembler_of(loop), capture_output=True, text=True,
                          check=True).stdout
    ports = float(re.search(r"Block RThroughput:\s+([\d.]+)", said)[1])
    in_order = int(re.search(r"Total Cycles:\s+(\d+)", said)[1]) / 100
    multiplies = disassembly.counted(loop, False)["multiply"]
    limit = 2 * multiplies
    wrong = not 0 < ports <= SLACK * limit or len(loop) > 2 * SLACK * limit      # two are decoded in a cycle
    print(f"sparse_direct {tiling}, {layer}: {len(loop)} instructions, {multiplies} multiplications; {limit} cycles of the multiplier, {ports:g} of "
          f"the busiest port, {in_order:.0f} in order{'; WRONG' if wrong else ''}")
    if options.verbose:
        print(assembler_of(loop), said)
    return int(wrong)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tulle", default="build/tulle")
    parser.add_argument("--verbose", action="store_true", help="print the loop and what llvm-mca says of it")
    options = parser.parse_args()
    options.tulle = os.path.abspath(options.tulle)
    if os.uname().machine != "x86_64" or not shutil.which("gcc") or not shutil.which("objdump"):
        print("skipped: needs x86-64, gcc and objdump")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        faults = check_program(options, folder) + check_images(options, folder)
        if not shutil.which("llvm-mca") or not importlib.util.find_spec("onnx"):
            print("skipped: the loop's model needs llvm-mca and Python with onnx")
        else:
            faults += check_loop(options, "sparse 3x3", "1,12", folder) + check_loop(options, "sparse 1x1", "1,7", folder)
    print(f"{faults} faults")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
