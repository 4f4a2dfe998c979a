/* Arenas: what an allocation looks like, what it costs, where it ends. */
#include "captured.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long resident_kilobytes(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_true(file && fscanf(file, "%ld %ld", &pages, &resident) == 2);
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static bool all_zero(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i])
            return false;
    return true;
}

static Status allocate_many(Context *ctx, void *argument)
{
    (void)argument;
    for (int round = 0; round < 3; round++) {
        for (size_t size = 0; size < 300000; size = size * 2 + 1) {
            unsigned char *memory = arena_alloc(ctx->scratch, size, 1);
            assert_true(all_zero(memory, size));
            assert_int_equal((uintptr_t)memory % (size >= 64 ? 64 : 16), 0);
            memset(memory, 0xff, size);
        }
        arena_reset(ctx->scratch);
    }
    return STATUS_FINE;
}

static void memory_is_zero_and_aligned_also_after_reset(void **state)
{
    (void)state;
    assert_int_equal(captured(allocate_many, NULL), STATUS_FINE);
}

static Status allocate_large(Context *ctx, void *argument)
{
    (void)argument;
    long before = resident_kilobytes();
    unsigned char *memory = arena_alloc(ctx->graph, 800 << 20, 1);
    memory[0] = memory[(800 << 20) - 1] = 1;
#ifndef __SANITIZE_ADDRESS__
    assert_true(resident_kilobytes() - before < 4096);
#endif
    assert_true(before > 0 && arena_peak(ctx->graph) >= 800u << 20);
    return STATUS_FINE;
}

static void large_memory_costs_nothing_until_touched(void **state)
{
    (void)state;
    assert_int_equal(captured(allocate_large, NULL), STATUS_FINE);
}

static Status pass_limit(Context *ctx, void *argument)
{
    Arena *arena = arena_new(ctx, "dwarf", 1 << 20);
    for (int i = 0; i < 100000; i++)
        arena_alloc(arena, 1, *(size_t *)argument);
    return STATUS_FINE;
}

static void limit_is_an_error_that_names_the_arena(void **state)
{
    (void)state;
    size_t sizes[] = {100, 2 << 20};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(captured(pass_limit, &sizes[i]), STATUS_MODEL);
        assert_said("of dwarf memory");
    }
    assert_said("2097152 bytes more");
}

static Status overflow(Context *ctx, void *argument)
{
    (void)argument;
    arena_alloc(ctx->graph, SIZE_MAX / 2, 3);
    return STATUS_FINE;
}

static Status ask_for_too_much(Context *ctx, void *argument)
{
    (void)argument;
    arena_alloc(ctx->graph, 1, (size_t)1 << 60);
    return STATUS_FINE;
}

static void overflow_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(captured(overflow, NULL), STATUS_MODEL);
    assert_said("too much memory");
    assert_int_equal(captured(ask_for_too_much, NULL), STATUS_MODEL);
    assert_said("too much memory");
}

static Status grow(Context *ctx, void *argument)
{
    (void)argument;
    int *items = NULL, capacity = 0;
    for (int i = 0; i < 1000000; i++) {
        items = arena_grow(ctx->graph, items, &capacity, i, sizeof *items);
        items[i] = i;
        if (i % 1000 == 0)
            arena_alloc(ctx->graph, 1, 24);
    }
    for (int i = 0; i < 1000000; i++)
        assert_int_equal(items[i], i);
    assert_true(all_zero((unsigned char *)(items + 1000000), (size_t)(capacity - 1000000) * sizeof *items));
    return STATUS_FINE;
}

static void vectors_grow_and_keep_their_items(void **state)
{
    (void)state;
    assert_int_equal(captured(grow, NULL), STATUS_FINE);
}

static Status resize(Context *ctx, void *argument)
{
    (void)argument;
    char *latest = arena_copy(ctx->graph, "abc", 4);
    char *larger = arena_resize(ctx->graph, latest, 4, 40);
    assert_string_equal(larger, "abc");
    arena_alloc(ctx->graph, 1, 8);
    char *moved = arena_resize(ctx->graph, larger, 40, 300000);
    char *far = arena_resize(ctx->graph, moved, 300000, 30000000);
    assert_string_equal(far, "abc");
    assert_true(all_zero((unsigned char *)far + 4, 30000000 - 4));
    return STATUS_FINE;
}

static void resizing_keeps_content_and_zeroes_the_rest(void **state)
{
    (void)state;
    assert_int_equal(captured(resize, NULL), STATUS_FINE);
}

static void sizes_are_checked(void **state)
{
    (void)state;
    size_t result = 0;
    assert_true(checked_multiply(1u << 31, 2, &result) && result == 1ull << 32);
    assert_false(checked_multiply(SIZE_MAX, 2, &result));
    assert_true(checked_add(SIZE_MAX - 1, 1, &result) && result == SIZE_MAX);
    assert_false(checked_add(SIZE_MAX, 1, &result));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zero_and_aligned_also_after_reset),
        cmocka_unit_test(large_memory_costs_nothing_until_touched),
        cmocka_unit_test(limit_is_an_error_that_names_the_arena),
        cmocka_unit_test(overflow_is_an_error),
        cmocka_unit_test(vectors_grow_and_keep_their_items),
        cmocka_unit_test(resizing_keeps_content_and_zeroes_the_rest),
        cmocka_unit_test(sizes_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
