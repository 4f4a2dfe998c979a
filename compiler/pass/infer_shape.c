/* Inference of operators that move nothing or only rename dimensions: Reshape and its kin, Transpose, Expand, Tile. */
#include "infer.h"

/* In closed form the output's shape says all; a graph in that form comes here again with its shapes known. */
static bool closed(const Node *node)
{
    return node->outputs[0] && node->outputs[0]->known;
}

static bool missing(Inference *inference, const Node *node, const char *what)
{
    return infer_fault(inference, node, STATUS_MODEL, NULL, "%s is missing", what);
}

bool infer_same_bytes(Inference *inference, Node *node)
{
    if (!closed(node))
        return infer_like(inference, node);
    const Shape *y = &node->outputs[0]->shape;
    if (node->outputs[0]->type == node->inputs[0]->type && shape_count(y) == shape_count(&node->inputs[0]->shape))
        return true;
    return infer_fault(inference, node, STATUS_MODEL, NULL, "the elements of %s do not make %s", infer_input_text(inference, node, 0),
                       shape_text(inference->graph->arena, y));
}

bool infer_identity(Inference *inference, Node *node)
{
    return infer_like(inference, node);
}

/* In inference Dropout drops nothing: its mask is true everywhere. */
bool infer_dropout(Inference *inference, Node *node)
{
    static const uint8_t kept = 1;
    node->op = OP_Identity;
    node->attribute_count = 0;
    edit_inputs(node, 1);
    Value *mask = node->output_count > 1 ? node->outputs[1] : NULL;
    if (mask) {
        edit_output(node, 1, NULL);
        Value *yes = edit_constant(inference->graph, TYPE_BOOL, &(Shape){0}, &kept);
        Node *expand = edit_node(inference->graph, OP_Expand, &yes, 1, mask);
        node_set_ints(inference->graph, expand, ATTR_shape, node->inputs[0]->shape.dims, node->inputs[0]->shape.rank);
        infer_node(inference, expand);
    }
    node->output_count = 1;
    return infer_like(inference, node);
}

/* ---- Reshape ---- */

/* The product of the dimensions that a target names; the -1 in it, if any, is left out. */
static bool product_of(const Shape *shape, int left_out, Wide *product)
{
    *product = 1;
    bool zero = false;
    for (int i = 0; i < shape->rank; i++)
        zero = zero || (i != left_out && shape->dims[i] == 0);
    for (int i = 0; i < shape->rank && !zero; i++) {
        if (i != left_out)
            *product *= shape->dims[i];
        if (*product > INT64_MAX)
            return false;
    }
    *product = zero ? 0 : *product;
    return true;
}

static bool reshape_target(Inference *inference, const Node *node, const int64_t *target, int rank, bool allow_zero, Shape *y)
{
    const Shape *x = &node->inputs[0]->shape;
    int open = -1;
    *y = (Shape){0};
    for (int i = 0; i < rank; i++) {
        int64_t dimension = target[i];
        if (dimension == 0 && !allow_zero && i >= x->rank)
            return infer_fault(inference, node, STATUS_MODEL, NULL, "shape has 0 at %d, but the input has only %d dimensions", i, x->rank);
        if (dimension < -1 || (dimension == -1 && open >= 0))
            return infer_fault(inference, node, STATUS_MODEL, NULL, "shape has %lld at %d, expected a size, 0, or one -1", (long long)dimension, i);
        if (dimension == -1)
            open = i;
        if (!infer_dimension(inference, node, y, dimension == -1 ? 1 : dimension == 0 && !allow_zero ? x->dims[i] : dimension))
            return false;
    }
    Wide product, count = shape_count(x);
    bool fits = product_of(y, open, &product);
    if (fits && open >= 0 && product > 0 && count % product == 0) {
        y->dims[open] = (int64_t)(count / product);
        return true;
    }
    if (fits && open < 0 && product == count)
        return true;
    return infer_fault(inference, node, STATUS_MODEL, NULL, "the %lld elements of %s, %s, cannot be given the shape %s%s", (long long)count,
                       infer_input_text(inference, node, 0), shape_text(inference->graph->arena, x), shape_text(inference->graph->arena, y),
                       open >= 0 ? " (with -1 for a 1)" : "");
}

bool infer_reshape(Inference *inference, Node *node)
{
    int count;
    bool allow_zero;
    const int64_t *target = node_ints(node, ATTR_shape, &count);
    Shape y;
    if (!target)
        return closed(node) ? infer_same_bytes(inference, node) : missing(inference, node, "shape");
    if (!infer_flag(inference, node, ATTR_allowzero, 0, &allow_zero) || !reshape_target(inference, node, target, count, allow_zero, &y))
        return false;
    node_unset(node, ATTR_shape);
    node_unset(node, ATTR_allowzero);
    return infer_output(inference, node, 0, node->inputs[0]->type, &y);
}

