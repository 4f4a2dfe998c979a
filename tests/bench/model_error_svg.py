"""Draws predicted over measured times, one panel beside the other, as SVG written by hand: log-log, black on white, a marker for each kernel."""
import math

from svg import text, write

PANEL, GAP, LEFT, TOP, BOTTOM, LEGEND = 460, 90, 70, 50, 60, 250

# Outlines of about ten units around the origin; the second half is filled. Told apart without colours.
OUTLINES = [
    '<circle r="4"/>',
    '<rect x="-3.6" y="-3.6" width="7.2" height="7.2"/>',
    '<path d="M0,-4.6 L4.4,3.4 L-4.4,3.4 Z"/>',
    '<path d="M0,4.6 L4.4,-3.4 L-4.4,-3.4 Z"/>',
    '<path d="M0,-5 L4,0 L0,5 L-4,0 Z"/>',
    '<path d="M-4,0 H4 M0,-4 V4"/>',
    '<path d="M-3.4,-3.4 L3.4,3.4 M-3.4,3.4 L3.4,-3.4"/>',
    '<path d="M-4.4,0 H4.4 M-2.2,-3.8 L2.2,3.8 M-2.2,3.8 L2.2,-3.8"/>',
]
FILLABLE = 5


def marker(number):
    """Open outlines first, then filled ones, then both turned."""
    shapes = [(outline, "none") for outline in OUTLINES] + [(outline, "black") for outline in OUTLINES[:FILLABLE]]
    outline, fill = shapes[number % len(shapes)]
    turn = 22 * (number // len(shapes))
    return f'<g id="m{number}" fill="{fill}" stroke="black" stroke-width="0.8" transform="rotate({turn})">{outline}</g>'


def decades(points):
    """Powers of ten around all times, the same for both axes."""
    times = [time for point in points for time in point[:2]]
    return math.floor(math.log10(min(times))), max(math.ceil(math.log10(max(times))), math.floor(math.log10(min(times))) + 1)


def label(exponent):
    return f"{10.0 ** exponent:g}"


def axes(left, low, high, title):
    """The frame, a line and a number a decade, the diagonal, and 30 % above and below it."""
    step, bottom, lines = PANEL / (high - low), TOP + PANEL, []
    for exponent in range(low, high + 1):
        offset = (exponent - low) * step
        lines += [f'<path d="M{left + offset:.1f},{TOP} V{bottom} M{left},{bottom - offset:.1f} H{left + PANEL}" stroke="#ccc" stroke-width="0.5"/>',
                  text(left + offset, bottom + 16, label(exponent)), text(left - 6, bottom - offset + 4, label(exponent), "end")]
    for factor, dashes in ((1, ""), (1.3, ' stroke-dasharray="4 3"'), (1 / 1.3, ' stroke-dasharray="4 3"')):
        shift = math.log10(factor) * step
        first, last = max(0, -shift), min(PANEL, PANEL - shift)
        path = f"M{left + first:.1f},{bottom - first - shift:.1f} L{left + last:.1f},{bottom - last - shift:.1f}"
        lines.append(f'<path d="{path}" stroke="black"{dashes}/>')
    lines += [f'<rect x="{left}" y="{TOP}" width="{PANEL}" height="{PANEL}" fill="none" stroke="black"/>', text(left + PANEL / 2, TOP - 14, title),
              text(left + PANEL / 2, bottom + 38, "measured, ms"),
              text(left - 46, TOP + PANEL / 2, "predicted, ms", extra=f'transform="rotate(-90 {left - 46} {TOP + PANEL / 2})"')]
    return lines


def panel(left, low, high, points, kernels):
    """Points that fall onto each other are drawn once."""
    step, drawn = PANEL / (high - low), set()
    for measured, predicted, kernel in points:
        x, y = left + (math.log10(measured) - low) * step, TOP + PANEL - (math.log10(predicted) - low) * step
        drawn.add((kernels.index(kernel), round(x, 1), round(y, 1)))
    return [f'<use href="#m{number}" x="{x}" y="{y}"/>' for number, x, y in sorted(drawn)]


def draw(path, panels, summaries):
    """panels: [(title, [(measured, predicted, kernel)])]; summaries: words for each kernel, in the order of the legend."""
    kernels = list(summaries)
    low, high = decades([point for _, points in panels for point in points])
    width, height = LEFT + len(panels) * (PANEL + GAP) + LEGEND, TOP + PANEL + BOTTOM
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{height}" fill="white"/>', "<defs>", *[marker(number) for number in range(len(kernels))], "</defs>"]
    for number, (title, points) in enumerate(panels):
        left = LEFT + number * (PANEL + GAP)
        lines += axes(left, low, high, title) + panel(left, low, high, points, kernels)
    x = LEFT + len(panels) * (PANEL + GAP) - 30
    for number, kernel in enumerate(kernels):
        y = TOP + 10 + 20 * number
        lines += [f'<use href="#m{number}" x="{x}" y="{y}"/>', text(x + 12, y + 4, f"{kernel} {summaries[kernel]}", "start")]
    lines.append(text(x - 6, TOP + 30 + 20 * len(kernels), "dashed: 30 % above and below", "start"))
    write(path, lines)
