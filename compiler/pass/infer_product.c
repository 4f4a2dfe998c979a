/* Inference of matrix products. */
#include "infer.h"

static bool unequal_inner(Inference *inference, const Node *node, int64_t a, int64_t b)
{
    return infer_fault(inference, node, STATUS_MODEL, NULL, "the inner dimensions differ: %lld of input 0, %lld of input 1",
                       (long long)a, (long long)b);
}

bool infer_gemm(Inference *inference, Node *node)
{
    bool trans_a, trans_b;
    if (!infer_classes(inference, node, 0, REALS | INTS | UINTS) || !infer_same_type(inference, node, 1, 0) ||
        !infer_same_type(inference, node, 2, 0) || !infer_rank(inference, node, 0, 2, 2) || !infer_rank(inference, node, 1, 2, 2) ||
        !infer_flag(inference, node, ATTR_transA, 0, &trans_a) || !infer_flag(inference, node, ATTR_transB, 0, &trans_b))
        return false;
    infer_real(inference, node, ATTR_alpha, 1);
    infer_real(inference, node, ATTR_beta, 1);
    const int64_t *a = node->inputs[0]->shape.dims, *b = node->inputs[1]->shape.dims;
    if (a[!trans_a] != b[trans_b])
        return unequal_inner(inference, node, a[!trans_a], b[trans_b]);
    Shape y = {2, {a[trans_a], b[!trans_b]}};
    return infer_broadcast_to(inference, node, 2, &y) && infer_output(inference, node, 0, node->inputs[0]->type, &y);
}

/* A vector takes part as a matrix of one row (left) or one column (right), which is not in the result. */
bool infer_matmul(Inference *inference, Node *node)
{
    if (!infer_classes(inference, node, 0, REALS | INTS | UINTS) || !infer_same_type(inference, node, 1, 0) ||
        !infer_rank(inference, node, 0, 1, MAX_RANK) || !infer_rank(inference, node, 1, 1, MAX_RANK))
        return false;
    const Shape *a = &node->inputs[0]->shape, *b = &node->inputs[1]->shape;
    int64_t inner = a->dims[a->rank - 1], inner_b = b->dims[b->rank == 1 ? 0 : b->rank - 2];
    if (inner != inner_b)
        return unequal_inner(inference, node, inner, inner_b);
    Shape y = shape_of(a->rank > 2 ? a->rank - 2 : 0, a->dims), other = shape_of(b->rank > 2 ? b->rank - 2 : 0, b->dims);
    if (!infer_broadcast(inference, node, &y, &other))
        return false;
    if ((a->rank > 1 && !infer_dimension(inference, node, &y, a->dims[a->rank - 2])) ||
        (b->rank > 1 && !infer_dimension(inference, node, &y, b->dims[b->rank - 1])))
        return false;
    return infer_output(inference, node, 0, node->inputs[0]->type, &y);
}