bool infer_flatten(Inference *inference, Node *node)
{
    const Shape *x = &node->inputs[0]->shape;
    int64_t axis = node_int(node, ATTR_axis, 1);
    if (!node_has(node, ATTR_axis) && closed(node))
        return infer_same_bytes(inference, node);
    if (axis < -x->rank || axis > x->rank)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "axis is %lld, expected %d to %d", (long long)axis, -x->rank, x->rank);
    int split = (int)(axis < 0 ? axis + x->rank : axis);
    Shape before = shape_of(split, x->dims), behind = shape_of(x->rank - split, x->dims + split);
    Wide rows, columns;
    if (!product_of(&before, -1, &rows) || !product_of(&behind, -1, &columns))
        return infer_fault(inference, node, STATUS_MODEL, NULL, "%s, %s, is empty but too large", infer_input_text(inference, node, 0),
                           shape_text(inference->graph->arena, x));
    node_unset(node, ATTR_axis);
    return infer_output(inference, node, 0, node->inputs[0]->type, &(Shape){2, {(int64_t)rows, (int64_t)columns}});
}

bool infer_squeeze(Inference *inference, Node *node)
{
    const Shape *x = &node->inputs[0]->shape;
    int count;
    bool chosen[MAX_RANK];
    const int64_t *axes = node_ints(node, ATTR_axes, &count);
    if (!axes && closed(node))
        return infer_same_bytes(inference, node);
    if (!infer_axes(inference, node, ATTR_axes, axes, count, x->rank, chosen))
        return false;
    Shape y = {0};
    for (int i = 0; i < x->rank; i++) {
        bool gone = axes ? chosen[i] : x->dims[i] == 1;
        if (gone && x->dims[i] != 1)
            return infer_fault(inference, node, STATUS_MODEL, NULL, "axis %d of %s, %s, is not 1", i, infer_input_text(inference, node, 0),
                               shape_text(inference->graph->arena, x));
        if (!gone)
            y.dims[y.rank++] = x->dims[i];
    }
    node_unset(node, ATTR_axes);
    return infer_output(inference, node, 0, node->inputs[0]->type, &y);
}

bool infer_unsqueeze(Inference *inference, Node *node)
{
    const Shape *x = &node->inputs[0]->shape;
    int count, next = 0;
    bool chosen[MAX_RANK];
    const int64_t *axes = node_ints(node, ATTR_axes, &count);
    if (!axes)
        return closed(node) ? infer_same_bytes(inference, node) : missing(inference, node, "axes");
    if (count > MAX_RANK || x->rank + count > MAX_RANK)
        return infer_fault(inference, node, STATUS_UNSUPPORTED, NULL, "the result has more than %d dimensions", MAX_RANK);
    if (!infer_axes(inference, node, ATTR_axes, axes, count, x->rank + count, chosen))
        return false;
    Shape y = {.rank = x->rank + count};
    for (int i = 0; i < y.rank; i++)
        y.dims[i] = chosen[i] ? 1 : x->dims[next++];
    node_unset(node, ATTR_axes);
    return infer_output(inference, node, 0, node->inputs[0]->type, &y);
}

/* ---- Transpose, Expand, Tile ---- */

bool infer_transpose(Inference *inference, Node *node)
{
    const Shape *x = &node->inputs[0]->shape;
    const int64_t *perm;
    bool chosen[MAX_RANK];
    if (!node_has(node, ATTR_perm)) {
        int64_t reversed[MAX_RANK];
        for (int i = 0; i < x->rank; i++)
            reversed[i] = x->rank - 1 - i;
        node_set_ints(inference->graph, node, ATTR_perm, reversed, x->rank);
    }
    if (!infer_list(inference, node, ATTR_perm, x->rank, 0, 0, &perm) || !infer_axes(inference, node, ATTR_perm, perm, x->rank, x->rank, chosen))
        return false;
    Shape y = {.rank = x->rank};
    for (int i = 0; i < y.rank; i++)
        y.dims[i] = x->dims[perm[i]];
    return infer_output(inference, node, 0, node->inputs[0]->type, &y);
}

bool infer_expand(Inference *inference, Node *node)
{
    int count;
    const int64_t *target = node_ints(node, ATTR_shape, &count);
    if (!target)
        return closed(node) ? infer_broadcast_to(inference, node, 0, &node->outputs[0]->shape) : missing(inference, node, "shape");
    Shape y = node->inputs[0]->shape, wanted = {0};
    for (int i = 0; i < count; i++)
        if (!infer_dimension(inference, node, &wanted, target[i]))
            return false;
    if (!infer_broadcast(inference, node, &y, &wanted))
        return false;
    node_unset(node, ATTR_shape);
    return infer_output(inference, node, 0, node->inputs[0]->type, &y);
}

static bool tiles(const Shape *x, const Shape *y)
{
    for (int i = 0; i < x->rank; i++)
        if (x->dims[i] == 0 ? y->dims[i] != 0 : y->dims[i] % x->dims[i] != 0)
            return false;
    return x->rank == y->rank;
}

bool infer_tile(Inference *inference, Node *node)
{
    const Shape *x = &node->inputs[0]->shape;
    const int64_t *repeats;
    if (!node_has(node, ATTR_repeats))
        return (closed(node) && tiles(x, &node->outputs[0]->shape)) || missing(inference, node, "repeats");
    if (!infer_list(inference, node, ATTR_repeats, x->rank, 1, 0, &repeats))
        return false;
    Shape y = {0};
    for (int i = 0; i < x->rank; i++)
        if (!infer_dimension(inference, node, &y, (Wide)x->dims[i] * repeats[i]))
            return false;
    node_unset(node, ATTR_repeats);
    return infer_output(inference, node, 0, node->inputs[0]->type, &y);
}
