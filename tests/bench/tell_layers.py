"""The report's tables of layers: against the engines, by density, break-even with our own dense kernels, dense kernels, patterns."""
import math

import cases
import view
from shared import geometric_mean, markdown
from view import alpha, density_name, fastest, has, least, mean_of, mean_times, ms, number, percent, share_of_peak, speedup, times

MAIN_DENSITY = 0.1
LARGE_FLOPS = 1e9
DENSE_ENGINES = ("onnxruntime", "openvino")


def title(name):
    return cases.ALL_LAYERS[name].title


def densities_of(rows):
    return sorted({density for _, row in rows for density in row["densities"]})


def tulle_at(density):
    return f"tulle@{density:g}"


def deepsparse_at(density):
    return f"deepsparse@{density:g}"


def own_dense(row, winograd=None):
    """The fastest of our own dense kernels; `winograd`: only those that are, or are not."""
    kernels = [name for name in row["entrants"] if name.startswith("tulle:") and "@" not in name]
    return fastest(row, [name for name in kernels if winograd is None or ("winograd" in name) == winograd])


def better_deepsparse(row, density):
    return fastest(row, [deepsparse_at(density), deepsparse_at(1)])


# ---- one density, layer by layer ----

def against_engines(rows, found, density, threads):
    peak, lines, ratios, alphas = rows.peak(threads), [], [[], [], []], []
    for name, row in found:
        if not has(row, tulle_at(density)):
            continue
        mine = tulle_at(density)
        three = [speedup(row, mine, base) for base in (deepsparse_at(density), fastest(row, DENSE_ENGINES), own_dense(row))]
        for column, ratio in zip(ratios, three):
            column.append(ratio[0])
        alphas.append(alpha(row, mine, peak))
        lines.append([title(name), *(number(ms(row, other)) for other in (*DENSE_ENGINES, deepsparse_at(1), deepsparse_at(density), mine)),
                      row["entrants"][mine]["kernel"], number(alphas[-1]), *map(times, three)])
    titles = ["layer", "ONNX Runtime", "OpenVINO", "DeepSparse dense", f"DeepSparse {density_name(density)}", f"tulle {density_name(density)}",
              "kernel", "alpha", "over DeepSparse", "over the better dense engine", "over our best dense kernel"]
    if lines:
        lines.append(["geometric mean", *[""] * 6, f"**{mean_of(alphas)}**", *map(mean_times, ratios)])
        lines.append(["worst", *[""] * 6, number(max(alphas)), *map(least, ratios)])
    return markdown(titles, lines) if lines else ""


# ---- all densities ----

def by_density(rows, found, threads):
    """Geometric means and the worst layers."""
    lines = []
    for density in densities_of(found):
        mine = tulle_at(density)
        some = [row for _, row in found if has(row, mine)]
        deepsparse = [speedup(row, mine, better_deepsparse(row, density))[0] for row in some]
        engines = [speedup(row, mine, fastest(row, DENSE_ENGINES))[0] for row in some]
        direct = [speedup(row, mine, own_dense(row, winograd=False))[0] for row in some]
        predicted = [row["entrants"][mine]["hot_ms"] / ms(row, mine) for row in some]
        alphas = [alpha(row, mine, rows.peak(threads)) for row in some]
        lines.append([density_name(density), mean_of(alphas), mean_times(deepsparse), least(deepsparse), mean_times(engines), least(engines),
                      mean_times(direct), least(direct), mean_of(predicted)])
    return markdown(["density", "alpha", "over DeepSparse, sparse or dense", "worst", "over the better dense engine", "worst",
                     "over our best direct kernel", "worst", "predicted/measured"], lines)


def curves(found, cell, what):
    """A table of layers by densities."""
    densities = densities_of(found)
    return markdown([what, *map(density_name, densities)], [[title(name), *(cell(row, density) for density in densities)] for name, row in found])


def all_curves(rows, found, threads):
    peak = rows.peak(threads)
    tables = [curves(found, lambda row, density: number(ms(row, tulle_at(density))), "milliseconds"),
              curves(found, lambda row, density: number(alpha(row, tulle_at(density), peak)), "alpha"),
              curves(found, lambda row, density: times(speedup(row, tulle_at(density), deepsparse_at(density))), "over DeepSparse"),
              curves(found, lambda row, density: row["entrants"][tulle_at(density)].get("bound", "-") if has(row, tulle_at(density)) else "-",
                     "bound, by `tulle explain`")]
    return "\n".join(tables)


# ---- break-even ----

def sparse_ms(row, density):
    """Of the best sparse kernel that was measured; NaN if there is none."""
    chosen = tulle_at(density)
    names = [f"tulle:sparse@{density:g}"] + ([chosen] if has(row, chosen) and row["entrants"][chosen]["kernel"].startswith("sparse") else [])
    name = fastest(row, names)
    return ms(row, name) if name else math.nan


def break_even(row, dense):
    """Density at which the best sparse kernel takes as long as the dense one: between two that were measured, times as powers of densities;
    (0, or 1, or the last that was measured, if it never does, or always)."""
    points = [(density, sparse_ms(row, density)) for density in sorted(row["densities"])]
    points = [(density, time) for density, time in points if not math.isnan(time)]
    if dense is None or not points:
        return math.nan
    limit = ms(row, dense)
    if points[0][1] >= limit:
        return 0.0
    for (d0, t0), (d1, t1) in zip(points, points[1:]):
        if t1 >= limit:
            return math.exp(math.log(d0) + (math.log(d1) - math.log(d0)) * (math.log(limit) - math.log(t0)) / (math.log(t1) - math.log(t0)))
    return points[-1][0]


