#!/usr/bin/env python3
"""What a large network costs beside its time: ResNet-50 at 10 %, from the zoo, with and without --optimize size. Printed beside the goals: seconds
and peak memory of `tulle compile`, of gcc on its output, bytes of weights and code, the executable's peak memory and what it consists of, and how
much slower the small program is.

The goal of the peak is weights + workspace + 8 MB. With --optimize size the weights are those in the .weights file and nothing else. Otherwise
nonzeros may be instructions: their offsets are in the code, which is mapped from the program's file as the weights are, so all that the program
carries counts as weights. Memory and bytes are judged by their goals; seconds by ten times theirs and the ratio of times by twice its, since other
programs may run.

    tests/limits/limits.py --tulle build/tulle [--model resnet50.onnx] [--target native]

Needs Python with onnx and numpy, gcc and binutils. This process stays small: a new one's peak is at least that of the one it came from."""
import argparse
import dataclasses
import json
import os
import pathlib
import re
import statistics
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/bench"))
from compile_cost import measured     # noqa: E402  (found by the line before)

MEGA = 1e6
ROUNDS = 3
RUNTIME = ["tulle", "npy", "npz", "inflate", "tensors", "report", "bench", "bench_report", "main"]
FLAGS = ["-std=gnu11", "-O2", "-march=native", "-ffp-contract=off", "-fopenmp"]


class Report:
    faults = 0

    def say(self, what, value, unit, goal=None, judged_by=None):
        """A line; a fault if the value is past `judged_by`, which is the goal itself if nothing else is given."""
        judged_by = goal if judged_by is None else judged_by
        wrong = judged_by is not None and value > judged_by
        self.faults += wrong
        print(f"{what:46} {value:8.2f} {unit:9} {'' if goal is None else f'goal {goal:8.2f}'}{'  WRONG' if wrong else ''}", flush=True)


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def made_model(folder):
    path = os.path.join(folder, "resnet50.onnx")
    output_of(sys.executable, str(ROOT / "samples/zoo/make.py"), "resnet50", "--density", "0.1", "-o", path)
    return path


@dataclasses.dataclass
class Program:
    """What was made of the model in one way; bytes."""
    folder: str
    carried: int      # code, constants, the weights' file that the object takes in

    @property
    def weights(self):
        return os.path.getsize(self.folder + "/model.weights")

    @property
    def executable(self):
        return self.folder + "/model"

    def define(self, name):
        """A number or text of the header."""
        header = pathlib.Path(self.folder, "model.h").read_text(encoding="utf-8")
        return re.search(rf"define MODEL_{name} (.+)", header)[1]


def made_program(options, model, folder, report, *more):
    """Compiled, with gcc's help too, and linked."""
    os.mkdir(folder)
    source = folder + "/model.c"
    said = " ".join(["tulle compile", *more])
    seconds, peak = measured([options.tulle, "compile", model, "--target", options.target, "--prefix", "model", *more, "-o", source])
    report.say(said, seconds, "s", 3, 30)
    report.say(said + ": peak memory", peak / MEGA, "MB")
    seconds, peak = measured(["gcc", *FLAGS, "-I", folder, "-c", source, "-o", folder + "/model.o"])
    report.say("gcc -O2 on that", seconds, "s", 30, 300)
    report.say("gcc -O2 on that: peak memory", peak / MEGA, "MB", 1000)
    sources = [str(ROOT / "runtime" / (name + ".c")) for name in RUNTIME]
    output_of("gcc", *FLAGS, "-I", str(ROOT / "runtime"), "-I", folder, "-DTULLE_MODEL=model_model", folder + "/model.o", *sources, "-o",
              folder + "/model", "-lm")
    return Program(folder, int(output_of("size", folder + "/model.o").splitlines()[1].split()[0]))


def write_input(program, path):
    """Zeros, as .npy."""
    shape, count = program.define("INPUT_0_SHAPE").strip("{}"), int(program.define("INPUT_0_COUNT"))
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape},), }}".ljust(117) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + bytes(4 * count))


def workspace_of(program):
    """Of one thread."""
    source = program.folder + "/workspace"
    pathlib.Path(source + ".c").write_text('#include <stdio.h>\n#include "model.h"\n'
                                           'int main(void) { printf("%zu", (size_t)MODEL_WORKSPACE_BYTES(1)); }\n', encoding="utf-8")
    output_of("gcc", "-o", source, source + ".c")
    return int(output_of(source))


def check_memory(program, report, weights):
    """`weights`: bytes that count as such."""
    path = program.folder + "/x.npy"
    write_input(program, path)
    name = program.define("INPUT_0_NAME").strip('"')
    _, peak = measured([program.executable, "--input", f"{name}={path}", "--output", program.folder + "/y.npy"])
    workspace, arrays = workspace_of(program), 4 * (int(program.define("INPUT_0_COUNT")) + int(program.define("OUTPUT_0_COUNT")))
    report.say("the executable: peak memory", peak / MEGA, "MB", (weights + workspace) / MEGA + 8)
    print(f"    its parts, MB: weights' file {program.weights / MEGA:.2f}, code {(program.carried - program.weights) / MEGA:.2f}, workspace "
          f"{workspace / MEGA:.2f}, input and output {arrays / MEGA:.2f}; the rest is libraries, or was never touched")


def check_times(fast, small, report):
    """In alternation; the small program's time over the other's."""
    times = {program.executable: [] for program in (fast, small)}
    for executable in ROUNDS * list(times):
        times[executable].append(json.loads(output_of(executable, "--bench", "--json"))["median_ms"])
    ratios = [slow / quick for quick, slow in zip(*times.values())]
    report.say("--optimize size: time over the fastest's", statistics.median(ratios), "", 1.5, 3)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tulle", default="build/tulle")
    parser.add_argument("--model", help="instead of one that is made")
    parser.add_argument("--target", default="native")
    options = parser.parse_args()
    report = Report()
    output_of(options.tulle, "targets", options.target)      # this machine is measured before the clock runs
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or made_model(folder)
        layers, nonzeros = map(int, output_of(sys.executable, str(ROOT / "tests/limits/weights.py"), model).split())
        fast = made_program(options, model, folder + "/fast", report)
        report.say(f"code and weights of {nonzeros} nonzeros", fast.carried / nonzeros, "bytes each")
        check_memory(fast, report, fast.carried)
        small = made_program(options, model, folder + "/small", report, "--optimize", "size")
        report.say(f"code and weights, {layers} layers", small.carried / nonzeros, "bytes each", 7 + 8192 * layers / nonzeros)
        check_memory(small, report, small.weights)
        check_times(fast, small, report)
    return int(report.faults > 0)


if __name__ == "__main__":
    sys.exit(main())
