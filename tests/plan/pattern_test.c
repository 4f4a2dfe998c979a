/* Patterns of zeros against counting one by one. */
#include "compiler/plan/internal.h"

#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

typedef struct Case {
    const char *text;
    int64_t rows, columns, nonzeros, empty_rows, empty_columns;
    double multiply_adds;
} Case;

/* Weights are written so that rows (output channels) read as lines where the operator stores them so. */
static const Case cases[] = {
    {"input %x : f32[1,2,3,3]\n"
     "const %w : f32[3,2,1,2] = 0 1 0 2   0 0 0 0   -0.0 3 0 4\n"
     "%y : f32[1,3,3,2] = Conv(%x, %w) {dilations=[1,1], group=1, pads=[0,0,0,0], strides=[1,1]}\n", 3, 4, 4, 1, 2, 72},
    {"input %x : f32[1,4,2]\n"
     "const %w : f32[4,1,2] = 1 2  0 3  4 0  0 0\n"
     "%y : f32[1,2,3] = ConvTranspose(%x, %w) {dilations=[1], group=2, output_padding=[0], pads=[0,0], strides=[1]}\n", 2, 4, 4, 0, 1, 16},
    {"input %x : f32[5,3]\n"
     "const %w : f32[3,4] = 1 0 0 0   0 2 0 0   0 0 0 0\n"
     "%y : f32[5,4] = Gemm(%x, %w) {alpha=1.0, beta=1.0, transA=0, transB=0}\n", 4, 3, 2, 2, 1, 60},
    {"input %x : f32[5,3]\n"
     "const %w : f32[4,3] = 1 0 0   0 2 0   0 0 0   0 0 0\n"
     "%y : f32[5,4] = Gemm(%x, %w) {alpha=1.0, beta=1.0, transA=0, transB=1}\n", 4, 3, 2, 2, 1, 60},
    {"input %x : f64[2,1,3]\n"
     "const %w : f64[2,3,2] = 1 0 0 0 -0.0 0   0 0 0 5 0 6\n"
     "%y : f64[2,1,2] = MatMul(%x, %w)\n", 4, 3, 3, 2, 0, 12},
    {"input %x : i64[1,3]\n"
     "const %w : i64[3] = 0 256 0\n"
     "%y : i64[1] = MatMul(%x, %w)\n", 1, 3, 1, 0, 2, 3},
};

static Status count(Context *ctx, void *argument)
{
    const Case *one = argument;
    Text text = text_new(ctx->graph);
    text_format(&text, "graph \"p\"\n%soutput %%y\n", one->text);
    Graph *graph = graph_parse(ctx, text.data, text.length);
    const Pattern *pattern = pattern_of(graph, graph->nodes[0]);
    assert_non_null(pattern);
    assert_int_equal(pattern->rows, one->rows);
    assert_int_equal(pattern->columns, one->columns);
    assert_int_equal(pattern->nonzeros, one->nonzeros);
    assert_int_equal(pattern->empty_rows, one->empty_rows);
    assert_int_equal(pattern->empty_columns, one->empty_columns);
    assert_true(dense_multiply_adds(graph->nodes[0]) == one->multiply_adds);
    int64_t by_row = 0, by_column = 0;
    for (int64_t i = 0; i < pattern->rows; i++)
        by_row += pattern->row_nonzeros[i];
    for (int64_t i = 0; i < pattern->columns; i++)
        by_column += pattern->column_nonzeros[i];
    assert_int_equal(by_row, one->nonzeros);
    assert_int_equal(by_column, one->nonzeros);
    return STATUS_FINE;
}

static void zeros_are_counted_by_row_and_column(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(cases); i++)
        assert_int_equal(context_run(count, (void *)(uintptr_t)&cases[i]), STATUS_FINE);
}

/* Large enough for several chunks; every third element is zero. */
static Status count_large(Context *ctx, void *argument)
{
    (void)argument;
    Graph *graph = graph_new(ctx, "large");
    float *data = arena_array(ctx->graph, float, 3 * 5000);
    for (int i = 0; i < 3 * 5000; i++)
        data[i] = i % 3 == 0 ? -0.0f : (float)i;
    Value *x = graph_input(graph, "x", TYPE_F32, &(Shape){2, {1, 5000}}), *y = graph_value(graph, "y");
    Value *inputs[] = {x, graph_constant(graph, "w", TYPE_F32, &(Shape){2, {3, 5000}}, data)};
    Node *node = graph_add(graph, OP_Gemm, "g", inputs, 2, &y, 1);
    node_set_int(graph, node, ATTR_transB, 1);
    const Pattern *pattern = pattern_of(graph, node);
    assert_int_equal(pattern->nonzeros, 10000);
    for (int row = 0; row < 3; row++)
        assert_in_range(pattern->row_nonzeros[row], 3333, 3334);
    for (int column = 0; column < 5000; column++)
        assert_int_equal(pattern->column_nonzeros[column], 2);
    uint64_t before = pattern->hash;
    data[3] = 1;
    assert_true(pattern_of(graph, node)->hash != before);
    data[3] = 0;
    data[4] = 77;
    assert_true(pattern_of(graph, node)->hash == before);
    return STATUS_FINE;
}

static void hash_follows_positions_not_values(void **state)
{
    (void)state;
    assert_int_equal(context_run(count_large, NULL), STATUS_FINE);
}

static Status no_weights(Context *ctx, void *argument)
{
    (void)argument;
    static const char text[] = "graph \"n\"\ninput %x : f32[2,3]\ninput %w : f32[3,2]\n%m : f32[2,2] = MatMul(%x, %w)\n%y : f32[2,2] = Relu(%m)\n"
                               "output %y\n";
    Graph *graph = graph_parse(ctx, text, strlen(text));
    assert_null(pattern_of(graph, graph->nodes[0]));
    assert_null(pattern_of(graph, graph->nodes[1]));
    assert_true(dense_multiply_adds(graph->nodes[0]) == 12);
    assert_true(dense_multiply_adds(graph->nodes[1]) == 0);
    return STATUS_FINE;
}

static void only_constant_weights_have_a_pattern(void **state)
{
    (void)state;
    assert_int_equal(context_run(no_weights, NULL), STATUS_FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeros_are_counted_by_row_and_column),
        cmocka_unit_test(hash_follows_positions_not_values),
        cmocka_unit_test(only_constant_weights_have_a_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
