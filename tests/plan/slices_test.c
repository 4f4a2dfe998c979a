/* Batches in slices: which graphs treat images apart, how many images a slice has, and that nothing but their number changes. */
#include "codegen/kernel.h"
#include "compiler/pass/pass.h"
#include "compiler/plan/internal.h"

#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

static Graph *graph_of(Context *ctx, const char *text)
{
    Graph *graph = graph_parse(ctx, text, strlen(text));
    passes_run(graph, &(PassOptions){0});
    return graph;
}

/* ---- what is apart ---- */

#define FOUR "graph \"g\"\ninput %x : f32[4,3,6,6]\n"
#define ROWS "graph \"g\"\ninput %x : f32[4,6]\n"
#define TWO "graph \"g\"\ninput %x : f32[4,3,5]\ninput %z : f32[4,5,3]\n"

static const char *const apart[] = {
    FOUR "const %w : f32[2,3,1,1] = 1 0 2 0 1 0\n%a : ? = Conv(%x, %w)\n%b : ? = Relu(%a)\n%y : ? = MaxPool(%b) {kernel_shape=[2,2]}\noutput %y\n",
    FOUR "%y : ? = Reshape(%x) {shape=[4,-1]}\noutput %y\n",
    FOUR "%a : ? = Flatten(%x)\n%y : ? = Softmax(%a) {axis=1}\noutput %y\n",
    FOUR "const %k : f32[3,1,1] = 1 2 3\n%y : ? = Mul(%x, %k)\noutput %y\n",
    FOUR "const %k : f32[1,3,1,1] = 1 2 3\n%y : ? = Mul(%k, %x)\noutput %y\n",
    FOUR "%y : ? = Transpose(%x) {perm=[0,2,3,1]}\noutput %y\n",
    FOUR "%y : ? = Concat(%x, %x) {axis=1}\noutput %y\n",
    FOUR "%a, %b : ? = Split(%x) {axis=1, split=[1,2]}\noutput %a\noutput %b\n",
    FOUR "%y : ? = ReduceMean(%x) {axes=[2,3], keepdims=0}\noutput %y\n",
    FOUR "%y : ? = ArgMax(%x) {axis=1}\noutput %y\n",
    FOUR "%y : ? = LRN(%x) {size=3}\noutput %y\n",
    FOUR "const %s : f32[3] = 1 2 3\n%y : ? = InstanceNormalization(%x, %s, %s)\noutput %y\n",
    FOUR "%y : ? = Pad(%x) {pads=[0,0,1,1,0,0,1,1]}\noutput %y\n",
    FOUR "%y : ? = Slice(%x) {starts=[1], ends=[3], axes=[2]}\noutput %y\n",
    FOUR "%y : ? = Resize(%x) {scales=[1.0,1.0,2.0,2.0], mode=nearest}\noutput %y\n",
    FOUR "%y : ? = Tile(%x) {repeats=[1,2,1,1]}\noutput %y\n",
    ROWS "const %w : f32[6,2] = 1 0 0 1 2 0 0 2 3 0 0 3\n%y : ? = MatMul(%x, %w)\noutput %y\n",
    ROWS "const %w : f32[6,2] = 1 0 0 1 2 0 0 2 3 0 0 3\nconst %c : f32[2] = 1 2\n%y : ? = Gemm(%x, %w, %c)\noutput %y\n",
    ROWS "const %s : f32[6] = 1 2 3 4 5 6\n%y : ? = LayerNormalization(%x, %s) {axis=-1}\noutput %y\n",
    ROWS "output %x\n",
    TWO "%y : ? = MatMul(%x, %z)\noutput %y\n",
    TWO "%t : ? = Transpose(%z) {perm=[0,2,1]}\n%y : ? = Add(%x, %t)\noutput %y\n",
    "graph \"g\"\ninput %i : i64[4,3]\nconst %t : f32[2,2] = 1 2 3 4\n%y : ? = Gather(%t, %i) {axis=0}\noutput %y\n",
};

