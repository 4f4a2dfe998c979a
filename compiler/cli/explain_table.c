/* explain's table: a row a layer, and the sum. */
#include <string.h>

#include "compiler/cli/explain.h"

enum { COLUMNS = 13, TEXT_COLUMNS = 5, LONGEST_NAME = 40, LONGEST_OPERATOR = 13 };

static const char *gain_text(Arena *arena, double gain)
{
    return gain > 0 ? arena_format(arena, "%.2fx", gain) : "";
}

static const char *dims_text(Arena *arena, const Shape *shape)
{
    Text text = text_new(arena);
    for (int i = 0; shape && i < shape->rank; i++)
        text_format(&text, "%s%lld", i ? "x" : "", (long long)shape->dims[i]);
    return text.data;
}

/* Layers that multiply nothing have no density, no rate and no gain. */
static void fill_row(const Explanation *explanation, const LayerView *view, const char **cells)
{
    Arena *arena = explanation->ctx->graph;
    const bool product = view->dense_flops > 0;
    const char *const row[COLUMNS] = {
        short_name(arena, text_quote(arena, view->name, strlen(view->name)), LONGEST_NAME), short_name(arena, view->op, LONGEST_OPERATOR),
        dims_text(arena, view->shape), view->kernel,
        view->bound, product ? percent_text(arena, view->density) : "", figures_text(arena, view_intensity(view)),
        milliseconds_text(explanation, view->seconds),
        percent_text(arena, explanation->seconds > 0 ? view->seconds / explanation->seconds : 0), figures_text(arena, view_rate(view) * 1e-9),
        figures_text(arena, view_effective_rate(view) * 1e-9), gain_text(arena, view_gain(view)),
        product ? arena_format(arena, "%.2f", view->alpha) : "",
    };
    memcpy(cells, row, sizeof row);
}

static void fill_sum(const Explanation *explanation, const char **cells)
{
    Arena *arena = explanation->ctx->graph;
    const double seconds = explanation->seconds;
    const bool product = explanation->dense_flops > 0;
    const char *const row[COLUMNS] = {
        "whole network", "", "", "", "", product ? percent_text(arena, explanation->real_flops / explanation->dense_flops) : "", "",
        milliseconds_text(explanation, seconds), "100 %", product ? figures_text(arena, explanation->real_flops / seconds * 1e-9) : "",
        product ? figures_text(arena, explanation->dense_flops / seconds * 1e-9) : "", gain_text(arena, explanation->dense_seconds / seconds), "",
    };
    memcpy(cells, row, sizeof row);
}

void explain_table(const Explanation *explanation)
{
    static const char *const titles[COLUMNS] = {"layer", "operator", "output", "kernel", "bound by", "density", "FLOP/B", "ms", "share", "GFLOP/s",
                                                "effective", "gain", "alpha"};
    Arena *arena = explanation->ctx->graph;
    const int count = explanation->count;
    const char **cells = arena_array(arena, const char *, (count + 2) * COLUMNS);
    memcpy(cells, titles, sizeof titles);
    for (int i = 0; i < count; i++)
        fill_row(explanation, &explanation->views[i], cells + (i + 1) * COLUMNS);
    if (explanation->seconds > 0)
        fill_sum(explanation, cells + (count + 1) * COLUMNS);
    printf("%s\n", machine_line(explanation));
    if (paper_line(explanation))
        printf("%s\n", paper_line(explanation));
    if (projection_line(explanation))
        printf("%s\n", projection_line(explanation));
    if (slices_line(explanation))
        printf("%s\n", slices_line(explanation));
    printf("\n");
    report_table(stdout, cells, count + 1 + (explanation->seconds > 0), COLUMNS, TEXT_COLUMNS);
    printf("\n%s\n", total_line(explanation));
}
