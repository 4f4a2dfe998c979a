/* The vector vocabulary in SSE4.2: 4 floats, no multiply-add. vocab/README.md says what each operation means. */
#include <nmmintrin.h>

typedef __m128 v_float;
typedef __m128 v_mask;
#define V_INLINE static inline __attribute__((always_inline, unused))
#include "x86.h"

/* op: v_load */
V_INLINE v_float v_load(const float *p) { return _mm_loadu_ps(p); }
/* end */
/* op: v_store */
V_INLINE void v_store(float *p, v_float a) { _mm_storeu_ps(p, a); }
/* end */
/* op: v_load_part */
V_INLINE v_float v_load_part(const float *p, int n)
{
    return _mm_setr_ps(n > 0 ? p[0] : 0.0f, n > 1 ? p[1] : 0.0f, n > 2 ? p[2] : 0.0f, n > 3 ? p[3] : 0.0f);
}
/* end */
/* op: v_store_part */
V_INLINE void v_store_part(float *p, v_float a, int n)
{
    if (n > 0)
        p[0] = _mm_cvtss_f32(a);
    if (n > 1)
        p[1] = _mm_cvtss_f32(_mm_shuffle_ps(a, a, 1));
    if (n > 2)
        p[2] = _mm_cvtss_f32(_mm_movehl_ps(a, a));
    if (n > 3)
        p[3] = _mm_cvtss_f32(_mm_shuffle_ps(a, a, 3));
}
/* end */
/* op: v_set1 */
V_INLINE v_float v_set1(float a) { return _mm_set1_ps(a); }
/* end */
/* op: v_zero */
V_INLINE v_float v_zero(void) { return _mm_setzero_ps(); }
/* end */
/* op: v_add */
V_INLINE v_float v_add(v_float a, v_float b) { return _mm_add_ps(a, b); }
/* end */
/* op: v_sub */
V_INLINE v_float v_sub(v_float a, v_float b) { return _mm_sub_ps(a, b); }
/* end */
/* op: v_mul */
V_INLINE v_float v_mul(v_float a, v_float b) { return _mm_mul_ps(a, b); }
/* end */
/* op: v_div */
V_INLINE v_float v_div(v_float a, v_float b) { return _mm_div_ps(a, b); }
/* end */
/* op: v_fma */
V_INLINE v_float v_fma(v_float a, v_float b, v_float c) { return _mm_add_ps(_mm_mul_ps(a, b), c); }
/* end */
/* op: s_fma */
V_INLINE float s_fma(float a, float b, float c) { return a * b + c; }
/* end */
/* op: v_less */
V_INLINE v_mask v_less(v_float a, v_float b) { return _mm_cmplt_ps(a, b); }
/* end */
/* op: v_select */
V_INLINE v_float v_select(v_mask m, v_float a, v_float b) { return _mm_blendv_ps(b, a, m); }
/* end */
/* op: v_max */
V_INLINE v_float v_max(v_float a, v_float b) { return _mm_blendv_ps(_mm_max_ps(a, b), a, _mm_cmpunord_ps(a, a)); }
/* end */
/* op: v_min */
V_INLINE v_float v_min(v_float a, v_float b) { return _mm_blendv_ps(_mm_min_ps(a, b), a, _mm_cmpunord_ps(a, a)); }
/* end */
/* op: v_at_least */
V_INLINE v_float v_at_least(v_float a, v_float b) { return _mm_max_ps(b, a); }
/* end */
/* op: v_at_most */
V_INLINE v_float v_at_most(v_float a, v_float b) { return _mm_min_ps(b, a); }
/* end */
/* op: v_relu */
V_INLINE v_float v_relu(v_float a) { return _mm_max_ps(_mm_setzero_ps(), a); }
/* end */
/* op: v_neg */
V_INLINE v_float v_neg(v_float a) { return _mm_xor_ps(a, _mm_set1_ps(-0.0f)); }
/* end */
/* op: v_abs */
V_INLINE v_float v_abs(v_float a) { return _mm_andnot_ps(_mm_set1_ps(-0.0f), a); }
/* end */
/* op: v_sqrt */
V_INLINE v_float v_sqrt(v_float a) { return _mm_sqrt_ps(a); }
/* end */
/* op: v_floor */
V_INLINE v_float v_floor(v_float a) { return _mm_round_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
/* end */
/* op: v_ceil */
V_INLINE v_float v_ceil(v_float a) { return _mm_round_ps(a, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }
/* end */
/* op: v_round */
V_INLINE v_float v_round(v_float a) { return _mm_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/* end */
/* op: v_pow2 */
V_INLINE v_float v_pow2(v_float n) { return _mm_castsi128_ps(_mm_slli_epi32(_mm_add_epi32(_mm_cvtps_epi32(n), _mm_set1_epi32(127)), 23)); }
/* end */
/* op: v_exponent */
V_INLINE v_float v_exponent(v_float a)
{
    return _mm_cvtepi32_ps(_mm_sub_epi32(_mm_srli_epi32(_mm_castps_si128(a), 23), _mm_set1_epi32(127)));
}
/* end */
/* op: v_transpose */
V_INLINE void v_transpose(v_float *r)
{
    const __m128 p0 = _mm_unpacklo_ps(r[0], r[1]), p1 = _mm_unpackhi_ps(r[0], r[1]);
    const __m128 p2 = _mm_unpacklo_ps(r[2], r[3]), p3 = _mm_unpackhi_ps(r[2], r[3]);
    r[0] = _mm_movelh_ps(p0, p2);
    r[1] = _mm_movehl_ps(p2, p0);
    r[2] = _mm_movelh_ps(p1, p3);
    r[3] = _mm_movehl_ps(p3, p1);
}
/* end */
/* op: v_gather */
/* needs: v_four */
V_INLINE v_float v_gather(const float *p, const unsigned short *index) { return v_four(p, index); }
/* end */
/* op: v_even */
V_INLINE v_float v_even(v_float a, v_float b) { return _mm_shuffle_ps(a, b, 0x88); }
/* end */
/* op: v_odd */
V_INLINE v_float v_odd(v_float a, v_float b) { return _mm_shuffle_ps(a, b, 0xdd); }
/* end */
/* op: v_sum */
V_INLINE float v_sum(v_float a)
{
    const __m128 d = _mm_add_ps(a, _mm_movehl_ps(a, a));
    return _mm_cvtss_f32(_mm_add_ss(d, _mm_shuffle_ps(d, d, 1)));
}
/* end */
