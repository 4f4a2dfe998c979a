/* Layouts: their sizes, what they hold, and the elements taken out of them again. */
#include "compiler/plan/plan.h"

#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static void sizes_count_padding_and_slack(void **state)
{
    (void)state;
    const Shape shape = {4, {2, 3, 5, 7}}, line = {3, {2, 3, 7}};
    assert_int_equal(layout_bytes(&shape, TYPE_F32, &(Layout){0}), 2 * 3 * 5 * 7 * 4);
    assert_int_equal(layout_bytes(&shape, TYPE_F32, &(Layout){1, 1, 7, 8, 4}), (2 * 3 * 7 * 8 + 4) * 4);
    assert_int_equal(layout_bytes(&line, TYPE_F64, &(Layout){0, 2, 1, 11, 8}), (2 * 3 * 11 + 8) * 8);
}

static void sizes_beyond_counting_are_told(void **state)
{
    (void)state;
    const Shape huge = {4, {INT64_C(1) << 30, INT64_C(1) << 30, 5, 7}}, large = {3, {1, INT64_C(1) << 20, 7}};
    assert_true(layout_bytes(&huge, TYPE_F32, &(Layout){1, 1, 7, 8, 4}) == SIZE_MAX);
    assert_true(layout_bytes(&large, TYPE_F32, &(Layout){0, 0, INT32_MAX, INT32_MAX, 4}) == SIZE_MAX);
    assert_false(layout_holds(&huge, TYPE_F32, &(Layout){1, 1, 7, 8, 4}));
}

static void a_layout_holds_what_fits_its_planes(void **state)
{
    (void)state;
    const Shape shape = {4, {2, 3, 5, 7}}, line = {3, {2, 3, 7}}, matrix = {2, {5, 7}};
    assert_true(layout_holds(&shape, TYPE_F32, &(Layout){1, 1, 6, 8, 0}));
    assert_false(layout_holds(&shape, TYPE_F32, &(Layout){1, 1, 5, 8, 0}));
    assert_false(layout_holds(&shape, TYPE_F32, &(Layout){1, 1, 6, 7, 0}));
    assert_false(layout_holds(&shape, TYPE_F32, &(Layout){-1, 1, 6, 8, 0}));
    assert_true(layout_holds(&line, TYPE_F32, &(Layout){1, 1, 2, 8, 0}));
    assert_false(layout_holds(&line, TYPE_F32, &(Layout){1, 1, 1, 8, 0}));
    assert_false(layout_holds(&matrix, TYPE_F32, &(Layout){0, 0, 5, 7, 0}));
}

static void elements_are_found_among_padding(void **state)
{
    (void)state;
    const Shape shape = {4, {1, 2, 2, 3}};
    const Layout layout = {1, 2, 4, 6, 5};
    float padded[2 * 4 * 6 + 5], plain[12];
    for (int i = 0; i < COUNT(padded); i++)
        padded[i] = -1;
    for (int i = 0; i < 12; i++)
        padded[i / 6 * 24 + (1 + i / 3 % 2) * 6 + 2 + i % 3] = (float)i;
    layout_take(&shape, TYPE_F32, &layout, padded, plain);
    for (int i = 0; i < 12; i++)
        assert_true(plain[i] == (float)i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_count_padding_and_slack),
        cmocka_unit_test(sizes_beyond_counting_are_told),
        cmocka_unit_test(a_layout_holds_what_fits_its_planes),
        cmocka_unit_test(elements_are_found_among_padding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
