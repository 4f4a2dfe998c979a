/* Choices over a network: layouts that neighbours agree on, additions in one of two hosts, what surrounds a layer, everything that can be drawn. */
#include "codegen/kernel.h"
#include "compiler/pass/pass.h"
#include "compiler/plan/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#define CONV "{strides=[1,1], pads=[1,1,1,1], kernel_shape=[3,3]}"

/* Weights [8,8,3,3], a quarter of them not zero. */
static void add_weights(Text *text, const char *name)
{
    text_format(text, "const %%%s : f32[8,8,3,3] =", name);
    for (int i = 0; i < 8 * 8 * 9; i++)
        text_add(text, i * 7 % 4 == 0 ? " 0.5" : " 0");
    text_add(text, "\n");
}

static Plan *plan_of(Context *ctx, const char *target, const char *body, const PlanOptions *options)
{
    Text text = text_new(ctx->graph);
    text_add(&text, "graph \"network\"\ninput %x : f32[1,8,20,20]\n");
    add_weights(&text, "v");
    add_weights(&text, "w");
    text_add(&text, body);
    Graph *graph = graph_parse(ctx, text.data, text.length);
    passes_run(graph, &(PassOptions){0});
    return plan_make(graph, target_named(ctx, target), options);
}

static const char chain[] = "%a : f32[1,8,20,20] = Conv(%x, %v) " CONV " \"first\"\n"
                            "%b : f32[1,8,20,20] = Conv(%a, %w) " CONV " \"second\"\n"
                            "%c : f32[1,8,20,20] = MaxPool(%b) " CONV " \"third\"\n"
                            "%d : f32[1,3200] = Reshape(%c) {shape=[1,3200]}\n"
                            "output %d\n";

static const char residual[] = "%a : f32[1,8,20,20] = Conv(%x, %v) " CONV " \"first\"\n"
                               "%t : f32[1,8,20,20] = Tanh(%x) \"tanh\"\n"
                               "%b : f32[1,8,20,20] = Conv(%t, %w) " CONV " \"second\"\n"
                               "%s : f32[1,8,20,20] = Add(%a, %b) \"sum\"\n"
                               "%y : f32[1,8,20,20] = Relu(%s) \"act\"\n"
                               "output %y\n";

static const LayerPlan *layer_of(const Plan *plan, const char *name)
{
    return &plan->layers[layer_named(plan->graph, NULL, name)];
}

/* ---- layouts ---- */

static void check_layouts(const Plan *plan)
{
    const Layout plain = {0};
    for (int l = 0; l < plan->layer_count; l++) {
        const LayerPlan *layer = &plan->layers[l];
        const Node *node = layer->problem.node, *maker = node->inputs[0]->producer;
        const Layout *made = maker == NULL ? &plain : &plan->layers[maker->id].tiling.out;
        assert_true(layout_equal(&layer->tiling.in, made));
        assert_true(node->outputs[0]->output_index < 0 || layout_plain(&layer->tiling.out));
        assert_true(layer->kernel == NULL || kernel_leaves(layer->kernel, &layer->problem, &layer->tiling));
    }
}

typedef struct Drawn {
    bool kernels[64], plain, padded;
    int hosts[3];                    /* of the addition: first, second, none */
} Drawn;

static Status draw_chain(Context *ctx, void *argument)
{
    Drawn *drawn = argument;
    for (uint64_t seed = 1; seed < 60; seed++) {
        const Plan *plan = plan_of(ctx, "generic", chain, &(PlanOptions){.random = seed});
        const LayerPlan *second = layer_of(plan, "second");
        check_layouts(plan);
        assert_string_equal(second->why, "drawn by --select random");
        for (int k = 0; k < kernel_count; k++)
            drawn->kernels[k] = drawn->kernels[k] || kernels[k] == second->kernel;
        *(layout_plain(&second->tiling.in) ? &drawn->plain : &drawn->padded) = true;
    }
    const Plan *plan = plan_of(ctx, "generic", chain, &(PlanOptions){0});
    for (int k = 0; k < kernel_count; k++)
        assert_int_equal(drawn->kernels[k], kernels[k]->fits(&layer_of(plan, "second")->problem) && !kernel_projected(kernels[k]));
    return STATUS_FINE;
}

