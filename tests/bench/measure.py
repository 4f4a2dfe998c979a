"""Which cells each part needs, and rows for them: what the file of measurements has, and what it lacks, which is measured and added."""
import concurrent.futures
import datetime
import sys
import time

import cases
import inside
import trained
from cores import Cores
from lab import Cell, Lab
from race import Race
from shared import add_rows, known_rows, run, target_numbers
from view import peak_of

PARTS = ["layers", "dense", "patterns", "networks", "sgemm", "regret"]
TWO_THREAD_DENSITIES = (0.1, 0.25, 1)      # the whole curve is drawn for one thread
SGEMM_DENSITY, SGEMM_BATCHES = 0.09, (1, 32)
EXECUTABLE_ROUNDS = 5
LOAD_SECONDS = 0.5     # of an entrant, about, for the estimate


# ---- what is asked for ----

def layer_cells(options):
    for threads in options.threads:
        densities = options.densities if threads == 1 else tuple(d for d in options.densities if d in TWO_THREAD_DENSITIES)
        for name in options.layers:
            yield Cell("layer", name, threads, densities=densities)
    if "resnet50" in options.networks:
        yield Cell("inside", "resnet50")


def dense_cells(options):
    for name in [*options.layers, *cases.LARGE_LAYERS]:
        yield Cell("layer", name, densities=(1,))


def pattern_cells(options):
    densities = tuple(d for d in options.densities if d <= trained.MOST_DENSITY)
    for name in options.layers:
        if densities:
            yield Cell("pattern", name, densities=densities)


def network_cells(options):
    for batch in options.batches:
        for threads in options.threads:
            for name in options.networks:
                yield Cell("network", name, threads, batch)


def sgemm_cells(options):
    for batch in SGEMM_BATCHES:
        for name in options.layers:
            if name in cases.PAPER_LAYERS:
                yield Cell("sgemm", name, batch=batch, densities=(SGEMM_DENSITY,))


def regret_cells(options):
    for name in options.networks:
        yield Cell("regret", name)


CELLS = {"layers": layer_cells, "dense": dense_cells, "patterns": pattern_cells, "networks": network_cells, "sgemm": sgemm_cells,
         "regret": regret_cells}


def cells(options):
    """In order, without those that others contain."""
    wanted = [cell for part in PARTS if part in options.parts for cell in CELLS[part](options)]
    return [cell for number, cell in enumerate(wanted)
            if not any(other.key() == cell.key() and set(cell.densities) <= set(other.densities) for other in wanted[:number])]


# ---- rows ----

def fits(row, cell, options):
    """Holds all that the cell asks for, measured in the same way."""
    return ({name: row.get(name) for name in cell.key()} == cell.key() and (row["scale"], row["target"]) == (options.scale, options.target)
            and set(cell.densities) <= set(row["densities"]) and set(options.engines) <= set(row["engines"]))


def found(rows, cell, options):
    """The last row that fits, or None."""
    return next((row for row in reversed(rows) if fits(row, cell, options)), None)


def machine_row(options):
    numbers = target_numbers(options.tulle, options.target)
    names = ("says", "isa", "isa_vector_bytes", "cores", "ghz", "vector_bytes", "fma_ports", "l1_bytes", "l2_bytes", "l3_bytes", "memory_bandwidth")
    return {"kind": "machine", "tulle": run([options.tulle, "--version"]).split("\n")[0], **{name: numbers[name] for name in names}}


# ---- measuring ----

def rounds_of(cell, options):
    if cell.kind in ("inside", "regret"):
        return EXECUTABLE_ROUNDS
    return options.rounds if cell.kind != "network" else max(1, min(options.rounds, options.network_rounds))


def measured(lab, race, cell, options):
    """The row of a cell."""
    row = {**cell.key(), "scale": options.scale, "target": options.target, "densities": list(cell.densities), "engines": sorted(options.engines),
           "date": options.date or datetime.date.today().isoformat(), "flops": lab.flops(cell)}
    if cell.kind in ("inside", "regret"):
        return {**row, "entrants": inside.measure(lab, cell, options.cpus[-cell.threads:], rounds_of(cell, options)), "skipped": {}, "versions": {}}
    entrants = lab.entrants(cell)
    times, states, skipped = race.measure(entrants, lab.input(cell), cell.threads, rounds_of(cell, options), options.round_ms / 1e3)
    results = {entrant.name: {"ms": times[entrant.name], **entrant.facts} for entrant in entrants if entrant.name in times}
    return {**row, "entrants": results, "processors": states, "skipped": skipped, "versions": dict(race.versions)}


