#!/usr/bin/env python3
"""One program by three compilers: `tulle bench`, which compiles in process, and executables that `tulle build` makes with clang and with gcc, run in
alternation over the zoo.

    tests/bench/compilers.py --tulle build/tulle [--networks alexnet,resnet50] [--threads 2] [--write docs/benchmarks.md]

All three run the same C on the same inputs; ratios are of whole runs. For a quiet machine."""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from intervals import pairs
from shared import ROOT, cell_key, geometric_mean, markdown, print_table, run, target_numbers, write_between, zoo_options, zoo_parser, zoo_rows

BEGIN, END = "<!-- compilers --threads {}: written by tests/bench/compilers.py -->\n", "<!-- end of compilers -->\n"
IN_PROCESS = "in process"


def median_ms(command, cpus):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, preexec_fn=lambda: os.sched_setaffinity(0, cpus))
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}{done.stderr}".rstrip())
    return json.loads(done.stdout)["median_ms"]


def measure(options, network, density):
    choice = ["--target", options.target, "--threads", options.threads]
    cpus = os.sched_getaffinity(0)        # a probed machine is known by its processors: all programs get the same
    with tempfile.TemporaryDirectory(prefix="tulle-compilers-") as name:
        folder = pathlib.Path(name)
        model = folder / f"{network}.onnx"
        run([sys.executable, ROOT / "samples/zoo/make.py", network, "--density", density, "--scale", options.scale, "-o", model])
        commands = {IN_PROCESS: [options.tulle, "bench", model, *choice, "--json"]}
        for compiler in (options.clang, options.gcc):
            program = folder / pathlib.Path(compiler).name
            run([options.tulle, "build", model, *choice, "--cc", compiler, "-o", program])
            commands[compiler] = [program, "--bench", "--json", "--threads", options.threads]
        times = {name: [] for name in commands}
        for number in range(options.rounds):
            for name in list(commands)[::-1 if number % 2 else 1]:
                times[name].append(median_ms(commands[name], cpus))
    return [{**cell_key(options, network, density),
            "ms": {name: statistics.median(some) for name, some in times.items()},
            "in_process_over_clang": pairs(times[IN_PROCESS], times[options.clang]), "gcc_over_clang": pairs(times[options.gcc], times[options.clang])}]


def titles(options):
    return ["network", "density", "in process, ms", f"{options.clang}, ms", f"{options.gcc}, ms", f"in process over {options.clang}", f"{options.gcc} over {options.clang}"]


def lines_of(options, rows):
    lines = [[row["network"], f"{100 * row['density_asked']:g} %", *(f"{row['ms'][name]:.4g}" for name in (IN_PROCESS, options.clang, options.gcc)),
              *("{:.3f} ({:.3f} to {:.3f})".format(*row[name]) for name in ("in_process_over_clang", "gcc_over_clang"))] for row in rows]
    means = [f"**{geometric_mean(row[name][0] for row in rows):.3f}**" for name in ("in_process_over_clang", "gcc_over_clang")]
    return [*lines, ["geometric mean", "", "", "", "", *means]]


def write_table(options, rows):
    says = target_numbers(options.tulle, options.target)["says"]
    text = (f"Measured on {says}, {options.threads} thread{'s' * (options.threads > 1)}, {options.rounds} rounds, by\n"
            f"`tests/bench/compilers.py --networks {options.networks_given} --densities {options.densities_given} --threads {options.threads}`.\n\n"
            + markdown(titles(options), lines_of(options, rows)))
    write_between(options.write, BEGIN.format(options.threads), END, text)


def arguments():
    parser = zoo_parser(__doc__, "0.1")
    parser.add_argument("--clang", default="clang-19")
    parser.add_argument("--gcc", default="gcc")
    parser.add_argument("--rounds", type=int, default=6, help="6 are the least that give an interval (default 6)")
    return zoo_options(parser)


def main():
    options = arguments()
    rows = zoo_rows(options, measure)
    print_table(titles(options), lines_of(options, rows))
    if options.write is not None:
        write_table(options, rows)


if __name__ == "__main__":
    main()
