/* Runs of a made-up model with very many stages: a thread that starts a stage before all parts of the one before it are done reads a number too early,
   and a barrier that loses a thread never ends. Against one thread, for up to eight, on however few cores, from inside other regions too. */
#include "runtime/tulle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { NUMBERS = 192, STAGES = 100, MOST_THREADS = 8, SLICES = 3, SECONDS = 120 };

static _Alignas(TULLE_ALIGNMENT) uint64_t workspace[2 * NUMBERS];

static uint64_t mixed(uint64_t a, uint64_t b)
{
    return (a ^ b >> 7) * UINT64_C(0x9E3779B97F4A7C15) + b;
}

/* Every number from two of the other half, which other parts have made. */
static void step(const struct tulle_context *c, int part, int parts, int from)
{
    const uint64_t *old = (const uint64_t *)(const void *)c->workspace + from * NUMBERS;
    uint64_t *made = (uint64_t *)(void *)c->workspace + (1 - from) * NUMBERS;
    for (int i = NUMBERS * part / parts; i < NUMBERS * (part + 1) / parts; i++)
        made[i] = mixed(old[(i * 5 + 101) % NUMBERS], old[(i + NUMBERS / 2) % NUMBERS] + (uint64_t)c->slice);
}

static void even(const struct tulle_context *c, int part, int parts) { step(c, part, parts, 0); }
static void odd(const struct tulle_context *c, int part, int parts) { step(c, part, parts, 1); }

/* Little work, of one part only: the others wait at once. */
static void alone(const struct tulle_context *c, int part, int parts)
{
    uint64_t *numbers = (uint64_t *)(void *)c->workspace;
    for (int i = 0; part == parts - 1 && i < NUMBERS; i++)
        numbers[i] = mixed(numbers[i], numbers[(i + 1) % NUMBERS]);
}

static int nothing_assumed(const struct tulle_context *c)
{
    (void)c;
    return TULLE_OK;
}

static tulle_stage *stages[STAGES];
static unsigned char waits[STAGES];
static const struct tulle_model model = {
    .abi = TULLE_ABI, .name = "steps", .stages = stages, .waits = waits, .stage_count = STAGES, .slices = SLICES, .threads = 1,
    .workspace_bytes = sizeof workspace, .check = nothing_assumed,
};

static void make_stages(void)
{
    for (int i = 0; i < STAGES; i++) {
        stages[i] = i % 4 == 0 ? even : i % 4 == 1 ? odd : i % 4 == 2 ? alone : even;
        waits[i] = 1;
    }
}

static uint64_t run(int threads, double *seconds)
{
    for (int i = 0; i < NUMBERS; i++)
        workspace[i] = (uint64_t)i * 77;
    const int status = seconds ? tulle_profile(&model, NULL, NULL, workspace, sizeof workspace, threads, seconds)
                               : tulle_run(&model, NULL, NULL, workspace, sizeof workspace, threads);
    assert_int_equal(status, TULLE_OK);
    uint64_t sum = 0;
    for (int i = 0; i < 2 * NUMBERS; i++)
        sum = mixed(sum, workspace[i]);
    return sum;
}

static void any_number_of_threads_computes_the_same(void **state)
{
    (void)state;
    const uint64_t expected = run(1, NULL);
    for (int threads = 2; threads <= MOST_THREADS; threads++)
        for (int repeat = 0; repeat < 3; repeat++)
            assert_true(run(threads, NULL) == expected);
}

static void a_profile_computes_the_same(void **state)
{
    (void)state;
    static double seconds[STAGES];
    const uint64_t expected = run(1, NULL);
    for (int threads = 1; threads <= 3; threads++)
        assert_true(run(threads, seconds) == expected);
}

static void a_run_inside_another_region_computes_the_same(void **state)
{
    (void)state;
    const uint64_t expected = run(1, NULL);
    uint64_t inside = 0;
#pragma omp parallel num_threads(2)
    {
#pragma omp single
        inside = run(4, NULL);
    }
    assert_true(inside == expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_threads_computes_the_same),
        cmocka_unit_test(a_profile_computes_the_same),
        cmocka_unit_test(a_run_inside_another_region_computes_the_same),
    };
    make_stages();
    alarm(SECONDS);                  /* a run that never ends fails */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