static void everything_is_drawn(void **state)
{
    Drawn drawn = {0};
    (void)state;
    assert_int_equal(context_run(draw_chain, &drawn), STATUS_FINE);
    assert_true(drawn.plain && drawn.padded);
}

static Status cheapest_chain(Context *ctx, void *argument)
{
    (void)argument;
    const Plan *plan = plan_of(ctx, "generic-avx2", chain, &(PlanOptions){0}), *again = plan_of(ctx, "generic-avx2", chain, &(PlanOptions){0});
    double seconds = 0;
    check_layouts(plan);
    for (int l = 0; l < plan->layer_count; l++) {
        seconds += plan->layers[l].price.seconds;
        assert_ptr_equal(plan->layers[l].kernel, again->layers[l].kernel);
        assert_memory_equal(&plan->layers[l].tiling, &again->layers[l].tiling, sizeof(Tiling));
        assert_true(plan->layers[l].kernel == NULL || strcmp(plan->layers[l].why, again->layers[l].why) == 0);
    }
    assert_true(seconds == plan->seconds && seconds > 0);
    for (uint64_t seed = 1; seed < 30; seed++) {
        const Plan *drawn = plan_of(ctx, "generic-avx2", chain, &(PlanOptions){.random = seed});
        assert_true(drawn->seconds >= plan->seconds * 0.98);     /* prices were rounded to three digits */
    }
    return STATUS_FINE;
}

static void nothing_drawn_is_cheaper(void **state)
{
    (void)state;
    assert_int_equal(context_run(cheapest_chain, NULL), STATUS_FINE);
}

/* Somebody reads the value as it is: then it lies plain, whatever is drawn. */
static Status draw_plain(Context *ctx, void *argument)
{
    for (uint64_t seed = 1; seed < 30; seed++) {
        const Plan *plan = plan_of(ctx, "generic", argument, &(PlanOptions){.random = seed});
        assert_true(layout_plain(&layer_of(plan, "first")->tiling.out));
        check_layouts(plan);
    }
    return STATUS_FINE;
}

static void values_that_must_be_plain_are(void **state)
{
#define TWO_CONVS "%a : f32[1,8,20,20] = Conv(%x, %v) " CONV " \"first\"\n%b : f32[1,8,20,20] = Conv(%a, %w) " CONV " \"second\"\n"
    static const char *const bodies[] = {
        TWO_CONVS "output %b\noutput %a\n",
        TWO_CONVS "%c : f32[1,8,20,20] = Mul(%b, %a)\noutput %c\n",
        TWO_CONVS "%c : f32[1,8,20,20] = Tanh(%a)\noutput %b\noutput %c\n",
        TWO_CONVS "%c : f32[1,3200] = Reshape(%a) {shape=[1,3200]}\n%d : f32[1,3200] = Tanh(%c)\noutput %b\noutput %d\n",
        TWO_CONVS "%c : f32[1,8,20,20] = Add(%b, %a)\noutput %c\n",
    };
    (void)state;
    for (int i = 0; i < COUNT(bodies); i++)
        assert_int_equal(context_run(draw_plain, (void *)(uintptr_t)bodies[i]), STATUS_FINE);
}

/* ---- candidates ---- */

