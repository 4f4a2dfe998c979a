/* Inference of elementwise operators, by the rows of elementwise.inc, and of Where, Clip and Cast. */
#include "infer.h"

/* What the parameters of unary operators are when a model leaves them out. */
static const struct { Op op; double p, q; } defaults[] = {
    {OP_HardSigmoid, 0.2, 0.5}, {OP_Swish, 1, 0}, {OP_Elu, 1, 0}, {OP_Celu, 1, 0},
    {OP_Selu, 1.67326319217681884765625, 1.05070102214813232421875}, {OP_LeakyRelu, 0.01, 0},
    {OP_ThresholdedRelu, 1, 0}, {OP_Shrink, 0.5, 0}, {OP_IsInf, 1, 1},
};

static Type result_type(const Node *node)
{
    return op_info(node->op)->result_bool ? TYPE_BOOL : node->inputs[0]->type;
}

bool infer_unary(Inference *inference, Node *node)
{
    const OpInfo *info = op_info(node->op);
    if (!infer_classes(inference, node, 0, info->types))
        return false;
    for (int i = 0; i < COUNT(defaults); i++)
        if (defaults[i].op == node->op)
            for (int k = 0; k < 2; k++)
                if (info->parameters[k] != ATTR__)
                    infer_real(inference, node, info->parameters[k], k == 0 ? defaults[i].p : defaults[i].q);
    return infer_output(inference, node, 0, result_type(node), &node->inputs[0]->shape);
}

/* ---- binary ---- */

/* An operand cast to `type` by a node put before this one. */
static Value *cast_to(Inference *inference, Value *value, Type type)
{
    if (value->type == type)
        return value;
    Value *result = edit_value(inference->graph, NULL, type, &value->shape);
    Node *cast = edit_node(inference->graph, OP_Cast, &value, 1, result);
    node_set_int(inference->graph, cast, ATTR_to, type);
    infer_node(inference, cast);
    return result;
}

/* Powers of two types are computed in one and become the base's: doubles where whole numbers meet reals, else the base's own type. */
static bool close_power(Inference *inference, Node *node)
{
    Type base = node->inputs[0]->type, exponent = node->inputs[1]->type;
    if (base == exponent || !infer_classes(inference, node, 0, REALS | INTS | UINTS) || !infer_classes(inference, node, 1, REALS | INTS | UINTS))
        return true;
    if (type_info(base)->real || !type_info(exponent)->real) {
        node->inputs[1] = cast_to(inference, node->inputs[1], base);
        return true;
    }
    Value *operands[2] = {cast_to(inference, node->inputs[0], TYPE_F64), cast_to(inference, node->inputs[1], TYPE_F64)};
    Value *power = graph_value(inference->graph, NULL);
    infer_node(inference, edit_node(inference->graph, OP_Pow, operands, 2, power));
    if (!power->known)
        return false;
    node->op = OP_Cast;
    node->inputs[0] = power;
    edit_inputs(node, 1);
    node_set_int(inference->graph, node, ATTR_to, base);
    return infer_cast(inference, node);
}

static bool binary_shape(Inference *inference, Node *node, Shape *shape)
{
    *shape = node->inputs[0]->shape;
    if (node->op == OP_PRelu)
        return infer_broadcast_to(inference, node, 1, shape);
    return infer_broadcast(inference, node, shape, &node->inputs[1]->shape);
}

bool infer_binary(Inference *inference, Node *node)
{
    Shape shape;
    if (node->op == OP_Pow && (!close_power(inference, node) || node->op == OP_Cast))
        return node->op == OP_Cast && node->outputs[0]->known;
    if (!infer_classes(inference, node, 0, op_info(node->op)->types) || !infer_same_type(inference, node, 1, 0) ||
        !binary_shape(inference, node, &shape))
        return false;
    return infer_output(inference, node, 0, result_type(node), &shape);
}

/* ---- others that work element by element ---- */

bool infer_where(Inference *inference, Node *node)
{
    Shape shape = node->inputs[0]->shape;
    return infer_classes(inference, node, 0, BOOLS) && infer_same_type(inference, node, 2, 1) &&
           infer_broadcast(inference, node, &shape, &node->inputs[1]->shape) &&
           infer_broadcast(inference, node, &shape, &node->inputs[2]->shape) &&
           infer_output(inference, node, 0, node->inputs[1]->type, &shape);
}

bool infer_clip(Inference *inference, Node *node)
{
    return infer_classes(inference, node, 0, REALS | INTS | UINTS) && infer_same_type(inference, node, 1, 0) &&
           infer_same_type(inference, node, 2, 0) && infer_single(inference, node, 1) && infer_single(inference, node, 2) &&
           infer_like(inference, node);
}

bool infer_cast(Inference *inference, Node *node)
{
    int64_t to = node_int(node, ATTR_to, TYPE_UNKNOWN);
    bool saturate;
    if (to <= TYPE_UNKNOWN || to >= TYPE_COUNT)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "to is missing, or no type");
    return infer_flag(inference, node, ATTR_saturate, 1, &saturate) &&
           infer_output(inference, node, 0, (Type)to, &node->inputs[0]->shape);
}

bool infer_cast_like(Inference *inference, Node *node)
{
    node_set_int(inference->graph, node, ATTR_to, node->inputs[1]->type);
    node->op = OP_Cast;
    edit_inputs(node, 1);
    return infer_cast(inference, node);
}
