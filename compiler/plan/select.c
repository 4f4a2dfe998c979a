/* A kernel and a tiling for each layer: of all that fit, the cheapest; of equals, the first by name. */
#include "codegen/kernel.h"
#include "compiler/plan/internal.h"

#include <string.h>

#define MOST_TILINGS 256

typedef struct Choice {
    const Kernel *kernel;
    Tiling tiling;
    Work work;
    double price;
    Price priced;
    int kernels;                     /* that fit */
} Choice;

/* ---- --kernel LAYER=NAME ---- */

static bool layer_called(const Node *node, const char *name)
{
    if (strcmp(node->name, name) == 0)
        return true;
    for (int i = 0; i < node->epilogue_count; i++)
        if (strcmp(node->epilogue[i]->name, name) == 0)
            return true;
    return false;
}

static const char *forced_kernel(const Node *node, const PlanOptions *options)
{
    for (int i = options->forced_count - 1; i >= 0; i--)
        if (layer_called(node, options->forced[i].layer))
            return options->forced[i].kernel;
    return NULL;
}

static const char *quoted(Context *ctx, const char *name)
{
    return text_quote(ctx->graph, name, strlen(name));
}

/* `otherwise`: what to say when no name is near. */
static const char *did_you_mean(Context *ctx, const char *word, const char *const *names, int count, const char *otherwise)
{
    const char *near = text_nearest(word, names, count);
    return near == NULL ? otherwise : arena_format(ctx->graph, "did you mean '%s'?", quoted(ctx, near));
}

int layer_named(const Graph *graph, const char *option, const char *layer)
{
    Context *ctx = graph->ctx;
    const char **names = arena_array(ctx->scratch, const char *, graph->node_count + 1);
    for (int i = 0; i < graph->node_count; i++) {
        if (layer_called(graph->nodes[i], layer))
            return i;
        names[i] = graph->nodes[i]->name;
    }
    const char *otherwise = "a layer is named after its node, or its first output; 'tulle explain' lists them";
    fail(ctx, STATUS_USAGE, option, did_you_mean(ctx, layer, names, graph->node_count, otherwise), "there is no layer named '%s'", quoted(ctx, layer));
}

void forced_kernel_check(Context *ctx, const char *kernel)
{
    if (kernel_named(kernel) != NULL)
        return;
    const char **names = arena_array(ctx->graph, const char *, kernel_count);
    Text list = text_new(ctx->graph);
    for (int i = 0; i < kernel_count; i++) {
        names[i] = kernels[i]->name;
        text_format(&list, "%s%s", i > 0 ? ", " : "the kernels are ", names[i]);
    }
    fail(ctx, STATUS_USAGE, "--kernel", did_you_mean(ctx, kernel, names, kernel_count, list.data), "there is no kernel named '%s'", quoted(ctx, kernel));
}

/* ---- choosing ---- */

static bool better(double price, const Kernel *kernel, const Choice *best)
{
    if (best->kernel == NULL || price < best->price)
        return true;
    return price == best->price && strcmp(kernel->name, best->kernel->name) < 0;
}

/* A number that only the seed, the layer, the kernel and the tiling's place in the list determine. */
static double random_price(uint64_t seed, const Problem *problem, const Kernel *kernel, int tiling)
{
    uint64_t hash = seed * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)tiling;
    for (const char *at = problem->node->name; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
    for (const char *at = kernel->name; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
    hash = (hash ^ hash >> 31) * UINT64_C(0xbf58476d1ce4e5b9);
    return (double)(hash >> 12);
}

static void consider(const Problem *problem, const Kernel *kernel, const PlanOptions *options, Choice *best)
{
    Tiling tilings[MOST_TILINGS];
    int count = kernel->tilings(problem, tilings, MOST_TILINGS);
    for (int i = 0; i < count; i++) {
        if (!layout_plain(&tilings[i].in))    /* every producer leaves its output plain */
            continue;
        Work work = {0};
        LayerPlan layer = {.problem = *problem};
        kernel->work(problem, &tilings[i], &work);
        kernel->stages(problem, &tilings[i], &layer);
        const Surroundings surroundings = {problem->threads, 0, 0};
        const Price priced = work_price(&work, problem->target, layer.stages, &surroundings);
        double price = options->random ? random_price(options->random, problem, kernel, i) : priced.seconds;
        if (better(price, kernel, best)) {
            best->kernel = kernel;
            best->tiling = tilings[i];
            best->work = work;
            best->price = price;
            best->priced = priced;
        }
    }
}

static Choice choose(const Problem *problem, const char *forced, const PlanOptions *options)
{
    Choice best = {0};
    for (int i = 0; i < kernel_count; i++) {
        if ((forced != NULL && strcmp(kernels[i]->name, forced) != 0) || !kernels[i]->fits(problem))
            continue;
        best.kernels++;
        consider(problem, kernels[i], options, &best);
    }
    return best;
}

static const char *reason(Arena *arena, const Choice *choice, const char *forced)
{
    if (forced != NULL)
        return "asked for by --kernel";
    if (choice->kernels == 1)
        return "the only kernel that fits";
    return arena_format(arena, "the cheapest of %d kernels that fit", choice->kernels);
}

static const char *kernels_that_fit(const Problem *problem)
{
    Text text = text_new(problem->graph->ctx->graph);
    for (int i = 0; i < kernel_count; i++)
        if (kernels[i]->fits(problem))
            text_format(&text, "%s%s", text.length == 0 ? "what fits here: " : ", ", kernels[i]->name);
    return text.length == 0 ? NULL : text.data;
}

static void complain_no_kernel(const Problem *problem, const char *forced)
{
    const Graph *graph = problem->graph;
    const char *where = node_where(graph, problem->node), *why = "its operator or one of its types";
    if (forced != NULL) {
        complain(graph->ctx, STATUS_USAGE, where, kernels_that_fit(problem), "kernel '%s' cannot compute this layer on this target", forced);
        return;
    }
    reference_supports(problem->node, &why);
    complain(graph->ctx, STATUS_UNSUPPORTED, where, NULL, "not supported: %s", why);
}

static void select_layer(Plan *plan, LayerPlan *layer, const PlanOptions *options)
{
    const Node *node = layer->problem.node;
    const char *forced = forced_kernel(node, options);
    if (node->op == OP_View) {
        if (forced != NULL)
            complain(plan->graph->ctx, STATUS_USAGE, node_where(plan->graph, node), NULL, "this layer is a view: no kernel computes it");
        return;
    }
    Choice best = choose(&layer->problem, forced, options);
    if (best.kernel == NULL) {
        complain_no_kernel(&layer->problem, forced);
        return;
    }
    layer->kernel = best.kernel;
    layer->tiling = best.tiling;
    layer->work = best.work;
    layer->price = best.priced;
    plan->seconds += best.priced.seconds;
    layer->why = reason(plan->graph->arena, &best, forced);
    best.kernel->stages(&layer->problem, &layer->tiling, layer);
}

void kernels_select(Plan *plan, const PlanOptions *options)
{
    for (int i = 0; i < options->forced_count; i++) {
        layer_named(plan->graph, "--kernel", options->forced[i].layer);
        forced_kernel_check(plan->graph->ctx, options->forced[i].kernel);
    }
    for (int l = 0; l < plan->layer_count; l++)
        select_layer(plan, &plan->layers[l], options);
    fail_complaints(plan->graph->ctx);
}