static const char *const mixed[] = {
    FOUR "%y : ? = Softmax(%x) {axis=0}\noutput %y\n",
    FOUR "%y : ? = Softmax(%x) {axis=0, flatten=1}\noutput %y\n",
    FOUR "%y : ? = Reshape(%x) {shape=[12,36]}\noutput %y\n",
    FOUR "%a : ? = Reshape(%x) {shape=[12,36]}\n%y : ? = Reshape(%a) {shape=[4,108]}\n%b : ? = Relu(%a)\noutput %y\noutput %b\n",
    FOUR "%y : ? = Reshape(%x) {shape=[2,2,108]}\noutput %y\n",
    FOUR "const %k : f32[4,1,1,1] = 1 2 3 4\n%y : ? = Mul(%x, %k)\noutput %y\n",
    FOUR "%y : ? = Transpose(%x) {perm=[1,0,2,3]}\noutput %y\n",
    FOUR "%y : ? = Concat(%x, %x) {axis=0}\noutput %y\n",
    FOUR "%a, %b : ? = Split(%x) {axis=0, split=[2,2]}\noutput %a\noutput %b\n",
    FOUR "%y : ? = ReduceMean(%x) {axes=[0,2,3], keepdims=1}\noutput %y\n",
    FOUR "%y : ? = ReduceSum(%x, _) {keepdims=0}\noutput %y\n",
    FOUR "%y : ? = ArgMax(%x) {axis=0, keepdims=0}\noutput %y\n",
    FOUR "%y, %i : ? = MaxPool(%x) {kernel_shape=[2,2]}\noutput %y\noutput %i\n",
    FOUR "%y : ? = Pad(%x) {pads=[1,0,0,0,-1,0,0,0]}\noutput %y\n",
    FOUR "%y : ? = Slice(%x) {starts=[3], ends=[-10], axes=[0], steps=[-1]}\noutput %y\n",
    FOUR "%y : ? = Slice(%x) {starts=[1], ends=[3], axes=[0]}\noutput %y\n",
    FOUR "%y : ? = Resize(%x) {scales=[1.0,1.0,2.0,2.0], mode=nearest, nearest_mode=ceil, coordinate_transformation_mode=tf_half_pixel_for_nn}\n"
         "output %y\n",
    FOUR "const %i : i64[4] = 3 2 1 0\n%y : ? = Gather(%x, %i) {axis=0}\noutput %y\n",
    FOUR "input %z : f32[3,1,1]\n%y : ? = Add(%x, %z)\noutput %y\n",
    FOUR "const %k : f32[4] = 1 2 3 4\n%y : ? = Relu(%x)\noutput %y\noutput %k\n",
    ROWS "%y : ? = Gemm(%x, %x) {transB=1}\noutput %y\n",
    ROWS "const %w : f32[4,4] = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1\n%y : ? = Gemm(%x, %w) {transA=1}\noutput %y\n",
    ROWS "const %w : f32[6,4] = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1 1 1 1\nconst %c : f32[4,1] = 1 2 3 4\n%y : ? = Gemm(%x, %w, %c)\noutput %y\n",
    ROWS "const %w : f32[4,4] = 1 0 0 0 0 1 0 0 0 0 1 0 0 1 0 1\n%y : ? = MatMul(%w, %x)\noutput %y\n",
    "graph \"g\"\ninput %x : f32[1,3,6,6]\n%y : ? = Relu(%x)\noutput %y\n",
    "graph \"g\"\ninput %x : f32[4,0]\n%y : ? = Relu(%x)\noutput %y\n",
    "graph \"g\"\ninput %x : f32[]\n%y : ? = Relu(%x)\noutput %y\n",
};

static Status images_of_all(Context *ctx, void *argument)
{
    (void)argument;
    for (int i = 0; i < COUNT(apart); i++)
        if (graph_images(graph_of(ctx, apart[i])) != 4)
            fail_msg("apart, but not seen:\n%s", apart[i]);
    for (int i = 0; i < COUNT(mixed); i++)
        if (graph_images(graph_of(ctx, mixed[i])) != 1)
            fail_msg("mixed, but not seen:\n%s", mixed[i]);
    return STATUS_FINE;
}

static void images_are_apart_or_mixed(void **state)
{
    (void)state;
    assert_int_equal(context_run(images_of_all, NULL), STATUS_FINE);
}

/* ---- slices ---- */

/* Two convolutions whose sum one of them may take, a view, a product: `images` of them. */
static Graph *network(Context *ctx, int images, int width)
{
    Text text = text_new(ctx->graph);
    text_format(&text, "graph \"network\"\ninput %%x : f32[%d,8,%d,%d]\nconst %%w : f32[8,8,3,3] =", images, width, width);
    for (int i = 0; i < 8 * 8 * 9; i++)
        text_add(&text, i * 7 % 4 == 0 ? " 0.5" : " 0");
    text_format(&text, "\nconst %%g : f32[8,5] =");
    for (int i = 0; i < 40; i++)
        text_add(&text, " 0.25");
    text_add(&text, "\n%a : ? = Conv(%x, %w) {pads=[1,1,1,1]} \"first\"\n%b : ? = Relu(%a) \"act\"\n%c : ? = Conv(%b, %w) {pads=[1,1,1,1]} \"second\"\n"
                    "%s : ? = Add(%c, %a) \"sum\"\n%r : ? = Relu(%s)\n%p : ? = GlobalAveragePool(%r)\n%f : ? = Flatten(%p)\n"
                    "%y : ? = MatMul(%f, %g) \"classify\"\noutput %y\noutput %r\n");
    return graph_of(ctx, text.data);
}

static void check_shapes(const Plan *plan, int64_t images)
{
    assert_int_equal(plan->whole->inputs[0]->shape.dims[0], images);
    assert_int_equal(plan->slices * plan->graph->inputs[0]->shape.dims[0], images);
    assert_int_equal(plan->graph->output_count, plan->whole->output_count);
    for (int i = 0; i < plan->graph->output_count; i++) {
        Shape shape = plan->graph->outputs[i]->shape;
        shape.dims[0] *= plan->slices;
        assert_true(shape_equal(&shape, &plan->whole->outputs[i]->shape));
        assert_string_equal(plan->graph->outputs[i]->name, plan->whole->outputs[i]->name);
    }
    for (int id = 0; id < plan->graph->value_count; id++)
        if (plan->graph->values[id] != NULL && plan->graph->values[id]->data == NULL)
            assert_int_equal(plan->graph->values[id]->shape.dims[0] * plan->slices, images);
}

