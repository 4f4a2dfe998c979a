/* explain's view of one layer: every candidate, what each would wait for, and why it lost. */
#include <string.h>

#include "codegen/kernel.h"
#include "compiler/cli/explain.h"

/* ---- the layer ---- */

static const char *shape_list(Arena *arena, Value *const *values, int count)
{
    Text text = text_new(arena);
    for (int i = 0; i < count && i < 4; i++)
        if (values[i])
            text_format(&text, "%s%s", text.length ? " " : "", shape_text(arena, &values[i]->shape));
    text_add(&text, count > 4 ? " ..." : "");
    return text.data;
}

static void print_pattern(Arena *arena, const Pattern *pattern)
{
    int32_t least = pattern->row_nonzeros[0], most = 0;
    for (int64_t r = 0; r < pattern->rows; r++) {
        least = pattern->row_nonzeros[r] < least ? pattern->row_nonzeros[r] : least;
        most = pattern->row_nonzeros[r] > most ? pattern->row_nonzeros[r] : most;
    }
    printf("weights: %lld rows x %lld columns (%lld channels, %lld taps), %lld nonzeros: %s; a row has %d to %d, the longest %.2fx the average\n",
           (long long)pattern->rows, (long long)pattern->columns, (long long)pattern->channels, (long long)pattern->taps,
           (long long)pattern->nonzeros, percent_text(arena, (double)pattern->nonzeros / ((double)pattern->rows * (double)pattern->columns)), least,
           most, pattern->imbalance);
    printf("empty: %lld rows, %lld channels, %lld columns; %lld kernels of one row and channel with a nonzero, %lld different rows\n",
           (long long)pattern->empty_rows, (long long)pattern->empty_channels, (long long)pattern->empty_columns, (long long)pattern->kernels,
           (long long)pattern->distinct_rows);
}

/* Of those that could have been chosen: projections only where the plan is one. */
static const Candidate *cheapest(const LayerView *view, const LayerPlan *layer)
{
    for (int i = 0; i < view->candidate_count; i++)
        if (!kernel_projected(view->candidates[i].kernel) || kernel_projected(layer->kernel))
            return &view->candidates[i];
    return NULL;
}

static const char *with_tiling(Arena *arena, const Kernel *kernel, const Tiling *tiling)
{
    const char *text = tiling_text(arena, tiling);
    return text[0] != '-' ? arena_format(arena, "%s %s", kernel->name, text) : kernel->name;
}

/* The local price is the layer's own; the joint one is what it costs in the layouts that are best for the network. */
static void print_choice(Arena *arena, const LayerView *view, const LayerPlan *layer)
{
    const Candidate *local = cheapest(view, layer);
    const char *joint = brief_milliseconds(arena, view->seconds), *hot = brief_milliseconds(arena, view->hot_seconds);
    printf("chosen: %s, %s ms in the network, %s ms hot%s%s%s\n", with_tiling(arena, layer->kernel, &layer->tiling), joint, hot,
           layer->why ? " (" : "", layer->why ? layer->why : "", layer->why ? ")" : "");
    if (local)
        printf("local price: %s ms with %s, the cheapest for this layer alone; joint price, as chosen: %s ms\n",
               brief_milliseconds(arena, local->price.seconds), with_tiling(arena, local->kernel, &local->tiling), joint);
    if (view->dense_kernel)
        printf("best dense kernel: %s, %s ms; gain %.2fx\n", view->dense_kernel, brief_milliseconds(arena, view->dense_seconds), view_gain(view));
    if (view->ranged && view->useful_high <= 0)
        printf("useful range of density: none\n");
    else if (view->ranged)
        printf("useful range of density: %s to %s\n", share_text(arena, view->useful_low), share_text(arena, view->useful_high));
}

static void print_head(const Explanation *explanation, const LayerView *view)
{
    Arena *arena = explanation->ctx->graph;
    const LayerPlan *layer = &explanation->plan->layers[view->layer];
    const Node *node = layer->problem.node;
    printf("%s\n", machine_line(explanation));
    if (projection_line(explanation))
        printf("%s\n", projection_line(explanation));
    if (slices_line(explanation))
        printf("%s\n", slices_line(explanation));
    printf("\n%s: %s %s -> %s\n", text_quote(arena, view->name, strlen(view->name)), operators_text(arena, node),
           shape_list(arena, node->inputs, node->input_count), shape_list(arena, node->outputs, node->output_count));
    if (layer->problem.pattern)
        print_pattern(arena, layer->problem.pattern);
    print_choice(arena, view, layer);
}

