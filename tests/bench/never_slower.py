#!/usr/bin/env python3
"""Looks for layers that run slower than our own best dense kernel would in their place: every layer of the zoo's networks that has a sparse kernel,
at several densities, inside the network.

    tests/bench/never_slower.py --tulle build/tulle [--networks alexnet,resnet50] [--densities 0.1,0.8] [--write docs/benchmarks.md]

Two programs run in alternation: as the model chose, and with the best dense kernel, by prediction, forced upon every layer that it gave a sparse one.
What is fused into a layer in one of them only is left out.
A layer is slower if the whole of the 95 % interval of its repeated pairs says so, and says so again when the pairs are repeated. For a quiet
machine."""
import json
import os
import pathlib
import statistics
import sys
import tempfile

import inside
from intervals import pairs
from programs import NAIVE
from shared import ROOT, cell_key, geometric_mean, markdown, print_table, run, target_numbers, write_between, zoo_options, zoo_parser, zoo_rows


BEGIN, END = "<!-- never_slower --threads {}: written by tests/bench/never_slower.py -->\n", "<!-- end of never_slower -->\n"     # a table for each
DENSITIES = "0.1,0.25,0.5,0.8"
CHOSEN, FORCED = "chosen", "dense"


# ---- measuring ----

def dense_instead(explained):
    """{layer: its best dense candidate} of the layers with a sparse kernel."""
    found = {}
    for layer in explained["layers"]:
        dense = [other for other in layer.get("candidates") or []
                 if not other["sparse"] and not other["projected"] and other["kernel"] not in NAIVE]
        if (layer["kernel"] or "").startswith("sparse") and dense:
            found[layer["name"]] = min(dense, key=lambda other: other["predicted_ms"])
    return found


def same_work(instead, explained):
    """The layers that are predicted to take about as long in the forced program as in the chosen one's place."""
    predicted = {layer["name"]: layer["predicted_ms"] for layer in explained["layers"]}
    return [name for name, dense in instead.items() if name in predicted and abs(predicted[name] / dense["predicted_ms"] - 1) < inside.SAME]


def alternate(programs, threads, rounds):
    """{program: the benches}, round by round."""
    cpus, benches = sorted(os.sched_getaffinity(0))[-threads:], {name: [] for name in programs}
    for number in range(rounds):
        for name in list(programs)[::-1 if number % 2 else 1]:
            benches[name].append(inside.bench(programs[name], threads, cpus))
    return benches


def by_name(bench):
    return {layer["name"]: layer for layer in bench["layers"]}


def layer_pairs(benches, layers):
    """{layer: {"chosen": kernel, "dense": kernel, "ratio": (median, low, high) of the dense kernel's time over the chosen one's, "ms"}}."""
    found, named = {}, {name: [by_name(bench) for bench in some] for name, some in benches.items()}
    for name in layers:
        if all(name in bench for some in named.values() for bench in some):
            times = {program: [bench[name]["median_ms"] for bench in some] for program, some in named.items()}
            found[name] = {**{program: some[0][name]["kernel"] for program, some in named.items()}, "ratio": pairs(times[FORCED], times[CHOSEN]),
                           "ms": statistics.median(times[CHOSEN])}
    return found


def slower(pair):
    return pair["ratio"][2] < 1


def measure(options, network, density):
    """A row for each layer with a sparse kernel."""
    with tempfile.TemporaryDirectory(prefix="tulle-slower-") as folder:
        model, choice = pathlib.Path(folder) / f"{network}.onnx", ["--target", options.target, "--threads", options.threads]
        run([sys.executable, ROOT / "samples/zoo/make.py", network, "--density", density, "--scale", options.scale, "-o", model])
        instead = dense_instead(json.loads(run([options.tulle, "explain", model, *choice, "--json"])))
        forced = [word for layer, kernel in instead.items() for word in ("--kernel", f"{layer}={inside.forced_name(kernel)}")]
        programs = {CHOSEN: pathlib.Path(folder) / CHOSEN, FORCED: pathlib.Path(folder) / FORCED}
        run([options.tulle, "build", model, *choice, "-o", programs[CHOSEN]])
        run([options.tulle, "build", model, *choice, *forced, "-o", programs[FORCED]])
        alike = same_work(instead, json.loads(run([options.tulle, "explain", model, *choice, *forced, "--json"])))
        found = layer_pairs(alternate(programs, options.threads, options.rounds), alike)
        if any(slower(pair) for pair in found.values()):
            again = layer_pairs(alternate(programs, options.threads, options.rounds), alike)
            for name, pair in found.items():
                pair["again"] = again[name]["ratio"]
    key = cell_key(options, network, density)
    return [{**key, "layer": name, **pair} for name, pair in found.items()] or [{**key, "layer": None}]


# ---- telling ----

def confirmed(row):
    return slower(row) and row["again"][2] < 1


def lines_of(rows, densities):
    """By density: layers, the geometric mean and the least of what the sparse kernels gain, and how many are slower."""
    lines = []
    for density in densities:
        some = [row for row in rows if row["density_asked"] == density]
        if some:
            gains = [row["ratio"][0] for row in some]
            lines.append([f"{100 * density:g} %", str(len(some)), f"{geometric_mean(gains):.2f}x", f"{min(gains):.2f}x",
                          str(sum(slower(row) for row in some)), str(sum(confirmed(row) for row in some))])
    return lines


TITLES = ["density", "layers with a sparse kernel", "over the best dense one", "least", "slower once", "slower both times"]
SLOWER_TITLES = ["network", "density", "layer", "chosen", "ms", "dense", "over dense", "again"]


def slower_lines(rows):
    return [[row["network"], f"{100 * row['density_asked']:g} %", row["layer"], row[CHOSEN], f"{row['ms']:.4g}", row[FORCED],
             *("{:.2f}x ({:.2f} to {:.2f})".format(*ratio) for ratio in (row["ratio"], row["again"]))] for row in rows if confirmed(row)]


def tell(options, rows):
    print_table(TITLES, lines_of(rows, options.densities))
    if any(confirmed(row) for row in rows):
        print_table(SLOWER_TITLES, slower_lines(rows))


def write_tables(options, rows):
    says = target_numbers(options.tulle, options.target)["says"]
    text = (f"Measured on {says}, {options.threads} thread{'s' * (options.threads > 1)}, {options.rounds} pairs, by\n"
            f"`tests/bench/never_slower.py --networks {options.networks_given} --densities {options.densities_given} --threads {options.threads}`.\n\n" + markdown(TITLES, lines_of(rows, options.densities)))
    if any(confirmed(row) for row in rows):
        text += "\n" + markdown(SLOWER_TITLES, slower_lines(rows))
    write_between(options.write, BEGIN.format(options.threads), END, text)


def arguments():
    parser = zoo_parser(__doc__, DENSITIES)
    parser.add_argument("--rounds", type=int, default=6, help="pairs; 6 are the least that give an interval (default 6)")
    chosen = zoo_options(parser)
    if chosen.rounds < 6:
        parser.error("fewer than 6 pairs have no interval of 95 %")
    return chosen


def main():
    options = arguments()
    rows = [row for row in zoo_rows(options, measure) if row["layer"] is not None]
    if not rows:
        sys.exit("no layer has a sparse kernel")
    tell(options, rows)
    if options.write is not None:
        write_tables(options, rows)


if __name__ == "__main__":
    main()