static Status slices_of_all(Context *ctx, void *argument)
{
    (void)argument;
    const Target *target = target_named(ctx, "generic-avx2");
    bool several = false, one = false;
    for (int images = 2; images <= 12; images++)
        for (uint64_t seed = 0; seed < 6; seed++) {
            const Plan *plan = plan_batch(network(ctx, images, 9), target, &(PlanOptions){.random = seed});
            check_shapes(plan, images);
            assert_int_equal(layer_named(plan->graph, NULL, "sum") >= 0, true);
            several = several || plan->slices > 1;
            one = one || plan->slices == 1;
        }
    assert_true(several && one);
    return STATUS_FINE;
}

static void slices_are_the_same_graph_of_fewer_images(void **state)
{
    (void)state;
    assert_int_equal(context_run(slices_of_all, NULL), STATUS_FINE);
}

/* 64 images of 8 x 96 x 96 are 19 MB a layer: more than any cache of that machine holds. */
static Status large_and_mixed(Context *ctx, void *argument)
{
    (void)argument;
    const Target *target = target_named(ctx, "generic-avx2");
    const Plan *large = plan_batch(network(ctx, 64, 96), target, &(PlanOptions){0});
    const Plan *whole = plan_make(network(ctx, 64, 96), target, &(PlanOptions){0});
    assert_true(large->slices > 1);
    assert_true((double)large->slices * large->seconds < whole->seconds);
    assert_true(large->workspace_bytes * 2 <= whole->workspace_bytes);
    assert_int_equal(whole->slices, 1);
    const Plan *mixing = plan_batch(graph_of(ctx, mixed[0]), target, &(PlanOptions){0});
    assert_int_equal(mixing->slices, 1);
    assert_ptr_equal(mixing->graph, mixing->whole);
    return STATUS_FINE;
}

static void large_batches_run_in_slices_and_mixed_ones_do_not(void **state)
{
    (void)state;
    assert_int_equal(context_run(large_and_mixed, NULL), STATUS_FINE);
}

/* Divisors are not looked for without end, and slices are counted by an int. */
static Status more_than_can_be_divided(Context *ctx, void *argument)
{
    (void)argument;
    static const int64_t images[] = {2147483647, 4294967296, 68719476731};
    for (int i = 0; i < COUNT(images); i++)
        for (uint64_t seed = 0; seed < 4; seed++) {
            const char *text = arena_format(ctx->graph, "graph \"g\"\ninput %%x : i8[%lld]\n%%y : ? = Neg(%%x)\noutput %%y\n", (long long)images[i]);
            const Plan *plan = plan_batch(graph_of(ctx, text), target_named(ctx, "generic-avx2"), &(PlanOptions){.random = seed});
            assert_true(plan->slices >= 1 && plan->slices <= INT32_MAX);
            check_shapes(plan, images[i]);
        }
    return STATUS_FINE;
}

static void any_number_of_images_is_planned(void **state)
{
    (void)state;
    assert_int_equal(context_run(more_than_can_be_divided, NULL), STATUS_FINE);
}

/* A tiling that only some numbers of images have leaves the others out; one that none has is wrong use. */
static Status with_tiling(Context *ctx, void *argument)
{
    const char *tiling = argument;
    const ForcedKernel forced = {"first", "sparse_direct", tiling};
    const Plan *plan = plan_batch(network(ctx, 6, 9), target_named(ctx, "generic-avx2"), &(PlanOptions){.forced = &forced, .forced_count = 1});
    assert_string_equal(tiling_text(ctx->graph, &plan->layers[layer_named(plan->graph, NULL, "first")].tiling), tiling);
    return STATUS_FINE;
}

static Status any_tiling(Context *ctx, void *argument)
{
    const ForcedKernel forced = {"first", "sparse_direct", NULL};
    const Plan *plan = plan_batch(network(ctx, 6, 9), target_named(ctx, "generic-avx2"), &(PlanOptions){.forced = &forced, .forced_count = 1});
    strcpy(argument, tiling_text(ctx->graph, &plan->layers[layer_named(plan->graph, NULL, "first")].tiling));
    return STATUS_FINE;
}

static void tilings_asked_for_are_taken(void **state)
{
    (void)state;
    char tiling[200] = "";
    assert_int_equal(context_run(any_tiling, tiling), STATUS_FINE);
    assert_int_equal(context_run(with_tiling, tiling), STATUS_FINE);
    assert_int_equal(context_run(with_tiling, "9999"), STATUS_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_are_apart_or_mixed),
        cmocka_unit_test(slices_are_the_same_graph_of_fewer_images),
        cmocka_unit_test(large_batches_run_in_slices_and_mixed_ones_do_not),
        cmocka_unit_test(any_number_of_images_is_planned),
        cmocka_unit_test(tilings_asked_for_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
