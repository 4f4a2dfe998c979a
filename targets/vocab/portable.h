/* The vector vocabulary in the vector extensions that gcc and clang share, for any machine: 4 floats, or what V_LANES says, a power of two.
   vocab/README.md says what each operation means. */
#ifndef V_LANES
#define V_LANES 4
#endif
typedef float v_float __attribute__((vector_size(4 * V_LANES)));
typedef float v_float_any __attribute__((vector_size(4 * V_LANES), aligned(4), may_alias));
typedef int v_mask __attribute__((vector_size(4 * V_LANES)));
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
    v_float a = {0};
    for (int i = 0; i < n; i++)
        a[i] = p[i];
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
V_INLINE v_float v_set1(float a) { return a - (v_float){0}; }
/* end */
/* op: v_zero */
V_INLINE v_float v_zero(void) { return (v_float){0}; }
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
/* op: v_at_least */
/* needs: v_select */
V_INLINE v_float v_at_least(v_float a, v_float b) { return v_select((v_mask)(a < b), b, a); }
/* end */
/* op: v_at_most */
/* needs: v_select */
V_INLINE v_float v_at_most(v_float a, v_float b) { return v_select((v_mask)(b < a), b, a); }
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
    for (int i = 0; i < V_LANES; i++)
        a[i] = __builtin_sqrtf(a[i]);
    return a;
}
/* end */
/* op: v_floor */
V_INLINE v_float v_floor(v_float a)
{
    for (int i = 0; i < V_LANES; i++)
        a[i] = __builtin_floorf(a[i]);
    return a;
}
/* end */
/* op: v_ceil */
V_INLINE v_float v_ceil(v_float a)
{
    for (int i = 0; i < V_LANES; i++)
        a[i] = __builtin_ceilf(a[i]);
    return a;
}
/* end */
/* op: v_round */
V_INLINE v_float v_round(v_float a)
{
    for (int i = 0; i < V_LANES; i++)
        a[i] = __builtin_nearbyintf(a[i]);
    return a;
}
/* end */
/* op: v_pow2 */
V_INLINE v_float v_pow2(v_float n)
{
    typedef unsigned v_bits __attribute__((vector_size(4 * V_LANES)));    /* the sum may wrap, where n is no exponent */
    return (v_float)(((v_bits)__builtin_convertvector(n, v_mask) + 127u) << 23);
}
/* end */
/* op: v_exponent */
V_INLINE v_float v_exponent(v_float a) { return __builtin_convertvector(((v_mask)a >> 23) - 127, v_float); }
/* end */
/* op: v_transpose */
V_INLINE void v_transpose(v_float *r)
{
    v_float a[V_LANES];
    for (int i = 0; i < V_LANES; i++)
        for (int j = 0; j < V_LANES; j++)
            a[i][j] = r[j][i];
    for (int i = 0; i < V_LANES; i++)
        r[i] = a[i];
}
/* end */
/* op: v_keep */
V_INLINE v_float v_keep(v_float a) { return a; }
/* end */
/* op: v_gather */
V_INLINE v_float v_gather(const float *p, const unsigned short *index)
{
    v_float a = {0};
    for (int i = 0; i < V_LANES; i++)
        a[i] = p[index[i]];
    return a;
}
/* end */
/* op: v_even */
V_INLINE v_float v_even(v_float a, v_float b)
{
    v_float c = {0};
    for (int i = 0; i < V_LANES / 2; i++) {
        c[i] = a[2 * i];
        c[i + V_LANES / 2] = b[2 * i];
    }
    return c;
}
/* end */
/* op: v_odd */
V_INLINE v_float v_odd(v_float a, v_float b)
{
    v_float c = {0};
    for (int i = 0; i < V_LANES / 2; i++) {
        c[i] = a[2 * i + 1];
        c[i + V_LANES / 2] = b[2 * i + 1];
    }
    return c;
}
/* end */
/* op: v_sum */
V_INLINE float v_sum(v_float a)
{
    for (int half = V_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            a[i] += a[i + half];
    return a[0];
}
/* end */
