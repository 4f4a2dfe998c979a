/* The roofline: FLOP/s over FLOPs a byte, both logarithmic. Lines are what the machine allows; a layer is a ring with its best dense kernel, and a
   dot with the sparse one that was chosen. Both axes count only multiply-adds with what is not zero. Above their roof stand those that do with fewer
   (Winograd's, Fourier's), and the paper's dense layers, whose formula knows no memory. */
#include <math.h>
#include <string.h>

#include "codegen/kernel.h"
#include "compiler/cli/explain.h"
#include "compiler/cli/svg.h"

enum { LEFT = 62, RIGHT = PICTURE_WIDTH - 20, HEIGHT = 420, MOST_DECADES = 9, MOST_LABELS = 8, MOST_ROOFS = 4, POINT = 3 };

typedef struct Axis {
    double low, high;                /* logarithms to base 10 */
    double from, to;                 /* pixels */
} Axis;

typedef struct Roof {
    const char *name, *look;
    double bandwidth;                /* bytes/s */
} Roof;

typedef struct Box { double left, top, right, bottom; } Box;

typedef struct Chart {
    FILE *stream;
    Arena *arena;
    const Explanation *explanation;
    Axis x, y;
    Roof roofs[MOST_ROOFS];
    int roof_count;
    Box *taken;                      /* by points and labels */
    int taken_count;
} Chart;

/* What lies beyond the axis, which has only so many decades, stands at its end. */
static double place(const Axis *axis, double value)
{
    const double part = (log10(value) - axis->low) / (axis->high - axis->low);
    return axis->from + fmin(1, fmax(0, part)) * (axis->to - axis->from);
}

/* ---- what the machine allows ---- */

static void add_roof(Chart *chart, const char *name, const char *look, double bandwidth)
{
    if (bandwidth > 0)
        chart->roofs[chart->roof_count++] = (Roof){name, look, bandwidth};
}

static void find_roofs(Chart *chart)
{
    const Machine *machine = &chart->explanation->plan->target->machine;
    const double hertz = chart->explanation->cores * machine->ghz * 1e9;    /* of all of them together */
    if (!chart->explanation->by_paper) {
        add_roof(chart, "L1", "dashdot", machine->load_ports * machine->vector_bytes * hertz);
        add_roof(chart, "L2", "dash", machine->l2_bytes > 0 ? machine->l2_bandwidth * hertz : 0);
        add_roof(chart, "L3", "dots", machine->l3_bytes > 0 ? machine->l3_bandwidth * hertz : 0);
    }
    add_roof(chart, "memory", "solid", chart->explanation->bandwidth);
}

/* ---- points ---- */

typedef struct Point { double intensity, rate; } Point;

static bool before_of(const LayerView *view, Point *point)
{
    if (view->dense_flops <= 0 || !view->dense_kernel || view->dense_bytes <= 0 || view->dense_seconds <= 0)
        return false;
    *point = (Point){view->dense_flops / view->dense_bytes, view->dense_flops / view->dense_seconds};
    return true;
}

static bool after_of(const LayerView *view, Point *point)
{
    *point = (Point){view_intensity(view), view_rate(view)};
    return point->intensity > 0 && point->rate > 0 && view->sparse;
}

static void widen(Chart *chart, const Point *point)
{
    const double margin = 0.15;
    chart->x.low = fmin(chart->x.low, log10(point->intensity) - margin);
    chart->x.high = fmax(chart->x.high, log10(point->intensity) + margin);
    chart->y.low = fmin(chart->y.low, log10(point->rate) - margin);
    chart->y.high = fmax(chart->y.high, log10(point->rate) + margin);
}

/* Around all points and the corner of the lowest roof. */
static void set_axes(Chart *chart, double top)
{
    const Explanation *explanation = chart->explanation;
    const double peak = log10(explanation->peak), corner = log10(explanation->peak / explanation->bandwidth);
    chart->x = (Axis){-0.5, corner + 0.3, LEFT, RIGHT};
    chart->y = (Axis){peak - 1.5, peak + 0.25, top + HEIGHT, top};
    for (int i = 0; i < explanation->count; i++) {
        Point point;
        if (before_of(&explanation->views[i], &point))
            widen(chart, &point);
        if (after_of(&explanation->views[i], &point))
            widen(chart, &point);
    }
    chart->x.low = fmax(chart->x.low, chart->x.high - MOST_DECADES);
    chart->y.low = fmax(chart->y.low, chart->y.high - MOST_DECADES);
}

/* ---- lines ---- */

/* "0.01", "1", "1000": a rate in GFLOP/s or an intensity. */
static const char *tick_text(Arena *arena, double value)
{
    return arena_format(arena, "%.9g", value);
}

