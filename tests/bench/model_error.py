#!/usr/bin/env python3
"""Holds the times that tulle predicts against measured ones: every layer of the zoo's networks at several densities, in the network and
hot (each layer by itself, over and over).

    tests/bench/model_error.py --tulle build/tulle [--networks alexnet,resnet50] [--densities 0.1,1] [--svg F] [--write docs/model.md]

Prints the median error, the share of layers whose prediction is at most 30 % off, and the geometric mean of predicted over measured: for
each network, density and kernel; predicted over measured time of whole networks; and the worst of the layers that take at least 1 % of
their network's time. For a quiet machine: predictions are about one that does nothing else."""
import json
import math
import pathlib
import statistics
import sys
import tempfile

import model_error_svg
from shared import ROOT, cell_key, geometric_mean, markdown, print_table, run, target_numbers, write_between, zoo_options, zoo_parser, zoo_rows

BEGIN, END = "<!-- model_error: written by tests/bench/model_error.py -->\n", "<!-- end of model_error -->\n"
KINDS = {"network": ("median_ms", "predicted_ms"), "hot": ("hot_ms", "predicted_hot_ms")}
NEAR = 1.3
LEAST_SHARE = 0.01
WORST = 15
DENSITIES = "0.02,0.05,0.1,0.25,0.5,1"


# ---- measuring ----

def medians(benches):
    """One run's rows, with the medians over all runs."""
    rows = benches[0]["layers"]
    for number, row in enumerate(rows):
        for measured, _ in KINDS.values():
            row[measured] = statistics.median(bench["layers"][number][measured] for bench in benches)
    return rows


def measure(options, network, density):
    """Rows of `--bench --hot --json`, with network and density."""
    with tempfile.TemporaryDirectory(prefix="tulle-model-") as folder:
        model, program = pathlib.Path(folder) / f"{network}.onnx", pathlib.Path(folder) / network
        run([sys.executable, ROOT / "samples/zoo/make.py", network, "--density", density, "--scale", options.scale, "-o", model])
        run([options.tulle, "build", model, "--target", options.target, "--threads", options.threads, "-o", program])
        benches = [json.loads(run([program, "--bench", "--hot", "--json", "--threads", options.threads])) for _ in range(options.repeat)]
    return [{**cell_key(options, network, density), **row}
            for row in medians(benches)]


# ---- numbers ----

def ratios(rows, kind):
    measured, predicted = KINDS[kind]
    return [row[predicted] / row[measured] for row in rows if row[measured] and row[predicted]]


def errors(rows, kind):
    """(layers, median error, share of them that is near, geometric mean of predicted over measured)."""
    all_ratios = ratios(rows, kind)
    if not all_ratios:
        return 0, math.nan, math.nan, math.nan
    near = sum(1 / NEAR <= ratio <= NEAR for ratio in all_ratios)
    return len(all_ratios), statistics.median(abs(ratio - 1) for ratio in all_ratios), near / len(all_ratios), geometric_mean(all_ratios)


def grouped(rows, key):
    """Rows by key(row), the keys sorted; then all of them."""
    groups = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return [*sorted(groups.items()), ("all", rows)]


def totals(rows, name):
    """Sums over each network at each density."""
    sums = {}
    for row in rows:
        key = (row["network"], row["density_asked"])
        sums[key] = sums.get(key, 0) + (row[name] or 0)
    return sums


def worst_layers(rows):
    """Of those that matter in their network: the farthest from 1, too low or too high."""
    whole = totals(rows, "median_ms")
    heavy = [row for row in rows if row["predicted_ms"] and row["median_ms"] >= LEAST_SHARE * whole[row["network"], row["density_asked"]]]
    return sorted(heavy, key=lambda row: -abs(math.log(row["predicted_ms"] / row["median_ms"])))[:WORST]


# ---- telling ----

def cells(name, rows):
    line = [str(name), str(errors(rows, "network")[0])]
    for kind in KINDS:
        _, median, near, mean = errors(rows, kind)
        line += [f"{median * 100:.0f} %", f"{near * 100:.0f} %", f"{mean:.2f}"]
    return line


