
/* Functions in the vocabulary's own words, the same for every instruction set. */

/* op: v_poly_exp */
/* needs: v_fma v_set1 v_mul */
/* e^r - 1 for |r| <= ln 2 / 2: the series to r^7; what is left out is under a tenth of the last place. */
V_INLINE v_float v_poly_exp(v_float r)
{
    v_float q = v_fma(r, v_set1(0x1.a01a02p-13f), v_set1(0x1.6c16c2p-10f));
    q = v_fma(q, r, v_set1(0x1.111112p-7f));
    q = v_fma(q, r, v_set1(0x1.555556p-5f));
    q = v_fma(q, r, v_set1(0x1.555556p-3f));
    q = v_fma(q, r, v_set1(0.5f));
    return v_fma(v_mul(r, r), q, r);
}
/* end */
/* op: v_reduce_ln2 */
/* needs: v_fma v_set1 */
/* x - n ln 2. The first part of ln 2 has 14 bits, so that its product with n is exact without a fused multiply-add too. */
V_INLINE v_float v_reduce_ln2(v_float x, v_float n)
{
    const v_float r = v_fma(n, v_set1(-0x1.62e4p-1f), x);
    return v_fma(n, v_set1(-0x1.7f7d1cp-20f), r);
}
/* end */
/* op: v_exp */
/* needs: v_at_least v_at_most v_round v_mul v_set1 v_floor v_add v_sub v_pow2 v_poly_exp v_reduce_ln2 */
/* Within 2 units in the last place; exact at the ends (0, infinity, NaN), denormal results included: 2^n is applied in two halves. */
V_INLINE v_float v_exp(v_float x)
{
    x = v_at_least(v_at_most(x, v_set1(89.0f)), v_set1(-104.0f));
    const v_float n = v_round(v_mul(x, v_set1(0x1.715476p+0f)));
    const v_float half = v_floor(v_mul(n, v_set1(0.5f)));
    const v_float y = v_add(v_poly_exp(v_reduce_ln2(x, n)), v_set1(1.0f));
    return v_mul(v_mul(y, v_pow2(half)), v_pow2(v_sub(n, half)));
}
/* end */
/* op: v_expm1 */
/* needs: v_at_least v_at_most v_round v_mul v_set1 v_sub v_add v_fma v_pow2 v_poly_exp v_reduce_ln2 */
/* e^x - 1, also near 0. Everything is halved until the last step, so that 2^n does not overflow before the result does. */
V_INLINE v_float v_expm1(v_float x)
{
    x = v_at_least(v_at_most(x, v_set1(89.0f)), v_set1(-40.0f));
    const v_float n = v_round(v_mul(x, v_set1(0x1.715476p+0f)));
    const v_float scale = v_pow2(v_sub(n, v_set1(1.0f)));
    const v_float half = v_fma(scale, v_poly_exp(v_reduce_ln2(x, n)), v_sub(scale, v_set1(0.5f)));
    return v_add(half, half);
}
/* end */
/* op: v_tanh */
/* needs: v_abs v_mul v_set1 v_expm1 v_neg v_add v_div v_select v_less v_zero */
V_INLINE v_float v_tanh(v_float x)
{
    const v_float e = v_expm1(v_mul(v_abs(x), v_set1(-2.0f)));
    const v_float t = v_div(e, v_add(e, v_set1(2.0f)));
    return v_select(v_less(x, v_zero()), t, v_neg(t));
}
/* end */
/* op: v_sigmoid */
/* needs: v_exp v_neg v_abs v_set1 v_add v_div v_select v_less v_zero */
/* 1 / (1 + e^-x), by e^-|x|, which does not overflow. */
V_INLINE v_float v_sigmoid(v_float x)
{
    const v_float e = v_exp(v_neg(v_abs(x)));
    return v_div(v_select(v_less(x, v_zero()), e, v_set1(1.0f)), v_add(v_set1(1.0f), e));
}
/* end */
/* op: v_erf */
/* needs: v_abs v_at_most v_set1 v_mul v_fma v_sub v_exp v_select v_less v_neg v_zero */
/* Within 2 units in the last place: below 1 x and x times a polynomial in x^2, from there on 1 - e^p with p near log erfc, exactly 1 from 4 on. Both
   were fitted for the least relative error of the result. */
