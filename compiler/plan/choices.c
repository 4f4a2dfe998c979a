/* What could compute each layer: kernels that fit, in their tilings; the layouts that the value between two layers may have; prices. */
#include "compiler/plan/choices.h"

#include <math.h>
#include <string.h>

/* ---- what fits ---- */

static const char *kernels_that_fit(const Problem *problem)
{
    Text text = text_new(problem->graph->ctx->graph);
    for (int i = 0; i < kernel_count; i++)
        if (kernel_choosable(kernels[i], problem->target) && kernels[i]->fits(problem))
            text_format(&text, "%s%s", text.length == 0 ? "what fits here: " : ", ", kernels[i]->name);
    return text.length == 0 ? NULL : text.data;
}

/* The tilings of the kernel that was asked for with another. */
static const char *tilings_that_fit(const Problem *problem, const Kernel *kernel)
{
    Arena *arena = problem->graph->ctx->graph;
    Tiling tilings[MOST_TILINGS];
    const int count = kernel->tilings(problem, tilings, MOST_TILINGS);
    Text text = text_new(arena);
    const char *before = "";
    for (int i = 0; i < count; i++) {
        const char *tiling = tiling_text(arena, &tilings[i]);
        if (strcmp(tiling, before) != 0)     /* the same with another layout follows at once */
            text_format(&text, "%s%s", i == 0 ? "its tilings here: " : " ", tiling);
        before = tiling;
    }
    return text.data;
}

static void complain_no_kernel(const Problem *problem, const ForcedKernel *forced)
{
    const Graph *graph = problem->graph;
    const char *where = node_where(graph, problem->node), *why = "its operator or one of its types";
    const Kernel *kernel = forced == NULL ? NULL : kernel_named(forced->kernel);
    if (kernel != NULL && kernel->fits(problem)) {
        complain(graph->ctx, STATUS_USAGE, where, tilings_that_fit(problem, kernel), "kernel '%s' has no tiling '%s' for this layer", kernel->name,
                 text_quote(graph->ctx->graph, forced->tiling, strlen(forced->tiling)));
        return;
    }
    if (kernel != NULL) {
        complain(graph->ctx, STATUS_USAGE, where, kernels_that_fit(problem), "kernel '%s' cannot compute this layer on this target", kernel->name);
        return;
    }
    reference_supports(problem->node, &why);
    complain(graph->ctx, STATUS_UNSUPPORTED, where, NULL, "not supported: %s", why);
}

static void add_choice(const Selecting *selecting, Selection *selection, const Choice *choice)
{
    selection->choices = arena_grow(selecting->arena, selection->choices, &selection->capacity, selection->count, sizeof *selection->choices);
    selection->choices[selection->count++] = *choice;
}

static bool tiling_wanted(const ForcedKernel *forced, const Tiling *tiling, Arena *arena)
{
    return forced == NULL || forced->tiling == NULL || strcmp(tiling_text(arena, tiling), forced->tiling) == 0;
}

static void add_tilings(const Selecting *selecting, Selection *selection, const Problem *problem, const Kernel *kernel)
{
    Tiling tilings[MOST_TILINGS];
    const int count = kernel->tilings(problem, tilings, MOST_TILINGS);
    int added = 0;
    for (int i = 0; i < count; i++)
        if (tiling_wanted(selection->forced, &tilings[i], selecting->arena)) {
            add_choice(selecting, selection, &(Choice){.kernel = kernel, .tiling = tilings[i]});
            added++;
        }
    selection->kernels += added > 0;
}

void choices_find(const Selecting *selecting, int l)
{
    const Problem *problem = &selecting->plan->layers[l].problem;
    Selection *selection = &selecting->layers[l];
    selection->forced = forced_kernel(problem->node, selecting->options);
    selection->tuned = selection->forced == NULL ? tuned_choice(selecting, l) : NULL;
    if (problem->node->op == OP_View) {
        if (selection->forced != NULL)
            complain(problem->graph->ctx, STATUS_USAGE, node_where(problem->graph, problem->node), NULL,
                     "this layer is a view: no kernel computes it");
        return;
    }
    const Pricing pricing = pricing_begin(problem->graph->ctx);
    for (int k = 0; k < kernel_count; k++)
        if (kernel_choosable(kernels[k], problem->target) && (selection->forced == NULL || strcmp(kernels[k]->name, selection->forced->kernel) == 0) &&
            kernels[k]->fits(problem))
            add_tilings(selecting, selection, problem, kernels[k]);
    pricing_end(&pricing);
    if (selection->kernels == 0)
        complain_no_kernel(problem, selection->forced);
}

/* ---- layouts that a value may have ---- */

static int layout_number(const Layout *layouts, int count, const Layout *layout)
{
    for (int i = 0; i < count; i++)
        if (layout_equal(&layouts[i], layout))
            return i;
    return -1;
}

/* The layer whose output 0 this is; -1 if there is none. */
static int maker(const int *made, const Value *value)
{
    return value == NULL || value_constant(value) ? -1 : made[value->id];
}

static void needs_plain(const Selecting *selecting, const int *made, const Value *value)
{
    const int layer = maker(made, value);
    if (layer >= 0)
        selecting->layers[layer].may_pad = false;
}

