/* The cheapest assignment: against all assignments, over random graphs with made-up costs. */
#include "compiler/plan/internal.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

enum { MOST_NODES = 80, MOST_OPTIONS = 64 };

typedef struct Random {
    AssignNode nodes[MOST_NODES];
    AssignOption options[MOST_NODES][MOST_OPTIONS];
    int layouts[MOST_NODES];         /* that a node's output may have */
    int count;
} Random;

static uint64_t state = 1;

static int below(int most)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int)((state >> 33) % (uint64_t)most);
}

/* Costs are small numbers, so that many assignments cost the same; some options differ in nothing but their cost. */
static void add_option(Random *random, int n, int in, int out)
{
    AssignNode *node = &random->nodes[n];
    if (node->option_count < MOST_OPTIONS)
        random->options[n][node->option_count++] = (AssignOption){below(9), in, out};
}

static void fill_node(Random *random, int n, int from, int layouts)
{
    random->nodes[n] = (AssignNode){random->options[n], 0, from};
    random->layouts[n] = layouts;
    for (int in = 0; in < (from < 0 ? 1 : random->layouts[from]); in++) {
        add_option(random, n, in, 0);
        for (int out = 0; out < layouts; out++)
            if (below(3) > 0)
                add_option(random, n, in, out);
    }
}

static void random_graph(Random *random, int most)
{
    random->count = 1 + below(most);
    for (int n = 0; n < random->count; n++)
        fill_node(random, n, n == 0 || below(5) == 0 ? -1 : below(n), 1 + below(MOST_LAYOUTS));
}

static bool agrees(const Random *random, const int *chosen, int n)
{
    const int from = random->nodes[n].from;
    return random->options[n][chosen[n]].in == (from < 0 ? 0 : random->options[from][chosen[from]].out);
}

static int64_t try_all(const Random *random, int *chosen, int n)
{
    int64_t least = INT64_MAX;
    if (n == random->count)
        return 0;
    for (chosen[n] = 0; chosen[n] < random->nodes[n].option_count; chosen[n]++) {
        if (!agrees(random, chosen, n))
            continue;
        const int64_t cost = random->options[n][chosen[n]].cost + try_all(random, chosen, n + 1);
        least = cost < least ? cost : least;
    }
    return least;
}

static int64_t cost_of(const Random *random, const int *chosen)
{
    int64_t cost = 0;
    for (int n = 0; n < random->count; n++) {
        assert_true(agrees(random, chosen, n));
        cost += random->options[n][chosen[n]].cost;
    }
    return cost;
}

static Status compare(Context *ctx, void *argument)
{
    const Random *random = argument;
    int chosen[MOST_NODES], again[MOST_NODES], all[MOST_NODES];
    const int64_t cost = assign_cheapest(random->nodes, random->count, 4096, ctx->scratch, chosen);
    assert_int_equal(cost_of(random, chosen), cost);
    assert_int_equal(try_all(random, all, 0), cost);
    assign_cheapest(random->nodes, random->count, 4096, ctx->scratch, again);
    assert_memory_equal(chosen, again, (size_t)random->count * sizeof *chosen);
    for (int most = 1; most < 4; most++)
        assert_true(cost_of(random, again) <= assign_cheapest(random->nodes, random->count, most, ctx->scratch, chosen));
    assert_true(cost_of(random, chosen) >= cost);
    return STATUS_FINE;
}

static void nothing_is_cheaper(void **ignored)
{
    Random *random = calloc(1, sizeof *random);
    (void)ignored;
    for (int round = 0; round < 600; round++) {
        random_graph(random, 6);
        assert_int_equal(context_run(compare, random), STATUS_FINE);
    }
    free(random);
}

/* More outputs that are still to be read than a state can hold: those beyond stay plain, and what comes out is valid. */
static Status many_alive(Context *ctx, void *argument)
{
    const Random *random = argument;
    int chosen[MOST_NODES];
    const int64_t cost = assign_cheapest(random->nodes, random->count, 256, ctx->scratch, chosen);
    assert_int_equal(cost_of(random, chosen), cost);
    return STATUS_FINE;
}

static void many_values_at_a_time_are_bounded(void **ignored)
{
    Random *random = calloc(1, sizeof *random);
    (void)ignored;
    random->count = MOST_NODES;
    for (int n = 0; n < MOST_NODES; n++)
        fill_node(random, n, n < MOST_NODES / 2 ? -1 : MOST_NODES - 1 - n, MOST_LAYOUTS);
    assert_int_equal(context_run(many_alive, random), STATUS_FINE);
    free(random);
}

/* A conversion in one of two readers, or a dearer way of writing: the whole counts, not each node by itself. */
static Status joint(Context *ctx, void *argument)
{
    (void)argument;
    const AssignOption writer[] = {{10, 0, 0}, {12, 0, 1}}, reader[] = {{8, 0, 0}, {5, 1, 0}}, other[] = {{3, 0, 0}, {4, 1, 0}};
    const AssignNode pair[] = {{writer, 2, -1}, {reader, 2, 0}}, three[] = {{writer, 2, -1}, {reader, 2, 0}, {other, 2, 0}};
    int chosen[3];
    assert_int_equal(assign_cheapest(pair, 2, 16, ctx->scratch, chosen), 17);
    assert_true(chosen[0] == 1 && chosen[1] == 1);
    assert_int_equal(assign_cheapest(three, 3, 16, ctx->scratch, chosen), 21);
    return STATUS_FINE;
}

static void layouts_are_chosen_for_all_together(void **ignored)
{
    (void)ignored;
    assert_int_equal(context_run(joint, NULL), STATUS_FINE);
}

static Status years(Context *ctx, void *argument)
{
    (void)argument;
    const AssignOption slow = {price_rounded(INFINITY), 0, 0};
    AssignNode *nodes = arena_array(ctx->scratch, AssignNode, 5000);
    int *chosen = arena_array(ctx->scratch, int, 5000);
    for (int n = 0; n < 5000; n++)
        nodes[n] = (AssignNode){&slow, 1, -1};
    assert_int_equal(assign_cheapest(nodes, 5000, 16, ctx->scratch, chosen), INT64_MAX);
    return STATUS_FINE;
}

static void sums_of_the_longest_times_do_not_overflow(void **ignored)
{
    (void)ignored;
    assert_int_equal(context_run(years, NULL), STATUS_FINE);
}

static void prices_that_hardly_differ_are_equal(void **ignored)
{
    (void)ignored;
    assert_int_equal(price_rounded(1.2341e-3), INT64_C(1230000000));
    assert_int_equal(price_rounded(1.2341e-3), price_rounded(1.2344e-3));
    assert_true(price_rounded(1.23e-3) < price_rounded(1.24e-3));
    assert_int_equal(price_rounded(0.9999e-3), price_rounded(1.0001e-3));
    assert_int_equal(price_rounded(0), 0);
    assert_true(price_rounded(1e30) == price_rounded(1e300) && price_rounded(1e30) > price_rounded(3600));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_cheaper),
        cmocka_unit_test(many_values_at_a_time_are_bounded),
        cmocka_unit_test(layouts_are_chosen_for_all_together),
        cmocka_unit_test(sums_of_the_longest_times_do_not_overflow),
        cmocka_unit_test(prices_that_hardly_differ_are_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
