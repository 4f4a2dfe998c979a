/* The vector vocabulary in AVX2 with FMA: 8 floats. vocab/README.md says what each operation means. */
#include <immintrin.h>

typedef __m256 v_float;
typedef __m256 v_mask;
#define V_INLINE static inline __attribute__((always_inline, unused))
#include "x86.h"

/* op: v_first */
V_INLINE __m256i v_first(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
/* end */
/* op: v_load */
V_INLINE v_float v_load(const float *p) { return _mm256_loadu_ps(p); }
/* end */
/* op: v_store */
V_INLINE void v_store(float *p, v_float a) { _mm256_storeu_ps(p, a); }
/* end */
/* op: v_load_part */
/* needs: v_first */
V_INLINE v_float v_load_part(const float *p, int n) { return _mm256_maskload_ps(p, v_first(n)); }
/* end */
/* op: v_store_part */
/* needs: v_first */
V_INLINE void v_store_part(float *p, v_float a, int n) { _mm256_maskstore_ps(p, v_first(n), a); }
/* end */
/* op: v_set1 */
V_INLINE v_float v_set1(float a) { return _mm256_set1_ps(a); }
/* end */
/* op: v_zero */
V_INLINE v_float v_zero(void) { return _mm256_setzero_ps(); }
/* end */
/* op: v_add */
V_INLINE v_float v_add(v_float a, v_float b) { return _mm256_add_ps(a, b); }
/* end */
/* op: v_sub */
V_INLINE v_float v_sub(v_float a, v_float b) { return _mm256_sub_ps(a, b); }
/* end */
/* op: v_mul */
V_INLINE v_float v_mul(v_float a, v_float b) { return _mm256_mul_ps(a, b); }
/* end */
/* op: v_div */
V_INLINE v_float v_div(v_float a, v_float b) { return _mm256_div_ps(a, b); }
/* end */
/* op: v_fma */
V_INLINE v_float v_fma(v_float a, v_float b, v_float c) { return _mm256_fmadd_ps(a, b, c); }
/* end */
/* op: s_fma */
V_INLINE float s_fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
/* end */
/* op: v_less */
V_INLINE v_mask v_less(v_float a, v_float b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
/* end */
/* op: v_select */
V_INLINE v_float v_select(v_mask m, v_float a, v_float b) { return _mm256_blendv_ps(b, a, m); }
/* end */
/* op: v_max */
V_INLINE v_float v_max(v_float a, v_float b) { return _mm256_blendv_ps(_mm256_max_ps(a, b), a, _mm256_cmp_ps(a, a, _CMP_UNORD_Q)); }
/* end */
/* op: v_min */
V_INLINE v_float v_min(v_float a, v_float b) { return _mm256_blendv_ps(_mm256_min_ps(a, b), a, _mm256_cmp_ps(a, a, _CMP_UNORD_Q)); }
/* end */
/* op: v_at_least */
V_INLINE v_float v_at_least(v_float a, v_float b) { return _mm256_max_ps(b, a); }
/* end */
/* op: v_at_most */
V_INLINE v_float v_at_most(v_float a, v_float b) { return _mm256_min_ps(b, a); }
/* end */
/* op: v_relu */
V_INLINE v_float v_relu(v_float a) { return _mm256_max_ps(_mm256_setzero_ps(), a); }
/* end */
/* op: v_neg */
V_INLINE v_float v_neg(v_float a) { return _mm256_xor_ps(a, _mm256_set1_ps(-0.0f)); }
/* end */
/* op: v_abs */
V_INLINE v_float v_abs(v_float a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
/* end */
/* op: v_sqrt */
V_INLINE v_float v_sqrt(v_float a) { return _mm256_sqrt_ps(a); }
/* end */
/* op: v_floor */
V_INLINE v_float v_floor(v_float a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
/* end */
/* op: v_ceil */
V_INLINE v_float v_ceil(v_float a) { return _mm256_round_ps(a, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }
/* end */
/* op: v_round */
V_INLINE v_float v_round(v_float a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/* end */
/* op: v_pow2 */
V_INLINE v_float v_pow2(v_float n)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
}
/* end */
/* op: v_exponent */
V_INLINE v_float v_exponent(v_float a)
{
    return _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_srli_epi32(_mm256_castps_si256(a), 23), _mm256_set1_epi32(127)));
}
/* end */
/* op: v_transpose */
V_INLINE void v_transpose(v_float *r)
{
    const __m256 p0 = _mm256_unpacklo_ps(r[0], r[1]), p1 = _mm256_unpackhi_ps(r[0], r[1]);
    const __m256 p2 = _mm256_unpacklo_ps(r[2], r[3]), p3 = _mm256_unpackhi_ps(r[2], r[3]);
    const __m256 p4 = _mm256_unpacklo_ps(r[4], r[5]), p5 = _mm256_unpackhi_ps(r[4], r[5]);
    const __m256 p6 = _mm256_unpacklo_ps(r[6], r[7]), p7 = _mm256_unpackhi_ps(r[6], r[7]);
    const __m256 q0 = _mm256_shuffle_ps(p0, p2, 0x44), q1 = _mm256_shuffle_ps(p0, p2, 0xee);
    const __m256 q2 = _mm256_shuffle_ps(p1, p3, 0x44), q3 = _mm256_shuffle_ps(p1, p3, 0xee);
    const __m256 q4 = _mm256_shuffle_ps(p4, p6, 0x44), q5 = _mm256_shuffle_ps(p4, p6, 0xee);
    const __m256 q6 = _mm256_shuffle_ps(p5, p7, 0x44), q7 = _mm256_shuffle_ps(p5, p7, 0xee);
    r[0] = _mm256_permute2f128_ps(q0, q4, 0x20);
    r[4] = _mm256_permute2f128_ps(q0, q4, 0x31);
    r[1] = _mm256_permute2f128_ps(q1, q5, 0x20);
    r[5] = _mm256_permute2f128_ps(q1, q5, 0x31);
    r[2] = _mm256_permute2f128_ps(q2, q6, 0x20);
    r[6] = _mm256_permute2f128_ps(q2, q6, 0x31);
    r[3] = _mm256_permute2f128_ps(q3, q7, 0x20);
    r[7] = _mm256_permute2f128_ps(q3, q7, 0x31);
}
/* end */
/* op: v_gather */
/* needs: v_four */
/* The instruction of this name takes longer than eight loads on most cores. */
V_INLINE v_float v_gather(const float *p, const unsigned short *index)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(v_four(p, index)), v_four(p, index + 4), 1);
}
/* end */
/* op: v_even */
V_INLINE v_float v_even(v_float a, v_float b)
{
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(_mm256_shuffle_ps(a, b, 0x88)), 0xd8));
}
/* end */
/* op: v_odd */
V_INLINE v_float v_odd(v_float a, v_float b)
{
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(_mm256_shuffle_ps(a, b, 0xdd)), 0xd8));
}
/* end */
/* op: v_sum */
V_INLINE float v_sum(v_float a)
{
    const __m128 c = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 d = _mm_add_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_add_ss(d, _mm_shuffle_ps(d, d, 1)));
}
/* end */
