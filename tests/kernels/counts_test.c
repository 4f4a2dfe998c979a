/* What work() says of random layers, in every tiling of every kernel, projections included: as many stages as there are, constants as large as those
   that are packed, and counts and prices that can be. counts.py holds them against what runs. */
#include "codegen/kernel.h"
#include "compiler/plan/internal.h"
#include "layers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define LAYERS 150

typedef void Check(const Problem *problem, const Kernel *kernel, const Tiling *tiling, const Work *work);

static int tried;                    /* tilings */

static void check_layer(Context *ctx, const Target *target, uint64_t seed, Check *check)
{
    Graph *graph = graph_new(ctx, "one layer");
    const Node *node = layer_add(graph, "layer", seed);
    Problem problem = {.graph = graph, .node = node, .target = target, .pattern = pattern_of(graph, node), .density = 1, .threads = 1};
    Tiling list[MOST_TILINGS];
    for (int k = 0; k < kernel_count; k++) {
        if (!kernels[k]->fits(&problem))
            continue;
        const int count = kernels[k]->tilings(&problem, list, MOST_TILINGS);
        assert_in_range(count, 1, MOST_TILINGS - 1);     /* none left out */
        assert_int_equal(kernels[k]->tilings(&problem, list, 1), 1);
        kernels[k]->tilings(&problem, list, MOST_TILINGS);
        for (int t = 0; t < count; t++) {
            Work work = {0};
            kernels[k]->work(&problem, &list[t], &work);
            check(&problem, kernels[k], &list[t], &work);
            tried++;
        }
    }
}

static Check *current;

static Status check_all(Context *ctx, void *argument)
{
    const Target *target = target_named(ctx, argument);
    for (uint64_t seed = 1; seed <= LAYERS; seed++)
        check_layer(ctx, target, seed, current);
    return STATUS_FINE;
}

static void over_all(Check *check)
{
    static char targets[][16] = {"generic-sse4.2", "generic-avx2", "generic-avx512", "generic-neon"};
    current = check;
    tried = 0;
    for (int i = 0; i < COUNT(targets); i++)
        assert_int_equal(context_run(check_all, targets[i]), STATUS_FINE);
    assert_true(tried > 10 * LAYERS);
}

/* ---- what must hold ---- */

static void stages_agree(const Problem *problem, const Kernel *kernel, const Tiling *tiling, const Work *work)
{
    LayerPlan layer = {.problem = *problem};
    kernel->stages(problem, tiling, &layer);
    assert_int_equal(work->stage_count, layer.stage_count);
}

static void packed_agrees(const Problem *problem, const Kernel *kernel, const Tiling *tiling, const Work *work)
{
    Packed packed = {.arena = problem->graph->ctx->scratch};
    size_t bytes = 0;
    if (kernel_projected(kernel))
        return;
    if (kernel->pack)
        kernel->pack(problem, tiling, &packed);
    for (int i = 0; i < packed.count; i++)
        bytes += packed.arrays[i].bytes;
    if (work->weight_bytes + work->index_bytes != (double)bytes)
        print_message("%s: %.0f bytes counted, %zu packed\n", kernel->name, work->weight_bytes + work->index_bytes, bytes);
    assert_true(work->weight_bytes + work->index_bytes == (double)bytes);
}

static void sound(double count)
{
    assert_true(isfinite(count) && count >= 0);
}

/* However many threads there are, and wherever its operands come from. */
static void prices_can_be(const Problem *problem, const Kernel *kernel, const Tiling *tiling, const Work *work)
{
    LayerPlan layer = {.problem = *problem};
    kernel->stages(problem, tiling, &layer);
    for (int threads = 1; threads <= 64; threads *= 4)
        for (double distance = 0; distance <= 1e9; distance += 1e9) {
            const Price price = work_price(work, problem->target, layer.stages, &(Surroundings){threads, distance, distance, 0});
            sound(price.compute_seconds);
            sound(price.memory_seconds);
            assert_true(isfinite(price.seconds) && price.seconds > 0);
        }
}

static void counts_can_be(const Problem *problem, const Kernel *kernel, const Tiling *tiling, const Work *work)
{
    (void)problem, (void)kernel, (void)tiling;
    assert_true(work->code_bytes > 0);
    sound(work->code_bytes);
    for (int s = 0; s < work->stage_count; s++) {
        const StageWork *stage = &work->stages[s];
        const double counts[] = {stage->fma, stage->loads, stage->split_loads, stage->stores, stage->chain, stage->mispredicts, stage->largest_item};
        for (int i = 0; i < COUNT(counts); i++)
            sound(counts[i]);
        assert_true(stage->instructions >= fmax(stage->fma, stage->stores) && stage->vector >= stage->fma && stage->loads >= stage->split_loads);
        assert_true(stage->code_bytes <= work->code_bytes);
        for (int i = 0; i < stage->traffic_count; i++) {
            sound(stage->traffic[i].bytes);
            sound(stage->traffic[i].distance);
        }
    }
}

static void as_many_stages_as_there_are(void **state)
{
    (void)state;
    over_all(stages_agree);
}

static void constants_as_large_as_packed(void **state)
{
    (void)state;
    over_all(packed_agrees);
}

static void counts_are_possible(void **state)
{
    (void)state;
    over_all(counts_can_be);
}

static void prices_are_possible(void **state)
{
    (void)state;
    over_all(prices_can_be);
}

/* 2048 channels of one pixel, padded to 2^28 squared: planes of 2^67 elements. */
static Status fit_absurd(Context *ctx, void *argument)
{
    (void)argument;
    const int64_t pad = 1 << 27, channels = 2048;
    Graph *graph = graph_new(ctx, "absurd");
    Value *x = graph_input(graph, "x", TYPE_F32, &(Shape){4, {1, channels, 1, 1}}), *y = graph_value(graph, "y");
    y->type = TYPE_F32;
    y->shape = (Shape){4, {1, 1, 1, 2 * pad - 1}};
    const float *data = arena_array(ctx->graph, float, channels * 2);
    Value *inputs[] = {x, graph_constant(graph, "w", TYPE_F32, &(Shape){4, {1, channels, 2, 1}}, data)};
    Node *node = graph_add(graph, OP_Conv, "c", inputs, 2, &y, 1);
    node_set_ints(graph, node, ATTR_pads, (int64_t[]){pad, pad - 1, pad, pad - 1}, 4);
    node_set_ints(graph, node, ATTR_dilations, (int64_t[]){2 * pad, 1}, 2);
    const Problem problem = {.graph = graph, .node = node, .target = target_named(ctx, "generic-avx2"), .pattern = pattern_of(graph, node)};
    static const char *const names[] = {"sparse_direct", "dense_direct"};
    for (int i = 0; i < COUNT(names); i++)
        assert_false(kernel_named(names[i])->fits(&problem));
    return STATUS_FINE;
}

static void planes_that_nobody_can_hold_fit_no_kernel(void **state)
{
    (void)state;
    assert_int_equal(context_run(fit_absurd, NULL), STATUS_FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_stages_as_there_are),
        cmocka_unit_test(constants_as_large_as_packed),
        cmocka_unit_test(counts_are_possible),
        cmocka_unit_test(prices_are_possible),
        cmocka_unit_test(planes_that_nobody_can_hold_fit_no_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
