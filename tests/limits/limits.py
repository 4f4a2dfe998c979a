#!/usr/bin/env python3
"""What a large network costs beside its time: ResNet-50 at 10 %, from the zoo. Printed beside the goals: seconds and peak memory of `tulle compile`,
of gcc on its output, peak memory of the executable, bytes of weights and code with and without --optimize size. Memory and bytes are judged by
their goals, seconds by ten times theirs, since other programs may run.

    tests/limits/limits.py --tulle build/tulle [--model resnet50.onnx] [--target native]

Needs Python with onnx and numpy, gcc and binutils. This process stays small: a new one's peak is at least that of the one it came from."""
import argparse
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/bench"))
from compile_cost import measured     # noqa: E402  (found by the line before)

MEGA = 1e6
RUNTIME = ["tulle", "npy", "npz", "inflate", "tensors", "report", "bench", "main"]
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


def compile_model(options, model, folder, report, *more):
    """The object's bytes: code, constants, the weights' file that it takes in."""
    source = folder + "/model.c"
    said = " ".join(["tulle compile", *more])
    seconds, peak = measured([options.tulle, "compile", model, "--target", options.target, "--prefix", "model", *more, "-o", source])
    report.say(said, seconds, "s", 3, 30)
    report.say(said + ": peak memory", peak / MEGA, "MB")
    seconds, peak = measured(["gcc", *FLAGS, "-I", folder, "-c", source, "-o", folder + "/model.o"])
    report.say("gcc -O2 on that", seconds, "s", 30, 300)
    report.say("gcc -O2 on that: peak memory", peak / MEGA, "MB", 1000)
    return int(output_of("size", folder + "/model.o").splitlines()[1].split()[0])


def write_input(header, path):
    """Zeros, as .npy; the input's name."""
    shape = re.search(r"MODEL_INPUT_0_SHAPE \{(.+)\}", header)[1]
    count = int(re.search(r"MODEL_INPUT_0_COUNT (\d+)", header)[1])
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape},), }}".ljust(117) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + bytes(4 * count))
    return re.search(r'MODEL_INPUT_0_NAME "(.+)"', header)[1]


def workspace_of(folder):
    """Of one thread."""
    pathlib.Path(folder, "workspace.c").write_text('#include <stdio.h>\n#include "model.h"\n'
                                                   'int main(void) { printf("%zu", (size_t)MODEL_WORKSPACE_BYTES(1)); }\n', encoding="utf-8")
    output_of("gcc", "-o", folder + "/workspace", folder + "/workspace.c")
    return int(output_of(folder + "/workspace"))


def check_executable(folder, report, object_bytes):
    """Nonzeros that are instructions are code, which is no part of the weights: the goal does not know of them, what judges does."""
    sources = [str(ROOT / "runtime" / (name + ".c")) for name in RUNTIME]
    output_of("gcc", *FLAGS, "-I", str(ROOT / "runtime"), "-I", folder, "-DTULLE_MODEL=model_model", folder + "/model.o", *sources, "-o",
              folder + "/model", "-lm")
    name = write_input(pathlib.Path(folder, "model.h").read_text(encoding="utf-8"), folder + "/x.npy")
    _, peak = measured([folder + "/model", "--input", f"{name}={folder}/x.npy", "--output", folder + "/y.npy"])
    beside = workspace_of(folder) + 8 * MEGA
    goal = os.path.getsize(folder + "/model.weights") + beside
    report.say("the executable: peak memory", peak / MEGA, "MB", goal / MEGA, (object_bytes + beside) / MEGA)


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
        fast = compile_model(options, model, folder, report)
        report.say(f"code and weights of {nonzeros} nonzeros", fast / nonzeros, "bytes each")
        check_executable(folder, report, fast)
        small = compile_model(options, model, folder, report, "--optimize", "size")
        report.say(f"code and weights, {layers} layers, --optimize size", small / nonzeros, "bytes each", 7 + 8192 * layers / nonzeros)
    return int(report.faults > 0)


if __name__ == "__main__":
    sys.exit(main())
