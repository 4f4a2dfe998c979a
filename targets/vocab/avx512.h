/* The vector vocabulary in AVX-512 F, which is all that Knights Landing has: 16 floats. vocab/README.md says what each operation means. */
#include <immintrin.h>

typedef __m512 v_float;
typedef __mmask16 v_mask;
#define V_INLINE static inline __attribute__((always_inline, unused))
#include "x86.h"

/* op: v_load */
V_INLINE v_float v_load(const float *p) { return _mm512_loadu_ps(p); }
/* end */
/* op: v_store */
V_INLINE void v_store(float *p, v_float a) { _mm512_storeu_ps(p, a); }
/* end */
/* op: v_load_part */
V_INLINE v_float v_load_part(const float *p, int n) { return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1u), p); }
/* end */
/* op: v_store_part */
V_INLINE void v_store_part(float *p, v_float a, int n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1u), a); }
/* end */
/* op: v_set1 */
V_INLINE v_float v_set1(float a) { return _mm512_set1_ps(a); }
/* end */
/* op: v_zero */
V_INLINE v_float v_zero(void) { return _mm512_setzero_ps(); }
/* end */
/* op: v_add */
V_INLINE v_float v_add(v_float a, v_float b) { return _mm512_add_ps(a, b); }
/* end */
/* op: v_sub */
V_INLINE v_float v_sub(v_float a, v_float b) { return _mm512_sub_ps(a, b); }
/* end */
/* op: v_mul */
V_INLINE v_float v_mul(v_float a, v_float b) { return _mm512_mul_ps(a, b); }
/* end */
/* op: v_div */
V_INLINE v_float v_div(v_float a, v_float b) { return _mm512_div_ps(a, b); }
/* end */
/* op: v_fma */
V_INLINE v_float v_fma(v_float a, v_float b, v_float c) { return _mm512_fmadd_ps(a, b, c); }
/* end */
/* op: s_fma */
V_INLINE float s_fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
/* end */
/* op: v_less */
V_INLINE v_mask v_less(v_float a, v_float b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
/* end */
/* op: v_select */
V_INLINE v_float v_select(v_mask m, v_float a, v_float b) { return _mm512_mask_mov_ps(b, m, a); }
/* end */
/* op: v_max */
V_INLINE v_float v_max(v_float a, v_float b)
{
    return _mm512_mask_mov_ps(_mm512_maskz_max_ps((__mmask16)0xffff, a, b), _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), a);
}
/* end */
/* op: v_min */
V_INLINE v_float v_min(v_float a, v_float b)
{
    return _mm512_mask_mov_ps(_mm512_maskz_min_ps((__mmask16)0xffff, a, b), _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), a);
}
/* end */
/* op: v_at_least */
V_INLINE v_float v_at_least(v_float a, v_float b) { return _mm512_maskz_max_ps((__mmask16)0xffff, b, a); }
/* end */
/* op: v_at_most */
V_INLINE v_float v_at_most(v_float a, v_float b) { return _mm512_maskz_min_ps((__mmask16)0xffff, b, a); }
/* end */
/* op: v_relu */
V_INLINE v_float v_relu(v_float a) { return _mm512_maskz_max_ps((__mmask16)0xffff, _mm512_setzero_ps(), a); }
/* end */
/* op: v_neg */
V_INLINE v_float v_neg(v_float a)
{
    return _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(a), _mm512_castps_si512(_mm512_set1_ps(-0.0f))));
}
/* end */
/* op: v_abs */
V_INLINE v_float v_abs(v_float a) { return _mm512_abs_ps(a); }
/* end */
/* op: v_sqrt */
V_INLINE v_float v_sqrt(v_float a) { return _mm512_maskz_sqrt_ps((__mmask16)0xffff, a); }
/* end */
/* op: v_floor */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion" /* gcc's macro, without optimization, trips over its own mask */
V_INLINE v_float v_floor(v_float a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
#pragma GCC diagnostic pop
/* end */
/* op: v_ceil */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion" /* gcc's macro, without optimization, trips over its own mask */
V_INLINE v_float v_ceil(v_float a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }
#pragma GCC diagnostic pop
/* end */
/* op: v_round */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion" /* gcc's macro, without optimization, trips over its own mask */
V_INLINE v_float v_round(v_float a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
#pragma GCC diagnostic pop
/* end */
/* op: v_pow2 */
V_INLINE v_float v_pow2(v_float n)
{
    const __m512i e = _mm512_maskz_cvtps_epi32((__mmask16)0xffff, n);
    return _mm512_castsi512_ps(_mm512_maskz_slli_epi32((__mmask16)0xffff, _mm512_add_epi32(e, _mm512_set1_epi32(127)), 23));
}
/* end */
/* op: v_exponent */
V_INLINE v_float v_exponent(v_float a)
{
    const __m512i e = _mm512_maskz_srli_epi32((__mmask16)0xffff, _mm512_castps_si512(a), 23);
    return _mm512_maskz_cvtepi32_ps((__mmask16)0xffff, _mm512_sub_epi32(e, _mm512_set1_epi32(127)));
}
/* end */
/* op: v_transpose */
V_INLINE void v_transpose(v_float *r)
{
    const __m512 p0 = _mm512_unpacklo_ps(r[0], r[1]), p1 = _mm512_unpackhi_ps(r[0], r[1]);
    const __m512 p2 = _mm512_unpacklo_ps(r[2], r[3]), p3 = _mm512_unpackhi_ps(r[2], r[3]);
    const __m512 p4 = _mm512_unpacklo_ps(r[4], r[5]), p5 = _mm512_unpackhi_ps(r[4], r[5]);
    const __m512 p6 = _mm512_unpacklo_ps(r[6], r[7]), p7 = _mm512_unpackhi_ps(r[6], r[7]);
    const __m512 p8 = _mm512_unpacklo_ps(r[8], r[9]), p9 = _mm512_unpackhi_ps(r[8], r[9]);
    const __m512 p10 = _mm512_unpacklo_ps(r[10], r[11]), p11 = _mm512_unpackhi_ps(r[10], r[11]);
    const __m512 p12 = _mm512_unpacklo_ps(r[12], r[13]), p13 = _mm512_unpackhi_ps(r[12], r[13]);
    const __m512 p14 = _mm512_unpacklo_ps(r[14], r[15]), p15 = _mm512_unpackhi_ps(r[14], r[15]);
    const __m512 q0 = _mm512_shuffle_ps(p0, p2, 0x44), q1 = _mm512_shuffle_ps(p0, p2, 0xee);
    const __m512 q2 = _mm512_shuffle_ps(p1, p3, 0x44), q3 = _mm512_shuffle_ps(p1, p3, 0xee);
    const __m512 q4 = _mm512_shuffle_ps(p4, p6, 0x44), q5 = _mm512_shuffle_ps(p4, p6, 0xee);
    const __m512 q6 = _mm512_shuffle_ps(p5, p7, 0x44), q7 = _mm512_shuffle_ps(p5, p7, 0xee);
    const __m512 q8 = _mm512_shuffle_ps(p8, p10, 0x44), q9 = _mm512_shuffle_ps(p8, p10, 0xee);
    const __m512 q10 = _mm512_shuffle_ps(p9, p11, 0x44), q11 = _mm512_shuffle_ps(p9, p11, 0xee);
    const __m512 q12 = _mm512_shuffle_ps(p12, p14, 0x44), q13 = _mm512_shuffle_ps(p12, p14, 0xee);
    const __m512 q14 = _mm512_shuffle_ps(p13, p15, 0x44), q15 = _mm512_shuffle_ps(p13, p15, 0xee);
    const __m512 s0 = _mm512_shuffle_f32x4(q0, q4, 0x88), s4 = _mm512_shuffle_f32x4(q0, q4, 0xdd);
    const __m512 s8 = _mm512_shuffle_f32x4(q8, q12, 0x88), s12 = _mm512_shuffle_f32x4(q8, q12, 0xdd);
    const __m512 s1 = _mm512_shuffle_f32x4(q1, q5, 0x88), s5 = _mm512_shuffle_f32x4(q1, q5, 0xdd);
    const __m512 s9 = _mm512_shuffle_f32x4(q9, q13, 0x88), s13 = _mm512_shuffle_f32x4(q9, q13, 0xdd);
    const __m512 s2 = _mm512_shuffle_f32x4(q2, q6, 0x88), s6 = _mm512_shuffle_f32x4(q2, q6, 0xdd);
    const __m512 s10 = _mm512_shuffle_f32x4(q10, q14, 0x88), s14 = _mm512_shuffle_f32x4(q10, q14, 0xdd);
    const __m512 s3 = _mm512_shuffle_f32x4(q3, q7, 0x88), s7 = _mm512_shuffle_f32x4(q3, q7, 0xdd);
    const __m512 s11 = _mm512_shuffle_f32x4(q11, q15, 0x88), s15 = _mm512_shuffle_f32x4(q11, q15, 0xdd);
    r[0] = _mm512_shuffle_f32x4(s0, s8, 0x88);
    r[8] = _mm512_shuffle_f32x4(s0, s8, 0xdd);
    r[4] = _mm512_shuffle_f32x4(s4, s12, 0x88);
    r[12] = _mm512_shuffle_f32x4(s4, s12, 0xdd);
    r[1] = _mm512_shuffle_f32x4(s1, s9, 0x88);
    r[9] = _mm512_shuffle_f32x4(s1, s9, 0xdd);
    r[5] = _mm512_shuffle_f32x4(s5, s13, 0x88);
    r[13] = _mm512_shuffle_f32x4(s5, s13, 0xdd);
    r[2] = _mm512_shuffle_f32x4(s2, s10, 0x88);
    r[10] = _mm512_shuffle_f32x4(s2, s10, 0xdd);
    r[6] = _mm512_shuffle_f32x4(s6, s14, 0x88);
    r[14] = _mm512_shuffle_f32x4(s6, s14, 0xdd);
    r[3] = _mm512_shuffle_f32x4(s3, s11, 0x88);
    r[11] = _mm512_shuffle_f32x4(s3, s11, 0xdd);
    r[7] = _mm512_shuffle_f32x4(s7, s15, 0x88);
    r[15] = _mm512_shuffle_f32x4(s7, s15, 0xdd);
}
/* end */
/* op: v_gather */
/* needs: v_four */
/* The instruction of this name takes longer than sixteen loads on most cores. */
V_INLINE v_float v_gather(const float *p, const unsigned short *index)
{
    const __m256 low = _mm256_insertf128_ps(_mm256_castps128_ps256(v_four(p, index)), v_four(p, index + 4), 1);
    const __m256 high = _mm256_insertf128_ps(_mm256_castps128_ps256(v_four(p, index + 8)), v_four(p, index + 12), 1);
    return _mm512_castpd_ps(_mm512_insertf64x4(_mm512_castps_pd(_mm512_castps256_ps512(low)), _mm256_castps_pd(high), 1));
}
/* end */
/* op: v_even */
V_INLINE v_float v_even(v_float a, v_float b)
{
    return _mm512_permutex2var_ps(a, _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), b);
}
/* end */
/* op: v_odd */
V_INLINE v_float v_odd(v_float a, v_float b)
{
    return _mm512_permutex2var_ps(a, _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), b);
}
/* end */
/* op: v_sum */
V_INLINE float v_sum(v_float a)
{
    const __m256 b = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_castps512_ps256(_mm512_shuffle_f32x4(a, a, 0x4e)));
    const __m128 c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
    const __m128 d = _mm_add_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_add_ss(d, _mm_shuffle_ps(d, d, 1)));
}
/* end */
