#!/usr/bin/env python3
"""What tuning gains: the zoo's networks are tuned, and executables with the model's choices, with the tuned ones, and with the best dense kernel
wherever the tuned choice leaves zeros out, run in alternation.

    tests/bench/tuned.py --tulle build/tulle [--networks alexnet,resnet50] [--threads 2] [--write docs/benchmarks.md]

A layer counts as slower if the whole of the 95 % interval of its repeated pairs says so, and says so again when the pairs are repeated. For a quiet
machine."""
import json
import pathlib
import statistics
import sys
import tempfile
import time

import inside
from intervals import pairs
from never_slower import alternate, by_name, dense_instead, same_work
from shared import ROOT, cell_key, geometric_mean, markdown, print_table, run, target_numbers, write_between, zoo_options, zoo_parser, zoo_rows

BEGIN, END = "<!-- tuned --threads {}: written by tests/bench/tuned.py -->\n", "<!-- end of tuned -->\n"     # a table for each
MODEL, TUNED, DENSE = "model", "tuned", "dense"
FEWEST = 6           # rounds that give an interval


# ---- measuring ----

def layer_ratios(benches, slow, fast, layers):
    """{layer: (median, low, high) of its time in the one program over that in the other}."""
    named = {program: [by_name(bench) for bench in benches[program]] for program in (slow, fast)}
    there = [name for name in layers if all(name in bench for some in named.values() for bench in some)]
    return {name: pairs(*([bench[name]["median_ms"] for bench in named[program]] for program in (slow, fast))) for name in there}


def slower_layers(options, ratios, again):
    """Those whose intervals lie above 1 both times; None: too few rounds for intervals."""
    if options.rounds < FEWEST:
        return None
    return {name: [ratios[name], again[name]] for name in ratios if name in again and ratios[name][1] > 1 and again[name][1] > 1}


def built(options, folder, model, programs):
    choice = ["--target", options.target, "--threads", options.threads]
    for name, words in programs.items():
        run([options.tulle, "build", model, *choice, *words, "--cc", options.cc, "-o", folder / name])
    return {name: folder / name for name in programs}


def measure(options, network, density):
    choice = ["--target", options.target, "--threads", options.threads]
    with tempfile.TemporaryDirectory(prefix="tulle-tuned-") as name:
        folder = pathlib.Path(name)
        model, file = folder / f"{network}.onnx", folder / f"{network}.tuned"
        run([sys.executable, ROOT / "samples/zoo/make.py", network, "--density", density, "--scale", options.scale, "-o", model])
        start = time.monotonic()
        told = json.loads(run([options.tulle, "tune", model, *choice, "--candidates", options.candidates, "-o", file, "--json"]))
        seconds = time.monotonic() - start
        explained = json.loads(run([options.tulle, "explain", model, *choice, "--tuned", file, "--json"]))
        instead = dense_instead(explained)
        forced = [word for layer, kernel in instead.items() for word in ("--kernel", f"{layer}={inside.forced_name(kernel)}")]
        programs = built(options, folder, model, {MODEL: [], TUNED: ["--tuned", file], DENSE: ["--tuned", file, *forced]})
        alike = same_work(instead, json.loads(run([options.tulle, "explain", model, *choice, "--tuned", file, *forced, "--json"])))
        first, second = (alternate(programs, options.threads, options.rounds) for _ in range(2))
    layers = [layer["name"] for layer in explained["layers"]]
    whole = {program: [bench["median_ms"] for bench in first[program] + second[program]] for program in programs}
    return [{**cell_key(options, network, density), "layers": sum(layer["kernel"] is not None for layer in explained["layers"]),
            "changed": len(told["layers"]), "programs": told["programs"],
            "tune_seconds": seconds, "model_ms": statistics.median(whole[MODEL]), "tuned_ms": statistics.median(whole[TUNED]),
            "gain": pairs(whole[MODEL], whole[TUNED]), "sparse_layers": len(alike),
            "slower_than_model": slower_layers(options, *(layer_ratios(some, TUNED, MODEL, layers) for some in (first, second))),
            "slower_than_dense": slower_layers(options, *(layer_ratios(some, TUNED, DENSE, alike) for some in (first, second)))}]


# ---- telling ----

TITLES = ["network", "density", "layers", "changed", "tuning, s", "model, ms", "tuned, ms", "faster", "slower than the model's", "sparse layers", "slower than dense"]


def number(found):
    return "not known" if found is None else str(len(found))


def line_of(row):
    return [row["network"], f"{100 * row['density_asked']:g} %", str(row["layers"]), str(row["changed"]), f"{row['tune_seconds']:.0f}", f"{row['model_ms']:.3g}",
            f"{row['tuned_ms']:.3g}", "{:.3f}x ({:.3f} to {:.3f})".format(*row["gain"]), number(row["slower_than_model"]), str(row["sparse_layers"]),
            number(row["slower_than_dense"])]


def lines_of(rows):
    total = ["all", "", str(sum(row["layers"] for row in rows)), str(sum(row["changed"] for row in rows)), "", "", "",
             f"**{geometric_mean(row['gain'][0] for row in rows):.3f}x**", str(sum(len(row["slower_than_model"] or []) for row in rows)),
             str(sum(row["sparse_layers"] for row in rows)), str(sum(len(row["slower_than_dense"] or []) for row in rows))]
    return [*map(line_of, rows), total]


SLOWER_TITLES = ["network", "layer", "slower than", "by", "again"]


def slower_lines(rows):
    return [[row["network"], layer, than, *("{:.3f}x ({:.3f} to {:.3f})".format(*ratio) for ratio in ratios)]
            for row in rows for than, found in (("the model's choice", row["slower_than_model"]), ("dense", row["slower_than_dense"])) for layer, ratios in (found or {}).items()]


def write_tables(options, rows):
    says = target_numbers(options.tulle, options.target)["says"]
    text = (f"Measured on {says}, {options.threads} thread{'s' * (options.threads > 1)}, {2 * options.rounds} pairs, {options.cc}, by\n"
            f"`tests/bench/tuned.py --networks {options.networks_given} --densities {options.densities_given} --threads {options.threads}`.\n\n"
            + markdown(TITLES, lines_of(rows)))
    if slower_lines(rows):
        text += "\n" + markdown(SLOWER_TITLES, slower_lines(rows))
    write_between(options.write, BEGIN.format(options.threads), END, text)


def arguments():
    parser = zoo_parser(__doc__, "0.1")
    parser.add_argument("--rounds", type=int, default=6, help="pairs, each time; 6 are the least that give an interval (default 6)")
    parser.add_argument("--cc", default="clang-19", help="the compiler of the executables (default clang-19, which tune has inside)")
    parser.add_argument("--candidates", type=int, default=8, help="choices of each layer that are tried (default 8)")
    return zoo_options(parser)


def main():
    options = arguments()
    rows = zoo_rows(options, measure)
    print_table(TITLES, lines_of(rows))
    if slower_lines(rows):
        print_table(SLOWER_TITLES, slower_lines(rows))
    if options.write is not None:
        write_tables(options, rows)


if __name__ == "__main__":
    main()
