/* Inference of operators that take a tensor apart or put it together: Concat, Split, Slice, Gather, Pad, DepthToSpace, SpaceToDepth. */
#include "infer.h"

#include <string.h>

bool infer_concat(Inference *inference, Node *node)
{
    int axis;
    if (!infer_axis(inference, node, node->inputs[0]->shape.rank, 0, &axis))
        return false;
    Shape y = node->inputs[0]->shape;
    Wide sum = 0;
    for (int i = 0; i < node->input_count; i++) {
        Shape part = node->inputs[i]->shape, expected = y;
        if (part.rank == y.rank)
            expected.dims[axis] = part.dims[axis];
        if (!infer_same_type(inference, node, i, 0) || !infer_shape_is(inference, node, i, &expected))
            return false;
        sum += part.dims[axis];
    }
    if (sum > INT64_MAX)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "axis %d of the result would be larger than 2^63", axis);
    y.dims[axis] = (int64_t)sum;
    return infer_output(inference, node, 0, node->inputs[0]->type, &y);
}

/* ---- Split ---- */

/* Without sizes the parts are equal, the last one smaller when they cannot be. */
static void set_equal_parts(Inference *inference, Node *node, int64_t size)
{
    int64_t count = node->output_count, part = size / count + (size % count != 0);
    int64_t *sizes = arena_array(inference->graph->ctx->scratch, int64_t, node->output_count);
    for (int64_t i = 0; i < count; i++)
        sizes[i] = i < count - 1 ? part : size - part * (count - 1);
    node_set_ints(inference->graph, node, ATTR_split, sizes, node->output_count);
}

bool infer_split(Inference *inference, Node *node)
{
    int axis;
    const int64_t *sizes;
    Shape y = node->inputs[0]->shape;
    if (!infer_axis(inference, node, y.rank, 0, &axis))
        return false;
    int64_t size = y.dims[axis];
    if (!node_has(node, ATTR_split))
        set_equal_parts(inference, node, size);
    if (!infer_list(inference, node, ATTR_split, node->output_count, 0, 0, &sizes))
        return false;
    Wide sum = 0;
    for (int i = 0; i < node->output_count; i++)
        sum += sizes[i];
    if (sum != size)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "the parts do not add up to axis %d of %s, which is %lld", axis,
                           infer_input_text(inference, node, 0), (long long)size);
    for (int i = 0; i < node->output_count; i++) {
        y.dims[axis] = sizes[i];
        if (!infer_output(inference, node, i, node->inputs[0]->type, &y))
            return false;
    }
    return true;
}

/* ---- Slice ---- */

static Wide clamp(Wide value, Wide low, Wide high)
{
    return value < low ? low : value > high ? high : value;
}

typedef struct Cut { int64_t start, step, length; } Cut;

static Cut cut_axis(int64_t start, int64_t end, int64_t step, int64_t size)
{
    Wide first = start < 0 ? (Wide)start + size : start, stop = end < 0 ? (Wide)end + size : end, stride = step, length;
    if (stride > 0) {
        first = clamp(first, 0, size);
        stop = clamp(stop, 0, size);
        length = (stop - first + stride - 1) / stride;
    } else {
        first = clamp(first, 0, size - 1);
        stop = clamp(stop, -1, size - 1);
        length = (first - stop - stride - 1) / -stride;
    }
    if (length <= 0 || size == 0)
        return (Cut){0, 1, 0};
    return (Cut){(int64_t)first, length == 1 ? 1 : step, (int64_t)length};
}

static bool cut_axes(Inference *inference, Node *node, Cut *cuts)
{
    const Shape *x = &node->inputs[0]->shape;
    int count, ends_count;
    bool chosen[MAX_RANK];
    const int64_t *starts = node_ints(node, ATTR_starts, &count), *ends = node_ints(node, ATTR_ends, &ends_count), *steps, *axes;
    if (!starts || !ends || count != ends_count)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "starts has %d numbers and ends %d, expected as many", count, ends_count);
    if (!node_has(node, ATTR_axes)) {
        int64_t first[MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
        node_set_ints(inference->graph, node, ATTR_axes, first, count < MAX_RANK ? count : MAX_RANK);
    }
    if (!infer_list(inference, node, ATTR_axes, count, 0, INT64_MIN, &axes) ||
        !infer_list(inference, node, ATTR_steps, count, 1, INT64_MIN, &steps) ||
        !infer_axes(inference, node, ATTR_axes, axes, count, x->rank, chosen))
        return false;
    for (int i = 0; i < x->rank; i++)
        cuts[i] = (Cut){0, 1, x->dims[i]};
    for (int i = 0; i < count; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + x->rank : axes[i];
        if (steps[i] == 0)
            return infer_fault(inference, node, STATUS_MODEL, NULL, "steps has 0");
        cuts[axis] = cut_axis(starts[i], ends[i], steps[i], x->dims[axis]);
    }
    return true;
}

