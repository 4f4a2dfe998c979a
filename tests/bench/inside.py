"""Layers inside their network: executables that time themselves, with the kernels the model chose, and with every other kernel forced upon the
layers it fits. What the choice lost against the best of them is its regret. Tilings and layouts cannot be forced: a kernel comes in
the ones the model gives it."""
import json
import os
import statistics
import subprocess
import sys

import cases

CHOSEN = "chosen"


def forced(explained, slowest, naive):
    """{kernel: {layer: kernel}}: of every kernel, the layers upon which it can be forced without being hopeless."""
    found = {}
    for layer in explained["layers"]:
        for candidate in layer.get("candidates") or []:
            kernel = candidate["kernel"]
            if not candidate["projected"] and kernel not in naive and candidate["predicted_ms"] <= slowest * layer["predicted_ms"]:
                found.setdefault(kernel, {})[layer["name"]] = kernel
    differing = {layer["name"]: layer["kernel"] for layer in explained["layers"]}
    return {kernel: layers for kernel, layers in sorted(found.items()) if any(differing[name] != kernel for name in layers)}


def programs(lab, cell):
    """{name: executable}."""
    model = lab.network_model(cell.name, cases.SPARSE)
    choice = {"target": lab.target, "threads": cell.threads, "batch": cell.batch}
    made = {CHOSEN: lab.programs.built(model, "", **choice)}
    if cell.kind == "regret":
        from programs import NAIVE, SLOWEST
        for kernel, layers in forced(lab.programs.explained(model, **choice), SLOWEST, NAIVE).items():
            made[kernel] = lab.programs.built(model, "", **choice, kernels=layers)
    return made


def bench(program, threads, cpus):
    command = [str(program), "--bench", "--json", "--threads", str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=lambda: os.sched_setaffinity(0, cpus))
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}".rstrip())
    return json.loads(done.stdout)


def layer_rows(benches):
    """Of one program: each layer's kernel, density, FLOPs of all its weights, and median time."""
    rows = []
    for number, layer in enumerate(benches[0]["layers"]):
        times = [run["layers"][number]["median_ms"] for run in benches]
        flops = (layer["effective_gflops"] or 0) * layer["median_ms"] * 1e6
        rows.append({"name": layer["name"], "op": layer["op"], "kernel": layer["kernel"], "density": layer["density"], "flops": round(flops),
                     "ms": statistics.median(times)})
    return rows


def measure(lab, cell, cpus, rounds):
    """{program: {"ms": of the network, round by round, "layers": ...}}."""
    made, runs = programs(lab, cell), {}
    for number in range(rounds):
        for name in list(made)[::-1 if number % 2 else 1]:
            runs.setdefault(name, []).append(bench(made[name], cell.threads, cpus))
    return {name: {"ms": [run["median_ms"] for run in benches], "layers": layer_rows(benches)} for name, benches in runs.items()}


def regret(entrants):
    """(milliseconds of the chosen layers, of the best ones, [(layer, chosen kernel, ms, best kernel, ms)] where they differ). A kernel's time
    for a layer is the median over all programs in which it computes it, since the smallest of many noisy times would be too small."""
    times = {}
    for program in entrants.values():
        for layer in program["layers"]:
            times.setdefault((layer["name"], layer["kernel"]), []).append(layer["ms"])
    times = {key: statistics.median(values) for key, values in times.items()}
    chosen_sum, best_sum, better = 0, 0, []
    for layer in entrants[CHOSEN]["layers"]:
        mine = times[layer["name"], layer["kernel"]]
        best, kernel = min((value, kernel) for (name, kernel), value in times.items() if name == layer["name"])
        chosen_sum, best_sum = chosen_sum + mine, best_sum + best
        if kernel != layer["kernel"]:
            better.append((layer["name"], layer["kernel"], mine, kernel, best))
    return chosen_sum, best_sum, sorted(better, key=lambda line: line[4] - line[2])