/* Named are the powers of ten; on a short axis 2 and 5 times them, too. */
static bool tick_named(const Axis *axis, int multiple)
{
    return multiple == 1 || (axis->high - axis->low < 2.5 && (multiple == 2 || multiple == 5));
}

static void draw_tick(const Chart *chart, bool upright, int decade, int multiple)
{
    const Axis *axis = upright ? &chart->x : &chart->y;
    const double value = multiple * pow(10, decade), at = place(axis, value);
    if (log10(value) < axis->low || log10(value) > axis->high || (multiple > 1 && axis->high - axis->low > 5))
        return;
    const char *look = multiple == 1 ? "grid" : "fine";
    const char *name = tick_named(axis, multiple) ? tick_text(chart->arena, upright ? value : value * 1e-9) : "";
    if (upright)
        svg_line(chart->stream, look, at, chart->y.from, at, chart->y.to);
    else
        svg_line(chart->stream, look, chart->x.from, at, chart->x.to, at);
    if (*name && upright)
        svg_text(chart->stream, "middle", at, chart->y.from + 15, 0, name);
    else if (*name)
        svg_text(chart->stream, "end", chart->x.from - 6, at + 4, 0, name);
}

static void draw_grid(const Chart *chart)
{
    for (int fine = 1; fine >= 0; fine--)
        for (int upright = 0; upright < 2; upright++) {
            const Axis *axis = upright ? &chart->x : &chart->y;
            for (int d = (int)floor(axis->low); d <= (int)axis->high; d++)
                for (int m = fine ? 2 : 1; m < (fine ? 10 : 2); m++)
                    draw_tick(chart, upright, d, m);
        }
    svg_line(chart->stream, "thin", chart->x.from, chart->y.from, chart->x.to, chart->y.from);
    svg_line(chart->stream, "thin", chart->x.from, chart->y.from, chart->x.from, chart->y.to);
    svg_text(chart->stream, "middle", (chart->x.from + chart->x.to) / 2, chart->y.from + 31, 0,
             "FLOPs done for each byte that is touched for the first time");
    svg_text(chart->stream, "middle", 14, (chart->y.from + chart->y.to) / 2, -90, "GFLOP/s done");
}

static void take(Chart *chart, double left, double top, double right, double bottom)
{
    chart->taken[chart->taken_count++] = (Box){left, top, right, bottom};
}

/* From where it enters the chart to the peak; the name along it. */
static void draw_roof(Chart *chart, const Roof *roof, double peak, int number)
{
    const double low = fmax(pow(10, chart->x.low), pow(10, chart->y.low) / roof->bandwidth), high = peak / roof->bandwidth;
    const double x1 = place(&chart->x, low), y1 = place(&chart->y, low * roof->bandwidth), x2 = place(&chart->x, high), y2 = place(&chart->y, peak);
    if (x2 - x1 < 1)
        return;
    svg_line(chart->stream, roof->look, x1, y1, x2, y2);
    const double length = hypot(x2 - x1, y2 - y1), along = fmin(14 + 10 * number, length / 4);
    const double x = x1 + (along * (x2 - x1) + 4 * (y2 - y1)) / length, y = y1 + (along * (y2 - y1) - 4 * (x2 - x1)) / length;
    const char *text = arena_format(chart->arena, "%s, %s GB/s", roof->name, figures_text(chart->arena, roof->bandwidth * 1e-9));
    svg_text_over(chart->stream, "small", x, y, atan2(y2 - y1, x2 - x1) * 45 / atan(1), text);
}

static void draw_roofs(Chart *chart)
{
    const double peak = chart->explanation->peak, y = place(&chart->y, peak);
    double widest = 0;
    for (int i = 0; i < chart->roof_count; i++)
        widest = fmax(widest, chart->roofs[i].bandwidth);
    const double from = widest > 0 ? fmax(chart->x.from, place(&chart->x, peak / widest)) : chart->x.from;
    svg_line(chart->stream, "solid", from, y, chart->x.to, y);
    const char *what = chart->explanation->by_paper ? "SGEMM" : "peak of multiply-adds";
    const char *text = arena_format(chart->arena, "%s, %s GFLOP/s", what, figures_text(chart->arena, peak * 1e-9));
    svg_text_over(chart->stream, "small end", chart->x.to - 4, y - 8, 0, text);
    take(chart, chart->x.to - svg_width(text), y - 19, chart->x.to, y);
    for (int i = 0; i < chart->roof_count; i++)
        draw_roof(chart, &chart->roofs[i], peak, i);
}

/* ---- layers ---- */

