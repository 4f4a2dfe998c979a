/* Every operation of one vocabulary header against plain C, on special values and on random bits. Compiled once a header: VOCABULARY names it,
   FUSED says whether its v_fma rounds once, SUPPORTED whether this machine can run it. */
#include VOCABULARY
#include "targets/vocab/math.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LANES ((int)(sizeof(v_float) / sizeof(float)))
#define EXACT (-1)
#define ROUNDS 200000
#define SKIPPED 77

static int failures;
static uint64_t state = 88172645463325252u;

static const float specials[] = {0.0f, -0.0f, 1.0f, -1.0f, 0.5f, -0.5f, 1.5f, 2.5f, -2.5f, 3.0f, 88.0f, 88.722838f, 88.722847f, 89.0f, 90.0f,
                                 -87.3f, -87.4f, -103.97f, -103.98f, -104.0f, -105.0f, 1e-45f, -1e-45f, 1e-40f, 1.17549435e-38f, 8388607.5f,
                                 8388609.0f, 1e10f, -1e10f, 1e20f, 3.4028235e38f, -3.4028235e38f, 1e-8f, -1e-8f, 0.34657f, -0.34658f, 0.7f,
                                 1.41421354f, 1.41421366f, 0.999999f, 1.000001f, 1e-4f, INFINITY, -INFINITY, NAN};
#define SPECIALS ((int)(sizeof specials / sizeof specials[0]))

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* A special value, any bits, or a number of everyday size. */
static float any_float(void)
{
    const uint64_t random = next_random();
    const uint32_t bits = (uint32_t)(random >> 32);
    float value;
    switch (random % 4) {
    case 0:
        return specials[bits % SPECIALS];
    case 1:
        memcpy(&value, &bits, sizeof value);
        return value;
    default:
        return (float)((double)(int32_t)bits / (1 << 24));
    }
}

static void fill(float *lanes)
{
    for (int i = 0; i < LANES; i++)
        lanes[i] = any_float();
}

static float multiply_add(float a, float b, float c)
{
    return FUSED ? fmaf(a, b, c) : a * b + c;
}

/* ---- comparing ---- */

/* The distance between neighbouring floats at `value`. */
static double unit_at(double value)
{
    int exponent = 0;
    frexp(value, &exponent);
    return ldexp(1, exponent - 24 < -149 ? -149 : exponent - 24);
}

static int same_bits(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static int close_enough(float got, double expected, int units)
{
    const float rounded = (float)expected;
    if (isnan(expected))
        return isnan(got);
    if (units == EXACT)
        return same_bits(got, rounded);
    if (isinf(rounded) || isinf(got) || units == 0)
        return got == rounded || (units > 0 && fabs(expected) > 3.40282e38 && fabs((double)got) > 3.40282e38);
    return fabs((double)got - expected) <= units * unit_at(expected);
}

static void check(const char *operation, float got, double expected, int units, const float *operands)
{
    if (close_enough(got, expected, units) || failures++ > 20)
        return;
    printf("%s(%a, %a, %a) is %a, not %a\n", operation, (double)operands[0], (double)operands[1], (double)operands[2], (double)got, expected);
}

/* ---- operations of the list ---- */

#define TEST(operation, count, expression, units, call) \
    static void test_##operation(void) \
    { \
        float in[3][LANES] = {{0}}, got[LANES]; \
        for (int round = 0; round < ROUNDS; round++) { \
            for (int i = 0; i < count; i++) \
                fill(in[i]); \
            v_store(got, call); \
            for (int i = 0; i < LANES; i++) { \
                const float a = in[0][i], b = in[1][i], c = in[2][i]; \
                (void)b; \
                (void)c; \
                check(#operation, got[i], (double)(expression), units, (const float[]){a, b, c}); \
            } \
        } \
    }
#define UNARY(operation, expression, units) TEST(operation, 1, expression, units, operation(v_load(in[0])))
#define BINARY(operation, expression, units) TEST(operation, 2, expression, units, operation(v_load(in[0]), v_load(in[1])))
#define TERNARY(operation, expression, units) TEST(operation, 3, expression, units, operation(v_load(in[0]), v_load(in[1]), v_load(in[2])))
#include "tests/vocab/operations.inc"
#undef UNARY
#undef BINARY
#undef TERNARY

/* ---- those that are not lane by lane ---- */

static void test_set(void)
{
    float got[2][LANES];
    v_store(got[0], v_set1(specials[5]));
    v_store(got[1], v_zero());
    for (int i = 0; i < LANES; i++) {
        check("v_set1", got[0][i], (double)specials[5], EXACT, specials);
        check("v_zero", got[1][i], 0, EXACT, specials);
    }
}

static void test_s_fma(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        const float in[3] = {any_float(), any_float(), any_float()};
        check("s_fma", s_fma(in[0], in[1], in[2]), (double)multiply_add(in[0], in[1], in[2]), EXACT, in);
    }
}

static void test_select(void)
{
    float in[3][LANES], got[LANES];
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 3; i++)
            fill(in[i]);
        v_store(got, v_select(v_less(v_load(in[0]), v_load(in[1])), v_load(in[1]), v_load(in[2])));
        for (int i = 0; i < LANES; i++)
            check("v_select", got[i], (double)(in[0][i] < in[1][i] ? in[1][i] : in[2][i]), EXACT, (const float[]){in[0][i], in[1][i], in[2][i]});
    }
}

