/* Inference of reductions. */
#include "infer.h"

static bool reduced_shape(Inference *inference, const Node *node, const bool chosen[MAX_RANK], bool keep, Shape *y)
{
    const Shape *x = &node->inputs[0]->shape;
    *y = (Shape){0};
    for (int i = 0; i < x->rank; i++)
        if ((!chosen[i] || keep) && !infer_dimension(inference, node, y, chosen[i] ? 1 : x->dims[i]))
            return false;
    return true;
}

/* No axes means all of them, unless noop_with_empty_axes says none: the list is then empty in closed form. */
bool infer_reduce(Inference *inference, Node *node)
{
    const Shape *x = &node->inputs[0]->shape;
    int count, kept = 0;
    bool keep, none, chosen[MAX_RANK];
    Shape y;
    bool extremum = node->op == OP_ReduceMax || node->op == OP_ReduceMin;
    const int64_t *axes = node_ints(node, ATTR_axes, &count);
    bool closed = axes && !node_has(node, ATTR_noop_with_empty_axes) && node_has(node, ATTR_keepdims) && node->outputs[0] && node->outputs[0]->known;
    if (!infer_classes(inference, node, 0, REALS | INTS | UINTS | (extremum ? BOOLS : 0)) ||
        !infer_flag(inference, node, ATTR_keepdims, 1, &keep) || !infer_flag(inference, node, ATTR_noop_with_empty_axes, closed, &none) ||
        !infer_axes(inference, node, ATTR_axes, axes, count, x->rank, chosen))
        return false;
    int64_t sorted[MAX_RANK];
    for (int i = 0; i < x->rank; i++) {
        chosen[i] = chosen[i] || (count == 0 && !none);
        if (chosen[i])
            sorted[kept++] = i;
    }
    node_set_ints(inference->graph, node, ATTR_axes, sorted, kept);
    node_unset(node, ATTR_noop_with_empty_axes);
    return reduced_shape(inference, node, chosen, keep, &y) && infer_output(inference, node, 0, node->inputs[0]->type, &y);
}

bool infer_arg(Inference *inference, Node *node)
{
    const Shape *x = &node->inputs[0]->shape;
    int axis;
    bool keep, last, chosen[MAX_RANK] = {false};
    Shape y;
    if (!infer_classes(inference, node, 0, REALS | INTS | UINTS) || !infer_axis(inference, node, x->rank, 0, &axis) ||
        !infer_flag(inference, node, ATTR_keepdims, 1, &keep) || !infer_flag(inference, node, ATTR_select_last_index, 0, &last))
        return false;
    chosen[axis] = true;
    if (x->dims[axis] == 0)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "axis %d of %s is empty", axis, infer_input_text(inference, node, 0));
    return reduced_shape(inference, node, chosen, keep, &y) && infer_output(inference, node, 0, TYPE_I64, &y);
}