static void draw_point(Chart *chart, const char *look, const Point *point)
{
    const double x = place(&chart->x, point->intensity), y = place(&chart->y, point->rate);
    svg_circle(chart->stream, look, x, y, POINT);
    take(chart, x - POINT, y - POINT, x + POINT, y + POINT);
}

static void draw_pairs(const Chart *chart)
{
    for (int i = 0; i < chart->explanation->count; i++) {
        const LayerView *view = &chart->explanation->views[i];
        Point before, after;
        if (before_of(view, &before) && after_of(view, &after))
            svg_line(chart->stream, "thin", place(&chart->x, before.intensity), place(&chart->y, before.rate), place(&chart->x, after.intensity),
                     place(&chart->y, after.rate));
    }
}

static void draw_points(Chart *chart)
{
    Point point;
    for (int i = 0; i < chart->explanation->count; i++)
        if (before_of(&chart->explanation->views[i], &point))
            draw_point(chart, "white", &point);
    for (int i = 0; i < chart->explanation->count; i++)
        if (after_of(&chart->explanation->views[i], &point))
            draw_point(chart, "black", &point);
}

static bool is_free(const Chart *chart, const Box *box)
{
    bool inside = box->left > chart->x.from && box->right < chart->x.to && box->top > chart->y.to && box->bottom < chart->y.from;
    for (int i = 0; i < chart->taken_count && inside; i++) {
        const Box *other = &chart->taken[i];
        inside = box->right < other->left || box->left > other->right || box->bottom < other->top || box->top > other->bottom;
    }
    return inside;
}

/* Beside its point, where nothing else stands; nowhere if there is no such place. */
static void draw_label(Chart *chart, const LayerView *view)
{
    Point point;
    if (!after_of(view, &point) && !before_of(view, &point))
        return;
    const char *text = short_name(chart->arena, view->name, 24);
    const double x = place(&chart->x, point.intensity), y = place(&chart->y, point.rate), width = svg_width(text) * 0.87, gap = POINT + 3;
    const Box places[] = {
        {x + gap, y - 5, x + gap + width, y + 5}, {x - gap - width, y - 5, x - gap, y + 5}, {x - width / 2, y + gap, x + width / 2, y + gap + 10},
        {x - width / 2, y - gap - 10, x + width / 2, y - gap}, {x + gap, y + 4, x + gap + width, y + 14}, {x + gap, y - 14, x + gap + width, y - 4},
    };
    for (int i = 0; i < COUNT(places); i++)
        if (is_free(chart, &places[i])) {
            svg_text_over(chart->stream, "small", places[i].left, places[i].bottom - 2, 0, text);
            take(chart, places[i].left, places[i].top, places[i].right, places[i].bottom);
            return;
        }
}

/* The layers that take the most time are named. */
static void draw_labels(Chart *chart)
{
    const Explanation *explanation = chart->explanation;
    bool *done = arena_array(chart->arena, bool, explanation->count + 1);
    for (int n = 0; n < MOST_LABELS; n++) {
        const LayerView *views = explanation->views;
        int longest = -1;
        for (int i = 0; i < explanation->count; i++)
            if (!done[i] && views[i].dense_flops > 0 && (longest < 0 || views[i].seconds > views[longest].seconds))
                longest = i;
        if (longest < 0)
            return;
        done[longest] = true;
        draw_label(chart, &views[longest]);
    }
}

static void draw_legend(const Chart *chart, double y)
{
    FILE *stream = chart->stream;
    svg_circle(stream, "white", LEFT + 6, y - 4, POINT);
    svg_text(stream, "", LEFT + 16, y, 0, "a layer with its best dense kernel");
    svg_line(stream, "thin", LEFT + 232, y - 4, LEFT + 258, y - 4);
    svg_circle(stream, "white", LEFT + 232, y - 4, POINT);
    svg_circle(stream, "black", LEFT + 258, y - 4, POINT);
    svg_text(stream, "", LEFT + 268, y, 0, "with its zeros left out, where that was chosen. The slowest layers are named.");
}

double draw_roofline(FILE *stream, const Explanation *explanation, double top)
{
    Chart chart = {.stream = stream, .arena = explanation->ctx->graph, .explanation = explanation};
    chart.taken = arena_array(chart.arena, Box, 2 * explanation->count + MOST_LABELS + 1);
    find_roofs(&chart);
    draw_legend(&chart, top + 10);
    set_axes(&chart, top + 28);
    draw_grid(&chart);
    draw_roofs(&chart);
    draw_pairs(&chart);
    draw_points(&chart);
    draw_labels(&chart);
    return top + 28 + HEIGHT + 40;
}
