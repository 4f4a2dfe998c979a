/* Operands that describe shapes become attributes: their values must be known when the model is compiled. */
#include "infer.h"

static bool set_attribute(Inference *inference, Node *node, int index, AttributeName name, const Value *value)
{
    bool reals = attribute_kind(name) == KIND_REALS;
    unsigned allowed = reals ? REALS : INTS | UINTS;
    if (!(type_class(value->type) & allowed) || !constant_readable(value) || value->shape.rank > 1)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "%s is %s of %s, expected a list of %s numbers",
                           infer_input_text(inference, node, index), shape_text(inference->graph->arena, &value->shape),
                           type_info(value->type)->name, reals ? "real" : "whole");
    /* Longer ones fit no operator; many nodes may share one, and each would have a copy. */
    int64_t count = shape_count(&value->shape), most = 2 * MAX_RANK;
    if (node->op == OP_Split && node->output_count > most)
        most = node->output_count;
    if (count > most)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "%s has %lld numbers, at most %lld are possible",
                           infer_input_text(inference, node, index), (long long)count, (long long)most);
    Arena *scratch = inference->graph->ctx->scratch;
    double *real = arena_array(scratch, double, reals ? count + 1 : 1);
    int64_t *whole = arena_array(scratch, int64_t, reals ? 1 : count + 1);
    for (int64_t i = 0; i < count; i++)
        if (reals)
            real[i] = constant_real(value, i);
        else
            whole[i] = constant_int(value, i);
    if (reals)
        node_set_reals(inference->graph, node, name, real, (int)count);
    else
        node_set_ints(inference->graph, node, name, whole, (int)count);
    return true;
}

bool infer_operands(Inference *inference, Node *node)
{
    bool fine = true;
    for (int i = 0; i < node->input_count; i++) {
        AttributeName name = op_shape_operand(node->op, i);
        if (name == ATTR_COUNT || !node->inputs[i])
            continue;
        const Value *value = node->inputs[i];
        if (!value_constant(value))
            value = infer_assume(inference, node, i);
        fine = value && set_attribute(inference, node, i, name, value) && fine;
        node->inputs[i] = NULL;
    }
    edit_inputs(node, node->input_count);
    return fine;
}
