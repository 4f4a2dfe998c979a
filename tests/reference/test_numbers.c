/* The prelude that all pasted texts share: half precision, conversions, powers, borders, walking. */
#include "cases.h"

#include <math.h>
#include <string.h>

#include "compiler/reference/text/prelude.h"

static uint16_t bits_of_half(_Float16 value)
{
    uint16_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Every half there is, and random numbers of every size, against the compiler's own. */
static void half_precision_is_that_of_the_compiler(void **state)
{
    uint32_t seed = 3;
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        _Float16 half;
        const uint16_t short_bits = (uint16_t)bits;
        memcpy(&half, &short_bits, sizeof half);
        double value = ref_from_f16(short_bits);
        assert_true(value == (double)half || (isnan(value) && isnan((double)half)));
        if (!isnan(value))
            assert_int_equal(ref_to_half(value, 10), bits);
        else
            assert_true(isnan(ref_from_f16(ref_to_half(value, 10))));
    }
    for (int i = 0; i < 200000; i++) {
        double value = ldexp(case_random(&seed) * 2 - 1, (int)(case_random(&seed) * 60) - 35);
        assert_int_equal(ref_to_half(value, 10), bits_of_half((_Float16)value));
    }
    for (int i = 0; i < 31743; i++) {            /* exactly between two neighbours: the even one */
        double between = (ref_from_f16((uint16_t)i) + ref_from_f16((uint16_t)(i + 1))) / 2;
        assert_int_equal(ref_to_half(between, 10), i % 2 ? i + 1 : i);
        assert_int_equal(ref_to_half(-between, 10), 0x8000 | (i % 2 ? i + 1 : i));
    }
}

static void brain_floats_are_the_upper_half_of_floats(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        const uint32_t wide = bits << 16;
        float value;
        memcpy(&value, &wide, sizeof value);
        double found = ref_from_bf16((uint16_t)bits);
        assert_true(found == (double)value || (isnan(found) && isnan(value)));
        if (!isnan(value))
            assert_int_equal(ref_to_half(found, 7), bits);
    }
    for (int i = 0; i < 0x7f7f; i++) {
        double between = (ref_from_bf16((uint16_t)i) + ref_from_bf16((uint16_t)(i + 1))) / 2;
        assert_int_equal(ref_to_half(between, 7), i % 2 ? i + 1 : i);
    }
    assert_int_equal(ref_to_half(3.4e38, 7), 0x7f80);
    assert_int_equal(ref_to_half(1e300, 10), 0x7c00);
    assert_int_equal(ref_to_half(-1e-300, 10), 0x8000);
}

static void reals_become_whole_without_leaving_the_range(void **state)
{
    (void)state;
    assert_int_equal(ref_to_i64(0x1p63), INT64_MAX);
    assert_int_equal(ref_to_i64(-0x1p63), INT64_MIN);
    assert_int_equal(ref_to_i64(-0x1.0000000000001p63), INT64_MIN);
    assert_int_equal(ref_to_i64(-7.9), -7);
    assert_int_equal(ref_to_i64(NAN), 0);
    assert_true(ref_to_u64(0x1p64) == UINT64_MAX && ref_to_u64(INFINITY) == UINT64_MAX && ref_to_u64(0x1p63) == (uint64_t)1 << 63);
    assert_true(ref_to_u64(-1) == 0 && ref_to_u64(NAN) == 0);
    assert_true(ref_limit(NAN, -1, 1) == 0 && ref_limit(-INFINITY, -1, 1) == -1 && ref_limit(2, -1, 1) == 1);
}

static void powers_wrap(void **state)
{
    (void)state;
    assert_true(ref_power(3, 0) == 1 && ref_power(3, 5) == 243 && ref_power(2, 64) == 0 && ref_power(0, 0) == 1);
    assert_int_equal((int64_t)ref_power((uint64_t)-3, 3), -27);
    assert_true(ref_power(7, UINT64_MAX) * 7 == 1);      /* 7 has odd order, so 7^(2^64) is 1 modulo 2^64 */
}

/* Each border walked step by step from inside. */
static void borders_continue_the_pattern(void **state)
{
    (void)state;
    for (int64_t size = 1; size < 6; size++) {
        int64_t reflected = 0, step = size > 1 ? 1 : 0;
        for (int64_t at = 0; at < 30; at++) {
            assert_int_equal(ref_border(1, at, size), reflected);
            assert_int_equal(ref_border(1, -at, size), reflected);
            assert_int_equal(ref_border(2, at, size), at < size ? at : size - 1);
            assert_int_equal(ref_border(2, -at, size), 0);
            assert_int_equal(ref_border(3, at, size), at % size);
            assert_int_equal(ref_border(3, -at, size), (10 * size * 3 - at) % size);
            assert_int_equal(ref_border(0, at, size), at < size ? at : -1);
            step = reflected + step < 0 || reflected + step >= size ? -step : step;
            reflected += step;
        }
    }
    assert_int_equal(ref_border(2, 3, 0), -1);
}

static void walking_a_box_visits_every_item_in_order(void **state)
{
    const int64_t dims[3] = {3, 1, 4}, strides[3] = {4, 4, 1};
    int64_t index[REF_RANK];
    (void)state;
    for (int64_t begin = 0; begin < 12; begin++) {
        ref_seek(begin, 3, dims, index);
        for (int64_t at = begin; at < 12;) {
            const int64_t run = ref_run(12 - at, 3, dims, index);
            assert_int_equal(ref_place(3, index, strides), at);
            assert_int_equal(run, 4 - at % 4);
            at += run;
            ref_advance(run, 3, dims, index);
        }
    }
    ref_seek(0, 2, (const int64_t[]){0, 5}, index);      /* an empty box */
    assert_true(index[0] == 0 && index[1] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_precision_is_that_of_the_compiler), cmocka_unit_test(brain_floats_are_the_upper_half_of_floats),
        cmocka_unit_test(reals_become_whole_without_leaving_the_range), cmocka_unit_test(powers_wrap),
        cmocka_unit_test(borders_continue_the_pattern), cmocka_unit_test(walking_a_box_visits_every_item_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
