/* Whole to real by scale and zero point. Items: elements.
   p: elements within a step of the axis, steps of the axis, steps that share a scale; strides in the scales: of what lies outside the axis, of
   those shared steps, of what lies within. */
static void NAME(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const T *x = (const T *)in[0], *zeros = (const T *)in[2];
    const S *scales = (const S *)in[1];
    (void)r;
    for (int64_t i = begin; i < end; i++) {
        const int64_t place = i / p[0] / p[1] * p[3] + i / p[0] % p[1] / p[2] * p[4] + i % p[0] * p[5];
        const double steps = (double)x[i] - (zeros ? (double)zeros[place] : 0);
        ((U *)out[0])[i] = (U)(steps * (double)scales[place]);
    }
}
