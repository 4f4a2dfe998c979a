/* Converts elements to another type. Items: elements. */
static void NAME(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const T *x = (const T *)in[0];
    U *y = (U *)out[0];
    (void)p;
    (void)r;
    for (int64_t i = begin; i < end; i++)
        y[i] = CONVERT(LOAD(x[i]));
}
