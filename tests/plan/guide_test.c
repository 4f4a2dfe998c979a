/* The guide against prices asked for directly, and its suggestions against the network pruned so. */
#include "codegen/kernel.h"
#include "compiler/pass/pass.h"
#include "compiler/plan/guide.h"
#include "compiler/plan/internal.h"

#include <math.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

/* ---- a network of a convolution, a depthwise one, two products that share their weights, and one of its own ---- */

enum { CHANNELS = 32, SIZE = 28, WIDE = 512 };

static float *random_weights(Arena *arena, int count, double density, uint64_t seed)
{
    float *weights = arena_array(arena, float, count);
    for (int i = 0; i < count; i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const double uniform = (double)(seed >> 11) / 9007199254740992.0;
        weights[i] = uniform < density ? (float)(uniform / density) + 0.5f : 0;
    }
    return weights;
}

static Value *weights_value(Graph *graph, const char *name, const Shape *shape, double density)
{
    return graph_constant(graph, name, TYPE_F32, shape, random_weights(graph->arena, (int)shape_count(shape), density, (uint64_t)name[0]));
}

static Value *add(Graph *graph, Op op, const char *name, Value *x, Value *w, int group)
{
    Value *inputs[] = {x, w}, *y = graph_value(graph, NULL);
    Node *node = graph_add(graph, op, name, inputs, 2, &y, 1);
    if (op == OP_Conv) {
        node_set_int(graph, node, ATTR_group, group);
        node_set_ints(graph, node, ATTR_pads, (int64_t[]){1, 1, 1, 1}, 4);
    }
    return y;
}

static Value *flat(Graph *graph, Value *x)
{
    Value *inputs[] = {x}, *y = graph_value(graph, NULL);
    node_set_int(graph, graph_add(graph, OP_Flatten, "flat", inputs, 1, &y, 1), ATTR_axis, 1);
    return y;
}

static Graph *network(Context *ctx, double density, const PassOptions *options)
{
    Graph *graph = graph_new(ctx, "net");
    Value *x = graph_input(graph, "x", TYPE_F32, &(Shape){4, {1, CHANNELS, SIZE, SIZE}});
    x = add(graph, OP_Conv, "conv", x, weights_value(graph, "conv.w", &(Shape){4, {CHANNELS, CHANNELS, 3, 3}}, density), 1);
    x = add(graph, OP_Conv, "depthwise", x, weights_value(graph, "depthwise.w", &(Shape){4, {CHANNELS, 1, 3, 3}}, 1), CHANNELS);
    x = add(graph, OP_MatMul, "own", flat(graph, x), weights_value(graph, "own.w", &(Shape){2, {CHANNELS * SIZE * SIZE, WIDE}}, density), 1);
    Value *shared = weights_value(graph, "shared.w", &(Shape){2, {WIDE, WIDE}}, density);
    x = add(graph, OP_MatMul, "first", x, shared, 1);
    graph_output(graph, add(graph, OP_MatMul, "second", x, shared, 1));
    graph_index(graph);
    passes_run(graph, options);
    return graph;
}

static Plan *plan_at(Context *ctx, double density, const PassOptions *options)
{
    return plan_make(network(ctx, density, options), target_named(ctx, "generic-avx2"), &(PlanOptions){0});
}

static const GuideLayer *row_of(const Guide *guide, const char *name)
{
    for (int i = 0; i < guide->count; i++)
        if (strcmp(guide->plan->layers[guide->layers[i].layer].problem.node->name, name) == 0)
            return &guide->layers[i];
    fail_msg("no row for %s", name);
    return NULL;
}

static Guide *guide_of(Context *ctx, const Plan *plan, double seconds, double bytes)
{
    return guide_make(plan, &guide_counts, &(GuideLimits){seconds, bytes, NULL}, ctx->graph);
}

