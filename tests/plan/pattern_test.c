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

/* Nothing in a file bounds the other dimension. */
static Status count_none(Context *ctx, void *argument)
{
    (void)argument;
    const Shape weights[] = {{2, {0, INT32_MAX}}, {2, {INT32_MAX, 0}}, {2, {0, 0}}};
    for (int i = 0; i < COUNT(weights); i++) {
        Graph *graph = graph_new(ctx, "none");
        Value *x = graph_input(graph, "x", TYPE_F32, &(Shape){2, {1, weights[i].dims[0]}}), *y = graph_value(graph, "y");
        Value *w = graph_constant(graph, "w", TYPE_F32, &weights[i], ctx);      /* its data is not looked at */
        assert_null(pattern_of(graph, graph_add(graph, OP_MatMul, "product", (Value *[]){x, w}, 2, &y, 1)));
    }
    return STATUS_FINE;
}

static void weights_without_an_element_have_no_pattern(void **state)
{
    (void)state;
    assert_int_equal(context_run(count_none, NULL), STATUS_FINE);
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
    return STATUS_FINE;
}

static void zeros_of_either_sign_are_left_out_of_large_matrices(void **state)
{
    (void)state;
    assert_int_equal(context_run(count_large, NULL), STATUS_FINE);
}

/* ---- structure: the weights of a convolution as a picture ---- */

static const Pattern *masked(Context *ctx, const Shape *shape, int64_t group, const char *mask)
{
    Graph *graph = graph_new(ctx, "masked");
    const int64_t count = shape_count(shape);
    float *data = arena_array(ctx->graph, float, count);
    for (int64_t i = 0; i < count; i++)
        data[i] = mask[i] == '.' ? 0.0f : (float)(i + 1);
    Shape x = {4, {1, shape->dims[1] * group, 8, 8}};
    Value *inputs[] = {graph_input(graph, "x", TYPE_F32, &x), graph_constant(graph, "w", TYPE_F32, shape, data)}, *y = graph_value(graph, "y");
    Node *node = graph_add(graph, OP_Conv, "c", inputs, 2, &y, 1);
    node_set_int(graph, node, ATTR_group, group);
    return pattern_of(graph, node);
}

/* Channels 0 and 2 of 3 in use, 2 x 2 taps; row 1 is empty, rows 0 and 3 share a mask. */
static const char structured[] = "xx........x."
                                 "............"
                                 "x..........x"
                                 "xx........x.";
static const Shape structured_shape = {4, {4, 3, 2, 2}};

static Status structure(Context *ctx, void *argument)
{
    (void)argument;
    const Pattern *pattern = masked(ctx, &structured_shape, 1, structured);
    assert_int_equal(pattern->taps, 4);
    assert_int_equal(pattern->channels, 3);
    assert_int_equal(pattern->nonzeros, 8);
    assert_int_equal(pattern->kernels, 6);
    assert_int_equal(pattern->empty_rows, 1);
    assert_int_equal(pattern->empty_channels, 1);
    assert_int_equal(pattern->empty_columns, 8);
    assert_int_equal(pattern->distinct_rows, 2);
    assert_true(pattern->imbalance == 3 / 2.0);
    const Pattern *small = pattern_compacted(pattern, ctx->graph);
    assert_int_equal(small->rows, 3);
    assert_int_equal(small->columns, 8);
    assert_int_equal(small->channels, 2);
    assert_int_equal(small->nonzeros, 8);
    assert_int_equal(small->empty_columns, 4);
    assert_int_equal(small->column_nonzeros[6], 2);
    assert_null(pattern_compacted(small, ctx->graph));
    return STATUS_FINE;
}

static void structure_is_read_off_the_weights(void **state)
{
    (void)state;
    assert_int_equal(context_run(structure, NULL), STATUS_FINE);
}