def prepare(lab, wanted, jobs):
    """Makes all models and programs, so that nothing is compiled between measurements."""
    def make(cell):
        inside.programs(lab, cell) if cell.kind in ("inside", "regret") else lab.entrants(cell)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for number, _ in enumerate(pool.map(make, wanted)):
            if sys.stderr.isatty():
                say(f"prepared {number + 1} of {len(wanted)} cells", end="\r")


def say(text, end="\n"):
    print(text, file=sys.stderr, end=end, flush=True)


def announce(number, count, cell):
    images = f", {cell.batch} images" if cell.batch > 1 else ""
    say(f"[{number}/{count}] {cell.kind} {cell.name}, {cell.threads} thread{'s' * (cell.threads > 1)}{images}")


def rows_of(options):
    """All rows of the file, after measuring what it lacks."""
    rows = known_rows(options.measured)
    wanted = [cell for cell in cells(options) if not found(rows, cell, options)]
    if options.no_measure or not wanted:
        return rows
    lab = Lab(options)
    start = time.monotonic()
    prepare(lab, wanted, options.jobs)
    say(f"made models and programs in {time.monotonic() - start:.0f} s; to measure: about {estimate(lab, wanted, options) / 60:.0f} minutes")
    return rows if options.prepare else rows + measured_rows(lab, rows, options)


def tell_skipped(row):
    for name, reason in row["skipped"].items():
        say(f"    skipped {name}: {reason}")


def measured_rows(lab, known, options):
    rows = [machine_row(options)]
    add_rows(options.measured, rows)
    with open(options.folder / "engines.log", "a", encoding="utf-8") as log:
        race = Race(options.pythons, options.cpus, log, Cores(lab.files, lab.folder, options.patience))
        wanted = cells(options)
        for number, cell in enumerate(wanted, 1):
            if found(known + rows, cell, options):
                continue
            announce(number, len(wanted), cell)
            rows.append(measured(lab, race, cell, options))
            add_rows(options.measured, rows[-1:])
            tell_skipped(rows[-1])
        race.stop()
    return rows


# ---- how long it takes ----

def network_seconds(lab, cell):
    """Of one run of the dense network, as tulle predicts it."""
    explained = lab.programs.explained(lab.network_model(cell.name, cases.DENSE), target=lab.target, batch=cell.batch)
    return explained["slices"] * explained["predicted_ms"] / 1e3 / cell.threads


def layer_seconds(lab, cell, peak, entrant):
    """A tenth of what all weights would need, or more, at half the machine's peak; SSE is slower."""
    density = float(entrant.split("@")[1]) if "@" in entrant else 1
    return 2 * lab.flops(cell) * max(density, 0.1) / (peak * cell.threads) * (4 if "sse" in entrant else 1)


def call_seconds(lab, cell, peak, entrants):
    """Of one run of each, roughly."""
    if cell.kind == "network":
        dense = network_seconds(lab, cell)
        return [dense / (4 if entrant.name.endswith("sparse") else 1) for entrant in entrants]
    return [layer_seconds(lab, cell, peak, entrant.name) for entrant in entrants]


def cell_seconds(lab, cell, peak, options):
    if cell.kind in ("inside", "regret"):
        return 1.2 * EXECUTABLE_ROUNDS * len(inside.programs(lab, cell))
    total = 0
    for call in call_seconds(lab, cell, peak, lab.entrants(cell)):
        once = call + max(options.round_ms / 1e3, 3 * call if 3 * call < 0.5 else call)
        total += LOAD_SECONDS + 2 * call + rounds_of(cell, options) * once
    return total


def estimate(lab, wanted, options):
    """Seconds of measuring; programs are made by now."""
    peak = peak_of(target_numbers(options.tulle, options.target))
    return sum(cell_seconds(lab, cell, peak, options) for cell in wanted)