static Price price_at(Context *ctx, const Plan *plan, int layer, double density, unsigned which)
{
    Problem problem = plan->layers[layer].problem;
    problem.pattern = pattern_at_density(problem.pattern, density, ctx->graph);
    problem.density = density;
    Candidate best;
    assert_true(problem_cheapest(&problem, &plan->layers[layer].surroundings, which, &best));
    return best.price;
}

/* ---- ranges ---- */

static double part_that_depends(const Price *price, const Price *nothing)
{
    return fmax(price->compute_seconds - nothing->compute_seconds, price->memory_seconds - nothing->memory_seconds);
}

static void check_range(Context *ctx, const Plan *plan, const GuideLayer *row)
{
    const double dense = price_at(ctx, plan, row->layer, 1, CANDIDATE_DENSE).seconds, least = 1 / row->weights;
    const Price nothing = price_at(ctx, plan, row->layer, least, CANDIDATE_SPARSE);
    const Price below = price_at(ctx, plan, row->layer, row->low / 1.03, CANDIDATE_SPARSE);
    const Price above = price_at(ctx, plan, row->layer, fmin(row->high, row->low * 1.03), CANDIDATE_SPARSE);
    const double rest = fmax(nothing.compute_seconds, nothing.memory_seconds), most = 0.9 * (dense - nothing.seconds);
    assert_true(row->low > 0 && row->low <= row->high && row->high <= 1);
    assert_true(price_at(ctx, plan, row->layer, row->high, CANDIDATE_SPARSE).seconds < dense);
    if (row->high < 0.97)
        assert_true(price_at(ctx, plan, row->layer, row->high * 1.03, CANDIDATE_SPARSE).seconds >= dense);
    assert_true(part_that_depends(&below, &nothing) <= rest && dense - below.seconds >= most);
    assert_true(part_that_depends(&above, &nothing) > rest || dense - above.seconds < most);
}

static Status ranges(Context *ctx, void *argument)
{
    (void)argument;
    const Plan *plan = plan_at(ctx, 1, &(PassOptions){0});
    const Guide *guide = guide_of(ctx, plan, 0, 0);
    assert_int_equal(guide->count, 5);
    int ranged = 0;
    for (int i = 0; i < guide->count; i++)
        if (guide->layers[i].high > 0) {
            check_range(ctx, plan, &guide->layers[i]);
            ranged++;
        }
    assert_true(ranged >= 4);
    return STATUS_FINE;
}

static void ranges_end_where_direct_prices_say(void **state)
{
    (void)state;
    assert_int_equal(context_run(ranges, NULL), STATUS_FINE);
}

static Status falling(Context *ctx, void *argument)
{
    (void)argument;
    const Plan *plan = plan_at(ctx, 1, &(PassOptions){0});
    const Guide *guide = guide_of(ctx, plan, 0, 0);
    for (int i = 0; i < guide->count; i++) {
        double before = INFINITY;
        for (double density = 1; density > 1e-3; density *= 0.8) {
            const GuidePoint point = guide_counts.point(guide, guide->layers[i].layer, density);
            /* but for a little: the ends of very short loops are guessed wrong more often */
            assert_true(point.seconds <= before * 1.02 && point.seconds <= guide->layers[i].dense_seconds);
            before = point.seconds;
        }
    }
    return STATUS_FINE;
}

static void fewer_weights_never_take_longer(void **state)
{
    (void)state;
    assert_int_equal(context_run(falling, NULL), STATUS_FINE);
}

/* ---- verdicts ---- */

static Status verdicts(Context *ctx, void *argument)
{
    (void)argument;
    const Plan *plan = plan_at(ctx, 1, &(PassOptions){0});
    const GuideLayer *conv = row_of(guide_of(ctx, plan, 0, 0), "conv");
    assert_int_equal(conv->verdict, VERDICT_PRUNE);
    assert_true(conv->goal == conv->low && conv->high < 0.95);
    const struct { double density; Verdict verdict; } cases[] = {
        {(conv->high + 0.98) / 2, VERDICT_RESTORE}, {sqrt(conv->low * conv->high), VERDICT_PRUNE}, {conv->low * 0.8, VERDICT_STOP}};
    for (int i = 0; i < COUNT(cases); i++) {
        const LayerDensity wanted[] = {{"conv", cases[i].density}};
        const Plan *pruned = plan_at(ctx, 1, &(PassOptions){.densities = wanted, .density_count = 1});
        const GuideLayer *row = row_of(guide_of(ctx, pruned, 0, 0), "conv");
        assert_int_equal(row->verdict, cases[i].verdict);
        assert_true(fabs(row->density - cases[i].density) * row->weights <= 0.5 + 1e-6);
        assert_true(row->goal == fmin(row->density, row->low));
        assert_true(row->end.seconds <= row->now.seconds * 1.005);
    }
    return STATUS_FINE;
}

