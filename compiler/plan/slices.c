/* A batch whose images are treated apart (images.c) may run in slices: all stages on a few images, then on the next ones, so that what lies between
   layers stays in the caches; weights are read again for each slice. How many images a slice has is chosen by price: each number is planned as a
   graph of its own. */
#include "codegen/kernel.h"
#include "compiler/plan/internal.h"

#include <limits.h>
#include <string.h>

#define MOST_SIZES 64
#define MOST_TO_TRY 65536            /* images of a slice, but for the whole: looking for divisors takes time, and no model gains from so many */
#define WORTH_IT 0.98                /* of the time with smaller slices: larger ones touch more pages than the model knows of, and need more memory */

/* ---- the graph of fewer images ---- */

typedef struct Copying {
    const Graph *from;
    Graph *to;
    Value **values;                  /* by id of the original */
    int64_t images;
} Copying;

static Value *copy_of(const Copying *copying, const Value *value)
{
    return value == NULL ? NULL : copying->values[value->id];
}

static Shape shape_with(const Value *value, int64_t images)
{
    Shape shape = value->shape;
    shape.dims[0] = images;
    return shape;
}

static void copy_value(const Copying *copying, const Value *value)
{
    Value **copy = &copying->values[value->id];
    const Shape shape = value->data != NULL ? value->shape : shape_with(value, copying->images);
    if (value->data != NULL) {
        *copy = graph_constant(copying->to, value->name, value->type, &shape, value->data);
        return;
    }
    *copy = value->input_index >= 0 ? graph_input(copying->to, value->name, value->type, &shape) : graph_value(copying->to, value->name);
    (*copy)->type = value->type;
    (*copy)->shape = shape;
    (*copy)->known = true;
}

static void copy_values(const Copying *copying)
{
    const Graph *from = copying->from;
    for (int i = 0; i < from->input_count; i++)
        copy_value(copying, from->inputs[i]);
    for (int id = 0; id < from->value_count; id++)
        if (from->values[id] != NULL && from->values[id]->input_index < 0)
            copy_value(copying, from->values[id]);
    for (int i = 0; i < from->output_count; i++)
        graph_output(copying->to, copy_of(copying, from->outputs[i]));
}

typedef Node *AddNode(Graph *graph, Op op, const char *name, Value *const *inputs, int input_count, Value *const *outputs, int output_count);

/* Attributes are shared: none speaks of the number of images. */
static Node *copy_node(const Copying *copying, const Node *node, AddNode *add)
{
    Arena *arena = copying->to->arena;
    Value **inputs = arena_array(arena, Value *, node->input_count + 1), **outputs = arena_array(arena, Value *, node->output_count + 1);
    for (int i = 0; i < node->input_count; i++)
        inputs[i] = copy_of(copying, node->inputs[i]);
    for (int i = 0; i < node->output_count; i++)
        outputs[i] = copy_of(copying, node->outputs[i]);
    Node *copy = add(copying->to, node->op, node->name, inputs, node->input_count, outputs, node->output_count);
    copy->attributes = node->attributes;
    copy->attribute_count = node->attribute_count;
    return copy;
}

static void copy_nodes(const Copying *copying)
{
    Arena *arena = copying->to->arena;
    for (int i = 0; i < copying->from->node_count; i++) {
        const Node *node = copying->from->nodes[i];
        Node *copy = copy_node(copying, node, graph_add);
        copy->epilogue = arena_array(arena, Node *, node->epilogue_count + 1);
        copy->epilogue_count = node->epilogue_count;
        for (int e = 0; e < node->epilogue_count; e++)
            copy->epilogue[e] = copy_node(copying, node->epilogue[e], graph_detached);
    }
}

static void copy_offers(const Copying *copying)
{
    for (int i = 0; i < copying->from->node_count; i++) {
        const Node *node = copying->from->nodes[i];
        Node *copy = copying->to->nodes[i];
        copy->residual_offers = arena_array(copying->to->arena, Node *, node->residual_offer_count + 1);
        copy->residual_offer_count = node->residual_offer_count;
        for (int k = 0; k < node->residual_offer_count; k++)
            copy->residual_offers[k] = copying->to->nodes[node->residual_offers[k]->id];
    }
}

