/* guide's table: a row a layer with weights, the network, and the answer to a limit. */
#include <string.h>

#include "compiler/cli/explain.h"
#include "compiler/cli/guide.h"

enum { COLUMNS = 10, TEXT_COLUMNS = 2, LONGEST_NAME = 32 };

static const char *gain_text(Arena *arena, double dense, double seconds)
{
    return seconds > 0 ? arena_format(arena, "%.2fx", dense / seconds) : "";
}

static const char *range_text(Arena *arena, const GuideLayer *row)
{
    return row->high > 0 ? arena_format(arena, "%s - %s", share_text(arena, row->low), share_text(arena, row->high)) : "none";
}

static const char *advice(Arena *arena, const GuideLayer *row)
{
    switch (row->verdict) {
    case VERDICT_DENSE: return "leave dense";
    case VERDICT_STOP: return "stop, prune no further";
    case VERDICT_PRUNE: return arena_format(arena, "prune to %s", share_text(arena, row->goal));
    default: return row->high > 0 ? arena_format(arena, "restore, or prune to %s", share_text(arena, row->goal)) : "restore";
    }
}

/* "41.2 % at 10.0 %": fewer rows than that beat this density. Where the density gains nothing, one row less does; where it gains most, no row is few
   enough. */
static const char *structured_text(Arena *arena, const GuideLayer *row)
{
    if (row->structured_below >= 1)
        return "all rows";
    if (row->structured_below <= 0)
        return arena_format(arena, "no rows at %s", share_text(arena, row->structured_at));
    return arena_format(arena, "%s at %s", share_text(arena, row->structured_below), share_text(arena, row->structured_at));
}

static void fill_row(Arena *arena, const Guide *guide, int i, const char **cells)
{
    const GuideLayer *row = &guide->layers[i];
    const char *name = guide->plan->layers[row->layer].problem.node->name;
    const char *const texts[COLUMNS] = {
        short_name(arena, text_quote(arena, name, strlen(name)), LONGEST_NAME), advice(arena, row), share_text(arena, row->density),
        range_text(arena, row), brief_milliseconds(arena, row->now.seconds), gain_text(arena, row->dense_seconds, row->now.seconds),
        brief_milliseconds(arena, row->end.seconds), gain_text(arena, row->dense_seconds, row->end.seconds), structured_text(arena, row),
        !guide->densities ? "" : row->kept ? "kept" : share_text(arena, guide->densities[i]),
    };
    memcpy(cells, texts, sizeof texts);
}

static void fill_sums(Arena *arena, const Guide *guide, const char **cells)
{
    const char *const others[COLUMNS] = {"other layers", "", "", "", brief_milliseconds(arena, guide->other_seconds), "", "", "", "", ""};
    const char *const whole[COLUMNS] = {
        "whole network", "", share_text(arena, guide->now.density), "", brief_milliseconds(arena, guide->now.seconds),
        gain_text(arena, guide->dense_seconds, guide->now.seconds), brief_milliseconds(arena, guide->end.seconds),
        gain_text(arena, guide->dense_seconds, guide->end.seconds), "", guide->densities ? share_text(arena, guide->suggested.density) : "",
    };
    memcpy(cells, others, sizeof others);
    memcpy(cells + COLUMNS, whole, sizeof whole);
}

/* ---- what stands below ---- */

static void print_empty(Arena *arena, const Guide *guide)
{
    for (int i = 0; i < guide->count; i++) {
        const GuideLayer *row = &guide->layers[i];
        const Pattern *pattern = guide->plan->layers[row->layer].problem.pattern;
        const char *name = guide->plan->layers[row->layer].problem.node->name;
        if (row->compact_seconds > 0)
            printf("%s: %lld of %lld rows and %lld of %lld channels are empty; without them a dense kernel would take %s ms: %s\n",
                   text_quote(arena, name, strlen(name)), (long long)pattern->empty_rows, (long long)pattern->rows,
                   (long long)pattern->empty_channels, (long long)pattern->channels, brief_milliseconds(arena, row->compact_seconds),
                   row->compact_seconds < row->now.seconds ? "structured sparsity wins" : "no gain over what it has");
    }
}

static const char *limits_text(Arena *arena, double seconds, double bytes, bool with_seconds, bool with_bytes)
{
    return arena_format(arena, "%s%s%s", with_seconds ? arena_format(arena, "%s ms", brief_milliseconds(arena, seconds)) : "",
                        with_seconds && with_bytes ? " and " : "", with_bytes ? bytes_text(arena, bytes) : "");
}

static void print_answer(Arena *arena, const Guide *guide)
{
    const GuideLimits *limits = &guide->limits;
    const bool time = limits->seconds > 0, size = limits->bytes > 0;
    const char *asked = limits_text(arena, limits->seconds, limits->bytes, time, size);
    const char *found = limits_text(arena, guide->suggested.seconds, guide->suggested.bytes, time, size);
    const char *density = share_text(arena, guide->suggested.density);
    if (guide->reached)
        printf("\n%s: reached with %s, at the densities in the last column (%s of all weights):\n\n", asked, found, density);
    else
        printf("\n%s: out of reach; within the useful ranges %s is the best there is (%s of all weights):\n\n", asked, found, density);
    for (int i = 0; i < guide->count; i++) {
        const GuideLayer *row = &guide->layers[i];
        const char *name = guide->plan->layers[row->layer].problem.node->name;
        if (guide->densities[i] < row->density)
            printf("%s %.9g\n", text_quote(arena, name, strlen(name)), guide->densities[i]);
    }
}

void guide_table(Context *ctx, const Guide *guide)
{
    static const char *const titles[COLUMNS] = {"layer", "verdict", "density", "useful range", "ms", "gain", "ms at its end", "gain",
                                                "structured below", "for the limit"};
    Arena *arena = ctx->graph;
    const Plan *plan = guide->plan;
    const int rows = guide->count + 3, columns = guide->densities ? COLUMNS : COLUMNS - 1;
    const char **cells = arena_array(arena, const char *, rows * COLUMNS), **shown = arena_array(arena, const char *, rows * COLUMNS);
    memcpy(cells, titles, sizeof titles);
    for (int i = 0; i < guide->count; i++)
        fill_row(arena, guide, i, cells + (i + 1) * COLUMNS);
    fill_sums(arena, guide, cells + (guide->count + 1) * COLUMNS);
    for (int i = 0; i < rows * columns; i++)
        shown[i] = cells[i / columns * COLUMNS + i % columns];
    const char *model = text_quote(arena, plan->graph->name, strlen(plan->graph->name));
    const bool by_counts = guide->model == &guide_counts, whole = plan->target->isa.gpu || !by_counts;
    printf("%s on %s (%s), %s, by %s\n", model, plan->target->machine.name, plan->target->isa.name,
           whole ? "all of it" : arena_format(arena, "%d thread%s", plan->threads, plan->threads == 1 ? "" : "s"),
           by_counts ? "our kernels' counts" : "the paper's formula");
    if (plan->graph->projection)
        printf("%s\n", plan->graph->projection);
    printf("\n");
    report_table(stdout, shown, rows, columns, TEXT_COLUMNS);
    print_empty(arena, guide);
    if (guide->densities)
        print_answer(arena, guide);
}
