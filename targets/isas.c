/* The instruction sets: one row each. Adding one is a vocabulary header, a line in CMakeLists.txt and a row here. */
#include "targets/targets.h"

#include <string.h>

extern const char vocab_portable[], vocab_portable16[], vocab_sse42[], vocab_avx2[], vocab_avx512[], vocab_neon[];

static const Isa isas[] = {
    {.name = "scalar", .vector_bytes = 4, .registers = 16, .instruction_bytes = 4, .compiler_flags = ""},
    {.name = "portable", .vocabulary = vocab_portable, .vector_bytes = 16, .registers = 16, .kept = 14, .instruction_bytes = 4.5,
     .compiler_flags = ""},
    /* What avx512 computes, on any machine: its lanes, its tilings. Slow; only functions of one file pass such vectors to each other. */
    {.name = "portable16", .vocabulary = vocab_portable16, .vector_bytes = 64, .registers = 32, .instruction_bytes = 6, .folds = true,
     .kept = 31, .compiler_flags = "-Wno-psabi"},
    {.name = "sse4.2", .vocabulary = vocab_sse42, .guard = "defined(__SSE4_2__)", .vector_bytes = 16, .registers = 16, .kept = 14,
     .instruction_bytes = 4.5, .architecture = "x86_64", .compiler_flags = "-msse4.2"},
    {.name = "avx2", .vocabulary = vocab_avx2, .guard = "defined(__AVX2__) && defined(__FMA__)", .vector_bytes = 32, .registers = 16, .kept = 14,
     .instruction_bytes = 5, .fuses = true, .folds = true, .architecture = "x86_64", .compiler_flags = "-mavx2 -mfma"},
    {.name = "avx512f", .vocabulary = vocab_avx512, .guard = "defined(__AVX512F__)", .vector_bytes = 64, .registers = 32, .kept = 31,
     .instruction_bytes = 6, .fuses = true, .folds = true, .architecture = "x86_64", .compiler_flags = "-mavx512f -mfma"},
    {.name = "avx512", .vocabulary = vocab_avx512,
     .guard = "defined(__AVX512F__) && defined(__AVX512VL__) && defined(__AVX512DQ__) && defined(__AVX512BW__)", .vector_bytes = 64, .registers = 32,
     .kept = 31, .instruction_bytes = 6, .fuses = true, .folds = true, .extended = true,
     .architecture = "x86_64", .compiler_flags = "-mavx512f -mavx512vl -mavx512dq -mavx512bw -mfma"},
    {.name = "neon", .vocabulary = vocab_neon, .guard = "defined(__aarch64__) && defined(__ARM_NEON)", .vector_bytes = 16, .registers = 32, .kept = 28,
     .instruction_bytes = 4, .fuses = true, .architecture = "aarch64", .compiler_flags = "-march=armv8-a", .compiler = "aarch64-linux-gnu-gcc"},
    {.name = "cuda", .vector_bytes = 128, .registers = 255, .instruction_bytes = 16, .fuses = true, .gpu = true, .compiler_flags = ""},
};

const Isa *isa_named(const char *name)
{
    for (int i = 0; i < COUNT(isas); i++)
        if (strcmp(isas[i].name, name) == 0)
            return &isas[i];
    return NULL;
}

bool isa_foreign(const Isa *isa)
{
#if defined(__x86_64__)
    static const char here[] = "x86_64";
#elif defined(__aarch64__)
    static const char here[] = "aarch64";
#else
    static const char here[] = "";
#endif
    return isa->architecture != NULL && strcmp(isa->architecture, here) != 0;
}