/* Closed form has no ends: then starts and steps are complete and the output's shape is known. */
static bool closed_slice(Inference *inference, const Node *node)
{
    const Shape *x = &node->inputs[0]->shape, *y = &node->outputs[0]->shape;
    int starts_count, steps_count;
    const int64_t *starts = node_ints(node, ATTR_starts, &starts_count), *steps = node_ints(node, ATTR_steps, &steps_count);
    bool fits = starts_count == x->rank && steps_count == x->rank && y->rank == x->rank;
    for (int i = 0; fits && i < x->rank; i++) {
        Wide last = starts[i] + (Wide)(y->dims[i] - 1) * steps[i];
        fits = y->dims[i] == 0 || (starts[i] >= 0 && starts[i] < x->dims[i] && last >= 0 && last < x->dims[i]);
    }
    return fits || infer_fault(inference, node, STATUS_MODEL, NULL, "starts, steps and the result's shape do not fit %s",
                               shape_text(inference->graph->arena, x));
}

bool infer_slice(Inference *inference, Node *node)
{
    Shape y = node->inputs[0]->shape;
    Cut cuts[MAX_RANK];
    int64_t starts[MAX_RANK], steps[MAX_RANK];
    if (!node_has(node, ATTR_ends) && node->outputs[0] && node->outputs[0]->known)
        return closed_slice(inference, node);
    if (!cut_axes(inference, node, cuts))
        return false;
    for (int i = 0; i < y.rank; i++) {
        starts[i] = cuts[i].start;
        steps[i] = cuts[i].step;
        y.dims[i] = cuts[i].length;
    }
    node_set_ints(inference->graph, node, ATTR_starts, starts, y.rank);
    node_set_ints(inference->graph, node, ATTR_steps, steps, y.rank);
    node_unset(node, ATTR_ends);
    node_unset(node, ATTR_axes);
    return infer_output(inference, node, 0, node->inputs[0]->type, &y);
}

/* ---- Gather ---- */

static bool check_indices(Inference *inference, const Node *node, int64_t size)
{
    const Value *indices = node->inputs[1];
    int64_t count = value_constant(indices) ? shape_count(&indices->shape) : 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t index = constant_int(indices, i);
        if (index < -size || index >= size)
            return infer_fault(inference, node, STATUS_MODEL, NULL, "%s has %lld, expected %lld to %lld", infer_input_text(inference, node, 1),
                               (long long)index, (long long)-size, (long long)size - 1);
    }
    return true;
}

bool infer_gather(Inference *inference, Node *node)
{
    const Shape *x = &node->inputs[0]->shape, *indices = &node->inputs[1]->shape;
    int axis;
    if (!infer_classes(inference, node, 1, INTS) || !infer_axis(inference, node, x->rank, 0, &axis) ||
        !check_indices(inference, node, x->dims[axis]))
        return false;
    Shape y = shape_of(axis, x->dims);
    for (int i = 0; i < indices->rank; i++)
        if (!infer_dimension(inference, node, &y, indices->dims[i]))
            return false;
    for (int i = axis + 1; i < x->rank; i++)
        if (!infer_dimension(inference, node, &y, x->dims[i]))
            return false;
    if (x->dims[axis] == 0 && shape_count(indices) > 0)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "axis %d of %s is empty", axis, infer_input_text(inference, node, 0));
    return infer_output(inference, node, 0, node->inputs[0]->type, &y);
}

/* ---- Pad ---- */

