/* What ops.h says, at run time. */
#include "compiler/graph/graph.h"

#include <assert.h>
#include <string.h>

/* Expressions hold commas of their own, so they come through a macro with any number of arguments; NONE becomes a null pointer. */
#define EXPRESSION(...) (__builtin_strcmp(#__VA_ARGS__, "NONE") == 0 ? NULL : #__VA_ARGS__)
#define SAME false
#define BOOL true

static const OpInfo infos[OP_COUNT] = {
#define OP(op_name, fewest, most, outputs) [OP_##op_name] = {.name = #op_name, .fewest_inputs = fewest, .most_inputs = most, .most_outputs = outputs},
    STRUCTURED_OPS(OP)
#undef OP
#define UNARY(op_name, op_types, result, real, integer, p, q)                                                                      \
    [OP_##op_name] = {.name = #op_name, .shape_class = CLASS_UNARY, .fewest_inputs = 1, .most_inputs = 1, .most_outputs = 1,       \
                      .types = op_types, .result_bool = result, .parameters = {ATTR_##p, ATTR_##q},                                \
                      .real_expression = EXPRESSION(real), .integer_expression = EXPRESSION(integer)},
#define BINARY(op_name, op_types, result, real, integer)                                                                           \
    [OP_##op_name] = {.name = #op_name, .shape_class = CLASS_BINARY, .fewest_inputs = 2, .most_inputs = 2, .most_outputs = 1,      \
                      .types = op_types, .result_bool = result, .parameters = {ATTR__, ATTR__},                                    \
                      .real_expression = EXPRESSION(real), .integer_expression = EXPRESSION(integer)},
#include "compiler/graph/elementwise.inc"
#undef UNARY
#undef BINARY
};

static const struct { Op op; int index; AttributeName attribute; } operands[] = {
#define OPERAND(name, index, attribute) {OP_##name, index, ATTR_##attribute},
    SHAPE_OPERANDS(OPERAND)
#undef OPERAND
};

const OpInfo *op_info(Op op)
{
    assert(op < OP_COUNT);
    return &infos[op];
}

Op op_named(const char *name)
{
    for (int op = 0; op < OP_COUNT; op++)
        if (strcmp(infos[op].name, name) == 0)
            return (Op)op;
    return OP_COUNT;
}

unsigned type_class(Type type)
{
    const TypeInfo *info = type_info(type);
    if (info->real)
        return REALS;
    if (info->integer)
        return info->is_signed ? INTS : UINTS;
    return BOOLS;
}

AttributeName op_shape_operand(Op op, int index)
{
    for (int i = 0; i < COUNT(operands); i++)
        if (operands[i].op == op && operands[i].index == index)
            return operands[i].attribute;
    return ATTR_COUNT;
}

const char *operators_text(Arena *arena, const Node *node)
{
    Text text = text_new(arena);
    text_add(&text, op_info(node->op)->name);
    for (int e = 0; e < node->epilogue_count; e++)
        text_format(&text, "+%s", op_info(node->epilogue[e]->op)->name);
    return text.data;
}
