/* Choice of kernels: what is asked for, what is refused, and that nothing fits in silence. */
#include "codegen/kernel.h"
#include "compiler/pass/pass.h"
#include "compiler/plan/internal.h"

#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

typedef struct Case {
    const char *layer, *kernel;
    Status status;
} Case;

static const char text[] = "graph \"g\"\n"
                           "input %x : f32[1,2,4,4]\n"
                           "const %w : f32[2,2,1,1] = 1 0 0 1\n"
                           "%a : f32[1,2,4,4] = Conv(%x, %w) {dilations=[1,1], group=1, pads=[0,0,0,0], strides=[1,1]} \"conv\"\n"
                           "%b : f32[1,2,4,4] = Relu(%a) \"act\"\n"
                           "%c : f32[1,32] = Reshape(%b) {shape=[1,32]} \"flat\"\n"
                           "%d : f32[1,1] = ReduceMax(%c) {axes=[1], keepdims=1} \"most\"\n"
                           "output %d\n";

static Plan *plan_text(Context *ctx, const char *target, const PlanOptions *options)
{
    Graph *graph = graph_parse(ctx, text, strlen(text));
    passes_run(graph, &(PassOptions){0});
    return plan_make(graph, target_named(ctx, target), options);
}

static Status force(Context *ctx, void *argument)
{
    const Case *one = argument;
    ForcedKernel forced = {one->layer, one->kernel, NULL};
    const Plan *plan = plan_text(ctx, "generic", &(PlanOptions){.forced = &forced, .forced_count = 1});
    assert_string_equal(plan->layers[0].kernel->name, one->kernel);
    return STATUS_FINE;
}

static void kernels_are_forced_by_name(void **state)
{
    static const Case cases[] = {
        {"conv", "reference", STATUS_FINE},    {"act", "reference", STATUS_FINE},     /* a fused layer answers to both names */
        {"conf", "reference", STATUS_USAGE},   {"conv", "refference", STATUS_USAGE},  {"flat", "reference", STATUS_USAGE},
        {"nothing like it", "reference", STATUS_USAGE},
    };
    (void)state;
    for (int i = 0; i < COUNT(cases); i++)
        assert_int_equal(context_run(force, (void *)(uintptr_t)&cases[i]), cases[i].status);
}

static Status scalar_only(Context *ctx, void *argument)
{
    (void)argument;
    const Plan *plan = plan_text(ctx, "scalar", &(PlanOptions){0});
    for (int l = 0; l < plan->layer_count; l++)
        if (plan->layers[l].kernel != NULL)
            assert_string_equal(plan->layers[l].kernel->name, "reference");
        else
            assert_int_equal(plan->layers[l].problem.node->op, OP_View);
    assert_true(plan->layers[0].problem.density == 0.5);
    return STATUS_FINE;
}

static void the_scalar_target_is_the_reference(void **state)
{
    (void)state;
    assert_int_equal(context_run(scalar_only, NULL), STATUS_FINE);
}

static Status force_misfit(Context *ctx, void *argument)
{
    ForcedKernel forced = {"most", argument, NULL};
    plan_text(ctx, "scalar", &(PlanOptions){.forced = &forced, .forced_count = 1});
    return STATUS_FINE;
}

static void a_kernel_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    for (int i = 0; i < kernel_count; i++)
        if (strcmp(kernels[i]->name, "reference") != 0 && !kernel_projected(kernels[i]))
            assert_int_equal(context_run(force_misfit, (void *)(uintptr_t)kernels[i]->name), STATUS_USAGE);
}

static void a_projection_is_refused_by_name(void **state)
{
    (void)state;
    for (int i = 0; i < kernel_count; i++)
        if (kernel_projected(kernels[i]))
            assert_int_equal(context_run(force_misfit, (void *)(uintptr_t)kernels[i]->name), STATUS_UNSUPPORTED);
}

/* Half precision can be moved, not computed with. */
static Status half_precision(Context *ctx, void *argument)
{
    (void)argument;
    static const char half[] = "graph \"h\"\ninput %x : f16[4]\n%a : f16[4] = Sqrt(%x)\n%b : f16[4] = Exp(%a)\noutput %b\n";
    plan_make(graph_parse(ctx, half, strlen(half)), target_named(ctx, "scalar"), &(PlanOptions){0});
    return STATUS_FINE;
}