static void verdicts_follow_from_the_density_and_the_range(void **state)
{
    (void)state;
    assert_int_equal(context_run(verdicts, NULL), STATUS_FINE);
}

/* The same convolution over large and small images. */
static Status one_density(Context *ctx, void *argument)
{
    (void)argument;
    Graph *graph = graph_new(ctx, "levels");
    Value *w = weights_value(graph, "w", &(Shape){4, {CHANNELS, CHANNELS, 3, 3}}, 1);
    static const char *const names[] = {"large", "small"};
    for (int i = 0; i < COUNT(names); i++) {
        const int64_t size = i == 0 ? 2 * SIZE : 6;
        Value *x = graph_input(graph, arena_format(ctx->graph, "x%d", i), TYPE_F32, &(Shape){4, {1, CHANNELS, size, size}});
        graph_output(graph, add(graph, OP_Conv, names[i], x, w, 1));
    }
    graph_index(graph);
    passes_run(graph, &(PassOptions){0});
    const Guide *guide = guide_of(ctx, plan_make(graph, target_named(ctx, "generic-avx2"), &(PlanOptions){0}), 0, 0);
    const GuideLayer *large = row_of(guide, "large"), *small = row_of(guide, "small");
    assert_true(small->low > 1.2 * large->low);
    assert_true(large->goal == small->low && small->goal == small->low);
    assert_true(guide->end.density == small->low);
    return STATUS_FINE;
}

static void layers_of_the_same_weights_end_at_one_density(void **state)
{
    (void)state;
    assert_int_equal(context_run(one_density, NULL), STATUS_FINE);
}

/* A scalar target has the reference alone: nothing is gained at any density. */
static Status nothing_gains(Context *ctx, void *argument)
{
    (void)argument;
    const Plan *plan = plan_make(network(ctx, 0.5, &(PassOptions){0}), target_named(ctx, "scalar"), &(PlanOptions){0});
    const Guide *guide = guide_of(ctx, plan, plan->seconds / 2, 0);
    for (int i = 0; i < guide->count; i++) {
        const GuideLayer *row = &guide->layers[i];
        assert_true(row->low == 0 && row->high == 0 && row->goal == row->density);
        assert_int_equal(row->verdict, row->density > 0.9 ? VERDICT_DENSE : VERDICT_RESTORE);
        assert_true(guide->densities[i] == row->density);
    }
    assert_false(guide->reached);
    assert_true(fabs(guide->suggested.seconds / plan->seconds - 1) < 1e-9);
    return STATUS_FINE;
}

static void without_sparse_kernels_all_stays_dense(void **state)
{
    (void)state;
    assert_int_equal(context_run(nothing_gains, NULL), STATUS_FINE);
}

/* ---- structured ---- */

static double dense_conv(Context *ctx, int rows, const Surroundings *surroundings)
{
    Graph *graph = graph_new(ctx, "conv");
    Value *x = graph_input(graph, "x", TYPE_F32, &(Shape){4, {1, CHANNELS, SIZE, SIZE}});
    graph_output(graph, add(graph, OP_Conv, "conv", x, weights_value(graph, "conv.w", &(Shape){4, {rows, CHANNELS, 3, 3}}, 1), 1));
    graph_index(graph);
    passes_run(graph, &(PassOptions){0});
    const Plan *plan = plan_make(graph, target_named(ctx, "generic-avx2"), &(PlanOptions){0});
    Candidate best;
    assert_true(problem_cheapest(&plan->layers[0].problem, surroundings, CANDIDATE_DENSE, &best));
    return best.price.seconds;
}

