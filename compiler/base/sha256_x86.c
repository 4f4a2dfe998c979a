/* SHA-256 with the SHA instructions of x86: four rounds at a time; the state lies in two registers as (a b e f) and (c d g h). */
#include "compiler/base/sha256.h"

#ifdef __x86_64__

#include <cpuid.h>
#include <immintrin.h>

__attribute__((target("sha,sse4.1"))) static void blocks_sha(uint32_t state[8], const unsigned char *data, size_t count)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i abef = _mm_set_epi32((int)state[0], (int)state[1], (int)state[4], (int)state[5]);
    __m128i cdgh = _mm_set_epi32((int)state[2], (int)state[3], (int)state[6], (int)state[7]);
    for (; count; count--, data += 64) {
        __m128i abef_before = abef, cdgh_before = cdgh, w[4];
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            if (i < 4) {
                w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(data + 16 * i)), swap);
            } else {
                __m128i last = w[(i + 3) & 3], mixed = _mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]);
                w[i & 3] = _mm_sha256msg2_epu32(_mm_add_epi32(mixed, _mm_alignr_epi8(last, w[(i + 2) & 3], 4)), last);
            }
            __m128i sum = _mm_add_epi32(w[i & 3], _mm_loadu_si128((const __m128i *)(const void *)(sha256_constants + 4 * i)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    uint32_t high[4], low[4];
    _mm_storeu_si128((__m128i *)(void *)high, abef);
    _mm_storeu_si128((__m128i *)(void *)low, cdgh);
    state[0] = high[3], state[1] = high[2], state[4] = high[1], state[5] = high[0];
    state[2] = low[3], state[3] = low[2], state[6] = low[1], state[7] = low[0];
}

/* Asked of the CPU itself: not every compiler's __builtin_cpu_supports knows "sha". */
Sha256Blocks *sha256_fast(void)
{
    unsigned a, b, c, d;
    bool sse = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_1) && (c & bit_SSSE3);
    return sse && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA) ? blocks_sha : NULL;
}

#else

Sha256Blocks *sha256_fast(void)
{
    return NULL;
}

#endif
