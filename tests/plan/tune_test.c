/* Tuning: trials are whole plans with choices that were not measured yet; the best is what was surely faster; and planning takes it up again. */
#include "codegen/kernel.h"
#include "compiler/pass/pass.h"
#include "compiler/plan/internal.h"

#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

enum { CHANNELS = 32, SIDE = 14, MOST = 5 };

/* Two convolutions, an addition and a product; one weight of `every` is not zero. */
static Graph *network(Context *ctx, int every, const char *first_name)
{
    Graph *graph = graph_new(ctx, "net");
    const Shape image = {4, {1, CHANNELS, SIDE, SIDE}}, kernel = {4, {CHANNELS, CHANNELS, 3, 3}};
    float *weights = arena_array(graph->arena, float, CHANNELS * CHANNELS * 9);
    for (int i = 0; i < CHANNELS * CHANNELS * 9; i++)
        weights[i] = i * 7 % every == 0 ? 1.0f + (float)(i % 5) : 0;
    Value *values[4] = {graph_input(graph, "x", TYPE_F32, &image)};
    Value *w = graph_constant(graph, "w", TYPE_F32, &kernel, weights);
    static const int64_t ones[] = {1, 1, 1, 1};
    for (int i = 0; i < 2; i++) {
        values[i + 1] = graph_value(graph, i == 0 ? "a" : "b");
        values[i + 1]->type = TYPE_F32;
        values[i + 1]->shape = image;
        values[i + 1]->known = true;
        Node *node = graph_add(graph, OP_Conv, i == 0 ? first_name : "second", (Value *const[]){values[i], w}, 2, &values[i + 1], 1);
        node_set_ints(graph, node, ATTR_dilations, ones, 2);
        node_set_ints(graph, node, ATTR_pads, ones, 4);
        node_set_ints(graph, node, ATTR_strides, ones, 2);
        node_set_int(graph, node, ATTR_group, 1);
    }
    graph_output(graph, values[2]);
    passes_run(graph, &(PassOptions){0});
    return graph;
}

static Plan *plan_network(Context *ctx, int every, const PlanOptions *options)
{
    return plan_make(network(ctx, every, "first"), target_named(ctx, "generic-avx2"), options);
}

static bool same_layer(const LayerPlan *a, const LayerPlan *b)
{
    return a->kernel == b->kernel && memcmp(&a->tiling, &b->tiling, sizeof a->tiling) == 0;
}

/* As if what is not the model's choice took `ratio` times as long. */
static void note_all(Tuning *tuning, const Trial *trial, double ratio, double low, double high)
{
    for (int l = 0; l < trial->plan->layer_count; l++)
        if (tuning_changed(tuning, trial, l))
            tuning_note(tuning, trial, l, 1e-6 * ratio, ratio, low, high);
        else
            tuning_note(tuning, trial, l, 1e-6, 1, 1, 1);
}

static Status trials_are_new(Context *ctx, void *argument)
{
    const Plan *plan = plan_network(ctx, 10, &(PlanOptions){0});
    Tuning *tuning = tuning_new(plan);
    LayerPlan seen[64];
    int count = 0;
    (void)argument;
    for (;;) {
        const Trial trial = tuning_trial(tuning, TRIAL_NEXT, MOST);
        if (trial.fresh == 0)
            break;
        assert_true(trial.fresh <= trial.changed);
        int fresh = 0;
        for (int l = 0; l < plan->layer_count; l++) {
            const LayerPlan *layer = &trial.plan->layers[l];
            assert_true(tuning_changed(tuning, &trial, l) == !same_layer(layer, &plan->layers[l]));
            bool known = !tuning_changed(tuning, &trial, l);
            for (int i = 0; i < count && !known; i++)
                known = seen[i].problem.node == layer->problem.node && same_layer(&seen[i], layer);
            fresh += !known;
            if (!known)
                seen[count++] = *layer;
        }
        assert_int_equal(fresh, trial.fresh);
        assert_true(count <= MOST * plan->layer_count);
        note_all(tuning, &trial, 1.5, 1.4, 1.6);
    }
    assert_true(count > plan->layer_count);
    return STATUS_FINE;
}

