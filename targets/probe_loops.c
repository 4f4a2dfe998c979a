/* The loops that measure a core, in the words of the vector vocabulary: compiled once for each instruction set, under a name of its own
   (PROBE_LOOPS). */
#include PROBE_VOCABULARY

#include "targets/probe.h"

/* Independent chains of arithmetic: at least units times latency, and no more than there are registers. EACH(step) is step(0) step(1) ... */
#define EACH_OF_12(step) step(0) step(1) step(2) step(3) step(4) step(5) step(6) step(7) step(8) step(9) step(10) step(11)
#define EACH_TO_24(step) step(12) step(13) step(14) step(15) step(16) step(17) step(18) step(19) step(20) step(21) step(22) step(23)
#if defined(__AVX512F__) || defined(__aarch64__)
enum { STREAMS = 24 };
#define EACH(step) EACH_OF_12(step) EACH_TO_24(step)
#else
enum { STREAMS = 12 };
#define EACH(step) EACH_OF_12(step)
#endif

enum { LANES = sizeof(v_float) / sizeof(float), CLOCK_ADDS = 96, LONG_TURN = 4 };

/* USED(a): compilers must have the vector, and may not know where it goes. HIDDEN(a), HIDDEN_NUMBER(n): they know nothing of its value from here
   on, so that chains are not found to be the same. */
#if defined(__x86_64__)
#define ANY_VECTOR "v"
#elif defined(__aarch64__)
#define ANY_VECTOR "w"
#else
#define ANY_VECTOR "m"
#endif
#define USED(a) __asm__ volatile("" : : ANY_VECTOR(a))
#define HIDDEN(a) __asm__ volatile("" : "+" ANY_VECTOR(a))
#define HIDDEN_NUMBER(n) __asm__ volatile("" : "+r"(n))

/* Sums end where what is added no longer changes them: values are neither infinite nor denormal. */
#if PROBE_FUSES
#define MULTIPLY(x) v_fma(one, one, x)
#define FOLLOW(x) v_fma(one, one, x)
#else
#define MULTIPLY(x) v_mul(x, one)
#define FOLLOW(x) v_add(x, one)
#endif

#define START(i) v_float x##i = one; HIDDEN(x##i);
#define STEP(i) x##i = MULTIPLY(x##i);
#define STEP_AND_ADD(i) x##i = MULTIPLY(x##i); USED(v_add(x##i, one));
#define END(i) USED(x##i);

static void multiply(int64_t turns)
{
    v_float one = v_set1(1.0f);
    HIDDEN(one);
    EACH(START)
    for (int64_t turn = 0; turn < turns; turn++) {
        EACH(STEP)
    }
    EACH(END)
}

static void arithmetic(int64_t turns)
{
    v_float one = v_set1(1.0f);
    HIDDEN(one);
    EACH(START)
    for (int64_t turn = 0; turn < turns; turn++) {
        EACH(STEP_AND_ADD)
    }
    EACH(END)
}

#define STEP_ON(i) x = FOLLOW(x);

static void latency(int64_t turns)
{
    v_float one = v_set1(1.0f);
    HIDDEN(one);
    v_float x = one;
    for (int64_t turn = 0; turn < turns; turn++) {
        EACH(STEP_ON)
    }
    USED(x);
}

#define ADD(i) sum += turns; HIDDEN_NUMBER(sum);

/* An addition of two registers takes one cycle on every processor we know of; the multiplications beside it are far fewer than fit. */
static void clock_chain(int64_t turns)
{
    v_float one = v_set1(1.0f);
    HIDDEN(one);
    int64_t sum = 0;
    EACH_OF_12(START)
    for (int64_t turn = 0; turn < turns; turn++) {
        EACH_OF_12(STEP)
        EACH_OF_12(ADD) EACH_OF_12(ADD) EACH_OF_12(ADD) EACH_OF_12(ADD)
        EACH_OF_12(STEP)
        EACH_OF_12(ADD) EACH_OF_12(ADD) EACH_OF_12(ADD) EACH_OF_12(ADD)
    }
    EACH_OF_12(END)
}

/* Turns are long, so that there are few of them in a small buffer: processors then foresee its end. */
#define LOAD(i) USED(v_load(data + (i) * LANES));
#define STORE(i) v_store(data + (i) * LANES, one);
#define NEXT data += STREAMS * LANES;

static void load(const float *data, size_t bytes)
{
    for (size_t turns = bytes / (LONG_TURN * STREAMS * sizeof(v_float)); turns > 0; turns--) {
        EACH(LOAD) NEXT EACH(LOAD) NEXT EACH(LOAD) NEXT EACH(LOAD) NEXT
    }
}

static void store(float *data, size_t bytes)
{
    v_float one = v_set1(1.0f);
    HIDDEN(one);
    for (size_t turns = bytes / (LONG_TURN * STREAMS * sizeof(v_float)); turns > 0; turns--) {
        EACH(STORE) NEXT EACH(STORE) NEXT EACH(STORE) NEXT EACH(STORE) NEXT
    }
}

extern const ProbeLoops PROBE_LOOPS;
const ProbeLoops PROBE_LOOPS = {
    .vector_bytes = sizeof(v_float), .streams = STREAMS, .clock_adds = CLOCK_ADDS, .block_bytes = LONG_TURN * STREAMS * sizeof(v_float),
    .clock = clock_chain, .multiply = multiply, .arithmetic = arithmetic, .latency = latency, .load = load, .store = store,
};
