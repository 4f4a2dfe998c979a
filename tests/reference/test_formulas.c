/* Convolutions, poolings and products of random geometry against formulas written another way round; bounds; in-place calls; epilogues. */
#include "cases.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t choose(uint32_t *seed, int64_t low, int64_t high)
{
    return low + (int64_t)(case_random(seed) * (double)(high - low + 1));
}

static double x_at(const Case *one, int input, int64_t index)
{
    return element_get(one->inputs[input], one->node->inputs[input]->type, index);
}

static void expect_all(const Case *one, const double *expected)
{
    for (int64_t i = 0; i < shape_count(case_result(one)); i++) {
        double found = element_get(one->outputs[0], TYPE_F64, i);
        if (fabs(found - expected[i]) > 1e-12 * (1 + fabs(expected[i])))
            case_fails("%s\nelement %lld: %.17g, expected %.17g", one->text, (long long)i, found, expected[i]);
    }
}

/* ---- convolutions: every input element, scattered to the results it takes part in ---- */

typedef struct Window {                  /* of a random two-dimensional convolution or pooling */
    int64_t size[2], kernel[2], stride[2], dilation[2], pads[4];
} Window;

static bool choose_window(uint32_t *seed, Window *window)
{
    bool fits = true;
    for (int i = 0; i < 2; i++) {
        window->size[i] = choose(seed, 1, i == 0 ? 6 : 40);
        window->kernel[i] = choose(seed, 1, 4);
        window->stride[i] = choose(seed, 1, 3);
        window->dilation[i] = choose(seed, 1, choose(seed, 0, 9) == 0 ? 25 : 2);
        window->pads[i] = choose(seed, 0, window->kernel[i] - 1);
        window->pads[2 + i] = choose(seed, 0, window->kernel[i] - 1);
        fits = fits && window->size[i] + window->pads[i] + window->pads[2 + i] > (window->kernel[i] - 1) * window->dilation[i];
    }
    return fits;
}

static const char *window_text(Arena *arena, const Window *w)
{
    return arena_format(arena, "strides=[%d,%d], dilations=[%d,%d], pads=[%d,%d,%d,%d]", (int)w->stride[0], (int)w->stride[1], (int)w->dilation[0],
                        (int)w->dilation[1], (int)w->pads[0], (int)w->pads[1], (int)w->pads[2], (int)w->pads[3]);
}

/* The place along an axis that input i meets through tap t, or -1. */
static int64_t meets(const Window *w, int axis, int64_t i, int64_t t, int64_t result)
{
    int64_t at = i + w->pads[axis] - t * w->dilation[axis];
    return at < 0 || at % w->stride[axis] != 0 || at / w->stride[axis] >= result ? -1 : at / w->stride[axis];
}

static int64_t spreads(const Window *w, int axis, int64_t i, int64_t t, int64_t result)
{
    int64_t at = i * w->stride[axis] - w->pads[axis] + t * w->dilation[axis];
    return at < 0 || at >= result ? -1 : at;
}

typedef int64_t Meeting(const Window *w, int axis, int64_t i, int64_t t, int64_t result);

/* Adds one input plane through one kernel to one result plane. */
static void scatter(const Case *one, const Window *w, Meeting *meeting, int64_t x_plane, int64_t w_plane, int64_t y_plane, double *y)
{
    const int64_t *size = case_result(one)->dims + 2, *kernel = w->kernel;
    for (int64_t i = 0; i < w->size[0] * w->size[1]; i++)
        for (int64_t t = 0; t < kernel[0] * kernel[1]; t++) {
            int64_t row = meeting(w, 0, i / w->size[1], t / kernel[1], size[0]), column = meeting(w, 1, i % w->size[1], t % kernel[1], size[1]);
            if (row >= 0 && column >= 0)
                y[(y_plane * size[0] + row) * size[1] + column] +=
                    x_at(one, 0, x_plane * w->size[0] * w->size[1] + i) * x_at(one, 1, w_plane * kernel[0] * kernel[1] + t);
        }
}

static double *biased(const Case *one)
{
    const Shape *y = case_result(one);
    double *sums = arena_array(one->graph->arena, double, shape_count(y) + 1);
    for (int64_t i = 0; i < shape_count(y); i++)
        sums[i] = x_at(one, 2, i / (y->dims[2] * y->dims[3]) % y->dims[1]);
    return sums;
}