static Status dense_is_dense(Context *ctx, void *argument)
{
    const Plan *plan = plan_network(ctx, 10, &(PlanOptions){0});
    Tuning *tuning = tuning_new(plan);
    const Trial trial = tuning_trial(tuning, TRIAL_DENSE, MOST);
    (void)argument;
    assert_int_equal(trial.changed, 2);
    for (int l = 0; l < plan->layer_count; l++) {
        assert_true(plan->layers[l].kernel->sparse);
        assert_false(trial.plan->layers[l].kernel->sparse);
    }
    return STATUS_FINE;
}

static Status only_sure_gains(Context *ctx, void *argument)
{
    static const struct { double ratio, low, high; bool taken; } cases[] = {
        {0.5, 0.4, 0.6, true}, {0.5, 0.4, 1.1, false}, {0.985, 0.98, 0.99, false}, {1.5, 1.4, 1.6, false},
    };
    (void)argument;
    for (int i = 0; i < COUNT(cases); i++) {
        Tuning *tuning = tuning_new(plan_network(ctx, 10, &(PlanOptions){0}));
        const Trial trial = tuning_trial(tuning, TRIAL_NEXT, MOST);
        note_all(tuning, &trial, cases[i].ratio, cases[i].low, cases[i].high);
        const Trial best = tuning_trial(tuning, TRIAL_BEST, MOST);
        assert_int_equal(best.changed, cases[i].taken ? trial.changed : 0);
        for (int l = 0; l < best.plan->layer_count && cases[i].taken; l++)
            assert_true(same_layer(&best.plan->layers[l], &trial.plan->layers[l]));
    }
    return STATUS_FINE;
}

static TunedChoice faster_of(const Tuning *tuning, Arena *arena, int layer)
{
    TunedChoice *choices;
    int has;
    assert_int_equal(tuning_measured(tuning, arena, layer, NULL, &choices, &has), 2);
    assert_int_equal(has, -1);
    assert_true(choices[0].ratio == 1 && choices[0].model && !choices[1].model);
    return choices[1];
}

static Status taken_up_again(Context *ctx, void *argument)
{
    const Plan *plan = plan_network(ctx, 10, &(PlanOptions){0});
    Tuning *tuning = tuning_new(plan);
    const Trial trial = tuning_trial(tuning, TRIAL_NEXT, MOST);
    (void)argument;
    note_all(tuning, &trial, 0.5, 0.4, 0.6);
    const TunedChoice tuned[] = {faster_of(tuning, ctx->graph, 0), faster_of(tuning, ctx->graph, 1)};
    const PlanOptions options = {.tuned = tuned, .tuned_count = COUNT(tuned)};
    const Plan *again = plan_make(network(ctx, 10, "called otherwise"), plan->target, &options);
    assert_int_equal(again->tuned_count, 2);
    for (int l = 0; l < plan->layer_count; l++)
        assert_true(same_layer(&again->layers[l], &trial.plan->layers[l]));
    assert_int_equal(plan_network(ctx, 11, &options)->tuned_count, 0);      /* other zeros */
    assert_int_equal(plan_network(ctx, 10, &(PlanOptions){.tuned = tuned, .tuned_count = COUNT(tuned), .threads = 2})->tuned_count, 0);
    const ForcedKernel forced = {"first", "reference", NULL};               /* what is asked for goes before */
    const Plan *mixed = plan_network(ctx, 10, &(PlanOptions){.tuned = tuned, .tuned_count = COUNT(tuned), .forced = &forced, .forced_count = 1});
    assert_string_equal(mixed->layers[0].kernel->name, "reference");
    return STATUS_FINE;
}

static Status recalled(Context *ctx, void *argument)
{
    Tuning *tuning = tuning_new(plan_network(ctx, 10, &(PlanOptions){0}));
    const Trial trial = tuning_trial(tuning, TRIAL_NEXT, MOST);
    (void)argument;
    note_all(tuning, &trial, 0.5, 0.4, 0.6);
    for (int wrong = 0; wrong < 2; wrong++) {
        Tuning *next = tuning_new(plan_network(ctx, 10, &(PlanOptions){0}));
        for (int l = 0; l < trial.plan->layer_count; l++) {
            TunedChoice *choices;
            int has;
            const int count = tuning_measured(tuning, ctx->graph, l, &trial, &choices, &has);
            assert_int_equal(has, tuning_changed(tuning, &trial, l));
            if (wrong)
                choices[0].kernel = "reference";     /* the model chose otherwise then: ratios to it say nothing */
            tuning_recall(next, choices, count);
        }
        assert_int_equal(tuning_trial(next, TRIAL_BEST, MOST).changed, wrong ? 0 : trial.changed);
    }
    return STATUS_FINE;
}

