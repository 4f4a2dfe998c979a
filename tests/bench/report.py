"""The report: which sections there are, what stands above each table, and the command that made it."""
import pathlib
import statistics
import textwrap

import cases
import inside
import measure
import speedup_svg
import tell_layers
import tell_networks
import trained
import view
from intervals import spread
from race import WRONG
from shared import write_between

BEGIN, END = "<!-- compare: written by tests/bench/compare.py -->\n", "<!-- end of compare -->\n"
COMMAND = "tests/bench/compare.py"
HEAD = "# Benchmarks\n\nWhat tulle's programs take on one machine, beside the engines a user could pick instead.\n\n" + BEGIN + END
WORDS = {
    "method": """A worker process for each engine stays up and is asked for one round at a time; the engines take turns, in an order that turns
        round, so that a machine whose speed drifts drifts for all of them. A round is the median of as many runs as fit into some tens of
        milliseconds, three at least, after one that is not counted. Inputs and outputs are in memory; each engine's results are compared with the
        others' before it is timed. Times are milliseconds, medians of rounds; a speedup is the median of the ratios of the same rounds, behind it
        the 95 % interval of that median, which assumes nothing about how times are spread. "The better dense engine" is ONNX Runtime or OpenVINO.
        alpha is the time over that of the nonzeros' multiply-adds at FMA peak, packing and all else included.""",
    "processors": """A virtual machine's processors are moved from time to time, and two of them then share one core, or lie far apart. Before and
        after each round on several threads it is seen what they are worth (tests/bench/cores.c), and a round is run again if they were moved.""",
    "networks": "The zoo's, end to end; milliseconds an image.",
    "layers": "Zeros uneven over channels, as in the zoo; each layer hot, by itself.",
    "break-even": "The density at which the best sparse kernel takes as long as the dense one, one thread.",
    "inside": """Timed by the executable itself (`--bench --json`), with whatever the layers before left in the caches; one thread, 10 %.""",
    "dense": """One thread; behind each kernel's time the share of FMA peak that a direct method would need for it (Winograd multiplies less, and
        may pass 100 %).""",
    "patterns": f"""Zeros where the layers of samples/glyphs have them, which were trained and pruned to
        {" or ".join(map(view.density_name, trained.SOURCES))}, tiled up to each layer's shape; other densities keep the largest of what training
        kept, and of denser layers nothing is known. One thread. "Trained over random" is time over time: above 1, the trained pattern takes
        longer.""",
    "sgemm": f"""AlexNet at x = {measure.SGEMM_DENSITY:g}, as in paper 000, on one core: against OpenBLAS restricted to each instruction set,
        multiplying matrices of the layer's size (no lowering counted), with the share of peak that SGEMM itself reaches. Against a product at
        peak, nothing could gain more than {1 / measure.SGEMM_DENSITY:.1f}x.""",
    "regret": f"""Inside the networks, one thread: upon every other layer another kernel or tiling is forced, program by program, up to
        {inside.TILINGS} tilings of each kernel that is predicted to take at most {inside.FAR:g} times as long as the chosen one (of tilings after the
        first: {inside.NEAR:g} times). What could not stand in the chosen one's place, for its neighbours would have to lay their values otherwise, does
        not count.""",
}


def paragraph(text):
    return textwrap.fill(" ".join(text.split()), 150, break_on_hyphens=False, break_long_words=False) + "\n"


def threads_text(threads):
    return f"{threads} thread" + "s" * (threads > 1)


def section(title, part, words=None):
    """Its head, what it shows, and the command."""
    return f"\n## {title}\n\n{paragraph(WORDS[words or part])}\n`{COMMAND} --parts {part}`\n"


def noise(rows):
    """How far rounds of the same program lie apart, over all that was measured."""
    spreads = [spread(entrant["ms"]) for row in rows.mine for entrant in row["entrants"].values()]
    return statistics.median(spreads)


def processors(rows):
    """What rounds on several threads ran on; empty without any."""
    states = [state for row in rows.mine for state in row.get("processors", [])]
    if not states:
        return ""
    lines = sorted(state["handover_ns"] for state in states)
    bad = sum(not state["good"] for state in states)
    return "\n" + paragraph(f"""{WORDS["processors"]} Of {len(states)} such rounds {bad or "none"} ran otherwise all the same; a cache line took
        {lines[0]:.0f} to {lines[-1]:.0f} ns from one processor to the other, {statistics.median(lines):.0f} in the median.""")


def introduction(rows):
    machine = rows.machine
    engines = ", ".join(f"{name} {version}" for name, version in sorted(rows.versions().items()))
    measured = f"""Measured {rows.dates()} on {machine['says']} ({machine['isa']}, {machine['cores']} cores, {machine['ghz']:g} GHz, FMA peak
        {rows.peak() / 1e9:.0f} GFLOP/s a core in f32) with {machine['tulle']}; {engines}. Everything by one command, which sets the engines up
        itself:"""
    return (paragraph(measured) + f"\n```\n{COMMAND} --tulle build/tulle --write docs/benchmarks.md\n```\n\n" + paragraph(WORDS["method"])
            + processors(rows) + f"\nHalf of all rounds of a program lie within {100 * noise(rows):.1f} % of each other, as the median over all programs.\n")


