/* Inference of normalisations and Softmax. */
#include "infer.h"

static bool one_type(Inference *inference, const Node *node)
{
    for (int i = 1; i < node->input_count; i++)
        if (node->inputs[i] && node->inputs[i]->type != node->inputs[0]->type)
            return infer_fault(inference, node, STATUS_UNSUPPORTED, "cast it to the type of input 0", "%s is %s where input 0 is %s",
                               infer_input_text(inference, node, i), type_info(node->inputs[i]->type)->name,
                               type_info(node->inputs[0]->type)->name);
    return infer_classes(inference, node, 0, REALS);
}

bool infer_batch_normalization(Inference *inference, Node *node)
{
    if (!one_type(inference, node) || !infer_rank(inference, node, 0, 1, MAX_RANK))
        return false;
    const Shape *x = &node->inputs[0]->shape;
    infer_real(inference, node, ATTR_epsilon, 1e-5);
    Shape expected = {1, {x->rank > 1 ? x->dims[1] : 1}};
    if (node->inputs[1]->shape.rank != 1)          /* one number an element, not a channel: old models with spatial = 0 */
        expected = shape_of(x->rank - 1, x->dims + 1);
    for (int i = 1; i < 5; i++)
        if (!infer_shape_is(inference, node, i, &expected))
            return false;
    return infer_like(inference, node);
}

bool infer_lrn(Inference *inference, Node *node)
{
    if (!infer_classes(inference, node, 0, REALS) || !infer_rank(inference, node, 0, 2, MAX_RANK))
        return false;
    int64_t size = node_int(node, ATTR_size, 0);
    if (size < 1)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "size is %lld, expected at least 1", (long long)size);
    infer_real(inference, node, ATTR_alpha, 1e-4);
    infer_real(inference, node, ATTR_beta, 0.75);
    infer_real(inference, node, ATTR_bias, 1);
    return infer_like(inference, node);
}

bool infer_instance_normalization(Inference *inference, Node *node)
{
    if (!one_type(inference, node) || !infer_rank(inference, node, 0, 2, MAX_RANK))
        return false;
    Shape channels = {1, {node->inputs[0]->shape.dims[1]}};
    infer_real(inference, node, ATTR_epsilon, 1e-5);
    return infer_shape_is(inference, node, 1, &channels) && infer_shape_is(inference, node, 2, &channels) && infer_like(inference, node);
}

bool infer_layer_normalization(Inference *inference, Node *node)
{
    int axis;
    const Shape *x = &node->inputs[0]->shape;
    if (!one_type(inference, node) || !infer_axis(inference, node, x->rank, -1, &axis))
        return false;
    infer_real(inference, node, ATTR_epsilon, 1e-5);
    Shape normalized = shape_of(x->rank - axis, x->dims + axis), statistics = *x;
    if (!infer_broadcast_to(inference, node, 1, &normalized) || !infer_broadcast_to(inference, node, 2, &normalized))
        return false;
    for (int i = axis; i < x->rank; i++)
        statistics.dims[i] = 1;
    return infer_like(inference, node) && infer_output(inference, node, 1, TYPE_F32, &statistics) &&
           infer_output(inference, node, 2, TYPE_F32, &statistics);
}

/* The older form sees a matrix: everything before axis, everything from it. There axis may be the rank. */
bool infer_softmax(Inference *inference, Node *node)
{
    int axis, rank = node->inputs[0]->shape.rank;
    bool flatten;
    if (!infer_classes(inference, node, 0, REALS) || !infer_flag(inference, node, ATTR_flatten, 0, &flatten))
        return false;
    if (flatten && node_int(node, ATTR_axis, 1) == rank)
        node_set_int(inference->graph, node, ATTR_axis, rank);
    else if (!infer_axis(inference, node, rank, flatten ? 1 : -1, &axis))
        return false;
    return infer_like(inference, node);
}
