/* The vector vocabulary in the vector extensions that gcc and clang share: 4 floats, for any machine. vocab/README.md says what each
   operation means. */
typedef float v_float __attribute__((vector_size(16)));
typedef float v_float_any __attribute__((vector_size(16), aligned(4), may_alias));
typedef int v_mask __attribute__((vector_size(16)));
#define V_INLINE static inline __attribute__((always_inline, unused))

/* op: v_load */
V_INLINE v_float v_load(const float *p) { return *(const v_float_any *)p; }
/* end */
/* op: v_store */
V_INLINE void v_store(float *p, v_float a) { *(v_float_any *)p = a; }
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
    for (int i = 0; i < n; i++)
        p[i] = a[i];
}
/* end */
/* op: v_set1 */
V_INLINE v_float v_set1(float a)
{
    const v_float b = {a, a, a, a};
    return b;
}
/* end */
/* op: v_zero */
V_INLINE v_float v_zero(void)
{
    const v_float a = {0.0f, 0.0f, 0.0f, 0.0f};
    return a;
}
/* end */
/* op: v_add */
V_INLINE v_float v_add(v_float a, v_float b) { return a + b; }
/* end */
/* op: v_sub */
V_INLINE v_float v_sub(v_float a, v_float b) { return a - b; }
/* end */
/* op: v_mul */
V_INLINE v_float v_mul(v_float a, v_float b) { return a * b; }
/* end */
/* op: v_div */
V_INLINE v_float v_div(v_float a, v_float b) { return a / b; }
/* end */
/* op: v_fma */
V_INLINE v_float v_fma(v_float a, v_float b, v_float c) { return a * b + c; }
/* end */
/* op: s_fma */
V_INLINE float s_fma(float a, float b, float c) { return a * b + c; }
/* end */
/* op: v_less */
V_INLINE v_mask v_less(v_float a, v_float b) { return (v_mask)(a < b); }
/* end */
/* op: v_select */
V_INLINE v_float v_select(v_mask m, v_float a, v_float b) { return (v_float)((m & (v_mask)a) | (~m & (v_mask)b)); }
/* end */
/* op: v_max */
/* needs: v_select */
V_INLINE v_float v_max(v_float a, v_float b) { return v_select((v_mask)(a > b) | (v_mask)(a != a), a, b); }
/* end */
/* op: v_min */
/* needs: v_select */
V_INLINE v_float v_min(v_float a, v_float b) { return v_select((v_mask)(a < b) | (v_mask)(a != a), a, b); }
/* end */
/* op: v_relu */
V_INLINE v_float v_relu(v_float a) { return (v_float)(~(v_mask)(a < 0.0f) & (v_mask)a); }
/* end */
/* op: v_neg */
V_INLINE v_float v_neg(v_float a) { return -a; }
/* end */
/* op: v_abs */
V_INLINE v_float v_abs(v_float a) { return (v_float)((v_mask)a & 0x7fffffff); }
/* end */
/* op: v_sqrt */
V_INLINE v_float v_sqrt(v_float a)
{
    for (int i = 0; i < 4; i++)
        a[i] = __builtin_sqrtf(a[i]);
    return a;
}
/* end */
/* op: v_floor */
V_INLINE v_float v_floor(v_float a)
{
    for (int i = 0; i < 4; i++)
        a[i] = __builtin_floorf(a[i]);
    return a;
}
/* end */
/* op: v_ceil */
V_INLINE v_float v_ceil(v_float a)
{
    for (int i = 0; i < 4; i++)
        a[i] = __builtin_ceilf(a[i]);
    return a;
}
/* end */
/* op: v_round */
V_INLINE v_float v_round(v_float a)
{
    for (int i = 0; i < 4; i++)
        a[i] = __builtin_nearbyintf(a[i]);
    return a;
}
/* end */
/* op: v_pow2 */
V_INLINE v_float v_pow2(v_float n)
{
    typedef unsigned v_bits __attribute__((vector_size(16)));    /* the sum may wrap, where n is no exponent */
    return (v_float)(((v_bits)__builtin_convertvector(n, v_mask) + 127u) << 23);
}
/* end */
/* op: v_exponent */
V_INLINE v_float v_exponent(v_float a) { return __builtin_convertvector(((v_mask)a >> 23) - 127, v_float); }
/* end */
/* op: v_transpose */
V_INLINE void v_transpose(v_float *r)
{
    const v_float a = r[0], b = r[1], c = r[2], d = r[3];
    for (int i = 0; i < 4; i++) {
        const v_float e = {a[i], b[i], c[i], d[i]};
        r[i] = e;
    }
}
/* end */
/* op: v_keep */
V_INLINE v_float v_keep(v_float a) { return a; }
/* end */
/* op: v_gather */
V_INLINE v_float v_gather(const float *p, const unsigned short *index)
{
    const v_float a = {p[index[0]], p[index[1]], p[index[2]], p[index[3]]};
    return a;
}
/* end */
/* op: v_even */
V_INLINE v_float v_even(v_float a, v_float b)
{
    const v_float c = {a[0], a[2], b[0], b[2]};
    return c;
}
/* end */
/* op: v_odd */
V_INLINE v_float v_odd(v_float a, v_float b)
{
    const v_float c = {a[1], a[3], b[1], b[3]};
    return c;
}
/* end */
/* op: v_sum */
V_INLINE float v_sum(v_float a) { return (a[0] + a[2]) + (a[1] + a[3]); }
/* end */