static void test_powers(void)
{
    for (int n = -126; n <= 127; n++) {
        float power[LANES], exponent[LANES];
        v_store(power, v_pow2(v_set1((float)n)));
        v_store(exponent, v_exponent(v_set1(ldexpf(1.75f, n))));
        for (int i = 0; i < LANES; i++) {
            check("v_pow2", power[i], ldexp(1, n), EXACT, (const float[]){(float)n, 0, 0});
            check("v_exponent", exponent[i], n, EXACT, (const float[]){ldexpf(1.75f, n), 0, 0});
        }
    }
}

static void test_across(void)
{
    float lane[LANES];
    for (int round = 0; round < ROUNDS; round++) {
        fill(lane);
        float most = lane[0], part[LANES];
        for (int i = 1; i < LANES; i++)
            most = most != most || most > lane[i] ? most : lane[i];
        check("v_max_across", v_max_across(v_load(lane)), (double)most, 0, lane);
        /* halves added to halves, the order that the vocabulary promises */
        memcpy(part, lane, sizeof part);
        for (int half = LANES / 2; half > 0; half /= 2)
            for (int i = 0; i < half; i++)
                part[i] = part[i] + part[i + half];
        check("v_sum", v_sum(v_load(lane)), (double)part[0], EXACT, lane);
    }
}

static void test_transpose(void)
{
    float lanes[LANES][LANES], got[LANES];
    v_float rows[LANES];
    for (int round = 0; round < ROUNDS / LANES; round++) {
        for (int i = 0; i < LANES; i++) {
            fill(lanes[i]);
            rows[i] = v_load(lanes[i]);
        }
        v_transpose(rows);
        for (int i = 0; i < LANES; i++) {
            v_store(got, rows[i]);
            for (int j = 0; j < LANES; j++)
                check("v_transpose", got[j], (double)lanes[j][i], EXACT, lanes[j]);
        }
    }
}

/* A float array that ends where memory does: anything touched behind it is a fault. */
static float *guarded_end(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + page, page, PROT_NONE) != 0) {
        perror("mmap");
        exit(1);
    }
    return (float *)(void *)(memory + page);
}

/* Any element that 16 bits can name, several times over too; the indices end where memory does. */
static void test_gather(void)
{
    static float table[1 << 16];
    float got[LANES];
    unsigned short *const index = (unsigned short *)(void *)guarded_end() - LANES;
    for (int i = 0; i < 1 << 16; i++)
        table[i] = any_float();
    for (int round = 0; round < ROUNDS / 10; round++) {
        for (int i = 0; i < LANES; i++)
            index[i] = (unsigned short)(next_random() >> 16);
        index[round % LANES] = 65535;
        v_store(got, v_gather(table, index));
        for (int i = 0; i < LANES; i++)
            check("v_gather", got[i], (double)table[index[i]], EXACT, got);
    }
}

static void test_halves(void)
{
    float in[2 * LANES], even[LANES], odd[LANES];
    for (int round = 0; round < ROUNDS / 10; round++) {
        fill(in);
        fill(in + LANES);
        v_store(even, v_even(v_load(in), v_load(in + LANES)));
        v_store(odd, v_odd(v_load(in), v_load(in + LANES)));
        for (int i = 0; i < LANES; i++) {
            check("v_even", even[i], (double)in[2 * i], EXACT, in);
            check("v_odd", odd[i], (double)in[2 * i + 1], EXACT, in);
        }
    }
}

static void test_parts(void)
{
    float *const end = guarded_end(), all[LANES], got[LANES];
    v_prefetch(end);
    for (int n = 0; n <= LANES; n++) {
        for (volatile int count = n; count == n; count++) {
            fill(all);
            memcpy(end - n, all, (size_t)n * sizeof(float));
            v_store(got, v_load_part(end - n, count));
            for (int i = 0; i < LANES; i++)
                check("v_load_part", got[i], i < n ? (double)all[i] : 0, EXACT, all);
            fill(all);
            if (n < 2 * LANES)
                end[-n - 1] = 42;
            v_store_part(end - n, v_load(all), count);
            for (int i = 0; i < n; i++)
                check("v_store_part", end[i - n], (double)all[i], EXACT, all);
            check("v_store_part", end[-n - 1], 42, EXACT, all);
        }
    }
    for (int shift = 1; shift < LANES; shift++) {
        fill(all);
        v_store(end - LANES - shift, v_load(all));
        v_store(got, v_load(end - LANES - shift));
        for (int i = 0; i < LANES; i++)
            check("v_load", got[i], (double)all[i], EXACT, all);
    }
}

int main(void)
{
    if (!(SUPPORTED)) {
        printf("skipped: this machine cannot run %s\n", VOCABULARY);
        return SKIPPED;
    }
#define UNARY(operation, expression, units) test_##operation();
#define BINARY(operation, expression, units) test_##operation();
#define TERNARY(operation, expression, units) test_##operation();
#include "tests/vocab/operations.inc"
    test_set();
    test_s_fma();
    test_select();
    test_powers();
    test_across();
    test_transpose();
    test_gather();
    test_halves();
    test_parts();
    printf("%s: %d failures\n", VOCABULARY, failures);
    return failures > 0;
}
