/* Inference of quantisation: the scale belongs to the tensor, to the slices of an axis, or to blocks along it. */
#include "infer.h"

/* What the scale's shape must be for this input; sets axis and block_size. */
static bool check_scale(Inference *inference, Node *node)
{
    const Shape *x = &node->inputs[0]->shape, *scale = &node->inputs[1]->shape;
    int64_t block = node_int(node, ATTR_block_size, 0);
    int axis;
    if (block < 0)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "block_size is %lld, expected at least 0", (long long)block);
    node_set_int(inference->graph, node, ATTR_block_size, block);
    if (block == 0 && shape_count(scale) == 1 && scale->rank <= 1) {
        node_set_int(inference->graph, node, ATTR_axis, 0);
        return true;
    }
    if (!infer_axis(inference, node, x->rank, 1, &axis))
        return false;
    Shape expected = *x;
    if (block == 0)
        expected = (Shape){1, {x->dims[axis]}};
    else
        expected.dims[axis] = x->dims[axis] / block + (x->dims[axis] % block != 0);
    return infer_shape_is(inference, node, 1, &expected);
}

static bool check_zero_point(Inference *inference, const Node *node)
{
    if (node->input_count < 3 || !node->inputs[2])
        return true;
    bool both_single = shape_count(&node->inputs[1]->shape) == 1 && shape_count(&node->inputs[2]->shape) == 1;
    return both_single || infer_shape_is(inference, node, 2, &node->inputs[1]->shape);
}

/* The result's type: the zero point's, or the one the model names, or unsigned bytes. */
bool infer_quantize(Inference *inference, Node *node)
{
    Value *zero = node->input_count > 2 ? node->inputs[2] : NULL;
    Type to = zero ? zero->type : (Type)node_int(node, ATTR_to, node->outputs[0]->known ? node->outputs[0]->type : TYPE_U8);
    if (!infer_classes(inference, node, 0, REALS | INTS) || !infer_classes(inference, node, 1, REALS | INTS) ||
        !check_scale(inference, node) || !check_zero_point(inference, node))
        return false;
    if (to <= TYPE_UNKNOWN || to >= TYPE_COUNT || !type_info(to)->integer)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "the result would be of no whole type");
    node_unset(node, ATTR_to);
    return infer_output(inference, node, 0, to, &node->inputs[0]->shape);
}

bool infer_dequantize(Inference *inference, Node *node)
{
    Type to = (Type)node_int(node, ATTR_to, node->outputs[0]->known ? node->outputs[0]->type : node->inputs[1]->type);
    if (!infer_classes(inference, node, 0, INTS | UINTS) || !infer_classes(inference, node, 1, REALS) ||
        !infer_same_type(inference, node, 2, 0) || !check_scale(inference, node) || !check_zero_point(inference, node))
        return false;
    if (to <= TYPE_UNKNOWN || to >= TYPE_COUNT || !type_info(to)->real)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "the result would be of no real type");
    node_unset(node, ATTR_to);
    return infer_output(inference, node, 0, to, &node->inputs[0]->shape);
}
