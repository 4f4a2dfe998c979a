#!/usr/bin/env python3
"""What compiling costs: time and peak memory of `tulle compile`, and of gcc on its output.

    tests/bench/compile_cost.py --tulle build/tulle MODEL.onnx... [--target native] [--repeat 3]

Prints one line a model: medians over --repeat runs; memory as a multiple of the model's file."""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time


def measured(command):
    """(seconds, peak resident bytes) of a command that must succeed."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)}: exit {process.returncode}\n{said.decode(errors='replace')}")
    return time.monotonic() - start, usage.ru_maxrss * 1024


def medians(command, repeat):
    runs = [measured(command) for _ in range(repeat)]
    return [statistics.median(column) for column in zip(*runs)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--tulle", default="build/tulle")
    parser.add_argument("--target", default="native")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--flags", default="-O2 -march=native -ffp-contract=off")
    arguments = parser.parse_args()
    for path in arguments.models:
        with tempfile.TemporaryDirectory(prefix="tulle-cost-") as folder:
            source = str(pathlib.Path(folder) / "model.c")
            seconds, peak = medians([arguments.tulle, "compile", path, "--target", arguments.target, "-o", source], arguments.repeat)
            compiler = ["gcc", *arguments.flags.split(), "-I", folder, "-c", source, "-o", str(pathlib.Path(folder) / "model.o")]
            gcc_seconds, gcc_peak = medians(compiler, arguments.repeat)
            size = os.path.getsize(path)
            print(f"{pathlib.Path(path).name}: {size / 1e6:.1f} MB; compile {seconds:.3f} s, {peak / 1e6:.0f} MB = {peak / size:.2f} x the file; "
                  f"gcc {gcc_seconds:.2f} s, {gcc_peak / 1e6:.0f} MB; source {os.path.getsize(source) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