/* ---- the candidates ---- */

static const char *layouts_text(Arena *arena, const Tiling *tiling)
{
    if (layout_plain(&tiling->in) && layout_plain(&tiling->out))
        return "plain";
    return arena_format(arena, "%s -> %s", layout_text(arena, &tiling->in), layout_text(arena, &tiling->out));
}

enum { REASON_COLUMNS = 10 };

/* Numbers are set right by hand, so that the reasons, behind them, can stand left. */
static void print_reasons(const Explanation *explanation, const LayerView *view)
{
    static const char *const titles[REASON_COLUMNS] = {"  #", "kernel", "tiling", "layouts", "      ms", "  hot ms", "alpha", " beta", " ", "why"};
    Arena *arena = explanation->ctx->graph;
    const Plan *plan = explanation->plan;
    const LayerPlan *layer = &plan->layers[view->layer];
    const Pattern *pattern = layer->problem.pattern;
    const char **cells = arena_array(arena, const char *, (view->candidate_count + 1) * REASON_COLUMNS);
    memcpy(cells, titles, sizeof titles);
    for (int i = 0; i < view->candidate_count; i++) {
        const Candidate *candidate = &view->candidates[i];
        const double alpha = view->dense_flops > 0 ? work_alpha(&candidate->work, &candidate->price, plan->target, plan->threads) : 0;
        const char *const row[REASON_COLUMNS] = {
            arena_format(arena, "%3d", i + 1), candidate->kernel->name, tiling_text(arena, &candidate->tiling),
            layouts_text(arena, &candidate->tiling), arena_format(arena, "%8s", brief_milliseconds(arena, candidate->price.seconds)),
            arena_format(arena, "%8s", brief_milliseconds(arena, candidate->hot.seconds)), arena_format(arena, "%5s", figures_text(arena, alpha)),
            arena_format(arena, "%5s", pattern ? figures_text(arena, work_beta(&candidate->work, pattern->nonzeros)) : ""),
            candidate_chosen(candidate, layer) ? ">" : " ", lost_text(explanation, candidate, layer),
        };
        memcpy(cells + (i + 1) * REASON_COLUMNS, row, sizeof row);
    }
    printf("\nwhat could compute it, the cheapest first:\n");
    report_table(stdout, cells, view->candidate_count + 1, REASON_COLUMNS, REASON_COLUMNS);
}

enum { CYCLE_COLUMNS = BOUND_COUNT + 3 };

/* The bound that holds has a star. */
static void print_cycles(const Explanation *explanation, const LayerView *view)
{
    Arena *arena = explanation->ctx->graph;
    const char **cells = arena_array(arena, const char *, (view->candidate_count + 1) * CYCLE_COLUMNS);
    cells[0] = "kernel";
    cells[1] = "#";
    for (int b = 0; b < BOUND_COUNT; b++)
        cells[b + 2] = arena_format(arena, "%s ", bound_name((Bound)b, explanation->plan->target->isa.gpu));
    cells[CYCLE_COLUMNS - 1] = "lost";
    for (int i = 0; i < view->candidate_count; i++) {
        const Candidate *candidate = &view->candidates[i];
        const char **row = cells + (i + 1) * CYCLE_COLUMNS;
        row[0] = candidate->kernel->name;
        row[1] = arena_format(arena, "%d", i + 1);
        for (int b = 0; b < BOUND_COUNT; b++)
            row[b + 2] = arena_format(arena, "%s%c", cycles_text(arena, price_cycles(&candidate->price, (Bound)b)),
                                      (Bound)b == candidate->price.bound ? '*' : ' ');
        row[CYCLE_COLUMNS - 1] = cycles_text(arena, price_lost(&candidate->price));
    }
    printf("\ncycles that each would need of a core if it were the only bound (*: the one that holds), and those that overlap with nothing:\n");
    report_table(stdout, cells, view->candidate_count + 1, CYCLE_COLUMNS, 1);
}

void explain_layer(const Explanation *explanation, const LayerView *view)
{
    print_head(explanation, view);
    print_reasons(explanation, view);
    print_cycles(explanation, view);
}