static void check_conv(Context *ctx, uint32_t *seed, bool transposed)
{
    Window window;
    int64_t images = choose(seed, 1, 2), groups = choose(seed, 1, 2), channels = choose(seed, 1, 2), filters = choose(seed, 1, 3);
    while (!choose_window(seed, &window) || (transposed && window.size[0] * window.stride[0] < 7))
        continue;
    Case one;
    case_make(ctx, arena_format(ctx->graph, "input %%x : f64[%d,%d,%d,%d]\ninput %%w : f64[%d,%d,%d,%d]\ninput %%b : f64[%d]\n"
                                            "%%y : ? = %s(%%x, %%w, %%b) {group=%d, %s}",
                                (int)images, (int)(channels * groups), (int)window.size[0], (int)window.size[1],
                                (int)(transposed ? channels * groups : filters * groups), (int)(transposed ? filters : channels),
                                (int)window.kernel[0], (int)window.kernel[1], (int)(filters * groups), transposed ? "ConvTranspose" : "Conv",
                                (int)groups, window_text(ctx->graph, &window)), *seed, &one);
    reference_run(one.graph, one.node, one.inputs, one.outputs, NULL, NULL, ctx->scratch);
    double *expected = biased(&one);
    for (int64_t i = 0; i < images * groups * filters * channels; i++) {
        int64_t channel = i % channels, filter = i / channels % filters;
        int64_t group = i / channels / filters % groups, image = i / channels / filters / groups;
        int64_t weights = transposed ? (group * channels + channel) * filters + filter : (group * filters + filter) * channels + channel;
        scatter(&one, &window, transposed ? spreads : meets, (image * groups + group) * channels + channel, weights,
                (image * groups + group) * filters + filter, expected);
    }
    expect_all(&one, expected);
    case_free(&one);
}

/* ---- poolings ---- */

static void check_pool(Context *ctx, uint32_t *seed, bool average, bool padding_counts)
{
    Window w;
    while (!choose_window(seed, &w))
        continue;
    Case one;
    case_make(ctx, arena_format(ctx->graph, "input %%x : f64[1,2,%d,%d]\n%%y : ? = %s(%%x) {kernel_shape=[%d,%d], %s%s}", (int)w.size[0],
                                (int)w.size[1], average ? "AveragePool" : "MaxPool", (int)w.kernel[0], (int)w.kernel[1], window_text(ctx->graph, &w),
                                padding_counts ? ", count_include_pad=1" : ""), *seed, &one);
    reference_run(one.graph, one.node, one.inputs, one.outputs, NULL, NULL, ctx->scratch);
    const Shape *y = case_result(&one);
    int64_t count = shape_count(y), plane = y->dims[2] * y->dims[3], size = w.size[0] * w.size[1];
    double *sums = arena_array(ctx->graph, double, count + 1), *hits = arena_array(ctx->graph, double, count + 1);
    for (int64_t i = 0; i < count; i++)
        sums[i] = average ? 0 : -INFINITY;
    for (int64_t i = 0; i < 2 * size * w.kernel[0] * w.kernel[1]; i++) {
        int64_t tap = i % (w.kernel[0] * w.kernel[1]), x = i / (w.kernel[0] * w.kernel[1]);
        int64_t row = meets(&w, 0, x % size / w.size[1], tap / w.kernel[1], y->dims[2]);
        int64_t column = meets(&w, 1, x % w.size[1], tap % w.kernel[1], y->dims[3]), place = x / size * plane + row * y->dims[3] + column;
        if (row < 0 || column < 0)
            continue;
        sums[place] = average ? sums[place] + x_at(&one, 0, x) : fmax(sums[place], x_at(&one, 0, x));
        hits[place]++;
    }
    for (int64_t i = 0; i < count && average; i++)      /* a window that sees nothing is 0 */
        sums[i] = hits[i] == 0 ? 0 : sums[i] / (padding_counts ? (double)(w.kernel[0] * w.kernel[1]) : hits[i]);
    expect_all(&one, sums);
    case_free(&one);
}

/* ---- products ---- */

static void check_product(Context *ctx, uint32_t *seed)
{
    int64_t rows = choose(seed, 1, 5), columns = choose(seed, 1, 40), depth = choose(seed, 0, 9);
    int64_t a_turned = choose(seed, 0, 1), b_turned = choose(seed, 0, 1);
    Case one;
    case_make(ctx, arena_format(ctx->graph, "input %%a : f64[%d,%d]\ninput %%b : f64[%d,%d]\ninput %%c : f64[%d]\n"
                                            "%%y : ? = Gemm(%%a, %%b, %%c) {transA=%d, transB=%d, alpha=0.5, beta=3.}",
                                (int)(a_turned ? depth : rows), (int)(a_turned ? rows : depth), (int)(b_turned ? columns : depth),
                                (int)(b_turned ? depth : columns), (int)columns, (int)a_turned, (int)b_turned), *seed, &one);
    reference_run(one.graph, one.node, one.inputs, one.outputs, NULL, NULL, ctx->scratch);
    double *expected = arena_array(ctx->graph, double, rows * columns);
    for (int64_t i = 0; i < rows * columns; i++)
        expected[i] = 3 * x_at(&one, 2, i % columns);
    for (int64_t k = 0; k < depth; k++)
        for (int64_t i = 0; i < rows * columns; i++)
            expected[i] += 0.5 * x_at(&one, 0, a_turned ? k * rows + i / columns : i / columns * depth + k) *
                           x_at(&one, 1, b_turned ? i % columns * depth + k : k * columns + i % columns);
    expect_all(&one, expected);
    case_free(&one);
}

