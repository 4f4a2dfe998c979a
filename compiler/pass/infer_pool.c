/* Inference of poolings. */
#include "infer.h"

static bool infer_pool(Inference *inference, Node *node, Shape *y)
{
    const Shape *x = &node->inputs[0]->shape;
    const int64_t *kernel;
    bool ceiling;
    if (!infer_rank(inference, node, 0, 3, 5))
        return false;
    if (!node_has(node, ATTR_kernel_shape))
        return infer_fault(inference, node, STATUS_MODEL, NULL, "kernel_shape is missing");
    if (!infer_list(inference, node, ATTR_kernel_shape, x->rank - 2, 1, 1, &kernel) || !infer_flag(inference, node, ATTR_ceil_mode, 0, &ceiling))
        return false;
    *y = (Shape){2, {x->dims[0], x->dims[1]}};
    return infer_window(inference, node, x, kernel, ceiling, y) && infer_output(inference, node, 0, node->inputs[0]->type, y);
}

bool infer_max_pool(Inference *inference, Node *node)
{
    Shape y;
    bool column_major;
    return infer_classes(inference, node, 0, REALS | INTS | UINTS) && infer_flag(inference, node, ATTR_storage_order, 0, &column_major) &&
           infer_pool(inference, node, &y) && infer_output(inference, node, 1, TYPE_I64, &y);
}

bool infer_average_pool(Inference *inference, Node *node)
{
    Shape y;
    bool include;
    return infer_classes(inference, node, 0, REALS) && infer_flag(inference, node, ATTR_count_include_pad, 0, &include) &&
           infer_pool(inference, node, &y);
}

bool infer_global_pool(Inference *inference, Node *node)
{
    if (!infer_classes(inference, node, 0, REALS) || !infer_rank(inference, node, 0, 2, MAX_RANK))
        return false;
    Shape y = node->inputs[0]->shape;
    for (int i = 2; i < y.rank; i++)
        y.dims[i] = 1;
    return infer_output(inference, node, 0, node->inputs[0]->type, &y);
}
