/* Packing of blocks: never an overlap of blocks alive together, and near the lower bound. */
#include "compiler/plan/internal.h"

#include <math.h>
#include <setjmp.h>
#include <cmocka.h>

static uint32_t random_state = 12345;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)(random_state >> 8) * limit) >> 24);
}

static bool alive_together(const Block *a, const Block *b)
{
    return !(a->last < b->first || b->last < a->first);
}

static void check_disjoint(const Block *blocks, int count, size_t whole)
{
    for (int i = 0; i < count; i++) {
        assert_true(blocks[i].offset % BLOCK_ALIGNMENT == 0);
        assert_true(blocks[i].offset + blocks[i].bytes <= whole);
        for (int j = 0; j < i; j++)
            if (alive_together(&blocks[i], &blocks[j]))
                assert_true(blocks[i].offset + blocks[i].bytes <= blocks[j].offset || blocks[j].offset + blocks[j].bytes <= blocks[i].offset);
    }
}

static size_t naive_bound(const Block *blocks, int count, int stages)
{
    size_t most = 0;
    for (int stage = 0; stage < stages; stage++) {
        size_t sum = 0;
        for (int i = 0; i < count; i++)
            if (blocks[i].first <= stage && stage <= blocks[i].last)
                sum += (blocks[i].bytes + 63) / 64 * 64;
        most = sum > most ? sum : most;
    }
    return most;
}

/* Like a network's: most blocks live for a stage or two, some are kept for a skip connection. */
static void random_block(Block *block, int stages)
{
    int life = random_below(8) == 0 ? (int)random_below(10) : 1 + (int)random_below(2);
    block->first = (int)random_below((uint32_t)stages);
    block->last = block->first + life < stages ? block->first + life : stages - 1;
    block->bytes = random_below(20) == 0 ? 0 : random_below(5000) * (random_below(4) == 0 ? 100 : 1);
}

static Status pack_many(Context *ctx, void *argument)
{
    (void)argument;
    double excess = 0;
    for (int round = 0; round < 400; round++) {
        int count = 1 + (int)random_below(120), stages = 1 + (int)random_below(60);
        Block blocks[120];
        for (int i = 0; i < count; i++)
            random_block(&blocks[i], stages);
        size_t naive = naive_bound(blocks, count, stages);
        assert_true(naive == blocks_bound(blocks, count, stages, ctx->scratch));
        size_t whole = blocks_place(blocks, count, ctx->scratch);
        check_disjoint(blocks, count, whole);
        assert_true(whole >= naive);
        excess += naive == 0 ? 0 : (double)whole / (double)naive - 1;
        arena_reset(ctx->scratch);
    }
    print_message("mean excess over the lower bound: %.2f %%\n", 100 * excess / 400);
    assert_true(excess / 400 < 0.03);
    return STATUS_FINE;
}

/* A chain needs its two largest neighbours, no more. */
static Status pack_chain(Context *ctx, void *argument)
{
    (void)argument;
    Block chain[50];
    size_t most = 0;
    for (int i = 0; i < 50; i++) {
        chain[i] = (Block){.bytes = 64 * (1 + random_below(1000)), .first = i, .last = i + 1};
        if (i > 0 && chain[i].bytes + chain[i - 1].bytes > most)
            most = chain[i].bytes + chain[i - 1].bytes;
    }
    assert_true(blocks_place(chain, 50, ctx->scratch) == most);
    check_disjoint(chain, 50, most);
    return STATUS_FINE;
}

static Status pack_huge(Context *ctx, void *argument)
{
    (void)argument;
    Block blocks[3] = {{.bytes = SIZE_MAX / 2, .first = 0, .last = 1}, {.bytes = SIZE_MAX / 2, .first = 1, .last = 1}, {.bytes = 100}};
    assert_true(blocks_place(blocks, 3, ctx->scratch) == SIZE_MAX);
    assert_true(block_round(SIZE_MAX - 10) == SIZE_MAX);
    assert_true(blocks_place(blocks, 0, ctx->scratch) == 0);
    return STATUS_FINE;
}

/* The fewest bytes touched between the end of a block and the beginning of one in its place. */
static double least_rest(const Block *blocks, int count, const double *passed)
{
    double least = INFINITY;
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++)
            if (blocks[j].last < blocks[i].first && blocks[i].offset < blocks[j].offset + blocks[j].bytes &&
                blocks[j].offset < blocks[i].offset + blocks[i].bytes)
                least = fmin(least, passed[blocks[i].first] - passed[blocks[j].last + 1]);
    return least;
}

static Status spread_many(Context *ctx, void *argument)
{
    (void)argument;
    for (int round = 0; round < 200; round++) {
        int count = 1 + (int)random_below(120), stages = 1 + (int)random_below(60);
        Block blocks[120];
        double passed[62];
        for (int i = 0; i < count; i++)
            random_block(&blocks[i], stages);
        for (int stage = 0; stage < stages + 2; stage++)
            passed[stage] = 1000.0 * stage;
        size_t whole = blocks_place(blocks, count, ctx->scratch);
        blocks_spread(blocks, count, whole, passed, 1000.0 * random_below(20), ctx->scratch);
        check_disjoint(blocks, count, whole);
        arena_reset(ctx->scratch);
    }
    return STATUS_FINE;
}

/* A large block first, then a chain of small ones, which need two places and have nine: each rests while seven others are written. */
static Status spread_chain(Context *ctx, void *argument)
{
    (void)argument;
    enum { COUNT_OF_CHAIN = 40 };
    Block blocks[COUNT_OF_CHAIN];
    double passed[COUNT_OF_CHAIN + 3];
    for (int i = 0; i < COUNT_OF_CHAIN; i++)
        blocks[i] = (Block){.bytes = i == 0 ? 8192 : 1024, .first = i, .last = i + 1};
    for (int stage = 0; stage < COUNT_OF_CHAIN + 3; stage++)
        passed[stage] = 1024.0 * stage;
    size_t whole = blocks_place(blocks, COUNT_OF_CHAIN, ctx->scratch);
    assert_true(whole == 9 * 1024);
    assert_true(least_rest(blocks, COUNT_OF_CHAIN, passed) <= 1024);
    blocks_spread(blocks, COUNT_OF_CHAIN, whole, passed, 5 * 1024, ctx->scratch);
    check_disjoint(blocks, COUNT_OF_CHAIN, whole);
    assert_true(least_rest(blocks + 2, COUNT_OF_CHAIN - 2, passed) >= 5 * 1024);
    return STATUS_FINE;
}

static void spread_blocks_are_disjoint(void **state)
{
    (void)state;
    assert_int_equal(context_run(spread_many, NULL), STATUS_FINE);
}

static void spread_blocks_rest(void **state)
{
    (void)state;
    assert_int_equal(context_run(spread_chain, NULL), STATUS_FINE);
}

static void random_blocks_are_disjoint_and_near_the_bound(void **state)
{
    (void)state;
    assert_int_equal(context_run(pack_many, NULL), STATUS_FINE);
}

static void chain_needs_its_largest_pair(void **state)
{
    (void)state;
    assert_int_equal(context_run(pack_chain, NULL), STATUS_FINE);
}

static void sizes_that_overflow_are_told(void **state)
{
    (void)state;
    assert_int_equal(context_run(pack_huge, NULL), STATUS_FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_blocks_are_disjoint_and_near_the_bound),
        cmocka_unit_test(chain_needs_its_largest_pair),
        cmocka_unit_test(sizes_that_overflow_are_told),
        cmocka_unit_test(spread_blocks_are_disjoint),
        cmocka_unit_test(spread_blocks_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
