/* Constants in all the ways that nodes may state them. */
#include "frontends/importer.h"

#include <string.h>

typedef bool Statement(Call *call, const AttributeProto *proto, TensorFile *tensor);

static bool state_tensor(Call *call, const AttributeProto *proto, TensorFile *tensor)
{
    return tensor_load(&call->importer->source, call_where(call), proto->t, tensor);
}

static bool state_sparse(Call *call, const AttributeProto *proto, TensorFile *tensor)
{
    return sparse_load(&call->importer->source, call_where(call), proto->sparse_tensor, tensor);
}

static bool state_float(Call *call, const AttributeProto *proto, TensorFile *tensor)
{
    *tensor = (TensorFile){.type = TYPE_F32, .data = arena_copy(call->importer->ctx->graph, &proto->f, sizeof proto->f)};
    return true;
}

static bool state_int(Call *call, const AttributeProto *proto, TensorFile *tensor)
{
    *tensor = (TensorFile){.type = TYPE_I64, .data = arena_copy(call->importer->ctx->graph, &proto->i, sizeof proto->i)};
    return true;
}

static bool state_floats(Call *call, const AttributeProto *proto, TensorFile *tensor)
{
    *tensor = (TensorFile){.type = TYPE_F32, .shape = {1, {(int64_t)proto->n_floats}},
                           .data = arena_copy(call->importer->ctx->graph, proto->floats, proto->n_floats * sizeof *proto->floats)};
    return true;
}

static bool state_ints(Call *call, const AttributeProto *proto, TensorFile *tensor)
{
    *tensor = (TensorFile){.type = TYPE_I64, .shape = {1, {(int64_t)proto->n_ints}},
                           .data = arena_copy(call->importer->ctx->graph, proto->ints, proto->n_ints * sizeof *proto->ints)};
    return true;
}

static bool state_string(Call *call, const AttributeProto *proto, TensorFile *tensor)
{
    (void)proto, (void)tensor;
    return call_refuse(call, NULL, "the element type string is not supported");
}

static const struct {
    const char *name;
    ArgumentKind kind;
    Statement *state;
} statements[] = {
    {"value", ARGUMENT_TENSOR, state_tensor},      {"sparse_value", ARGUMENT_SPARSE_TENSOR, state_sparse},
    {"value_float", ARGUMENT_REAL, state_float},   {"value_floats", ARGUMENT_REALS, state_floats},
    {"value_int", ARGUMENT_INT, state_int},        {"value_ints", ARGUMENT_INTS, state_ints},
    {"value_string", ARGUMENT_WORD, state_string}, {"value_strings", ARGUMENT_WORDS, state_string},
};

bool convert_constant(Call *call)
{
    int stated = -1;
    for (int i = 0; i < COUNT(statements); i++) {
        if (!argument_find(call->arguments, call->argument_count, statements[i].name))
            continue;
        if (stated >= 0)
            return call_fault(call, "it states its value twice, as %s and as %s", statements[stated].name, statements[i].name);
        stated = i;
    }
    if (stated < 0 || call->output_count != 1)
        return call_fault(call, stated < 0 ? "it states no value" : "a constant has one output");
    TensorFile tensor;
    const AttributeProto *proto = call_attribute(call, statements[stated].name, statements[stated].kind);
    if (proto && statements[stated].state(call, proto, &tensor) && call->output_names[0])
        call_give(call, 0, graph_constant(call->importer->graph, call->output_names[0], tensor.type, &tensor.shape, tensor.data));
    return false;
}

/* The element to fill with becomes an operand; without one it is a float zero. */
bool convert_constant_of_shape(Call *call)
{
    TensorFile tensor = {.type = TYPE_F32, .data = (const float[]){0}};
    const AttributeProto *proto = call_attribute(call, "value", ARGUMENT_TENSOR);
    if (call->failed || (proto && !tensor_load(&call->importer->source, call_where(call), proto->t, &tensor)))
        return false;
    if (shape_count(&tensor.shape) != 1)
        return call_fault(call, "its value has %lld elements instead of one", (long long)shape_count(&tensor.shape));
    call->inputs[1] = call_constant(call, "value", tensor.type, &(Shape){0}, tensor.data);
    call->input_count = 2;
    return true;
}