static void find_plain_readers(const Selecting *selecting, const int *made)
{
    const Graph *graph = selecting->plan->graph;
    for (int i = 0; i < graph->output_count; i++)
        needs_plain(selecting, made, graph->outputs[i]);
    for (int l = 0; l < graph->node_count; l++) {
        const Node *node = graph->nodes[l];
        for (int i = node->op == OP_View ? 0 : 1; i < node->input_count; i++)
            needs_plain(selecting, made, node->inputs[i]);
        for (int e = 0; e < node->epilogue_count; e++)
            for (int i = 1; i < node->epilogue[e]->input_count; i++)
                needs_plain(selecting, made, node->epilogue[e]->inputs[i]);
    }
}

/* What the layer's tilings read their input as, plain first. */
static int wishes(const Selection *reader, Layout *layouts)
{
    int count = 1;
    layouts[0] = (Layout){0};
    for (int i = 0; i < reader->count && count < MOST_LAYOUTS; i++)
        if (layout_number(layouts, count, &reader->choices[i].tiling.in) < 0)
            layouts[count++] = reader->choices[i].tiling.in;
    return count;
}

/* The first reader's wishes stay as far as each further one shares them. */
static void agree(Selection *made, const Selection *reader, bool first)
{
    Layout wished[MOST_LAYOUTS];
    const int count = wishes(reader, wished);
    int kept = 0;
    for (int i = 0; i < (first ? count : made->layout_count); i++) {
        const Layout layout = first ? wished[i] : made->layouts[i];
        if (layout_number(wished, count, &layout) >= 0)
            made->layouts[kept++] = layout;
    }
    made->layout_count = kept;
}

void choices_layouts(const Selecting *selecting)
{
    const Plan *plan = selecting->plan;
    int *made = arena_array(selecting->arena, int, plan->graph->value_count + 1);
    bool *read = arena_array(selecting->arena, bool, plan->layer_count + 1);
    for (int id = 0; id < plan->graph->value_count; id++)
        made[id] = -1;
    for (int l = 0; l < plan->layer_count; l++) {
        const Node *node = plan->graph->nodes[l];
        selecting->layers[l].layout_count = 1;
        selecting->layers[l].may_pad = node->op != OP_View && node->output_count > 0 && node->outputs[0] != NULL;
        if (selecting->layers[l].may_pad)
            made[node->outputs[0]->id] = l;
    }
    find_plain_readers(selecting, made);
    for (int l = 0; l < plan->layer_count; l++) {
        const Node *node = plan->graph->nodes[l];
        const int from = node->op == OP_View || node->input_count == 0 ? -1 : maker(made, node->inputs[0]);
        selecting->layers[l].from = from >= 0 && selecting->layers[from].may_pad ? from : -1;
        if (selecting->layers[l].from < 0)
            continue;
        agree(&selecting->layers[from], &selecting->layers[l], !read[from]);
        read[from] = true;
    }
}

/* ---- prices ---- */

#define UNTUNED (INT64_C(1) << 42)   /* for a layer that is not as it was tuned: more than any kernel saves */

static void set_price(const Selection *selection, Choice *choice, const Price *price)
{
    const double margin = choice->kernel->sparse ? SPARSE_MARGIN : 1;
    choice->price = price_rounded(price->seconds);
    choice->cost = (int64_t)fmin(margin * (double)choice->price, (double)MOST_COST);
    if (selection->tuned != NULL && !tuned_is(selection->tuned, choice))
        choice->cost += UNTUNED;
}

static void price_choice(const Selecting *selecting, const Pricing *pricing, int l, const Choice *choice)
{
    const LayerPlan *layer = &selecting->plan->layers[l];
    Selection *selection = &selecting->layers[l];
    Choice priced = *choice;
    for (priced.out = 0; priced.out < selection->layout_count; priced.out++) {
        Candidate candidate;
        priced.tiling.out = selection->layouts[priced.out];
        if (!kernel_leaves(priced.kernel, &layer->problem, &priced.tiling))
            continue;
        pricing_next(pricing);
        candidate_price(&layer->problem, priced.kernel, &priced.tiling, &layer->surroundings, &candidate);
        set_price(selection, &priced, &candidate.price);
        priced.code_bytes = candidate.work.code_bytes;
        priced.bytes = candidate.work.code_bytes + candidate.work.weight_bytes + candidate.work.index_bytes;
        add_choice(selecting, selection, &priced);
    }
}

void choices_price_again(const Selecting *selecting, int l)
{
    const LayerPlan *layer = &selecting->plan->layers[l];
    const Selection *selection = &selecting->layers[l];
    const Pricing pricing = pricing_begin(selecting->plan->graph->ctx);
    for (int i = 0; i < selection->count; i++) {
        Choice *choice = &selection->choices[i];
        Candidate candidate;
        pricing_next(&pricing);
        candidate_price(&layer->problem, choice->kernel, &choice->tiling, &layer->surroundings, &candidate);
        set_price(selection, choice, &candidate.price);
    }
    pricing_end(&pricing);
}

void choices_price(const Selecting *selecting, int l)
{
    static const Layout plain = {0};
    Selection *selection = &selecting->layers[l];
    const Selection *from = selection->from < 0 ? NULL : &selecting->layers[selection->from];
    const Choice *choices = selection->choices;
    const int count = selection->count;
    const Pricing pricing = pricing_begin(selecting->plan->graph->ctx);
    selection->choices = NULL;
    selection->count = selection->capacity = 0;
    for (int i = 0; i < count; i++) {
        Choice choice = choices[i];
        choice.in = layout_number(from == NULL ? &plain : from->layouts, from == NULL ? 1 : from->layout_count, &choice.tiling.in);
        if (choice.in >= 0)
            price_choice(selecting, &pricing, l, &choice);
    }
    pricing_end(&pricing);
}