static Status structured(Context *ctx, void *argument)
{
    (void)argument;
    const LayerDensity wanted[] = {{"conv", 0.15}};
    const Plan *plan = plan_at(ctx, 1, &(PassOptions){.densities = wanted, .density_count = 1});
    const Guide *guide = guide_of(ctx, plan, 0, 0);
    const GuideLayer *row = row_of(guide, "conv");
    const int rows = (int)lround(row->structured_below * CHANNELS);
    const double seconds = guide_counts.point(guide, row->layer, row->density).seconds;
    const Surroundings *surroundings = &plan->layers[row->layer].surroundings;
    assert_true(row->density <= row->high && row->structured_at == row->density);
    assert_in_range(rows, 1, CHANNELS - 1);
    assert_true(dense_conv(ctx, rows, surroundings) <= seconds * 1.001);
    assert_true(dense_conv(ctx, rows + 1, surroundings) >= seconds * 0.999);
    return STATUS_FINE;
}

static void fewer_rows_of_a_dense_layer_take_as_long(void **state)
{
    (void)state;
    assert_int_equal(context_run(structured, NULL), STATUS_FINE);
}

/* Half of the rows are empty, the others dense: the layer of half the size. */
static Status half_empty(Context *ctx, void *argument)
{
    (void)argument;
    float *weights = random_weights(ctx->graph, CHANNELS * CHANNELS * 9, 1, 1);
    memset(weights, 0, CHANNELS * CHANNELS * 9 / 2 * sizeof *weights);
    Graph *graph = graph_new(ctx, "half");
    Value *x = graph_input(graph, "x", TYPE_F32, &(Shape){4, {1, CHANNELS, SIZE, SIZE}});
    Value *w = graph_constant(graph, "w", TYPE_F32, &(Shape){4, {CHANNELS, CHANNELS, 3, 3}}, weights);
    graph_output(graph, add(graph, OP_Conv, "conv", x, w, 1));
    graph_index(graph);
    passes_run(graph, &(PassOptions){0});
    const Plan *plan = plan_make(graph, target_named(ctx, "xeon-e5-2697v4"), &(PlanOptions){0});
    const GuideLayer *counts = &guide_of(ctx, plan, 0, 0)->layers[0];
    const GuideLayer *paper = &guide_make(plan, &guide_paper, &(GuideLimits){0, 0, NULL}, ctx->graph)->layers[0];
    assert_true(counts->compact_seconds > 0.4 * counts->dense_seconds && counts->compact_seconds < 0.8 * counts->dense_seconds);
    assert_true(fabs(paper->compact_seconds / paper->dense_seconds - 0.5) < 1e-9);
    assert_true(row_of(guide_of(ctx, plan_at(ctx, 1, &(PassOptions){0}), 0, 0), "conv")->compact_seconds == 0);
    return STATUS_FINE;
}

static void empty_rows_are_left_out_by_a_dense_kernel(void **state)
{
    (void)state;
    assert_int_equal(context_run(half_empty, NULL), STATUS_FINE);
}

