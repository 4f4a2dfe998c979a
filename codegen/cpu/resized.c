/* Layers in other sizes: copies of a node and its values in the scratch arena. And the kernels that projections stand on. */
#include "codegen/cpu/resized.h"

static Node *copy_node(const Node *node, Arena *arena)
{
    Node *copy = arena_new_of(arena, Node);
    *copy = *node;
    copy->inputs = arena_array(arena, Value *, node->input_count + 1);
    copy->outputs = arena_array(arena, Value *, node->output_count + 1);
    for (int i = 0; i < node->input_count; i++)
        copy->inputs[i] = node->inputs[i];
    for (int i = 0; i < node->output_count; i++)
        copy->outputs[i] = node->outputs[i];
    return copy;
}

static void resize(Value **value, Shape shape, Arena *arena)
{
    Value *copy = arena_new_of(arena, Value);
    *copy = **value;
    copy->shape = shape;
    *value = copy;
}

static void resize_axis(Value **value, int axis, int64_t size, Arena *arena)
{
    Shape shape = (*value)->shape;
    shape.dims[axis] = size;
    resize(value, shape, arena);
}

/* The axes of input 0 that is summed over, of the weights' columns and rows, and of the output's channels. */
typedef struct Axes { int input, columns, rows, output; } Axes;

static bool axes_of(const Node *node, Axes *axes)
{
    const Shape *x = &node->inputs[0]->shape, *w = &node->inputs[1]->shape, *y = &node->outputs[0]->shape;
    const bool turned = node->op == OP_Gemm && node_int(node, ATTR_transB, 0) != 0;
    switch (node->op) {
    case OP_Conv:
        *axes = (Axes){1, 1, 0, 1};
        return node_int(node, ATTR_group, 1) == 1;
    case OP_Gemm:
        *axes = (Axes){node_int(node, ATTR_transA, 0) != 0 ? 0 : 1, turned ? 1 : 0, turned ? 0 : 1, 1};
        return true;
    case OP_MatMul:
        *axes = (Axes){x->rank - 1, 0, 1, y->rank - 1};
        return w->rank == 2;
    default:
        return false;
    }
}

bool resized_channels(const Problem *problem, const Pattern *pattern, Problem *resized)
{
    Arena *arena = problem->graph->ctx->scratch;
    Axes axes;
    if (!axes_of(problem->node, &axes))
        return false;
    Node *node = copy_node(problem->node, arena);
    resize_axis(&node->inputs[0], axes.input, pattern->channels, arena);
    resize_axis(&node->inputs[1], axes.columns, pattern->channels, arena);
    resize_axis(&node->inputs[1], axes.rows, pattern->rows, arena);
    resize_axis(&node->outputs[0], axes.output, pattern->rows, arena);
    *resized = *problem;
    resized->node = node;
    resized->pattern = pattern;
    resized->density = (double)pattern->nonzeros / ((double)pattern->rows * (double)pattern->columns);
    return true;
}

/* ---- kernels inside of projections ---- */

#define INNER (COUNT(((Tiling){0}).size) - 1)    /* Tiling.size: which of them has the rest of the tiling */

bool inner_fits(const Inner *inner, const Problem *problem)
{
    for (int i = 0; i < inner->count; i++)
        if (kernel_named(inner->names[i])->fits(problem))
            return true;
    return false;
}

int inner_tilings(const Inner *inner, const Problem *problem, Tiling *list, int most)
{
    int count = 0;
    for (int i = 0; i < inner->count; i++) {
        const Kernel *kernel = kernel_named(inner->names[i]);
        const int first = count;
        count += kernel->fits(problem) ? kernel->tilings(problem, list + count, most - count) : 0;
        for (int t = first; t < count; t++)
            list[t].size[INNER] = i;
    }
    return count;
}

const Kernel *inner_of(const Inner *inner, const Tiling *tiling, Tiling *own)
{
    *own = *tiling;
    own->size[INNER] = 0;
    return kernel_named(inner->names[tiling->size[INNER]]);
}