def layers_of(rows, options):
    """{threads: [(layer, row)]} of those measured at several densities."""
    found = {threads: rows.of("layer", cases.LAYERS, threads) for threads in options.threads}
    return {threads: some for threads, some in found.items() if len(tell_layers.densities_of(some)) > 1}


def layers_section(rows, options):
    found, text = layers_of(rows, options), ""
    for threads, some in found.items():
        densities = tell_layers.densities_of(some)
        main = tell_layers.MAIN_DENSITY if tell_layers.MAIN_DENSITY in densities else densities[0]
        tables = [tell_layers.against_engines(rows, some, main, threads), tell_layers.by_density(rows, some, threads),
                  tell_layers.all_curves(rows, some, threads)]
        text += f"\n### {threads_text(threads).capitalize()}\n\n" + "\n".join(tables)
    return section("Layers", "layers") + drawing(rows, options, found) + text + against_dense(rows, found) if found else ""


def drawing(rows, options, found):
    if options.write is None or 1 not in found:
        return ""
    path = options.write.with_name(options.write.stem + "-layers.svg")
    speedup_svg.draw(path, rows, found[1])
    return f"\n![speedup over density]({path.name})\n"


def against_dense(rows, found):
    judged, slower = tell_layers.slower_than_dense(found.items())
    words = f"""Slower than our own best dense kernel, by the whole of a 95 % interval: {len(slower)} of {judged} (layers, densities and numbers of
        threads){":" if slower else "."}"""
    return ("\n### Against our own dense kernels\n\n" + paragraph(WORDS["break-even"]) + "\n" + tell_layers.break_evens(rows, found.get(1, [])) + "\n"
            + paragraph(words) + ("\n" + "".join(f"- {line}\n" for line in slower) if slower else ""))


def inside_section(rows, options):
    row = rows.get("inside", "resnet50")
    if row is None:
        return ""
    layers, peak = tell_networks.sparse_convolutions(row), rows.peak()
    return (section("Convolutions inside ResNet-50", "layers", "inside") + "\n" + tell_networks.inside_table(layers, peak) + "\n"
            + tell_networks.inside_worst(layers, peak))


def dense_section(rows, options):
    found = [(name, row) for name, row in rows.of("layer", cases.ALL_LAYERS) if view.has(row, tell_layers.tulle_at(1))]
    return section("Dense layers", "dense") + "\n" + tell_layers.dense(rows, found) + tell_layers.peak_words(rows, found) if found else ""


def patterns_section(rows, options):
    found = rows.of("pattern", cases.LAYERS)
    tables = [tell_layers.patterns(rows, found, density) for density in reversed(tell_layers.densities_of(found))]
    return section("Trained patterns", "patterns") + "\n" + "\n".join(filter(None, tables)) if any(tables) else ""


def networks_section(rows, options):
    text = ""
    for batch in options.batches:
        for threads in options.threads:
            found = rows.of("network", cases.NETWORKS, threads, batch)
            if found:
                text += f"\n### Batch {batch}, {threads_text(threads)}\n\n" + tell_networks.networks(found, batch)
    return section("Networks", "networks") + text if text else ""


def sgemm_section(rows, options):
    text = ""
    for batch in measure.SGEMM_BATCHES:
        found = rows.of("sgemm", cases.PAPER_LAYERS, 1, batch)
        if found:
            text += f"\n### Batch {batch}\n\n" + tell_networks.sgemm(rows, found)
    return section("Over SGEMM", "sgemm") + text if text else ""


def regret_section(rows, options):
    found = rows.of("regret", cases.NETWORKS)
    return section("Regret of the choice", "regret") + "\n" + tell_networks.regrets(found) if found else ""


def skipped_section(rows, options):
    """What could not be measured: engines that refuse a model, and results that were wrong."""
    lines = [f"- {key[0]} {key[1]}, {threads_text(key[2])}, batch {key[3]}: {name}: {reason}\n"
             for key, row in rows.cells.items() for name, reason in row["skipped"].items()]
    return "\n## Skipped\n\n" + "".join(lines) if lines else ""


SECTIONS = [networks_section, layers_section, inside_section, dense_section, patterns_section, sgemm_section, regret_section,
            skipped_section]


def tell(options, all_rows):
    """Prints the report; writes it and its drawing if a file was named. False if a result was wrong."""
    rows = view.Rows(all_rows, options)
    if rows.machine is None or not rows.mine:
        print("nothing was measured yet")
        return True
    text = introduction(rows) + "".join(tell_section(rows, options) for tell_section in SECTIONS)
    print(text, end="")
    if options.write is not None:
        path = pathlib.Path(options.write)
        if not path.exists():
            path.write_text(HEAD, encoding="utf-8")
        write_between(path, BEGIN, END, text)
    return not any(reason.startswith(WRONG) for row in rows.cells.values() for reason in row["skipped"].values())