/* Rows stand at another place in each of them. */
static Status kinds(Context *ctx, void *argument)
{
    (void)argument;
    static const char text[] = "graph \"kinds\"\ninput %v : f32[4]\ninput %m : f32[3,4]\ninput %b : f32[2,3,4]\ninput %i : f32[1,4,5,5]\n"
                               "const %vector : f32[4] = 1 2 3 4\nconst %matrix : f32[4,2] = 1 2 3 4 5 6 7 8\n"
                               "const %turned : f32[2,4] = 1 2 3 4 5 6 7 8\nconst %bias : f32[2] = 1 2\n"
                               "const %several : f32[2,4,2] = 1 2 3 4 5 6 7 8 1 2 3 4 5 6 7 8\n"
                               "const %groups : f32[4,2,1,1] = 1 2 3 4 5 6 7 8\n"
                               "%a : ? = MatMul(%v, %vector) \"scalar\"\n%c : ? = MatMul(%v, %matrix) \"row\"\n"
                               "%d : ? = MatMul(%m, %vector) \"column\"\n"
                               "%e : ? = Gemm(%m, %turned, %bias) {transB=1} \"gemm\"\n%f : ? = MatMul(%b, %several) \"several\"\n"
                               "%g : ? = ConvTranspose(%i, %groups) {group=2} \"transposed\"\n%h : ? = Conv(%i, %groups) {group=2} \"grouped\"\n"
                               "output %a\noutput %c\noutput %d\noutput %e\noutput %f\noutput %g\noutput %h\n";
    Graph *graph = graph_parse(ctx, text, strlen(text));
    passes_run(graph, &(PassOptions){0});
    const Plan *plan = plan_make(graph, target_named(ctx, "generic-avx2"), &(PlanOptions){0});
    const Guide *guide = guide_of(ctx, plan, plan->seconds / 2, 1);
    assert_int_equal(guide->count, 7);
    for (int i = 0; i < guide->count; i++) {
        const GuideLayer *row = &guide->layers[i];
        assert_true(row->structured_below >= 0 && row->structured_below <= 1);
        for (double seconds = row->dense_seconds; seconds > 1e-10; seconds *= 0.7)
            assert_true(guide_counts.structured(guide, row->layer, seconds) >= guide_counts.structured(guide, row->layer, seconds * 0.7));
    }
    return STATUS_FINE;
}

static void rows_are_found_in_layers_of_all_kinds(void **state)
{
    (void)state;
    assert_int_equal(context_run(kinds, NULL), STATUS_FINE);
}

/* ---- limits ---- */

static Guide *priced_again(Context *ctx, const Guide *guide)
{
    LayerDensity *wanted = arena_array(ctx->graph, LayerDensity, guide->count);
    int count = 0;
    for (int i = 0; i < guide->count; i++)
        if (guide->densities[i] < guide->layers[i].density)
            wanted[count++] = (LayerDensity){guide->plan->layers[guide->layers[i].layer].problem.node->name, guide->densities[i]};
    return guide_of(ctx, plan_at(ctx, 1, &(PassOptions){.densities = wanted, .density_count = count}), 0, 0);
}

static void check_suggestion(const Guide *guide)
{
    for (int i = 0; i < guide->count; i++) {
        const GuideLayer *row = &guide->layers[i];
        assert_true(guide->densities[i] <= row->density && guide->densities[i] >= fmin(row->density, row->low));
        if (row->kept)
            assert_true(guide->densities[i] == row->density);
    }
    const int first = (int)(row_of(guide, "first") - guide->layers), second = (int)(row_of(guide, "second") - guide->layers);
    assert_true(guide->densities[first] == guide->densities[second]);
}

static Status limits(Context *ctx, void *argument)
{
    (void)argument;
    const Plan *plan = plan_at(ctx, 1, &(PassOptions){0});
    const Guide *free = guide_of(ctx, plan, 0, 0);
    assert_null(free->densities);
    for (double part = 0.2; part < 1; part += 0.3) {
        const double time = free->end.seconds + part * (free->now.seconds - free->end.seconds);
        const Guide *guide = guide_of(ctx, plan, time, 0);
        check_suggestion(guide);
        assert_true(guide->reached && guide->suggested.seconds <= time && guide->suggested.seconds > 0.97 * time);
        const Guide *again = priced_again(ctx, guide);
        assert_true(fabs(again->now.seconds / guide->suggested.seconds - 1) < 0.01);
        assert_true(fabs(again->now.density - guide->suggested.density) < 1e-4);
    }
    const double bytes = (free->now.bytes + free->end.bytes) / 2;
    const Guide *guide = guide_of(ctx, plan, 0, bytes);
    check_suggestion(guide);
    assert_true(guide->reached && guide->suggested.bytes <= bytes);      /* one kernel needs far fewer bytes than the other: no way to come near */
    assert_true(fabs(priced_again(ctx, guide)->now.bytes / guide->suggested.bytes - 1) < 0.01);
    return STATUS_FINE;
}