V_INLINE v_float v_erf(v_float x)
{
    const v_float t = v_at_most(v_abs(x), v_set1(4.0f)), s = v_mul(t, t);
    v_float q = v_fma(s, v_set1(0x1.496a6ep-14f), v_set1(-0x1.a3f718p-11f));
    q = v_fma(q, s, v_set1(0x1.5405b6p-8f));
    q = v_fma(q, s, v_set1(-0x1.b7f90ep-6f));
    q = v_fma(q, s, v_set1(0x1.ce2cf8p-4f));
    q = v_fma(q, s, v_set1(-0x1.81273ep-2f));
    q = v_fma(q, s, v_set1(0x1.06eba8p-3f));
    v_float p = v_fma(t, v_set1(0x1.86dd92p-13f), v_set1(-0x1.825b00p-9f));
    p = v_fma(p, t, v_set1(0x1.65cb7ap-6f));
    p = v_fma(p, t, v_set1(-0x1.a65344p-4f));
    p = v_fma(p, t, v_set1(-0x1.46baecp-1f));
    p = v_fma(p, t, v_set1(-0x1.2088eap+0f));
    p = v_fma(p, t, v_set1(-0x1.661ce4p-12f));
    const v_float y = v_select(v_less(t, v_set1(1.0f)), v_fma(q, t, t), v_sub(v_set1(1.0f), v_exp(p)));
    return v_select(v_less(x, v_zero()), v_neg(y), y);
}
/* end */
/* op: v_log */
/* needs: v_less v_set1 v_select v_mul v_exponent v_floor v_pow2 v_neg v_sub v_add v_div v_fma v_abs v_zero */
/* x = m 2^e with m in sqrt(1/2) .. sqrt(2); log m from the series in (m-1)/(m+1). Denormals are scaled up first. */
V_INLINE v_float v_log(v_float x)
{
    const v_mask tiny = v_less(x, v_set1(0x1p-126f));
    const v_float y = v_select(tiny, v_mul(x, v_set1(0x1p24f)), x);
    v_float e = v_exponent(y);
    const v_float half = v_floor(v_mul(e, v_set1(0.5f)));
    v_float m = v_mul(v_mul(y, v_pow2(v_neg(half))), v_pow2(v_sub(half, e)));
    const v_mask large = v_less(v_set1(0x1.6a09e6p+0f), m);
    m = v_select(large, v_mul(m, v_set1(0.5f)), m);
    e = v_select(large, v_add(e, v_set1(1.0f)), e);
    e = v_select(tiny, v_sub(e, v_set1(24.0f)), e);
    const v_float f = v_sub(m, v_set1(1.0f));
    const v_float s = v_div(f, v_add(f, v_set1(2.0f)));
    const v_float z = v_mul(s, s);
    v_float q = v_fma(z, v_set1(0x1.c71c72p-4f), v_set1(0x1.24924ap-3f));
    q = v_fma(q, z, v_set1(0x1.99999ap-3f));
    q = v_fma(q, z, v_set1(0x1.555556p-2f));
    /* 2 s = f - s f, whose first term is exact */
    const v_float low = v_fma(v_mul(z, q), v_add(s, s), v_fma(e, v_set1(0x1.7f7d1cp-20f), v_neg(v_mul(s, f))));
    v_float y2 = v_fma(e, v_set1(0x1.62e4p-1f), v_add(f, low));
    y2 = v_select(v_less(v_set1(0x1.fffffep+127f), x), x, y2);
    y2 = v_select(v_less(v_abs(x), v_set1(0x1p-149f)), v_set1(-__builtin_inff()), y2);
    return v_select(v_less(x, v_zero()), v_set1(__builtin_nanf("")), y2);
}
/* end */
/* op: v_prefetch */
/* Asks for a line of level 2; any address will do, that of no memory too. */
V_INLINE void v_prefetch(const void *p) { __builtin_prefetch(p, 0, 2); }
/* end */
/* op: v_unit */
/* needs: v_at_least v_at_most v_set1 v_zero */
/* Into 0 .. 1; NaN stays NaN. */
V_INLINE v_float v_unit(v_float a) { return v_at_least(v_at_most(a, v_set1(1.0f)), v_zero()); }
/* end */
/* op: v_max_across */
/* needs: v_store v_max v_even v_odd */
/* The largest lane; NaN if there is one. Neighbours are compared until all lanes are the same. */
V_INLINE float v_max_across(v_float a)
{
    float lane[sizeof(v_float) / sizeof(float)];
    for (int i = (int)(sizeof(v_float) / sizeof(float)); i > 1; i /= 2)
        a = v_max(v_even(a, a), v_odd(a, a));
    v_store(lane, a);
    return lane[0];
}
/* end */