def break_even_text(row, dense):
    density = break_even(row, dense)
    if math.isnan(density):
        return "-"
    if density == 0:
        return "never sparse"
    return f"{100 * density:.0f} %" + (" or more" if density == max(row["densities"]) else "")


def break_even_mean(found, winograd):
    """Geometric; a layer whose break-even lies beyond what was measured counts with the last density, one that is never sparse with the first."""
    known = [max(density, min(row["densities"])) for row in (row for _, row in found)
             if not math.isnan(density := break_even(row, own_dense(row, winograd)))]
    return f"**{percent(geometric_mean(known))}**" if known else "-"


def break_evens(rows, found):
    lines = []
    for name, row in found:
        direct, winograd = own_dense(row, winograd=False), own_dense(row, winograd=True)
        lines.append([title(name), (direct or "-").removeprefix("tulle:"), number(ms(row, direct)), percent(share_of_peak(row, direct, rows.peak())),
                      break_even_text(row, direct), number(ms(row, winograd)), break_even_text(row, winograd)])
    lines.append(["geometric mean", "", "", "", break_even_mean(found, False), "", break_even_mean(found, True)])
    return markdown(["layer", "best direct kernel", "ms", "of FMA peak", "break-even", "Winograd ms", "break-even"], lines)


def slower_than_dense(found_by_threads):
    """How many cells were judged, and words about those where tulle is slower than our own best dense kernel by the whole of a 95 % interval.
    Where it has chosen that very kernel, both are the same program."""
    judged, slower = 0, []
    for threads, found in found_by_threads:
        for name, row in found:
            for density in row["densities"]:
                mine, dense_kernel = tulle_at(density), own_dense(row)
                ratio = speedup(row, mine, dense_kernel)
                judged += not math.isnan(ratio[2])
                if ratio[2] < 1 and f"tulle:{row['entrants'][mine]['kernel']}" != dense_kernel:
                    slower.append(f"{title(name)} at {density_name(density)}, {threads} thread{'s' * (threads > 1)}: {times(ratio)}")
    return judged, slower


# ---- dense ----

def dense(rows, found):
    kernels = sorted({name for _, row in found for name in row["entrants"] if name.startswith("tulle:") and "@" not in name})
    peak, lines, ratios = rows.peak(), [], [[], [], []]
    for name, row in found:
        three = [speedup(row, tulle_at(1), fastest(row, DENSE_ENGINES)), speedup(row, tulle_at(1), deepsparse_at(1)),
                 speedup(row, own_dense(row, winograd=True), deepsparse_at(1))]
        for column, ratio in zip(ratios, three):
            column.append(ratio[0])
        own = [f"{number(ms(row, kernel))} ({percent(share_of_peak(row, kernel, peak))})" if has(row, kernel) else "-" for kernel in kernels]
        lines.append([title(name), *(number(ms(row, other)) for other in (*DENSE_ENGINES, deepsparse_at(1))), *own, number(ms(row, tulle_at(1))),
                      row["entrants"][tulle_at(1)]["kernel"] if has(row, tulle_at(1)) else "-", *map(times, three)])
    lines.append(["geometric mean", *[""] * (5 + len(kernels)), *map(mean_times, ratios)])
    lines.append(["worst", *[""] * (5 + len(kernels)), *map(least, ratios)])
    return markdown(["layer", "ONNX Runtime", "OpenVINO", "DeepSparse", *(kernel.removeprefix("tulle:") for kernel in kernels), "tulle", "its choice",
                     "over the better dense engine", "over DeepSparse", "our Winograd over DeepSparse"], lines)


def peak_words(rows, found):
    """What the products without transforms reach of the peak, in layers of a billion operations or more."""
    shares = [(share_of_peak(row, own_dense(row, winograd=False), rows.peak()), name) for name, row in found
              if row["flops"] >= LARGE_FLOPS and own_dense(row, winograd=False)]
    if not shares:
        return ""
    worst, name = min(shares)
    return (f"\nOf FMA peak, our best kernel without transforms reaches {percent(geometric_mean(share for share, _ in shares))} in layers of "
            f"{LARGE_FLOPS / 1e9:g} GFLOP or more (geometric mean), {percent(worst)} in the worst, {title(name)}.\n")


# ---- patterns ----

def ratio_text(row, density, engine):
    """Trained over random: above 1, the trained pattern takes longer."""
    return view.speedup(row, f"{engine}-random@{density:g}", f"{engine}-trained@{density:g}")


def patterns(rows, found, density):
    lines, alphas, columns = [], [], [[], [], [], [], []]
    for name, row in found:
        mine = f"tulle-trained@{density:g}"
        if not has(row, mine):
            continue
        ratios = [ratio_text(row, density, "tulle"), ratio_text(row, density, "deepsparse"),
                  speedup(row, mine, fastest(row, [f"deepsparse-trained@{density:g}", deepsparse_at(1)])),
                  speedup(row, mine, fastest(row, DENSE_ENGINES)), speedup(row, mine, own_dense(row, winograd=False))]
        for column, ratio in zip(columns, ratios):
            column.append(ratio[0])
        alphas.append(alpha(row, mine, rows.peak()))
        lines.append([title(name), number(ms(row, f"tulle-random@{density:g}")), number(ms(row, mine)), number(alphas[-1]), *map(times, ratios)])
    if lines:
        lines.append(["geometric mean", "", "", f"**{mean_of(alphas)}**", *map(mean_times, columns)])
        lines.append(["least", "", "", "", *map(least, columns)])
    titles = [f"at {density_name(density)}", "random ms", "trained ms", "alpha", "tulle, trained over random", "DeepSparse, trained over random",
              "trained, over DeepSparse, sparse or dense", "trained, over the better dense engine", "trained, over our best direct kernel"]
    return markdown(titles, lines) if lines else ""