static void limits_are_reached_by_the_suggested_densities(void **state)
{
    (void)state;
    assert_int_equal(context_run(limits, NULL), STATUS_FINE);
}

static Status out_of_reach(Context *ctx, void *argument)
{
    (void)argument;
    const Plan *plan = plan_at(ctx, 1, &(PassOptions){0});
    const Guide *free = guide_of(ctx, plan, 0, 0);
    const Guide *guide = guide_of(ctx, plan, free->end.seconds / 2, 0);
    assert_false(guide->reached);
    assert_true(fabs(guide->suggested.seconds / free->end.seconds - 1) < 0.01);
    bool *keep = arena_array(ctx->graph, bool, plan->layer_count);
    keep[row_of(free, "own")->layer] = keep[row_of(free, "second")->layer] = true;
    guide = guide_make(plan, &guide_counts, &(GuideLimits){free->end.seconds * 1.5, 0, keep}, ctx->graph);
    assert_false(guide->reached);
    assert_true(guide->suggested.seconds > free->end.seconds * 1.5);
    check_suggestion(guide);
    guide = guide_of(ctx, plan, free->now.seconds * 1.01, free->now.bytes * 1.01);
    assert_true(guide->reached && guide->suggested.density == free->now.density);
    return STATUS_FINE;
}

static void what_cannot_be_reached_is_said_and_what_is_kept_is_kept(void **state)
{
    (void)state;
    assert_int_equal(context_run(out_of_reach, NULL), STATUS_FINE);
}

/* ---- the plan at other densities ---- */

static Status project(Context *ctx, void *argument)
{
    (void)argument;
    const LayerDensity wanted[] = {{"conv", 0.2}, {"own", 0.1}};
    const Plan *plan = plan_at(ctx, 1, &(PassOptions){0});
    const Plan *pruned = plan_at(ctx, 1, &(PassOptions){.densities = wanted, .density_count = 2});
    double *densities = arena_array(ctx->graph, double, plan->layer_count);
    densities[layer_named(plan->graph, NULL, "conv")] = 0.2;
    densities[layer_named(plan->graph, NULL, "own")] = 0.1;
    const Plan *projected = plan_projected(plan, densities, ctx->graph);
    assert_int_equal(projected->layer_count, pruned->layer_count);
    for (int l = 0; l < plan->layer_count; l++) {
        assert_ptr_equal(projected->layers[l].kernel, pruned->layers[l].kernel);
        assert_true(fabs(projected->layers[l].price.seconds - pruned->layers[l].price.seconds) <= 0.01 * pruned->layers[l].price.seconds);
    }
    assert_true(plan->layers[layer_named(plan->graph, NULL, "conv")].problem.density == 1);
    return STATUS_FINE;
}

static void a_projected_plan_is_the_pruned_network_s(void **state)
{
    (void)state;
    assert_int_equal(context_run(project, NULL), STATUS_FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_end_where_direct_prices_say),
        cmocka_unit_test(fewer_weights_never_take_longer),
        cmocka_unit_test(verdicts_follow_from_the_density_and_the_range),
        cmocka_unit_test(layers_of_the_same_weights_end_at_one_density),
        cmocka_unit_test(without_sparse_kernels_all_stays_dense),
        cmocka_unit_test(fewer_rows_of_a_dense_layer_take_as_long),
        cmocka_unit_test(empty_rows_are_left_out_by_a_dense_kernel),
        cmocka_unit_test(rows_are_found_in_layers_of_all_kinds),
        cmocka_unit_test(limits_are_reached_by_the_suggested_densities),
        cmocka_unit_test(what_cannot_be_reached_is_said_and_what_is_kept_is_kept),
        cmocka_unit_test(a_projected_plan_is_the_pruned_network_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
