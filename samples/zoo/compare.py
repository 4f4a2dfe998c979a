#!/usr/bin/env python3
# Compares what `tulle build` makes of models with ONNX Runtime: the largest difference against the output's largest value, and whether the
# results are the same bytes at every number of threads. One line a model; exit code 1 if any fails. Python with onnxruntime and numpy.
#     python samples/zoo/compare.py MODEL.onnx ... --tulle build/tulle --target native --threads 1,2,3
import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time

import numpy
import onnxruntime

import numeric


def arguments():
    parser = argparse.ArgumentParser(description="Compares compiled models with ONNX Runtime.")
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--tulle", default="build/tulle", help="the compiler (default build/tulle)")
    parser.add_argument("--target", default="native", help="any that runs here (default native)")
    parser.add_argument("--threads", default="1,2,3", help="numbers of threads (default 1,2,3)")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="of the output's largest value (default 1e-4)")
    parser.add_argument("--batch", type=int, default=1, help="images at once (default 1)")
    parser.add_argument("--seed", type=int, default=2, help="of the input (default 2)")
    parser.add_argument("--options", default="", help="further options of `tulle build`, in one argument")
    parser.add_argument("--run", default="", metavar="COMMAND", help="what runs the programs, an emulator for example")
    chosen = parser.parse_args()
    chosen.threads = [int(threads) for threads in chosen.threads.split(",")]
    return chosen


def expected(path, seed, batch):
    """Inputs by name, outputs by name."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    shapes = {input.name: [size if isinstance(size, int) else batch for size in input.shape] for input in session.get_inputs()}
    inputs = {name: numeric.input_values([seed, number], shape) for number, (name, shape) in enumerate(shapes.items())}
    names = [output.name for output in session.get_outputs()]
    return inputs, dict(zip(names, session.run(names, inputs)))


def run(command):
    """Seconds; stops at a command that fails, with what it said."""
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}".rstrip())
    return time.perf_counter() - start


def results(folder, program, inputs, threads):
    """Outputs by name, with that many threads, and the seconds it took with loading and saving."""
    command = [*program, "--threads", str(threads), "--output", os.path.join(folder, "y.npz")]
    for number, (name, values) in enumerate(inputs.items()):
        path = os.path.join(folder, f"x{number}.npy")
        numpy.save(path, values)
        command += ["--input", f"{name}={path}"]
    seconds = run(command)
    with numpy.load(os.path.join(folder, "y.npz")) as found:
        return {name: found[name] for name in found.files}, seconds


def difference(want, got):
    """Against the largest value wanted; infinite where shapes or names differ or something is not a number."""
    if set(want) != set(got) or any(want[name].shape != got[name].shape for name in want):
        return float("inf")
    worst = 0.0
    for name, values in want.items():
        gap = numpy.abs(values.astype(numpy.float64) - got[name]).max(initial=0) / max(numpy.abs(values).max(initial=0), 1e-30)
        worst = max(worst, gap if numpy.isfinite(gap) else float("inf"))
    return worst


def compare(path, chosen, folder):
    """The model's line, and whether it passed."""
    inputs, want = expected(path, chosen.seed, chosen.batch)
    program = os.path.join(folder, "program")
    built = run([chosen.tulle, "build", path, "--target", chosen.target, "--batch", str(chosen.batch), "-o", program, *shlex.split(chosen.options)])
    runs = [results(folder, [*shlex.split(chosen.run), program], inputs, threads) for threads in chosen.threads]
    same = all(outputs[name].tobytes() == runs[0][0][name].tobytes() for outputs, _ in runs for name in runs[0][0])
    worst = difference(want, runs[0][0])
    passed = same and worst <= chosen.tolerance
    threads = ",".join(map(str, chosen.threads))
    return (f"difference {worst:.1e}, {threads} threads {'identical' if same else 'DIFFER'}, built in {built:.1f} s, "
            f"ran in {min(seconds for _, seconds in runs):.2f} s{'' if passed else '  FAILED'}"), passed


def main():
    chosen = arguments()
    failed = 0
    for path in chosen.models:
        with tempfile.TemporaryDirectory() as folder:
            try:
                line, passed = compare(path, chosen, folder)
            except RuntimeError as error:
                line, passed = f"FAILED: {error}", False
        failed += not passed
        print(f"{os.path.basename(path):18} {chosen.target:8} {line}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