static Status list_candidates(Context *ctx, void *argument)
{
    (void)argument;
    const Plan *plan = plan_of(ctx, "generic-avx2", chain, &(PlanOptions){0});
    for (int l = 0; l < plan->layer_count; l++) {
        const LayerPlan *layer = &plan->layers[l];
        Candidate *list = NULL;
        const int count = plan_candidates(plan, l, ctx->graph, &list);
        bool chosen = false, first = true;
        assert_true((count > 0) == (layer->kernel != NULL));
        for (int i = 0; i < count; i++) {
            const int64_t price = price_rounded(list[i].price.seconds);
            const bool same = layout_equal(&list[i].tiling.in, &layer->tiling.in) && layout_equal(&list[i].tiling.out, &layer->tiling.out);
            if (i > 0 && price == price_rounded(list[i - 1].price.seconds))
                assert_true(strcmp(list[i - 1].kernel->name, list[i].kernel->name) <= 0);
            assert_true(i == 0 || price >= price_rounded(list[i - 1].price.seconds));
            if (!same || kernel_projected(list[i].kernel))
                continue;
            chosen = first ? list[i].kernel == layer->kernel && memcmp(&list[i].tiling, &layer->tiling, sizeof(Tiling)) == 0 : chosen;
            first = false;
        }
        assert_true(chosen || count == 0);
    }
    return STATUS_FINE;
}

static void the_chosen_one_is_the_first_between_its_layouts(void **state)
{
    (void)state;
    assert_int_equal(context_run(list_candidates, NULL), STATUS_FINE);
}

static Status cheapest_sides(Context *ctx, void *argument)
{
    (void)argument;
    const Plan *plan = plan_of(ctx, "generic-avx2", residual, &(PlanOptions){0});
    const LayerPlan *layer = layer_of(plan, "second");
    Candidate sparse, dense, any;
    assert_true(problem_cheapest(&layer->problem, &layer->surroundings, CANDIDATE_SPARSE, &sparse));
    assert_true(problem_cheapest(&layer->problem, &layer->surroundings, CANDIDATE_DENSE, &dense));
    assert_true(problem_cheapest(&layer->problem, &layer->surroundings, CANDIDATE_SPARSE | CANDIDATE_DENSE | CANDIDATE_PROJECTED, &any));
    assert_true(sparse.kernel->sparse && !dense.kernel->sparse);
    assert_true(any.price.seconds <= fmin(sparse.price.seconds, dense.price.seconds) * 1.01);
    assert_ptr_equal(layer->dense_kernel, dense.kernel);
    if (layout_plain(&layer->tiling.in) && layout_plain(&layer->tiling.out))
        assert_true(price_rounded(layer->dense_seconds) == price_rounded(dense.price.seconds));
    assert_true(layer->dense_seconds > 0);
    assert_null(layer_of(plan, "tanh")->dense_kernel);
    assert_false(problem_cheapest(&layer_of(plan, "tanh")->problem, &layer->surroundings, CANDIDATE_SPARSE, &any));
    return STATUS_FINE;
}

static void the_dense_side_competes(void **state)
{
    (void)state;
    assert_int_equal(context_run(cheapest_sides, NULL), STATUS_FINE);
}

static Status surround(Context *ctx, void *argument)
{
    static const char body[] = "%a : f32[1,8,20,20] = Conv(%x, %v) " CONV " \"first\"\n"
                               "%t : f32[1,8,20,20] = Tanh(%a) \"near\"\n"
                               "%b : f32[1,8,20,20] = Conv(%t, %w) " CONV " \"second\"\n"
                               "%s : f32[1,8,20,20] = Softmax(%a) {axis=3} \"far\"\n"
                               "%y : f32[1,8,20,20] = Mul(%s, %b) \"end\"\n"
                               "output %y\n";
    const Plan *plan = plan_of(ctx, "generic-avx2", body, &(PlanOptions){.threads = 3});
    const double activation = 4 * 8 * 20 * 20, weights = 4 * 8 * 8 * 9 / 4 * 1.5;    /* a nonzero takes 6 bytes, not 4 */
    (void)argument;
    for (int l = 0; l < plan->layer_count; l++) {
        assert_true(plan->layers[l].surroundings.weights_distance == plan->layers[0].surroundings.weights_distance);
        assert_int_equal(plan->layers[l].surroundings.threads, 3);
        assert_int_equal(plan->layers[l].problem.threads, 3);
    }
    /* x's place is free once 'first' is through: a, t and b lie beside each other, then a, b and s, then s, b and y */
    assert_true(plan->layers[0].surroundings.weights_distance == 3 * activation + 2 * weights);
    assert_true(layer_of(plan, "first")->surroundings.input_distance == 3 * activation + 2 * weights);
    /* half of 'first', half of 'near' */
    assert_true(layer_of(plan, "near")->surroundings.input_distance == 2 * activation + weights / 2);
    /* that and more lies between: at most everything */
    assert_true(layer_of(plan, "far")->surroundings.input_distance == 3 * activation + 2 * weights);
    /* s lies where t was */
    assert_true(layer_of(plan, "first")->surroundings.fresh == 1 && layer_of(plan, "second")->surroundings.fresh == 1);
    assert_true(layer_of(plan, "far")->surroundings.fresh == 0);
    return STATUS_FINE;
}

