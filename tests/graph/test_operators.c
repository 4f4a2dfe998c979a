/* The tables of operators, attributes and types are whole and agree with each other. */
#include "captured.h"

#include <string.h>

#include "compiler/graph/graph.h"

static void operators_are_found_by_their_names(void **state)
{
    (void)state;
    for (int op = 0; op < OP_COUNT; op++)
        assert_int_equal(op_named(op_info((Op)op)->name), op);
    assert_int_equal(op_named("conv"), OP_COUNT);
    assert_int_equal(op_named(""), OP_COUNT);
}

static void operators_have_sensible_counts(void **state)
{
    (void)state;
    for (int op = 0; op < OP_COUNT; op++) {
        const OpInfo *info = op_info((Op)op);
        assert_true(info->fewest_inputs >= 1 && (info->most_inputs < 0 || info->most_inputs >= info->fewest_inputs));
        assert_true(info->most_outputs == -1 || info->most_outputs >= 1);
    }
}

/* Each class of types that a row allows has an expression, and the other way round. */
static void elementwise_rows_define_what_they_allow(void **state)
{
    (void)state;
    int rows = 0;
    for (int op = 0; op < OP_COUNT; op++) {
        const OpInfo *info = op_info((Op)op);
        if (info->shape_class == CLASS_STRUCTURED) {
            assert_true(!info->types && !info->real_expression && !info->integer_expression);
            continue;
        }
        rows++;
        assert_true(info->fewest_inputs == (info->shape_class == CLASS_UNARY ? 1 : 2) && info->most_inputs == info->fewest_inputs);
        assert_int_equal(info->real_expression != NULL, (info->types & REALS) != 0);
        assert_int_equal(info->integer_expression != NULL, (info->types & (INTS | UINTS | BOOLS)) != 0);
        assert_true(info->parameters[0] != ATTR_COUNT || info->parameters[1] == ATTR_COUNT);
    }
    assert_true(rows > 60);
    assert_string_equal(op_info(OP_Add)->real_expression, "a + b");
    assert_true(op_info(OP_Equal)->result_bool && !op_info(OP_Add)->result_bool);
    assert_int_equal(op_info(OP_Selu)->parameters[1], ATTR_gamma);
}

static bool in_word(char c)
{
    return c && strchr("abcdefghijklmnopqrstuvwxyz_0123456789", c);
}

static void expressions_read_parameters_that_exist(void **state)
{
    (void)state;
    for (int op = 0; op < OP_COUNT; op++) {
        const OpInfo *info = op_info((Op)op);
        const char *text = info->real_expression;
        for (const char *c = text; c && *c; c++) {
            bool alone = (c == text || !in_word(c[-1])) && !in_word(c[1]);
            if (alone && (*c == 'p' || *c == 'q'))
                assert_true(info->parameters[*c - 'p'] != ATTR_COUNT);
            if (alone && *c == 'b')
                assert_int_equal(info->shape_class, CLASS_BINARY);
        }
    }
}

static void attributes_are_found_by_their_names(void **state)
{
    (void)state;
    for (int name = 0; name < ATTR_COUNT; name++)
        assert_int_equal(attribute_named(attribute_text((AttributeName)name)), name);
    assert_int_equal(attribute_named("stride"), ATTR_COUNT);
    assert_int_equal(attribute_kind(ATTR_pads), KIND_INTS);
    assert_int_equal(attribute_kind(ATTR_epsilon), KIND_REALS);
    assert_int_equal(attribute_kind(ATTR_mode), KIND_WORD);
}

static void shape_operands_are_within_the_operators_inputs(void **state)
{
    (void)state;
    int found = 0;
    for (int op = 0; op < OP_COUNT; op++)
        for (int i = 0; i < 8; i++)
            if (op_shape_operand((Op)op, i) != ATTR_COUNT) {
                found++;
                assert_true(i < op_info((Op)op)->most_inputs);
                assert_int_not_equal(attribute_kind(op_shape_operand((Op)op, i)), KIND_WORD);
            }
    assert_true(found > 20);
    assert_int_equal(op_shape_operand(OP_Slice, 3), ATTR_axes);
    assert_int_equal(op_shape_operand(OP_Conv, 1), ATTR_COUNT);
}

static void types_are_found_by_their_names(void **state)
{
    (void)state;
    for (int type = TYPE_UNKNOWN + 1; type < TYPE_COUNT; type++) {
        const TypeInfo *info = type_info((Type)type);
        assert_int_equal(type_named(info->name), type);
        assert_true(info->bytes >= 1 && info->bytes <= 8 && info->c_name);
        assert_false(info->real && info->integer);
    }
    assert_int_equal(type_named("float"), TYPE_UNKNOWN);
    assert_true(type_class(TYPE_F16) == REALS && type_class(TYPE_I8) == INTS && type_class(TYPE_U64) == UINTS && type_class(TYPE_BOOL) == BOOLS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_are_found_by_their_names),
        cmocka_unit_test(operators_have_sensible_counts),
        cmocka_unit_test(elementwise_rows_define_what_they_allow),
        cmocka_unit_test(expressions_read_parameters_that_exist),
        cmocka_unit_test(attributes_are_found_by_their_names),
        cmocka_unit_test(shape_operands_are_within_the_operators_inputs),
        cmocka_unit_test(types_are_found_by_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
