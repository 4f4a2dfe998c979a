/* The instruction sets: one row each. Adding one is a vocabulary header, a line in CMakeLists.txt and a row here. */
#include "targets/targets.h"

#include <string.h>

extern const char vocab_portable[], vocab_sse42[], vocab_avx2[], vocab_avx512[], vocab_neon[];

static const Isa isas[] = {
    {"scalar", NULL, NULL, 4, 16, false, "", NULL},
    {"portable", vocab_portable, NULL, 16, 16, false, "", NULL},
    {"sse4.2", vocab_sse42, "defined(__SSE4_2__)", 16, 16, false, "-msse4.2", NULL},
    {"avx2", vocab_avx2, "defined(__AVX2__) && defined(__FMA__)", 32, 16, true, "-mavx2 -mfma", NULL},
    {"avx512", vocab_avx512, "defined(__AVX512F__) && defined(__AVX512VL__) && defined(__AVX512DQ__) && defined(__AVX512BW__)", 64, 32,
     true, "-mavx512f -mavx512vl -mavx512dq -mavx512bw -mfma", NULL},
    {"neon", vocab_neon, "defined(__aarch64__) && defined(__ARM_NEON)", 16, 32, true, "-march=armv8-a", "aarch64-linux-gnu-gcc"},
};

const Isa *isa_named(const char *name)
{
    for (int i = 0; i < COUNT(isas); i++)
        if (strcmp(isas[i].name, name) == 0)
            return &isas[i];
    return NULL;
}