static Status check_geometry(Context *ctx, void *argument)
{
    uint32_t seed = 7;
    (void)argument;
    for (int i = 0; i < 150; i++) {
        check_conv(ctx, &seed, false);
        check_conv(ctx, &seed, true);
        check_pool(ctx, &seed, false, false);
        check_pool(ctx, &seed, true, false);
        check_pool(ctx, &seed, true, true);
        check_product(ctx, &seed);
        arena_reset(ctx->scratch);
    }
    return STATUS_FINE;
}

static void random_geometry_agrees_with_scattered_sums(void **state)
{
    (void)state;
    assert_int_equal(context_run(check_geometry, NULL), STATUS_FINE);
}

/* ---- bounds ---- */

/* The same node with all numbers positive: its results are the sums of absolute products. */
static void check_magnitudes(Case *one, void *argument)
{
    const Node *node = one->node;
    int64_t count = shape_count(case_result(one)), *terms = arena_array(one->graph->arena, int64_t, count + 1);
    double *sums = arena_array(one->graph->arena, double, count + 1);
    bool product = node->op == OP_Conv || node->op == OP_ConvTranspose || node->op == OP_Gemm || node->op == OP_MatMul;
    bool real = node->inputs[0]->type == TYPE_F32 || node->inputs[0]->type == TYPE_F64;
    assert_int_equal(reference_magnitudes(one->graph, node, one->inputs, sums, terms, one->graph->ctx->scratch), product && real);
    if (!product || !real)
        return;
    ++*(int *)argument;
    for (int i = 0; i < node->input_count; i++)
        for (int64_t k = 0; k < shape_count(&node->inputs[i]->shape); k++)
            element_set((void *)(uintptr_t)one->inputs[i], node->inputs[i]->type, k, fabs(x_at(one, i, k)));
    reference_run(one->graph, node, one->inputs, one->outputs, NULL, NULL, one->graph->ctx->scratch);
    for (int64_t i = 0; i < count; i++) {
        double expected = element_get(one->outputs[0], node->inputs[0]->type, i);
        if (fabs(sums[i] - expected) > 1e-6 * expected || terms[i] < 1 || terms[i] > 1 + shape_count(&node->inputs[1]->shape))
            case_fails("%s\nelement %lld: sum %g, expected %g; %lld terms", one->text, (long long)i, sums[i], expected, (long long)terms[i]);
    }
}

static Status check_bounds(Context *ctx, void *argument)
{
    cases_run(ctx, check_magnitudes, argument);
    return STATUS_FINE;
}

static Status count_terms(Context *ctx, void *argument)
{
    Case one;
    int64_t terms[6];
    double sums[6];
    (void)argument;
    case_make(ctx, "input %x : f32[1,2,3]\ninput %w : f32[2,2,1]\n%y : ? = Conv(%x, %w)", 1, &one);
    memcpy((void *)(uintptr_t)one.inputs[1], (const float[]){3, 0, -1, 2}, 16);
    memcpy((void *)(uintptr_t)one.inputs[0], (const float[]){1, -2, 3, 4, 5, -6}, 24);
    assert_true(reference_magnitudes(one.graph, one.node, one.inputs, sums, terms, ctx->scratch));
    assert_memory_equal(terms, ((const int64_t[]){2, 2, 2, 3, 3, 3}), sizeof terms);      /* weights that are not zero, and the bias */
    assert_memory_equal(sums, ((const double[]){3, 6, 9, 9, 12, 15}), sizeof sums);
    case_free(&one);
    return STATUS_FINE;
}

static void magnitudes_are_sums_of_absolute_products(void **state)
{
    int seen = 0;
    (void)state;
    assert_int_equal(context_run(check_bounds, &seen), STATUS_FINE);
    assert_int_equal(seen, 24);
    assert_int_equal(context_run(count_terms, NULL), STATUS_FINE);
}

/* ---- in place ---- */

