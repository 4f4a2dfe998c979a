/* Maps from names to things. */
#include "captured.h"

#include <string.h>

enum { MANY = 200000 };

static Status keep_many(Context *ctx, void *argument)
{
    (void)argument;
    static int things[MANY];
    NameMap map = name_map(ctx->graph);
    assert_null(name_find(&map, "0"));
    for (int i = 0; i < MANY; i++)
        *name_slot(&map, arena_format(ctx->graph, "%d", i)) = &things[i];
    assert_int_equal(map.count, MANY);
    for (int i = 0; i < MANY; i++)
        assert_ptr_equal(name_find(&map, arena_format(ctx->scratch, "%d", i)), &things[i]);
    assert_null(name_find(&map, "200000"));
    return STATUS_FINE;
}

static void many_names_are_found_again(void **state)
{
    (void)state;
    assert_int_equal(captured(keep_many, NULL), STATUS_FINE);
}

static Status keep_apart(Context *ctx, void *argument)
{
    (void)argument;
    static const char *const names[] = {"", "a", "ab", "abcdefg", "abcdefgh", "abcdefghi", "abcdefgh\x01", "abcdefghabcdefgh", "\x01"};
    NameMap map = name_map(ctx->graph);
    for (int i = 0; i < COUNT(names); i++) {
        assert_null(*name_slot(&map, names[i]));
        *name_slot(&map, names[i]) = (void *)(uintptr_t)(i + 1);
    }
    for (int i = 0; i < COUNT(names); i++)
        assert_int_equal((uintptr_t)name_find(&map, names[i]), i + 1);
    *name_slot(&map, "ab") = NULL;
    assert_null(name_find(&map, "ab"));
    assert_int_equal(map.count, COUNT(names));
    return STATUS_FINE;
}

static void names_that_begin_alike_are_kept_apart(void **state)
{
    (void)state;
    assert_int_equal(captured(keep_apart, NULL), STATUS_FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_names_are_found_again),
        cmocka_unit_test(names_that_begin_alike_are_kept_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