static void layers_without_a_kernel_are_unsupported(void **state)
{
    (void)state;
    assert_int_equal(context_run(half_precision, NULL), STATUS_UNSUPPORTED);
}

/* Two convolutions meet: the later one takes the addition and the activation behind it. */
static Status residual(Context *ctx, void *argument)
{
    (void)argument;
    static const char block[] = "graph \"r\"\n"
                                "input %x : f32[1,2,4,4]\n"
                                "const %w : f32[2,2,1,1] = 1 0 0 1\n"
                                "%a : f32[1,2,4,4] = Conv(%x, %w) {strides=[1,1]} \"first\"\n"
                                "%t : f32[1,2,4,4] = Tanh(%x) \"tanh\"\n"
                                "%b : f32[1,2,4,4] = Conv(%t, %w) {strides=[1,1]} \"second\"\n"
                                "%s : f32[1,2,4,4] = Add(%a, %b) \"sum\"\n"
                                "%y : f32[1,2,4,4] = Relu(%s) \"act\"\n"
                                "output %y\n";
    Graph *graph = graph_parse(ctx, block, strlen(block));
    passes_run(graph, &(PassOptions){0});
    const Plan *plan = plan_make(graph, target_named(ctx, "scalar"), &(PlanOptions){0});
    assert_int_equal(plan->layer_count, 3);
    const Node *last = plan->layers[2].problem.node;
    assert_string_equal(last->name, "second");
    assert_int_equal(last->epilogue_count, 2);
    assert_int_equal(last->epilogue[0]->op, OP_Add);
    assert_int_equal(last->epilogue[1]->op, OP_Relu);
    return STATUS_FINE;
}

static void the_later_convolution_takes_the_addition(void **state)
{
    (void)state;
    assert_int_equal(context_run(residual, NULL), STATUS_FINE);
}

/* ---- tilings ---- */

typedef struct Window { int channels, outputs, group, size, kernel, stride; } Window;

static const Plan *window_plan(Context *ctx, const Window *window)
{
    const int columns = window->channels / window->group * window->kernel * window->kernel, pad = window->kernel / 2, stride = window->stride;
    const int out = (window->size + 2 * pad - window->kernel) / stride + 1;
    Text graph = text_new(ctx->graph);
    text_format(&graph, "graph \"w\"\ninput %%x : f32[1,%d,%d,%d]\n", window->channels, window->size, window->size);
    text_format(&graph, "const %%w : f32[%d,%d,%d,%d] =", window->outputs, window->channels / window->group, window->kernel, window->kernel);
    for (int i = 0; i < window->outputs * columns; i++)
        text_format(&graph, " %d", i % 3);
    text_format(&graph, "\n%%y : f32[1,%d,%d,%d] = Conv(%%x, %%w) {dilations=[1,1], group=%d, pads=[%d,%d,%d,%d], strides=[%d,%d]} \"conv\"\n",
                window->outputs, out, out, window->group, pad, pad, pad, pad, stride, stride);
    text_format(&graph, "output %%y\n");
    Graph *parsed = graph_parse(ctx, graph.data, graph.length);
    passes_run(parsed, &(PassOptions){0});
    return plan_make(parsed, target_named(ctx, "generic-avx2"), &(PlanOptions){0});
}

/* Of the tilings that read a padded input, how many there are. Each must be there for a plain one, too: whoever makes the input may leave it so. */
static int check_twins(Context *ctx, const Problem *problem, const Kernel *kernel)
{
    Tiling tilings[MOST_TILINGS];
    const int count = kernel->fits(problem) ? kernel->tilings(problem, tilings, MOST_TILINGS) : 0;
    int padded = 0;
    for (int i = 0; i < count; i++) {
        bool twin = false;
        for (int j = 0; j < count; j++)
            twin = twin || (layout_plain(&tilings[j].in) &&
                            strcmp(tiling_text(ctx->graph, &tilings[i]), tiling_text(ctx->graph, &tilings[j])) == 0);
        assert_true(twin);
        padded += !layout_plain(&tilings[i].in);
    }
    return padded;
}