/* Two groups of two rows, two channels each: of the four channels the second group's last is empty. */
static Status groups(Context *ctx, void *argument)
{
    (void)argument;
    const Pattern *pattern = masked(ctx, &(Shape){4, {4, 2, 1, 2}}, 2, "x.x."
                                                                       ".x.."
                                                                       "x..."
                                                                       "....");
    assert_int_equal(pattern->channels, 4);
    assert_int_equal(pattern->empty_channels, 1);
    assert_int_equal(pattern->empty_columns, 1);
    assert_int_equal(pattern->kernels, 4);
    assert_null(pattern_compacted(pattern, ctx->graph));
    return STATUS_FINE;
}

static void channels_of_groups_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(context_run(groups, NULL), STATUS_FINE);
}

/* Two groups of four rows, with 1, 3, 2, 3 and 0, 1, 4, 1 nonzeros. */
static Status order(Context *ctx, void *argument)
{
    static const char mask[] = "x..." "xxx." "x.x." ".xxx" "...." "x..." "xxxx" "...x";
    static const int32_t expected[] = {1, 3, 2, 0, 6, 5, 7, 4};
    (void)argument;
    const Pattern *pattern = masked(ctx, &(Shape){4, {8, 4, 1, 1}}, 2, mask);
    assert_memory_equal(pattern_order(pattern), expected, sizeof expected);
    assert_ptr_equal(pattern_order(pattern), pattern_order(pattern));
    bool fresh;
    int *note = pattern_note(pattern, "note", 1, sizeof *note, &fresh);
    assert_true(fresh && *note == 0);
    *note = 7;
    assert_true(*(int *)pattern_note(pattern, "note", 1, sizeof *note, &fresh) == 7 && !fresh);
    assert_true(*(int *)pattern_note(pattern, "note", 2, sizeof *note, &fresh) == 0 && fresh);
    char *larger = pattern_note(pattern, "note", 1, 100, &fresh);
    assert_true(fresh && larger[0] == 0 && larger[99] == 0);
    assert_true(*(int *)pattern_note(pattern, "note", 1, sizeof *note, &fresh) == 7 && !fresh);
    const Pattern *sparser = pattern_at_density(pattern, 0.25, ctx->graph);
    assert_ptr_not_equal(pattern_order(sparser), pattern_order(pattern));
    return STATUS_FINE;
}

static void rows_are_put_in_order_once(void **state)
{
    (void)state;
    assert_int_equal(context_run(order, NULL), STATUS_FINE);
}

/* One kernel longer than the chunks in which weights are read. */
static Status long_kernel(Context *ctx, void *argument)
{
    (void)argument;
    char mask[2 * 2 * 50 * 50];
    memset(mask, '.', sizeof mask);
    mask[1000] = mask[1100] = mask[2499] = 'x';
    mask[5000 + 2500 + 3] = mask[5000 + 2500 + 2400] = 'x';
    const Pattern *pattern = masked(ctx, &(Shape){4, {2, 2, 50, 50}}, 1, mask);
    assert_int_equal(pattern->nonzeros, 5);
    assert_int_equal(pattern->kernels, 2);
    assert_int_equal(pattern->distinct_rows, 2);
    return STATUS_FINE;
}

static void kernels_of_any_size_are_counted_once(void **state)
{
    (void)state;
    assert_int_equal(context_run(long_kernel, NULL), STATUS_FINE);
}

/* ---- other densities ---- */

static void check_sums(const Pattern *pattern, int64_t nonzeros)
{
    int64_t by_row = 0, by_column = 0;
    for (int64_t i = 0; i < pattern->rows; i++) {
        assert_in_range(pattern->row_nonzeros[i], 0, pattern->columns);
        by_row += pattern->row_nonzeros[i];
    }
    for (int64_t i = 0; i < pattern->columns; i++) {
        assert_in_range(pattern->column_nonzeros[i], 0, pattern->rows);
        by_column += pattern->column_nonzeros[i];
    }
    assert_int_equal(pattern->nonzeros, nonzeros);
    assert_int_equal(by_row, nonzeros);
    assert_int_equal(by_column, nonzeros);
    assert_true(pattern->kernels <= nonzeros && pattern->kernels * pattern->taps >= nonzeros);
}

