/* The interval of a median: its ends are those that the binomial distribution gives, added up here by other means. */
#include "compiler/cli/cli.h"

#include <math.h>
#include <setjmp.h>
#include <cmocka.h>

/* The chance that `below` or fewer of `count` samples lie on one given side of the median. */
static double chance(int count, int below)
{
    double sum = 0;
    for (int i = 0; i <= below; i++)
        sum += exp(lgamma(count + 1.0) - lgamma(i + 1.0) - lgamma(count - i + 1.0) - count * log(2));
    return sum;
}

static void ends_are_as_far_in_as_they_may_be(void **state)
{
    (void)state;
    for (int count = 1; count <= 500; count++) {
        const int outside = interval_outside(count);
        assert_true(outside < count - 1 - outside || count == 1);
        assert_true(outside < 0 || chance(count, outside) <= 0.025 + 1e-9);
        assert_true(chance(count, outside + 1) > 0.025 - 1e-9);
    }
}

static void few_samples_have_none(void **state)
{
    (void)state;
    assert_int_equal(interval_outside(5), -1);
    assert_int_equal(interval_outside(6), 0);
    assert_int_equal(interval_outside(15), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ends_are_as_far_in_as_they_may_be), cmocka_unit_test(few_samples_have_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