static void check_in_place(Case *one, void *argument)
{
    int in_indices[REFERENCE_MOST], out_indices[REFERENCE_MOST];
    const void *in[REFERENCE_MOST];
    void *out[REFERENCE_MOST];
    ReferenceCall call;
    reference_call(one->graph, one->node, 0, one->graph->ctx->scratch, &call);
    if (!call.in_place)
        return;
    ++*(int *)argument;
    assert_true(shape_equal(&one->node->inputs[0]->shape, case_result(one)) && one->node->inputs[0]->type == one->node->outputs[0]->type);
    reference_run(one->graph, one->node, one->inputs, one->outputs, NULL, NULL, one->graph->ctx->scratch);
    int in_count = reference_inputs(one->node, 0, in_indices, REFERENCE_MOST);
    int out_count = reference_outputs(one->node, 0, out_indices, REFERENCE_MOST);
    for (int i = 0; i < in_count; i++)
        in[i] = in_indices[i] < 0 ? NULL : one->inputs[in_indices[i]];
    for (int i = 0; i < out_count; i++)
        out[i] = out_indices[i] < 0 ? NULL : one->outputs[out_indices[i]];
    out[0] = (void *)(uintptr_t)in[0];
    call.run(call.p, call.r, in, out, 0, call.items);
    if (memcmp(out[0], one->outputs[0], one->output_bytes[0]) != 0)
        case_fails("%s\ndiffers in place", one->text);
}

static Status check_places(Context *ctx, void *argument)
{
    cases_run(ctx, check_in_place, argument);
    return STATUS_FINE;
}

static void calls_that_may_work_in_place_do(void **state)
{
    int seen = 0;
    (void)state;
    assert_int_equal(context_run(check_places, &seen), STATUS_FINE);
    assert_true(seen > 200);
}

/* ---- epilogues, and data at any address ---- */

static const void *give(void *user, const Value *value)
{
    return value->data ? value->data : user;
}

static Status run_epilogue(Context *ctx, void *argument)
{
    static const char text[] = "graph \"e\"\ninput %x : f32[1,1,3]\ninput %z : f32[1,1,3]\nconst %w : f32[1,1,1] = 2\nconst %one : f32[] = 1\n"
                               "%y : f32[1,1,3] = Conv(%x, %w) {dilations=[1], group=1, pads=[0,0], strides=[1]} \"conv\"\n"
                               "  then Add(%z) \"add\"\n  then Relu() \"relu\"\n  then Clip(_, %one) \"clip\"\noutput %y\n";
    Graph *graph = graph_parse(ctx, text, sizeof text - 1);
    const float x[3] = {1, 2, -3}, z[3] = {-1.5F, -6, 5.5F}, expected[3] = {0.5F, 0, 0};
    char *shifted = arena_alloc(ctx->graph, 16, 1);
    float y[3];
    (void)argument;
    memcpy(shifted + 1, x, sizeof x);
    reference_run(graph, graph->nodes[0], (const void *const[]){shifted + 1, graph->nodes[0]->inputs[1]->data}, (void *const[]){y}, give,
                  (void *)(uintptr_t)z, ctx->scratch);
    assert_memory_equal(y, expected, sizeof y);
    return STATUS_FINE;
}

static void epilogues_follow_and_data_may_lie_anywhere(void **state)
{
    (void)state;
    assert_int_equal(context_run(run_epilogue, NULL), STATUS_FINE);
}

/* ---- refusals ---- */

static Status infer(Context *ctx, void *argument)
{
    Case one;
    case_make(ctx, argument, 1, &one);
    case_free(&one);
    return STATUS_FINE;
}

static void what_is_refused_says_why(void **state)
{
    static const struct { const char *text, *why; } rows[] = {
        {"input %a : f16[2]\n%y : ? = Relu(%a)", "arithmetic on f16 elements"},
        {"input %a : bf16[2,2]\ninput %b : bf16[2,2]\n%y : ? = MatMul(%a, %b)", "arithmetic on bf16 elements"},
        {"input %a : f32[1,1,2]\n%y : ? = MaxPool(%a) {kernel_shape=[1], strides=[9000000000]}", "windows of 2^31 elements and more"},
        {"input %a : u8[2]\n%y : ? = Pad(%a) {pads=[-9223372036854775807,9223372036854775807]}", "padding of 2^40 elements and more"},
    };
    (void)state;
    for (int i = 0; i < COUNT(rows); i++) {
        assert_int_equal(captured(infer, (void *)(uintptr_t)rows[i].text), STATUS_UNSUPPORTED);
        assert_said(rows[i].why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_geometry_agrees_with_scattered_sums), cmocka_unit_test(magnitudes_are_sums_of_absolute_products),
        cmocka_unit_test(calls_that_may_work_in_place_do), cmocka_unit_test(epilogues_follow_and_data_may_lie_anywhere),
        cmocka_unit_test(what_is_refused_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