static Status settled(Context *ctx, void *argument)
{
    const Plan *plan = plan_network(ctx, 10, &(PlanOptions){0});
    Tuning *tuning = tuning_new(plan);
    (void)argument;
    for (int i = 0; i < 2; i++) {
        const Trial trial = tuning_trial(tuning, TRIAL_NEXT, MOST);
        note_all(tuning, &trial, 0.5 + 0.1 * i, 0.5, 0.6 + 0.1 * i);
    }
    const Trial best = tuning_trial(tuning, TRIAL_BEST, MOST);
    assert_int_equal(best.changed, 2);
    tuning_settle(tuning, &best);
    note_all(tuning, &best, 0.9, 0.9, 0.9);      /* now others would be better, but are not to be taken any more */
    const Trial same = tuning_trial(tuning, TRIAL_BEST, MOST);
    for (int l = 0; l < plan->layer_count; l++)
        assert_true(same_layer(&same.plan->layers[l], &best.plan->layers[l]));
    for (int l = 0; l < plan->layer_count; l++)
        tuning_give_up(tuning, l);
    assert_int_equal(tuning_trial(tuning, TRIAL_BEST, MOST).changed, 0);
    return STATUS_FINE;
}

/* All keys of a network, one for each layer; and those of the same one otherwise planned are others. */
static Status keys_differ(Context *ctx, void *argument)
{
    const PlanOptions ways[] = {{.threads = 1}, {.threads = 2}, {.rules = {.no_winograd = true}}, {.rules = {.no_assembler = true}}};
    char seen[2 * COUNT(ways)][KEY_BYTES];
    int count = 0;
    (void)argument;
    for (int w = 0; w < COUNT(ways); w++) {
        const Plan *plan = plan_network(ctx, 10, &ways[w]);
        const LayerKey *keys = layer_keys(plan, ctx->graph);
        assert_int_equal(plan->layer_count, 2);
        for (int l = 0; l < plan->layer_count; l++)
            memcpy(seen[count++], keys[l].text, KEY_BYTES);
    }
    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(seen[i], seen[j]);
    return STATUS_FINE;
}

/* Tilings and layouts come from files. */
static Status nonsense_is_nobodys_choice(Context *ctx, void *argument)
{
    Tuning *tuning = tuning_new(plan_network(ctx, 10, &(PlanOptions){0}));
    const Trial trial = tuning_trial(tuning, TRIAL_NEXT, MOST);
    static const char *const tilings[] = {"", ",", "1", "1,,1", "99999999999999999999", "1,1,1,1,1,1,1,1,1", "x", "1,2x"};
    (void)argument;
    note_all(tuning, &trial, 0.5, 0.4, 0.6);
    for (int i = 0; i < COUNT(tilings); i++) {
        TunedChoice tuned = faster_of(tuning, ctx->graph, 0);
        tuned.tiling = tilings[i];
        assert_int_equal(plan_network(ctx, 10, &(PlanOptions){.tuned = &tuned, .tuned_count = 1})->tuned_count, 0);
    }
    return STATUS_FINE;
}

#define TEST(name)                                                                                                                                    \
    static void name##_test(void **state)                                                                                                             \
    {                                                                                                                                                 \
        (void)state;                                                                                                                                  \
        assert_int_equal(context_run(name, NULL), STATUS_FINE);                                                                                       \
    }

TEST(trials_are_new)
TEST(dense_is_dense)
TEST(only_sure_gains)
TEST(taken_up_again)
TEST(recalled)
TEST(settled)
TEST(keys_differ)
TEST(nonsense_is_nobodys_choice)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trials_are_new_test), cmocka_unit_test(dense_is_dense_test), cmocka_unit_test(only_sure_gains_test),
        cmocka_unit_test(taken_up_again_test), cmocka_unit_test(recalled_test),       cmocka_unit_test(nonsense_is_nobodys_choice_test),
        cmocka_unit_test(settled_test),        cmocka_unit_test(keys_differ_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
