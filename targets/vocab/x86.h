/* What the headers of x86 share, each behind its types. */

/* op: v_keep */
V_INLINE v_float v_keep(v_float a)
{
    __asm__("" : "+v"(a));
    return a;
}
/* end */
/* op: v_four */
V_INLINE __m128 v_four(const float *p, const unsigned short *index)
{
    unsigned long long i;
    __builtin_memcpy(&i, index, sizeof i);    /* one load rather than four: loads are what gathering waits for */
    const __m128 low = _mm_unpacklo_ps(_mm_load_ss(p + (i & 0xffff)), _mm_load_ss(p + (i >> 16 & 0xffff)));
    return _mm_movelh_ps(low, _mm_unpacklo_ps(_mm_load_ss(p + (i >> 32 & 0xffff)), _mm_load_ss(p + (i >> 48))));
}
/* end */
