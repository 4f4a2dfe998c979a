/* The vector vocabulary in NEON of aarch64: 4 floats. vocab/README.md says what each operation means. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-schedule-insns")    /* before registers are given away: it loads so far ahead that sums go to the stack */
#endif
#include <arm_neon.h>

typedef float32x4_t v_float;
typedef uint32x4_t v_mask;
#define V_INLINE static inline __attribute__((always_inline, unused))

/* op: v_load */
V_INLINE v_float v_load(const float *p) { return vld1q_f32(p); }
/* end */
/* op: v_store */
V_INLINE void v_store(float *p, v_float a) { vst1q_f32(p, a); }
/* end */
/* op: v_load_part */
V_INLINE v_float v_load_part(const float *p, int n)
{
    const v_float a = {n > 0 ? p[0] : 0.0f, n > 1 ? p[1] : 0.0f, n > 2 ? p[2] : 0.0f, n > 3 ? p[3] : 0.0f};
    return a;
}
/* end */
/* op: v_store_part */
V_INLINE void v_store_part(float *p, v_float a, int n)
{
    if (n > 0)
        p[0] = vgetq_lane_f32(a, 0);
    if (n > 1)
        p[1] = vgetq_lane_f32(a, 1);
    if (n > 2)
        p[2] = vgetq_lane_f32(a, 2);
    if (n > 3)
        p[3] = vgetq_lane_f32(a, 3);
}
/* end */
/* op: v_set1 */
V_INLINE v_float v_set1(float a) { return vdupq_n_f32(a); }
/* end */
/* op: v_zero */
V_INLINE v_float v_zero(void) { return vdupq_n_f32(0.0f); }
/* end */
/* op: v_add */
V_INLINE v_float v_add(v_float a, v_float b) { return vaddq_f32(a, b); }
/* end */
/* op: v_sub */
V_INLINE v_float v_sub(v_float a, v_float b) { return vsubq_f32(a, b); }
/* end */
/* op: v_mul */
V_INLINE v_float v_mul(v_float a, v_float b) { return vmulq_f32(a, b); }
/* end */
/* op: v_div */
V_INLINE v_float v_div(v_float a, v_float b) { return vdivq_f32(a, b); }
/* end */
/* op: v_fma */
V_INLINE v_float v_fma(v_float a, v_float b, v_float c) { return vfmaq_f32(c, a, b); }
/* end */
/* op: s_fma */
V_INLINE float s_fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
/* end */
/* op: v_less */
V_INLINE v_mask v_less(v_float a, v_float b) { return vcltq_f32(a, b); }
/* end */
/* op: v_select */
V_INLINE v_float v_select(v_mask m, v_float a, v_float b) { return vbslq_f32(m, a, b); }
/* end */
/* op: v_max */
V_INLINE v_float v_max(v_float a, v_float b) { return vmaxq_f32(a, b); }
/* end */
/* op: v_min */
V_INLINE v_float v_min(v_float a, v_float b) { return vminq_f32(a, b); }
/* end */
/* op: v_at_least */
V_INLINE v_float v_at_least(v_float a, v_float b) { return vbslq_f32(vcltq_f32(a, b), b, a); }
/* end */
/* op: v_at_most */
V_INLINE v_float v_at_most(v_float a, v_float b) { return vbslq_f32(vcltq_f32(b, a), b, a); }
/* end */
/* op: v_relu */
V_INLINE v_float v_relu(v_float a) { return vbslq_f32(vcltzq_f32(a), vdupq_n_f32(0.0f), a); }
/* end */
/* op: v_neg */
V_INLINE v_float v_neg(v_float a) { return vnegq_f32(a); }
/* end */
/* op: v_abs */
V_INLINE v_float v_abs(v_float a) { return vabsq_f32(a); }
/* end */
/* op: v_sqrt */
V_INLINE v_float v_sqrt(v_float a) { return vsqrtq_f32(a); }
/* end */
/* op: v_floor */
V_INLINE v_float v_floor(v_float a) { return vrndmq_f32(a); }
/* end */
/* op: v_ceil */
V_INLINE v_float v_ceil(v_float a) { return vrndpq_f32(a); }
/* end */
/* op: v_round */
V_INLINE v_float v_round(v_float a) { return vrndnq_f32(a); }
/* end */
/* op: v_pow2 */
V_INLINE v_float v_pow2(v_float n) { return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127)), 23)); }
/* end */
/* op: v_exponent */
V_INLINE v_float v_exponent(v_float a) { return vcvtq_f32_s32(vsubq_s32(vshrq_n_s32(vreinterpretq_s32_f32(a), 23), vdupq_n_s32(127))); }
/* end */
/* op: v_transpose */
V_INLINE void v_transpose(v_float *r)
{
    const float32x4x2_t p = vtrnq_f32(r[0], r[1]), q = vtrnq_f32(r[2], r[3]);
    r[0] = vcombine_f32(vget_low_f32(p.val[0]), vget_low_f32(q.val[0]));
    r[1] = vcombine_f32(vget_low_f32(p.val[1]), vget_low_f32(q.val[1]));
    r[2] = vcombine_f32(vget_high_f32(p.val[0]), vget_high_f32(q.val[0]));
    r[3] = vcombine_f32(vget_high_f32(p.val[1]), vget_high_f32(q.val[1]));
}
/* end */
/* op: v_keep */
V_INLINE v_float v_keep(v_float a)
{
    __asm__("" : "+w"(a));
    return a;
}
/* end */
/* op: v_gather */
V_INLINE v_float v_gather(const float *p, const unsigned short *index)
{
    float32x4_t a = vld1q_dup_f32(p + index[0]);
    a = vld1q_lane_f32(p + index[1], a, 1);
    a = vld1q_lane_f32(p + index[2], a, 2);
    return vld1q_lane_f32(p + index[3], a, 3);
}
/* end */
/* op: v_even */
V_INLINE v_float v_even(v_float a, v_float b) { return vuzp1q_f32(a, b); }
/* end */
/* op: v_odd */
V_INLINE v_float v_odd(v_float a, v_float b) { return vuzp2q_f32(a, b); }
/* end */
/* op: v_sum */
V_INLINE float v_sum(v_float a)
{
    const float32x2_t d = vadd_f32(vget_low_f32(a), vget_high_f32(a));
    return vget_lane_f32(d, 0) + vget_lane_f32(d, 1);
}
/* end */