static Status twins(Context *ctx, void *argument)
{
    static const Window windows[] = {{8, 32, 1, 14, 3, 1}, {8, 32, 1, 15, 3, 2}, {16, 16, 16, 14, 3, 1}, {16, 8, 1, 7, 1, 1},
                                     {16, 8, 1, 14, 1, 2}, {8, 8, 2, 9, 5, 1},   {3, 16, 1, 20, 7, 2},   {8, 8, 1, 3, 3, 3}};
    int padded = 0;
    (void)argument;
    for (int w = 0; w < COUNT(windows); w++) {
        const Plan *plan = window_plan(ctx, &windows[w]);
        for (int k = 0; k < kernel_count; k++)
            padded += check_twins(ctx, &plan->layers[0].problem, kernels[k]);
    }
    assert_true(padded > 0);
    return STATUS_FINE;
}

static void what_reads_margins_reads_plain_input_too(void **state)
{
    (void)state;
    assert_int_equal(context_run(twins, NULL), STATUS_FINE);
}

/* ---- limits ---- */

/* A convolution of which one weight in `every` is left, planned within the limits of `options`. */
static Plan *sparse_layer(Context *ctx, int every, const PlanOptions *options)
{
    Text graph = text_new(ctx->graph);
    text_format(&graph, "graph \"s\"\ninput %%x : f32[1,16,20,20]\nconst %%w : f32[16,16,3,3] =");
    for (int i = 0; i < 16 * 16 * 9; i++)
        text_format(&graph, " %d", i * 7 % every == 0 ? i % 5 + 1 : 0);
    text_format(&graph, "\n%%y : f32[1,16,20,20] = Conv(%%x, %%w) {dilations=[1,1], group=1, pads=[1,1,1,1], strides=[1,1]} \"conv\"\noutput %%y\n");
    Graph *parsed = graph_parse(ctx, graph.data, graph.length);
    passes_run(parsed, &(PassOptions){0});
    return plan_make(parsed, target_named(ctx, "generic-avx2"), options);
}

static double plan_bytes(const Plan *plan)
{
    const Work *work = &plan->layers[0].work;
    return work->code_bytes + work->weight_bytes + work->index_bytes;
}

static Status less_code(Context *ctx, void *argument)
{
    (void)argument;
    const double fastest = sparse_layer(ctx, 4, &(PlanOptions){0})->layers[0].work.code_bytes;
    const Plan *plan = sparse_layer(ctx, 4, &(PlanOptions){.most_code = (int64_t)fastest - 1});
    assert_true(plan->layers[0].work.code_bytes < fastest);
    const Plan *same = sparse_layer(ctx, 4, &(PlanOptions){.most_code = (int64_t)fastest + 1});
    assert_true(same->layers[0].work.code_bytes == fastest);
    return STATUS_FINE;
}

static Status no_code(Context *ctx, void *argument)
{
    (void)argument;
    sparse_layer(ctx, 4, &(PlanOptions){.most_code = 1});
    return STATUS_FINE;
}

static void code_stays_within_its_limit(void **state)
{
    (void)state;
    assert_int_equal(context_run(less_code, NULL), STATUS_FINE);
    assert_int_equal(context_run(no_code, NULL), STATUS_UNSUPPORTED);
}

static Status small(Context *ctx, void *argument)
{
    (void)argument;
    for (int every = 2; every <= 32; every *= 2) {
        const Plan *fastest = sparse_layer(ctx, every, &(PlanOptions){0}), *smaller = sparse_layer(ctx, every, &(PlanOptions){.small = true});
        assert_true(plan_bytes(smaller) <= plan_bytes(fastest));
        assert_true(smaller->seconds <= fastest->seconds * 1.5);
    }
    return STATUS_FINE;
}

static void small_programs_are_no_larger_and_not_much_slower(void **state)
{
    (void)state;
    assert_int_equal(context_run(small, NULL), STATUS_FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_are_forced_by_name),
        cmocka_unit_test(the_scalar_target_is_the_reference),
        cmocka_unit_test(a_kernel_that_does_not_fit_is_refused),
        cmocka_unit_test(a_projection_is_refused_by_name),
        cmocka_unit_test(layers_without_a_kernel_are_unsupported),
        cmocka_unit_test(the_later_convolution_takes_the_addition),
        cmocka_unit_test(what_reads_margins_reads_plain_input_too),
        cmocka_unit_test(code_stays_within_its_limit),
        cmocka_unit_test(small_programs_are_no_larger_and_not_much_slower),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
