"""Rows of measurements as the report looks at them: times, ratios with intervals, shares of the machine's peak, and cells of tables."""
import math
import statistics

from intervals import pairs
from shared import geometric_mean

ISA_BYTES = {"sse": 16, "avx2": 32, "avx512": 64}


class Rows:
    """Of one scale and target. Of rows that measured the same cell the one with most densities counts, and of those the last."""

    def __init__(self, rows, options):
        mine = [row for row in rows if row.get("scale") == options.scale and row.get("target") == options.target]
        self.cells = {}
        for row in mine:
            key = (row["kind"], row["name"], row["threads"], row["batch"])
            if key not in self.cells or len(row["densities"]) >= len(self.cells[key]["densities"]):
                self.cells[key] = row
        self.machine = next((row for row in reversed(rows) if row["kind"] == "machine"), None)
        self.mine = mine

    def get(self, kind, name, threads=1, batch=1):
        return self.cells.get((kind, name, threads, batch))

    def of(self, kind, names, threads=1, batch=1):
        """[(name, row)] of those that were measured, in the order of the names."""
        return [(name, self.get(kind, name, threads, batch)) for name in names if self.get(kind, name, threads, batch)]

    def peak(self, threads=1, isa=None):
        """FLOP/s of the multiply-add units; with narrower instructions than the machine's, as many of them a cycle."""
        return peak_of(self.machine, ISA_BYTES.get(isa)) * threads

    def versions(self):
        found = {}
        for row in self.mine:
            found.update(row["versions"])
        return found

    def dates(self):
        found = sorted({row["date"] for row in self.mine})
        return " to ".join(dict.fromkeys([found[0], found[-1]])) if found else ""


def peak_of(machine, most_bytes=None):
    """FLOP/s of one core: two for each of the f32 in a vector, of which there are a quarter as many as bytes."""
    width = min(machine["vector_bytes"], most_bytes or machine["isa_vector_bytes"])
    return machine["ghz"] * 1e9 * machine["fma_ports"] * width / 2


# ---- times ----

def has(row, name):
    return row is not None and name in row["entrants"]


def ms(row, name):
    """Median; NaN if it was not measured."""
    return statistics.median(row["entrants"][name]["ms"]) if has(row, name) else math.nan


def fastest(row, names):
    """The name with the smallest median; None if there is none."""
    measured = [name for name in names if has(row, name)]
    return min(measured, key=lambda name: ms(row, name)) if measured else None


def speedup(row, name, base):
    """(median, low, high) of base's time over name's, round by round."""
    if base is None or not has(row, name) or not has(row, base):
        return math.nan, math.nan, math.nan
    return pairs(row["entrants"][base]["ms"], row["entrants"][name]["ms"])


def alpha(row, name, peak):
    """Time over what the nonzeros' multiply-adds need at peak."""
    if not has(row, name):
        return math.nan
    return ms(row, name) / 1e3 / (row["entrants"][name]["density"] * row["flops"] / peak)


def share_of_peak(row, name, peak):
    return row["flops"] / peak / (ms(row, name) / 1e3) if has(row, name) else math.nan


# ---- cells ----

def number(value, digits=3):
    """With as many significant digits; never as a power of ten."""
    if math.isnan(value):
        return "-"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:.{places}f}"


def times(ratio):
    """A speedup with its interval."""
    median, low, high = ratio
    if math.isnan(median):
        return "-"
    return f"{median:.2f}x" + ("" if math.isnan(low) else f" ({low:.2f} to {high:.2f})")


def percent(value):
    return "-" if math.isnan(value) else f"{100 * value:.0f} %"


def density_name(density):
    return f"{100 * density:g} %"


def mean_of(values):
    """Geometric, of those that were measured; as text."""
    known = [value for value in values if not math.isnan(value)]
    return f"{geometric_mean(known):.2f}" if known else "-"


def mean_times(values):
    text = mean_of(values)
    return text if text == "-" else f"**{text}x**"


def least(values):
    known = [value for value in values if not math.isnan(value)]
    return f"{min(known):.2f}x" if known else "-"
