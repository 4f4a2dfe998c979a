/* From counts to seconds, of counts made by hand: what each resource is worth, how stages are shared out, what is kept by caches. */
#include "compiler/plan/internal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* A core with easy numbers: 1 GHz, so that a cycle is a nanosecond, and no cost of a barrier. */
static const Target core = {
    .isa = {.name = "avx2", .vector_bytes = 32, .registers = 16, .instruction_bytes = 5, .fuses = true, .folds = true},
    .machine = {.name = "easy", .cores = 4, .ghz = 1, .vector_bytes = 32, .fma_ports = 2, .fma_latency = 4, .vector_ports = 2, .load_ports = 2,
                .store_ports = 1, .split_load_slots = 1, .decode_width = 4, .issue_width = 6, .fetch_bytes = 16, .micro_ops = 1000,
                .mispredict_cycles = 20, .line_bytes = 64, .l1i_bytes = 32768, .l1_bytes = 32768, .l2_bytes = 1 << 20, .l2_cores = 1,
                .l2_bandwidth = 8, .l3_bytes = 1 << 25, .l3_cores = 4, .l3_bandwidth = 4, .memory_bandwidth = 2, .memory_all = 4},
};

static StagePrice priced(const StageWork *stage, int64_t items, int threads)
{
    const Work work = {.stages = {*stage}, .stage_count = 1};
    const Price price = work_price(&work, &core, &(StagePlan){.items = items}, &(Surroundings){threads, 1e9, 1e9, 0});
    assert_true(isfinite(price.seconds) && price.seconds > 0);
    return price.stages[0];
}

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-9 * fabs(b);
}

static void each_resource_needs_its_cycles(void **state)
{
    (void)state;
    const StageWork stage = {.instructions = 6000, .fma = 2000, .vector = 3000, .loads = 4000, .split_loads = 1000, .stores = 700, .chain = 100,
                             .mispredicts = 5};
    const StagePrice price = priced(&stage, 8, 1);
    const double expected[BOUND_COUNT] = {[BOUND_MULTIPLY] = 1000, [BOUND_VECTOR] = 1500, [BOUND_LOAD] = 2500, [BOUND_STORE] = 700,
                                          [BOUND_INSTRUCTIONS] = 1000, [BOUND_LATENCY] = 400};
    for (int i = 0; i < BOUND_COUNT; i++)
        assert_true(near(price.cycles[i], expected[i]));
    assert_int_equal(price.bound, BOUND_LOAD);
    assert_true(near(price.seconds, 1e-9 * (2500 + price.lost)));
}

/* 5 bytes an instruction: 5000 bytes of micro-ops, then 16 / 5 through the decoders, then what level 2 delivers. */
static void code_comes_from_where_it_fits(void **state)
{
    (void)state;
    const double bytes[] = {5000, 5001, 32769}, each[] = {6, 16.0 / 5, 8.0 / 5};
    for (int i = 0; i < COUNT(bytes); i++)
        assert_true(near(priced(&(StageWork){.instructions = 6000, .code_bytes = bytes[i]}, 1, 1).cycles[BOUND_INSTRUCTIONS], 6000 / each[i]));
}

/* By their number in whole items, by the largest of them, and by the cores that there are. */
static void the_busiest_thread_counts(void **state)
{
    (void)state;
    StageWork stage = {.fma = 8000};
    const struct { int64_t items; int threads; double largest, share; } cases[] = {
        {8, 1, 3, 1}, {8, 2, 0, 0.5}, {5, 2, 0, 0.6}, {1, 4, 0, 1}, {8, 4, 4, 0.5}, {8, 4, 100, 1}, {8, 64, 0, 0.25}, {0, 4, 0, 1},
    };
    for (int i = 0; i < COUNT(cases); i++) {
        stage.largest_item = cases[i].largest;
        assert_true(near(priced(&stage, cases[i].items, cases[i].threads).cycles[BOUND_MULTIPLY], 4000 * cases[i].share));
    }
}

static void bytes_come_from_where_their_distance_fits(void **state)
{
    (void)state;
    const struct { double distance, l2, l3, memory; } cases[] = {{1000, 0, 0, 0}, {1e5, 1, 0, 0}, {5e6, 1, 1, 0}, {1e9, 1, 1, 1}};
    for (int i = 0; i < COUNT(cases); i++) {
        StageWork stage = {0};
        stage_touch_again(&stage, 8000, cases[i].distance);
        const StagePrice price = priced(&stage, 1, 1);
        assert_true(near(price.cycles[BOUND_L2], 1000 * cases[i].l2) && near(price.cycles[BOUND_L3], 2000 * cases[i].l3));
        assert_true(near(price.cycles[BOUND_MEMORY], 4000 * cases[i].memory));
    }
}

/* Half of the output has a place that was touched a moment ago; the other half is read from memory, and as much goes back, while nothing else runs. */
static void fresh_outputs_come_and_go(void **state)
{
    (void)state;
    Work work = {.stage_count = 1};
    stage_touch(&work.stages[0], TOUCH_OUTPUT, 8000);
    const Surroundings half = {1, 1e9, 1000, 0.5}, none = {1, 1e9, 1000, 0};
    const StagePlan plan = {.items = 1};
    const StagePrice price = work_price(&work, &core, &plan, &half).stages[0], known = work_price(&work, &core, &plan, &none).stages[0];
    assert_true(near(price.lost - known.lost, 2 * 4000 / 2.0));
    assert_true(near(price.cycles[BOUND_L3], 1000) && price.cycles[BOUND_MEMORY] == 0 && known.cycles[BOUND_L3] == 0);
}

/* The same of an output whose lines are asked for: they come and go while the core works. */
static void asked_outputs_come_meanwhile(void **state)
{
    (void)state;
    Work work = {.stage_count = 1};
    stage_touch(&work.stages[0], TOUCH_ASKED, 8000);
    const Surroundings half = {1, 1e9, 1000, 0.5}, none = {1, 1e9, 1000, 0};
    const StagePlan plan = {.items = 1};
    const StagePrice price = work_price(&work, &core, &plan, &half).stages[0], known = work_price(&work, &core, &plan, &none).stages[0];
    assert_true(near(price.lost, known.lost));
    assert_true(near(price.cycles[BOUND_MEMORY], 2 * 4000 / 2.0) && near(price.cycles[BOUND_L3], 1000) && known.cycles[BOUND_MEMORY] == 0);
}

/* A core reaches half of what all have together: the third thread gains nothing. */
static void memory_is_shared(void **state)
{
    (void)state;
    StageWork stage = {0};
    stage_touch(&stage, TOUCH_WEIGHTS, 8000);
    const double expected[] = {4000, 2000, 2000, 2000};
    for (int threads = 1; threads <= 4; threads++)
        assert_true(near(priced(&stage, 12, threads).cycles[BOUND_MEMORY], expected[threads - 1]));
}

static void nothing_costs_little(void **state)
{
    (void)state;
    assert_true(priced(&(StageWork){0}, 1, 1).seconds < 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_resource_needs_its_cycles),
        cmocka_unit_test(code_comes_from_where_it_fits),
        cmocka_unit_test(the_busiest_thread_counts),
        cmocka_unit_test(bytes_come_from_where_their_distance_fits),
        cmocka_unit_test(fresh_outputs_come_and_go),
        cmocka_unit_test(asked_outputs_come_meanwhile),
        cmocka_unit_test(memory_is_shared),
        cmocka_unit_test(nothing_costs_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
