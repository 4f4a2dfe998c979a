"""Layers inside their network: executables that time themselves, with the kernels the model chose, and with others forced upon the layers they fit,
in the tilings that the model thinks best. What the choice lost against the best of them is its regret."""
import json
import os
import statistics
import subprocess
import sys

import cases

CHOSEN = "chosen"
TILINGS = 3          # of a kernel, at most
SAME = 0.1           # of predicted times of one and the same work
FAR, NEAR = 2.5, 1.5    # over the chosen one's predicted time: of a kernel's best tiling, of its others. What is slower is not measured


def what(row):
    """What computes a layer, and between which layouts, of a row of `explain`: "sparse_inline 0,1,28" reads and leaves plain values, one that
    leaves a padded one is "sparse_inline 0,1,28 leaves 1,1,59,57,16"."""
    def numbers(values):
        return ",".join(map(str, values)) or "-"
    tiling = list(row["tiling"] or [])
    while tiling and tiling[-1] == 0:
        tiling.pop()
    words = [row["kernel"] or "view", numbers(tiling)]
    for name, word in (("layout_in", "reads"), ("layout_out", "leaves")):
        if row[name]:
            words += [word, numbers(row[name].values())]
    return " ".join(words)


def forced_name(candidate):
    """As --kernel wants it."""
    return ":".join(what(candidate).split(" ")[:2])


def others(layer, naive):
    """What could stand in the place of the layer's chosen kernel and tiling and is worth measuring, the best by prediction first."""
    found, tilings = {}, {}
    for candidate in layer.get("candidates") or []:
        kernel, name = candidate["kernel"], forced_name(candidate)
        limit = NEAR if tilings.get(kernel) else FAR
        worth = candidate["predicted_ms"] <= limit * layer["predicted_ms"] and not candidate["projected"] and kernel not in naive
        if worth and name not in found and tilings.get(kernel, 0) < TILINGS:
            found[name] = candidate
            tilings[kernel] = tilings.get(kernel, 0) + 1
    return [name for name in found if name != forced_name(layer)]


def forced(explained, naive):
    """[{layer: "kernel:tiling"}], one for each program: the first has every other layer's second best, and so on. Layers beside one another are
    not forced together, so that their values may lie as they do in the chosen program."""
    layers = [(layer["name"], others(layer, naive)) for layer in explained["layers"] if layer["kernel"]]
    layers = [layer for layer in layers if layer[1]]
    most = max((len(names) for _, names in layers), default=0)
    made = [{layer: names[rank] for layer, names in layers[parity::2] if rank < len(names)} for rank in range(most) for parity in (0, 1)]
    return [choice for choice in made if choice]


def programs(lab, cell):
    """{name: (executable, what `explain` says of it)}."""
    model = lab.network_model(cell.name, cases.SPARSE)
    choice = {"target": lab.target, "threads": cell.threads, "batch": cell.batch}
    explained = lab.programs.explained(model, **choice)
    made = {CHOSEN: (lab.programs.built(model, "", **choice), explained)}
    if cell.kind == "regret":
        from programs import NAIVE
        for number, kernels in enumerate(forced(explained, NAIVE), 1):
            made[str(number)] = lab.programs.built(model, "", **choice, kernels=kernels), lab.programs.explained(model, **choice, kernels=kernels)
    return made


def bench(program, threads, cpus):
    command = [str(program), "--bench", "--json", "--threads", str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=lambda: os.sched_setaffinity(0, cpus))
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}".rstrip())
    return json.loads(done.stdout)


def layer_rows(benches, explained):
    """Of one program: each layer's kernel, what is predicted, density, FLOPs of all its weights, and median time."""
    rows, told = [], {layer["name"]: layer for layer in explained["layers"]}
    for number, layer in enumerate(benches[0]["layers"]):
        times = [run["layers"][number]["median_ms"] for run in benches]
        flops = (layer["effective_gflops"] or 0) * layer["median_ms"] * 1e6
        rows.append({"name": layer["name"], "op": layer["op"], "kernel": layer["kernel"], "what": what(told[layer["name"]]),
                     "predicted_ms": layer["predicted_ms"], "density": layer["density"], "flops": round(flops), "ms": statistics.median(times)})
    return rows


def stand_ins(explained):
    """{layer: {what can stand in its chosen kernel's place: the time predicted}}, as `explain` lists them."""
    return {layer["name"]: {what(candidate): candidate["predicted_ms"] for candidate in layer.get("candidates") or []}
            for layer in explained["layers"]}


def measure(lab, cell, cpus, rounds):
    """{program: {"ms": of the network, round by round, "layers": ...}}; of the chosen one also what can stand in."""
    made, runs = programs(lab, cell), {}
    for number in range(rounds):
        for name in list(made)[::-1 if number % 2 else 1]:
            runs.setdefault(name, []).append(bench(made[name][0], cell.threads, cpus))
    entrants = {name: {"ms": [run["median_ms"] for run in benches], "layers": layer_rows(benches, made[name][1])} for name, benches in runs.items()}
    if cell.kind == "regret":
        entrants[CHOSEN]["stand_ins"] = stand_ins(made[CHOSEN][1])
    return entrants


def regret(entrants):
    """(milliseconds of the chosen layers, of the best ones, [(layer, what was chosen, ms, what is best, ms)] where they differ). The time of one way
    to compute a layer is the median over all programs that have it, since the smallest of many noisy times would be too small. What reads or
    leaves other layouts than can stand in the chosen one's place does not count: its neighbours would pay for it. Nor does a layer of which another
    time is predicted than in its place: an addition is fused into it, or no more, and is then a layer that the chosen program lacks."""
    times, stand = {}, entrants[CHOSEN]["stand_ins"]
    for program in entrants.values():
        for layer in program["layers"]:
            if layer["name"] not in stand:
                continue
            predicted = stand[layer["name"]].get(layer["what"], layer["predicted_ms"])
            if program is entrants[CHOSEN] or abs(layer["predicted_ms"] / predicted - 1) < SAME:
                times.setdefault(layer["name"], {}).setdefault(layer["what"], []).append(layer["ms"])
    chosen_sum, best_sum, better = 0, 0, []
    for layer in entrants[CHOSEN]["layers"]:
        mine = statistics.median(times[layer["name"]][layer["what"]])
        allowed = {layer["what"], *stand[layer["name"]]}
        best, name = min((statistics.median(values), name) for name, values in times[layer["name"]].items() if name in allowed)
        chosen_sum, best_sum = chosen_sum + mine, best_sum + best
        if name != layer["what"]:
            better.append((layer["name"], layer["what"], mine, name, best))
    return chosen_sum, best_sum, sorted(better, key=lambda line: line[4] - line[2])
