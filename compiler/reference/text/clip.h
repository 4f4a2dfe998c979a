/* Limits elements to bounds that may be absent; the upper one wins where they cross. Items: elements. */
static void NAME(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const T *x = (const T *)in[0], *low = (const T *)in[1], *high = (const T *)in[2];
    T *y = (T *)out[0];
    (void)p;
    (void)r;
    for (int64_t i = begin; i < end; i++) {
        const T raised = low && x[i] < *low ? *low : x[i];
        y[i] = high && raised > *high ? *high : raised;
    }
}
