/* Bars of predicted time, a row a layer, dense above chosen; and the whole picture. */
#include <math.h>
#include <string.h>

#include "codegen/kernel.h"
#include "compiler/cli/explain.h"
#include "compiler/cli/svg.h"

enum { LEFT = 190, RIGHT = 600, TWO_BARS = 20, ONE_BAR = 14, BAR = 7, HEAD = 46, TAIL = 16, MARGIN = 14 };

/* What the zeros gain is seen where the plan leaves them out; else the dense bar is the whole story. */
static bool has_two(const LayerView *view)
{
    return view->dense_kernel && view->sparse;
}

static double row_height(const LayerView *view)
{
    return has_two(view) ? TWO_BARS : ONE_BAR;
}

double bars_height(const Explanation *explanation)
{
    double height = HEAD + TAIL;
    for (int i = 0; i < explanation->count; i++)
        height += row_height(&explanation->views[i]);
    return height;
}

static double longest_bar(const Explanation *explanation)
{
    double longest = 0;
    for (int i = 0; i < explanation->count; i++) {
        const LayerView *view = &explanation->views[i];
        longest = fmax(longest, fmax(view->seconds, has_two(view) ? view->dense_seconds : 0));
    }
    return longest;
}

/* 1, 2 or 5 times a power of ten, for five lines or so. */
static double nice_step(double whole)
{
    const double power = pow(10, floor(log10(whole / 4))), digits = whole / 4 / power;
    return power * (digits < 2 ? 1 : digits < 5 ? 2 : 5);
}

typedef struct Bars {
    FILE *stream;
    Arena *arena;
    const Explanation *explanation;
    double scale;                    /* pixels a second */
} Bars;

static void draw_scale(const Bars *bars, double longest, double top, double bottom)
{
    const double step = nice_step(longest * 1e3);
    for (int i = 0; i * step <= longest * 1e3; i++) {
        const double x = LEFT + i * step * 1e-3 * bars->scale;
        svg_line(bars->stream, "grid", x, top, x, bottom);
        svg_text(bars->stream, "small middle", x, top - 4, 0, arena_format(bars->arena, "%.6g", i * step));
    }
    svg_text(bars->stream, "small", RIGHT + 12, top - 4, 0, "predicted ms in the network");
}

/* As much of the name as there is room for beside the bars. */
static const char *fitting_name(Arena *arena, const char *name)
{
    const char *text = name;
    for (int most = 40; most > 8 && svg_width(text) > LEFT - 10; most--)
        text = short_name(arena, name, most);
    return text;
}

static void draw_row(const Bars *bars, const LayerView *view, double y)
{
    FILE *stream = bars->stream;
    const bool two = has_two(view);
    const double dense = view->dense_seconds * bars->scale, chosen = view->seconds * bars->scale, middle = y + (two ? BAR : BAR / 2.0) + 4.5;
    svg_text(stream, "end", LEFT - 6, middle, 0, fitting_name(bars->arena, view->name));
    if (two)
        svg_box(stream, "hatch", LEFT, y + 2, fmax(dense, 0.5), BAR);
    svg_box(stream, two ? "black" : view->dense_flops > 0 ? "hatch" : "white", LEFT, y + 2 + (two ? BAR : 0), fmax(chosen, 0.5), BAR);
    const char *gain = two ? arena_format(bars->arena, ", %.2fx", view_gain(view)) : "";
    const char *text = arena_format(bars->arena, "%s ms, %s%s", milliseconds_text(bars->explanation, view->seconds), view->kernel, gain);
    svg_text_over(stream, "", LEFT + fmax(chosen, two ? dense : 0) + 6, middle, 0, text);
}

static void draw_legend(FILE *stream, double y)
{
    svg_box(stream, "hatch", LEFT, y - BAR - 1, 24, BAR);
    svg_text(stream, "", LEFT + 30, y, 0, "best dense kernel");
    svg_box(stream, "black", LEFT + 145, y - BAR - 1, 24, BAR);
    svg_text(stream, "", LEFT + 175, y, 0, "zeros left out, as chosen");
    svg_box(stream, "white", LEFT + 325, y - BAR - 1, 24, BAR);
    svg_text(stream, "", LEFT + 355, y, 0, "no multiply-adds");
}

double draw_bars(FILE *stream, const Explanation *explanation, double top)
{
    const double longest = longest_bar(explanation);
    const Bars bars = {stream, explanation->ctx->graph, explanation, longest > 0 ? (RIGHT - LEFT) / longest : 0};
    double y = top + HEAD;
    draw_legend(stream, top + 12);
    if (longest > 0)
        draw_scale(&bars, longest, y, top + bars_height(explanation) - TAIL);
    for (int i = 0; i < explanation->count; i++) {
        draw_row(&bars, &explanation->views[i], y);
        y += row_height(&explanation->views[i]);
    }
    return y + TAIL;
}

/* ---- the picture ---- */

enum { HEADING = 78, ROOFLINE_HEIGHT = 505 };

void draw_explanation(FILE *stream, const Explanation *explanation)
{
    const char *title = machine_line(explanation), *projection = projection_line(explanation), *paper = paper_line(explanation);
    svg_open(stream, PICTURE_WIDTH, HEADING + ROOFLINE_HEIGHT + bars_height(explanation), title);
    svg_text(stream, "bold", MARGIN, 22, 0, title);
    svg_text(stream, "", MARGIN, 38, 0, total_line(explanation));
    if (paper)
        svg_text(stream, "", MARGIN, 54, 0, paper);
    if (projection)
        svg_text(stream, "", MARGIN, paper ? 70 : 54, 0, projection);
    draw_roofline(stream, explanation, HEADING);
    draw_bars(stream, explanation, HEADING + ROOFLINE_HEIGHT);
    svg_close(stream);
}
