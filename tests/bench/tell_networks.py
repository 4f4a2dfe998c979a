"""The report's tables of networks: against the engines, layers inside them, regret; and AlexNet's layers against SGEMM."""
import math

import cases
import inside
from shared import geometric_mean, markdown
from tell_layers import DENSE_ENGINES, title
from view import fastest, least, mean_times, ms, number, percent, share_of_peak, speedup, times

WORST_LAYERS = 8
PAPER_GAINS = {"avx512": "3.1x (Xeon Phi)", "avx2": "3.4x (Xeon)", "sse": "7.3x (Atom)"}
ISA_NAMES = {"avx512": "AVX-512", "avx2": "AVX2", "sse": "SSE4.2"}


def networks(found, batch):
    """Milliseconds an image."""
    lines, columns = [], [[], [], [], []]
    for name, row in found:
        sparse, dense = "tulle@sparse", "tulle@dense"
        ratios = [speedup(row, sparse, "deepsparse@sparse"), speedup(row, sparse, "onnxruntime"), speedup(row, sparse, fastest(row, DENSE_ENGINES)),
                  speedup(row, dense, fastest(row, DENSE_ENGINES))]
        for column, ratio in zip(columns, ratios):
            column.append(ratio[0])
        measured = [number(ms(row, other) / batch) for other in (*DENSE_ENGINES, "deepsparse@dense", "deepsparse@sparse", dense, sparse)]
        lines.append([f"{name}, {cases.NETWORKS[name][1]}", *measured, *map(times, ratios)])
    lines.append(["geometric mean", *[""] * 6, *map(mean_times, columns)])
    lines.append(["worst", *[""] * 6, *map(least, columns)])
    return markdown(["network", "ONNX Runtime", "OpenVINO", "DeepSparse dense", "DeepSparse", "tulle dense", "tulle", "over DeepSparse",
                     "over ONNX Runtime", "over the better dense engine", "dense: over the better dense engine"], lines)


# ---- inside ----

def sparse_convolutions(row):
    return [layer for layer in row["entrants"][inside.CHOSEN]["layers"] if layer["op"] == "Conv" and layer["density"] < 1 and layer["flops"]]


def need(layer, peak):
    """Milliseconds of its nonzeros at peak."""
    return layer["density"] * layer["flops"] / peak * 1e3


def inside_table(layers, peak):
    """By kernel, and all."""
    groups = {}
    for layer in layers:
        groups.setdefault(layer["kernel"], []).append(layer)
    lines = []
    for kernel, members in [*sorted(groups.items()), ("all", layers)]:
        spent, needed = sum(layer["ms"] for layer in members), sum(need(layer, peak) for layer in members)
        lines.append([kernel, str(len(members)), number(spent), number(needed), f"{spent / needed:.2f}"])
    return markdown(["kernel", "layers", "ms", "at peak", "alpha"], lines)


def inside_worst(layers, peak):
    """What loses most against the peak."""
    worst = sorted(layers, key=lambda layer: need(layer, peak) - layer["ms"])[:WORST_LAYERS]
    return markdown(["the layers that lose most", "kernel", "ms", "alpha"],
                    [[layer["name"], layer["kernel"], number(layer["ms"]), f"{layer['ms'] / need(layer, peak):.2f}"] for layer in worst])


# ---- regret ----

def regrets(found):
    lines, better = [], []
    for name, row in found:
        chosen, best, differing = inside.regret(row["entrants"])
        better += [(name, *layer) for layer in differing]
        forced = {(layer["name"], layer["what"]) for program in row["entrants"].values() for layer in program["layers"]}
        lines.append([name, number(chosen), number(best), f"{100 * (chosen / best - 1):.1f} %", str(len(forced)), str(len(row["entrants"]))])
    worst = sorted(better, key=lambda line: line[5] - line[3])[:WORST_LAYERS]
    text = markdown(["network", "chosen, sum of layers, ms", "best, ms", "regret", "ways measured", "programs"], lines)
    if worst:
        text += "\n" + markdown(["network", "layer", "chosen", "ms", "faster", "ms"],
                                [[name, layer, chosen, number(mine), kernel, number(other)] for name, layer, chosen, mine, kernel, other in worst])
    return text


# ---- SGEMM ----

def isas_of(found):
    return [isa for isa in ISA_NAMES if any(f"tulle-{isa}" in row["entrants"] for _, row in found)]


def sgemm(rows, found):
    """Over SGEMM of the same size, instruction set by instruction set."""
    isas, lines = isas_of(found), []
    gains, shares = {isa: [] for isa in isas}, {isa: [] for isa in isas}
    for name, row in found:
        line = [title(name)]
        for isa in isas:
            ratio, share = speedup(row, f"tulle-{isa}", f"sgemm-{isa}"), share_of_peak(row, f"sgemm-{isa}", rows.peak(isa=isa))
            gains[isa].append(ratio[0])
            shares[isa].append(share)
            line += [f"{number(ms(row, f'sgemm-{isa}'))} ({percent(share)})", number(ms(row, f"tulle-{isa}")), times(ratio)]
        lines.append(line)
    mean, paper = ["geometric mean"], ["paper 000, all cores"]
    for isa in isas:
        known = [share for share in shares[isa] if not math.isnan(share)]
        mean += [f"({percent(geometric_mean(known))})", "", mean_times(gains[isa])]
        paper += ["", "", PAPER_GAINS[isa]]
    titles = ["layer"] + [word for isa in isas for word in (f"{ISA_NAMES[isa]}: SGEMM ms (of peak)", "tulle ms", "over SGEMM")]
    return markdown(titles, [*lines, mean, paper])