static void distances_are_bytes_touched_in_between(void **state)
{
    (void)state;
    assert_int_equal(context_run(surround, NULL), STATUS_FINE);
}

/* ---- residual additions ---- */

/* 0: the first host, 1: the second, 2: a layer of its own. */
static int host_of(const Plan *plan)
{
    const char *const names[] = {"first", "second", "sum"};
    const char *host = layer_of(plan, "sum")->problem.node->name;
    int i = 0;
    while (strcmp(names[i], host) != 0)
        i++;
    assert_int_equal(plan->layer_count, i == 2 ? 4 : 3);
    return i;
}

typedef struct Forced {
    ForcedKernel forced[2];
    int count, host;
} Forced;

static Status place_addition(Context *ctx, void *argument)
{
    const Forced *forced = argument;
    const Plan *plan = plan_of(ctx, "generic", residual, &(PlanOptions){.forced = forced->forced, .forced_count = forced->count});
    assert_int_equal(host_of(plan), forced->host);
    check_layouts(plan);
    if (forced->host == 0)               /* it waits for the other side */
        assert_string_equal(plan->layers[2].problem.node->name, "first");
    for (int i = 0; i < forced->count; i++)
        assert_string_equal(layer_of(plan, forced->forced[i].layer)->why, "asked for by --kernel");
    return STATUS_FINE;
}

/* The plain loops take far longer for an addition behind each element than vectors do. */
static void additions_go_where_they_cost_least(void **state)
{
    static const Forced cases[] = {
        {.count = 0, .host = 1},
        {.forced = {{"second", "reference", NULL}}, .count = 1, .host = 0},
        {.forced = {{"first", "reference", NULL}}, .count = 1, .host = 1},
        {.forced = {{"first", "reference", NULL}, {"second", "reference", NULL}}, .count = 2, .host = 2},
    };
    (void)state;
    for (int i = 0; i < COUNT(cases); i++)
        assert_int_equal(context_run(place_addition, (void *)(uintptr_t)&cases[i]), STATUS_FINE);
}

static Status draw_additions(Context *ctx, void *argument)
{
    Drawn *drawn = argument;
    for (uint64_t seed = 1; seed < 40; seed++)
        drawn->hosts[host_of(plan_of(ctx, "generic", residual, &(PlanOptions){.random = seed}))]++;
    return STATUS_FINE;
}

static void all_places_of_an_addition_are_drawn(void **state)
{
    Drawn drawn = {0};
    (void)state;
    assert_int_equal(context_run(draw_additions, &drawn), STATUS_FINE);
    assert_true(drawn.hosts[0] > 0 && drawn.hosts[1] > 0 && drawn.hosts[2] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_drawn),
        cmocka_unit_test(nothing_drawn_is_cheaper),
        cmocka_unit_test(values_that_must_be_plain_are),
        cmocka_unit_test(the_chosen_one_is_the_first_between_its_layouts),
        cmocka_unit_test(the_dense_side_competes),
        cmocka_unit_test(distances_are_bytes_touched_in_between),
        cmocka_unit_test(additions_go_where_they_cost_least),
        cmocka_unit_test(all_places_of_an_addition_are_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
