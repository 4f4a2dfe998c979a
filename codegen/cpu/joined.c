/* Concatenations that copy nothing: each part is made where it belongs in the whole. plan/memory.c gives the parts their places. */
#include "codegen/kernel.h"

/* The first of the concatenations that a value is part of; NULL: none. */
static const Node *first_whole(const Value *part)
{
    const Node *first = NULL;
    for (int i = 0; i < part->user_count; i++)
        if (part->users[i]->op == OP_Concat && (first == NULL || part->users[i]->id < first->id))
            first = part->users[i];
    return first;
}

static bool is_among(const Value *value, const Value *const *values, int count)
{
    for (int i = 0; i < count; i++)
        if (values[i] == value)
            return true;
    return false;
}

/* Made by a layer, for this concatenation before any other, and not in a place that somebody else gives. */
static bool part_free(const Node *node, int number)
{
    const Value *part = node->inputs[number];
    if (part->producer == NULL || part->producer->op == OP_View || part->output_index >= 0 || first_whole(part) != node)
        return false;
    return !is_among(part, (const Value *const *)node->inputs, number);
}

/* Does one of the caller's outputs stand for it, seen in another shape maybe? */
static bool given_out(const Graph *graph, const Value *value)
{
    for (int i = 0; i < graph->output_count; i++) {
        const Value *source = graph->outputs[i];
        while (source->producer != NULL && source->producer->op == OP_View)
            source = source->producer->inputs[0];
        if (source == value)
            return true;
    }
    return false;
}

/* Parts lie one behind the other if no axis before the one they are put together along has more than one element. */
static bool one_behind_the_other(const Node *node)
{
    const Shape *shape = &node->outputs[0]->shape;
    int64_t axis = node_int(node, ATTR_axis, 0);
    axis += axis < 0 ? shape->rank : 0;
    for (int i = 0; i < axis; i++)
        if (shape->dims[i] != 1)
            return false;
    return true;
}

static bool fits(const Problem *problem)
{
    const Node *node = problem->node;
    if (problem->target->isa.gpu || node->op != OP_Concat || node->epilogue_count > 0 || !one_behind_the_other(node) ||
        given_out(problem->graph, node->outputs[0]))
        return false;
    size_t offset = 0;
    for (int i = 0; i < node->input_count; i++) {
        size_t bytes = 0;
        if (!part_free(node, i) || offset % BLOCK_ALIGNMENT != 0)
            return false;
        if (!shape_bytes(&node->inputs[i]->shape, node->inputs[i]->type, &bytes) || bytes == 0 || !checked_add(offset, bytes, &offset))
            return false;
    }
    return true;
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    (void)problem;
    (void)tiling;
    (void)work;
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    (void)problem;
    (void)tiling;
    (void)layer;
}

static void emit(const Emission *emission)
{
    (void)emission;
}

const Kernel kernel_joined = {
    .name = "joined", .joins = true,
    .says = "the parts are made where they belong in the whole",
    .fits = fits, .tilings = kernel_one_tiling, .work = work, .stages = stages, .emit = emit,
};