static Status densities(Context *ctx, void *argument)
{
    (void)argument;
    char mask[64 * 32 * 9];
    uint32_t random = 1;
    for (int i = 0; i < COUNT(mask); i++) {
        random = random * 1664525 + 1013904223;
        const int row = i / (32 * 9), channel = i / 9 % 32;
        mask[i] = row % 8 != 3 && channel % 4 != 1 && (random >> 16) % 64 < (uint32_t)row ? 'x' : '.';
    }
    const Pattern *pattern = masked(ctx, &(Shape){4, {64, 32, 3, 3}}, 1, mask);
    const double all = 64 * 32 * 9, now = (double)pattern->nonzeros / all, room = 56.0 * 24 * 9 / all;
    for (int i = 0; i <= 40; i++) {
        const double density = i / 40.0;
        const Pattern *made = pattern_at_density(pattern, density, ctx->graph);
        check_sums(made, (int64_t)(density * all + 0.5));
        if (i > 0 && density < now)
            assert_true(made->kernels <= pattern->kernels && made->imbalance > 1);
        if (i > 1 && density < room) {
            assert_true(made->empty_rows >= 8);
            assert_true(made->empty_channels == 8);
        }
    }
    const Pattern *full = pattern_at_density(pattern, 1, ctx->graph), *same = pattern_at_density(pattern, now, ctx->graph);
    assert_int_equal(full->distinct_rows, 1);
    assert_int_equal(full->kernels, 64 * 32);
    assert_true(full->imbalance == 1);
    assert_int_equal(same->kernels, pattern->kernels);
    assert_int_equal(same->nonzeros, pattern->nonzeros);
    return STATUS_FINE;
}

static void other_densities_keep_rows_and_columns_in_proportion(void **state)
{
    (void)state;
    assert_int_equal(context_run(densities, NULL), STATUS_FINE);
}

/* Rows of very different length, none of which may grow past the whole; and weights that are all zero. */
static Status extremes(Context *ctx, void *argument)
{
    (void)argument;
    const Shape shape = {4, {3, 2, 2, 2}};
    const Pattern *uneven = masked(ctx, &shape, 1, "xxxxxxx."
                                                   "x......."
                                                   "........");
    const Pattern *more = pattern_at_density(uneven, 14 / 24.0, ctx->graph), *most = pattern_at_density(uneven, 20 / 24.0, ctx->graph);
    check_sums(more, 14);
    assert_int_equal(more->row_nonzeros[0], 8);
    assert_int_equal(more->row_nonzeros[2], 0);
    check_sums(most, 20);
    assert_int_equal(most->row_nonzeros[2], 4);
    const Pattern *none = masked(ctx, &shape, 1, "........................");
    check_sums(pattern_at_density(none, 0.5, ctx->graph), 12);
    assert_true(none->imbalance == 1);
    assert_int_equal(pattern_compacted(none, ctx->graph)->rows, 0);
    return STATUS_FINE;
}

static void no_row_grows_past_the_whole(void **state)
{
    (void)state;
    assert_int_equal(context_run(extremes, NULL), STATUS_FINE);
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
        cmocka_unit_test(weights_without_an_element_have_no_pattern),
        cmocka_unit_test(zeros_of_either_sign_are_left_out_of_large_matrices),
        cmocka_unit_test(structure_is_read_off_the_weights),
        cmocka_unit_test(channels_of_groups_are_told_apart),
        cmocka_unit_test(rows_are_put_in_order_once),
        cmocka_unit_test(kernels_of_any_size_are_counted_once),
        cmocka_unit_test(other_densities_keep_rows_and_columns_in_proportion),
        cmocka_unit_test(no_row_grows_past_the_whole),
        cmocka_unit_test(only_constant_weights_have_a_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
