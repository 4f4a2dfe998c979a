/* Programs that run a batch in slices: the reference's bits, at any number of threads, and the same as a program for one slice gives. */
#include "harness.h"

#include "compiler/pass/pass.h"

#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

/* Six images, or as many: two inputs, three outputs, of which one is a copy of an input. */
static const char *network(Context *ctx, int images)
{
    Text text = text_new(ctx->graph);
    text_format(&text,
                "graph \"network\"\ninput %%x : f32[%d,3,9,7]\ninput %%z : f32[%d,4]\n"
                "const %%w : f32[4,3,1,1] = 1 0 -0.5   0 2 0   0.25 0 0   3 0 1\n"
                "const %%b : f32[4] = 0.5 0 -1 2\n"
                "const %%k : f32[4,1,3,3] = 1 0 1 0 2 0 1 0 1  0 1 0 1 0 1 0 1 0  -1 -1 -1 0 0 0 1 1 1  0.5 0 0 0 0.5 0 0 0 0.5\n"
                "const %%g : f32[3,4] = 1 0 0 2  0 -1 0.5 0  0.125 0 3 0\n", images, images);
    text_add(&text, "%c : ? = Conv(%x, %w, %b) {strides=[1,1]} \"first\"\n"
                    "%r : ? = LeakyRelu(%c) {alpha=0.1} \"act\"\n"
                    "%d : ? = Conv(%r, %k) {group=4, pads=[1,1,1,1]} \"second\"\n"
                    "%s : ? = Add(%d, %c) \"sum\"\n"
                    "%p : ? = MaxPool(%s) {kernel_shape=[2,2], strides=[2,2], ceil_mode=1} \"pool\"\n"
                    "%m : ? = Concat(%p, %p) {axis=1}\n"
                    "%n : ? = ReduceMean(%m) {axes=[1,2,3], keepdims=0} \"mean\"\n"
                    "%v : ? = GlobalAveragePool(%p)\n"
                    "%f : ? = Flatten(%v)\n"
                    "%h : ? = Add(%f, %z)\n"
                    "%y : ? = Gemm(%h, %g) {transB=1} \"classify\"\n"
                    "%t : ? = Softmax(%y) {axis=1} \"probabilities\"\n"
                    "output %t\noutput %n\noutput %z\n");
    return text.data;
}

enum { IMAGES = 6, MOST_SEEDS = 12 };

/* Drawn: numbers of images a slice, kernels, layouts. */
static const Plan *plan_drawn(Context *ctx, const char *text, uint64_t seed)
{
    Graph *graph = graph_parse(ctx, text, strlen(text));
    passes_run(graph, &(PassOptions){0});
    return plan_batch(graph, target_named(ctx, "scalar"), &(PlanOptions){.random = seed});
}

static Status draw(Context *ctx, void *argument)
{
    (void)argument;
    const char *folder = harness_folder(ctx, "slices"), *text = network(ctx, IMAGES);
    unsigned seen = 0;
    for (uint64_t seed = 0; seed < MOST_SEEDS; seed++) {
        const Plan *plan = plan_drawn(ctx, text, seed);
        const bool again = (seen >> plan->slices & 1) != 0;
        seen |= 1u << plan->slices;
        if (again)
            continue;
        harness_write_plan(ctx, plan, folder, "net", false);
        Program program = harness_load(ctx, seed % 2 == 0 ? "gcc" : "clang-19", seed % 2 == 0 ? "-O2 -fopenmp" : "-O2", folder, "net");
        Buffers inputs = harness_inputs(ctx, program.model, 5), right = harness_reference(ctx, text, &inputs);
        assert_int_equal(program.model->slices, plan->slices);
        for (int threads = 1; threads <= 5; threads += 2) {
            Buffers outputs = harness_run(ctx, &program, &inputs, threads);
            harness_expect_same(&outputs, &right);
        }
    }
    assert_true((seen & (1u << IMAGES)) != 0 && (seen & (1u << IMAGES / 2)) != 0 && (seen & 2) != 0);
    return STATUS_FINE;
}

static void slices_give_the_bits_of_the_reference(void **state)
{
    (void)state;
    assert_int_equal(context_run(draw, NULL), STATUS_FINE);
}

/* On vectors: the program for a slice alone, given one slice's images after the other. */
static Status slice_by_slice(Context *ctx, void *argument)
{
    (void)argument;
    const char *folder = harness_folder(ctx, "slice"), *text = network(ctx, IMAGES);
    Graph *graph = graph_parse(ctx, text, strlen(text));
    passes_run(graph, &(PassOptions){0});
    const Plan *plan = plan_batch(graph, target_named(ctx, "generic"), &(PlanOptions){.random = 1});
    const int64_t images = plan->graph->inputs[0]->shape.dims[0];
    assert_true(plan->slices > 1);
    harness_write_plan(ctx, plan, folder, "net", false);
    Plan alone = *plan;
    alone.whole = plan->graph;
    alone.slices = 1;
    harness_write_plan(ctx, &alone, folder, "one", false);
    Program program = harness_load(ctx, "gcc", "-O2 -Wno-psabi", folder, "net"), one = harness_load(ctx, "gcc", "-O2 -Wno-psabi", folder, "one");
    Buffers inputs = harness_inputs(ctx, program.model, 9), outputs = harness_run(ctx, &program, &inputs, 2);
    for (int64_t slice = 0; slice < IMAGES / images; slice++) {
        Buffers part = inputs;
        for (int i = 0; i < part.count; i++)
            part.data[i] = (char *)inputs.data[i] + (size_t)slice * one.model->inputs[i].bytes;
        Buffers results = harness_run(ctx, &one, &part, 1);
        for (int i = 0; i < results.count; i++)
            assert_memory_equal((char *)outputs.data[i] + (size_t)slice * results.bytes[i], results.data[i], results.bytes[i]);
    }
    return STATUS_FINE;
}

static void slices_give_the_bits_of_their_own_runs(void **state)
{
    (void)state;
    assert_int_equal(context_run(slice_by_slice, NULL), STATUS_FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_give_the_bits_of_the_reference),
        cmocka_unit_test(slices_give_the_bits_of_their_own_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