def tables(rows):
    """[(what its rows are, lines of cells)]."""
    keys = {"network": lambda row: row["network"], "density": lambda row: f"{row['density_asked'] * 100:3g} %", "kernel": lambda row: row["kernel"]}
    return [(name, [cells(group, members) for group, members in grouped(rows, key)]) for name, key in keys.items()]


def whole_lines(rows, densities):
    measured, predicted = totals(rows, "median_ms"), totals(rows, "predicted_ms")
    return [[network] + [f"{predicted[network, density] / measured[network, density]:.2f}" for density in densities]
            for network in sorted({row["network"] for row in rows})]


def whole_titles(densities):
    return ["whole networks"] + [f"{density * 100:g} %" for density in densities]


TITLES = ["layers", "error", "within 30 %", "predicted/measured", "hot: error", "within 30 %", "predicted/measured"]


def worst_lines(rows):
    return [[row["network"], f"{row['density_asked'] * 100:g} %", row["name"], row["kernel"], f"{row['median_ms']:.4g}", f"{row['predicted_ms']:.4g}",
             f"{row['predicted_ms'] / row['median_ms']:.2f}"] for row in worst_layers(rows)]


WORST_TITLES = ["network", "density", "layer", "kernel", "measured ms", "predicted ms", "predicted/measured"]


def tell(rows, densities):
    for name, lines in tables(rows):
        print_table([name, *TITLES], lines)
    print("predicted/measured time:")
    print_table(whole_titles(densities), whole_lines(rows, densities))
    print(f"the worst layers of at least {LEAST_SHARE:.0%} of their network's time:")
    print_table(WORST_TITLES, worst_lines(rows))


def command_line(options):
    """What was not left as it is by itself, but for places of files."""
    given = [("networks", options.networks_given, "all"), ("densities", options.densities_given, DENSITIES), ("scale", options.scale, 1),
             ("threads", options.threads, 1), ("repeat", options.repeat, 3), ("target", options.target, "native")]
    return " ".join(["tests/bench/model_error.py", *(f"--{name} {value}" for name, value, default in given if value != default)])


def write_tables(options, rows):
    """Between the two marks of the file; a file that is not there yet is made."""
    threads = f"{options.threads} thread{'s' * (options.threads > 1)}"
    says = target_numbers(options.tulle, options.target)["says"]
    parts = [f"Measured on {says} with {threads}, medians of {options.repeat} runs, by\n`{command_line(options)}`.\n"]
    for name, lines in tables(rows):
        parts += ["\n", markdown([name, *TITLES], lines)]
    parts += ["\nPredicted over measured time:\n\n", markdown(whole_titles(options.densities), whole_lines(rows, options.densities)),
              f"\nThe worst layers of those that take at least {LEAST_SHARE:.0%} of their network's time:\n\n",
              markdown(WORST_TITLES, worst_lines(rows))]
    write_between(options.write, BEGIN, END, "".join(parts))


def draw(options, rows):
    panels, titles = [], {"network": "in the network", "hot": "hot: each layer by itself"}
    for kind, (measured, predicted) in KINDS.items():
        panels.append((titles[kind], [(row[measured], row[predicted], row["kernel"]) for row in rows if row[measured] and row[predicted]]))
    summaries = {}
    for name, members in grouped(rows, lambda row: row["kernel"])[:-1]:
        layers, _, _, mean = errors(members, "network")
        summaries[name] = f"({layers}, x{mean:.2f})"
    model_error_svg.draw(options.svg, panels, summaries)


def arguments():
    parser = zoo_parser(__doc__, DENSITIES)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each program, of which medians are taken (default 3)")
    parser.add_argument("--svg", type=pathlib.Path, metavar="FILE", help="draws predicted over measured times")
    return zoo_options(parser)


def main():
    options = arguments()
    rows = [row for row in zoo_rows(options, measure) if row["predicted_ms"] is not None]
    if not rows:
        sys.exit("nothing was predicted")
    tell(rows, options.densities)
    if options.svg is not None:
        draw(options, rows)
    if options.write is not None:
        write_tables(options, rows)


if __name__ == "__main__":
    main()