/* pads for every axis, from pads for the axes that are named. */
static bool complete_pads(Inference *inference, Node *node, int rank)
{
    int count;
    bool chosen[MAX_RANK];
    int64_t complete[2 * MAX_RANK] = {0};
    const int64_t *given, *axes = node_ints(node, ATTR_axes, &count);
    if (!axes)
        return true;
    if (!infer_axes(inference, node, ATTR_axes, axes, count, rank, chosen) ||
        !infer_list(inference, node, ATTR_pads, 2 * count, 0, INT64_MIN, &given))
        return false;
    for (int i = 0; i < count; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
        complete[axis] = given[i];
        complete[rank + axis] = given[count + i];
    }
    node_set_ints(inference->graph, node, ATTR_pads, complete, 2 * rank);
    node_unset(node, ATTR_axes);
    return true;
}

bool infer_pad(Inference *inference, Node *node)
{
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap"};
    const Shape *x = &node->inputs[0]->shape;
    const int64_t *pads;
    if (!node_has(node, ATTR_pads))
        return infer_fault(inference, node, STATUS_MODEL, NULL, "pads is missing");
    if (!infer_same_type(inference, node, 2, 0) || !infer_single(inference, node, 2) ||
        !infer_word(inference, node, ATTR_mode, modes, COUNT(modes)) || !complete_pads(inference, node, x->rank) ||
        !infer_list(inference, node, ATTR_pads, 2 * x->rank, 0, INT64_MIN, &pads))
        return false;
    bool copies = strcmp(node_word(node, ATTR_mode, ""), "constant") != 0;
    Shape y = {0};
    for (int i = 0; i < x->rank; i++) {
        if (!infer_dimension(inference, node, &y, (Wide)x->dims[i] + pads[i] + pads[x->rank + i]))
            return false;
        if (copies && x->dims[i] == 0 && y.dims[i] > 0)
            return infer_fault(inference, node, STATUS_MODEL, NULL, "axis %d of %s is empty: there is nothing to pad with", i,
                               infer_input_text(inference, node, 0));
    }
    if (copies)
        edit_inputs(node, 1);
    return infer_output(inference, node, 0, node->inputs[0]->type, &y);
}

/* ---- blocks of space and depth ---- */

static bool block_size(Inference *inference, const Node *node, int64_t *block)
{
    *block = node_int(node, ATTR_blocksize, 0);
    if (*block >= 1 && *block <= INT32_MAX)
        return true;
    return infer_fault(inference, node, STATUS_MODEL, NULL, "blocksize is %lld, expected at least 1", (long long)*block);
}

static bool not_divisible(Inference *inference, const Node *node)
{
    return infer_fault(inference, node, STATUS_MODEL, NULL, "%s is %s, which blocks of %lld do not divide", infer_input_text(inference, node, 0),
                       shape_text(inference->graph->arena, &node->inputs[0]->shape), (long long)node_int(node, ATTR_blocksize, 0));
}

bool infer_depth_to_space(Inference *inference, Node *node)
{
    static const char *const modes[] = {"DCR", "CRD"};
    const int64_t *x = node->inputs[0]->shape.dims;
    int64_t block;
    if (!infer_rank(inference, node, 0, 4, 4) || !block_size(inference, node, &block) || !infer_word(inference, node, ATTR_mode, modes, 2))
        return false;
    if (x[1] % (block * block) != 0)
        return not_divisible(inference, node);
    Shape y = {2, {x[0], x[1] / (block * block)}};
    return infer_dimension(inference, node, &y, (Wide)x[2] * block) && infer_dimension(inference, node, &y, (Wide)x[3] * block) &&
           infer_output(inference, node, 0, node->inputs[0]->type, &y);
}

bool infer_space_to_depth(Inference *inference, Node *node)
{
    const int64_t *x = node->inputs[0]->shape.dims;
    int64_t block;
    if (!infer_rank(inference, node, 0, 4, 4) || !block_size(inference, node, &block))
        return false;
    if (x[2] % block != 0 || x[3] % block != 0)
        return not_divisible(inference, node);
    Shape y = {1, {x[0]}};
    return infer_dimension(inference, node, &y, (Wide)x[1] * block * block) && infer_dimension(inference, node, &y, x[2] / block) &&
           infer_dimension(inference, node, &y, x[3] / block) && infer_output(inference, node, 0, node->inputs[0]->type, &y);
}