/* Needs ids (graph_index). */
static Graph *graph_of_images(const Graph *graph, int64_t images)
{
    Copying copying = {graph, graph_new(graph->ctx, graph->name), arena_array(graph->ctx->scratch, Value *, graph->value_count + 1), images};
    memcpy(copying.to->sha256, graph->sha256, sizeof graph->sha256);
    copying.to->projection = graph->projection;
    copy_values(&copying);
    copy_nodes(&copying);
    copy_offers(&copying);
    graph_verify(copying.to, "slices");
    return copying.to;
}

/* ---- how many images ---- */

/* The divisors of the whole, the smallest past each power of two: plans take time. */
static int slice_sizes(int64_t images, int64_t *sizes)
{
    int count = 0;
    for (int64_t least = 1; least < images && least <= MOST_TO_TRY; least *= 2) {
        int64_t size = least;
        while (size < 2 * least && images % size != 0)
            size++;
        if (size < 2 * least && size < images && images / size <= INT_MAX)
            sizes[count++] = size;
    }
    sizes[count++] = images;
    return count;
}

/* All slices, and the barrier between them. */
static double batch_seconds(const Plan *plan)
{
    const Machine *machine = &plan->target->machine;
    const double barrier = plan->threads > 1 ? machine->barrier_us * 1e-6 : 0;
    return (double)plan->slices * (plan->seconds + barrier);
}

/* A tiling that was asked for may be one of some numbers of images only. */
static bool has_tiling(const Problem *problem, const ForcedKernel *forced)
{
    const Kernel *kernel = kernel_named(forced->kernel);
    Tiling tilings[MOST_TILINGS];
    if (forced->tiling == NULL || kernel == NULL || !kernel->fits(problem))
        return true;                 /* or wrong for all of them */
    const int count = kernel->tilings(problem, tilings, MOST_TILINGS);
    for (int i = 0; i < count; i++)
        if (strcmp(tiling_text(problem->graph->ctx->scratch, &tilings[i]), forced->tiling) == 0)
            return true;
    return false;
}

static bool has_tilings(Graph *graph, const Target *target, const PlanOptions *options, const Pattern *const *patterns)
{
    const Plan plan = {.graph = graph, .target = target, .options = *options, .threads = options->threads > 0 ? options->threads : 1};
    for (int i = 0; i < graph->node_count; i++) {
        const ForcedKernel *forced = forced_kernel(graph->nodes[i], options);
        const Problem problem = plan_problem(&plan, graph->nodes[i], patterns[i]);
        if (forced != NULL && !has_tiling(&problem, forced))
            return false;
    }
    return true;
}

static Plan *plan_slices(Graph *whole, Graph *slice, const Target *target, const PlanOptions *options, const Pattern *const *patterns)
{
    Plan *plan = plan_with(slice, target, options, patterns, whole->inputs[0]->shape.dims[0] / slice->inputs[0]->shape.dims[0]);
    plan->whole = whole;
    arena_reset(whole->ctx->scratch);
    return plan;
}

/* As it was tuned; else cheaper. */
static bool goes_before(const Plan *plan, const Plan *best)
{
    if (best == NULL || plan->tuned_count != best->tuned_count)
        return best == NULL || plan->tuned_count > best->tuned_count;
    return batch_seconds(plan) < WORTH_IT * batch_seconds(best);
}

static Plan *cheapest_slices(Graph *graph, int64_t images, const Target *target, const PlanOptions *options)
{
    int64_t sizes[MOST_SIZES];
    const int count = slice_sizes(images, sizes);
    const Pattern **patterns = arena_array(graph->arena, const Pattern *, graph->node_count + 1);
    for (int i = 0; i < graph->node_count; i++)
        patterns[i] = pattern_of(graph, graph->nodes[i]);
    if (options->random != 0)
        return plan_slices(graph, graph_of_images(graph, sizes[options->random % (uint64_t)count]), target, options, patterns);
    Plan *best = NULL;
    for (int i = 0; i < count; i++) {
        Graph *slice = graph_of_images(graph, sizes[i]);
        const bool last = i == count - 1 && best == NULL;    /* then it is told that nothing fits */
        if (!last && !has_tilings(slice, target, options, patterns))
            continue;
        Plan *plan = plan_slices(graph, slice, target, options, patterns);
        if (goes_before(plan, best))
            best = plan;
    }
    return best;
}

Plan *plan_batch(Graph *graph, const Target *target, const PlanOptions *options)
{
    graph_index(graph);
    const int64_t images = target->isa.gpu ? 1 : graph_images(graph);
    return images > 1 ? cheapest_slices(graph, images, target, options) : plan_make(graph, target, options);
}
