"""Draws speedups over density, a panel a layer, as SVG written by hand: what paper 000 shows in its figure 5. Black on white, told apart
without colours; both axes logarithmic; everything over the better dense engine. A cross marks break-even with our own best direct kernel."""
import math

import tell_layers
from svg import text, write
from view import fastest, has, ms

COLUMNS, WIDTH, HEIGHT, LEFT, TOP, RIGHT_GAP, BOTTOM_GAP, LEGEND = 3, 270, 200, 46, 40, 56, 62, 70
CROSS = '<path class="break-even" d="M-5,-5 l10,10 m0,-10 l-10,10" stroke="black" stroke-width="1.5"/>'
SERIES = [("tulle", "tulle", "", '<circle r="3" fill="black"/>'),
          ("tulle:sparse", "tulle, sparse kernel forced", "2 3", '<circle r="3" fill="white" stroke="black"/>'),
          ("deepsparse", "DeepSparse", "5 3", '<rect x="-3" y="-3" width="6" height="6" fill="white" stroke="black"/>')]
LEVELS = [(False, "our best direct kernel", "8 3 2 3"), (True, "our Winograd", "1 2")]


class Panel:
    """One layer: densities from left to right, falling as sparsity rises."""

    def __init__(self, left, top, densities, low, high):
        self.left, self.top, self.low, self.high = left, top, low, high
        self.first, self.last = math.log(max(densities)), math.log(min(densities))

    def x(self, density):
        return self.left + WIDTH * (math.log(density) - self.first) / (self.last - self.first)

    def y(self, gain):
        gain = min(max(gain, self.low), self.high)
        return self.top + HEIGHT * (1 - (math.log(gain) - math.log(self.low)) / (math.log(self.high) - math.log(self.low)))

    def line(self, points, dashes, marker=""):
        path = " L".join(f"{self.x(density):.1f},{self.y(gain):.1f}" for density, gain in points)
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        drawn = [f'<path d="M{path}" fill="none" stroke="black"{dashed}/>'] if len(points) > 1 else []
        return drawn + [f'<g transform="translate({self.x(density):.1f},{self.y(gain):.1f})">{marker}</g>' for density, gain in points if marker]


def base_ms(row):
    return ms(row, fastest(row, tell_layers.DENSE_ENGINES))


def series_points(row, name):
    entrants = [(density, f"{name}@{density:g}") for density in sorted(row["densities"], reverse=True)]
    return [(density, base_ms(row) / ms(row, entrant)) for density, entrant in entrants if has(row, entrant)]


def gains_of(found):
    return [gain for _, row in found for name, *_ in SERIES for _, gain in series_points(row, name)]


def levels(values):
    """Powers of two around all values: the same axis for all panels."""
    return 2.0 ** math.floor(math.log2(min(values))), 2.0 ** math.ceil(math.log2(max(values)) + 1e-9)


def axes(panel, densities, title):
    lines, bottom = [], panel.top + HEIGHT
    gain = panel.low
    while gain <= panel.high * 1.001:
        y = panel.y(gain)
        lines += [f'<path d="M{panel.left},{y:.1f} H{panel.left + WIDTH}" stroke="{"black" if gain == 1 else "#ccc"}" stroke-width="0.5"/>',
                  text(panel.left - 5, y + 4, f"{gain:g}x", "end")]
        gain *= 2
    for density in densities:
        x = panel.x(density)
        lines += [f'<path d="M{x:.1f},{panel.top} V{bottom}" stroke="#ccc" stroke-width="0.5"/>', text(x, bottom + 14, f"{100 * density:g}")]
    lines += [f'<rect x="{panel.left}" y="{panel.top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="black"/>',
              text(panel.left + WIDTH / 2, panel.top - 8, title), text(panel.left + WIDTH / 2, bottom + 30, "density, %")]
    return lines


def curves(panel, row):
    """Series, our dense kernels as level lines, and break-even."""
    ends, lines = (max(row["densities"]), min(row["densities"])), []
    for winograd, _, dashes in LEVELS:
        kernel = tell_layers.own_dense(row, winograd)
        if kernel:
            lines += panel.line([(density, base_ms(row) / ms(row, kernel)) for density in ends], dashes)
    for name, _, dashes, marker in SERIES:
        lines += panel.line(series_points(row, name), dashes, marker)
    direct = tell_layers.own_dense(row, winograd=False)
    even = tell_layers.break_even(row, direct)
    if even and not math.isnan(even):
        lines += panel.line([(even, base_ms(row) / ms(row, direct))], "", CROSS)
    return lines


def legend(y):
    """Under all panels."""
    words = [(label, dashes, marker) for _, label, dashes, marker in SERIES] + [(label, dashes, "") for _, label, dashes in LEVELS]
    words.append(("break-even with our best direct kernel", None, CROSS))
    lines = []
    for number, (label, dashes, marker) in enumerate(words):
        x, row = LEFT + (number % COLUMNS) * (WIDTH + RIGHT_GAP), y + 20 * (number // COLUMNS)
        if dashes is not None:
            lines.append(f'<path d="M{x},{row} h36" stroke="black"' + (f' stroke-dasharray="{dashes}"' if dashes else "") + "/>")
        lines += [f'<g transform="translate({x + 18},{row})">{marker}</g>', text(x + 44, row + 4, label, "start")]
    return lines


def draw(path, rows, found):
    """found: [(layer, row)]. Layers without a dense engine to compare with are left out."""
    found = [(name, row) for name, row in found if fastest(row, tell_layers.DENSE_ENGINES) and len(row["densities"]) > 1]
    if not found:
        return
    low, high = levels([1, *gains_of(found)])
    lines, count = [], -(-len(found) // COLUMNS)
    for number, (name, row) in enumerate(found):
        left, top = LEFT + (number % COLUMNS) * (WIDTH + RIGHT_GAP), TOP + (number // COLUMNS) * (HEIGHT + BOTTOM_GAP)
        panel = Panel(left, top, row["densities"], low, high)
        lines += axes(panel, sorted(row["densities"]), tell_layers.title(name)) + curves(panel, row)
    width, height = LEFT + COLUMNS * (WIDTH + RIGHT_GAP), TOP + count * (HEIGHT + BOTTOM_GAP)
    head = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height + LEGEND}" font-family="sans-serif" font-size="11">',
            f'<rect width="{width}" height="{height + LEGEND}" fill="white"/>',
            text(LEFT, 16, "speedup over the better of ONNX Runtime and OpenVINO, one thread", "start")]
    write(path, [*head, *lines, *legend(height + 10)])
