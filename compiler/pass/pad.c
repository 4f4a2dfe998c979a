/* A constant Pad goes into the convolution or pooling behind it, where padding costs nothing.
   Needs: closed form, users. The result's shape stays what it is: only the window's pads grow. */
#include "edit.h"
#include "pass.h"

#include <math.h>
#include <string.h>

static double pad_value(const Node *pad)
{
    const Value *value = pad->input_count > 2 ? pad->inputs[2] : NULL;
    if (!value)
        return 0;
    return constant_readable(value) ? constant_real(value, 0) : NAN;
}

/* The spatial part of a Pad: nothing at batch and channels, nothing taken away. */
static const int64_t *spatial_pads(const Node *pad)
{
    int count;
    const int64_t *pads = node_ints(pad, ATTR_pads, &count);
    int rank = count / 2;
    if (pad->epilogue_count > 0 || rank < 3 || strcmp(node_word(pad, ATTR_mode, "constant"), "constant") != 0)
        return NULL;
    for (int i = 0; i < count; i++)
        if (pads[i] < 0 || (pads[i] > 0 && i % rank < 2))
            return NULL;
    return pads;
}

static bool never_negative(const Value *value)
{
    const Node *producer = value->producer;
    return producer && producer->epilogue_count == 0 && (producer->op == OP_Relu || producer->op == OP_Sigmoid);
}

/* A window that lies in the padding alone would have no element to take the largest of. */
static bool windows_see_input(const Node *pool, const int64_t *pads, int rank)
{
    const int64_t *kernel = node_ints(pool, ATTR_kernel_shape, &(int){0}), *dilations = node_ints(pool, ATTR_dilations, &(int){0});
    for (int i = 2; i < rank; i++)
        if (dilations[i - 2] != 1 || pads[i] >= kernel[i - 2] || pads[rank + i] >= kernel[i - 2])
            return false;
    return true;
}

static bool has_pads(const Node *node)
{
    int count;
    const int64_t *pads = node_ints(node, ATTR_pads, &count);
    for (int i = 0; i < count; i++)
        if (pads[i] != 0)
            return true;
    return false;
}

/* May this pooling or convolution pad for itself? Poolings treat their own padding as absent elements, not as zeros. */
static bool may_pad(const Node *node, const Node *pad, const int64_t *pads)
{
    double value = pad_value(pad);
    int rank = pad->inputs[0]->shape.rank;
    switch (node->op) {
    case OP_Conv:
        return value == 0;
    case OP_AveragePool:
        return value == 0 && node_int(node, ATTR_ceil_mode, 0) == 0 && (!has_pads(node) || node_int(node, ATTR_count_include_pad, 0) == 1);
    case OP_MaxPool:                             /* indices would count padded elements */
        if (node->output_count > 1 || node_int(node, ATTR_ceil_mode, 0) != 0 || has_pads(node) || !windows_see_input(node, pads, rank))
            return false;
        return value == -INFINITY || (value == 0 && never_negative(pad->inputs[0]));
    default:
        return false;
    }
}

static void take_pads(Graph *graph, Node *node, const Node *pad, const int64_t *more)
{
    int count, rank = pad->inputs[0]->shape.rank;
    const int64_t *own = node_ints(node, ATTR_pads, &count);
    int64_t sum[2 * MAX_RANK];
    for (int i = 0; i < count; i++)
        if (__builtin_add_overflow(own[i], more[i < count / 2 ? 2 + i : rank + 2 + i - count / 2], &sum[i]))
            return;
    node_set_ints(graph, node, ATTR_pads, sum, count);
    if (node->op == OP_AveragePool)
        node_set_int(graph, node, ATTR_count_include_pad, 1);
    node->inputs[0] = pad->inputs[0];
}

static const Node *pad_before(const Node *node)
{
    const Value *x = node->input_count > 0 ? node->inputs[0] : NULL;
    return x && x->producer && x->producer->op == OP_Pad ? x->producer : NULL;
}

void pass_pad(Graph *graph, const PassOptions *options)
{
    for (int i = 0; i < graph->node_count; i++) {
        Node *node = graph->nodes[i];
        const Node *pad = pad_before(node);
        const int64_t *pads = pad ? spatial_pads(pad) : NULL;
        if (pads && may_pad(node, pad, pads))
            take_pads(graph, node, pad, pads);
    }
    pass_dead(graph, options);
}
