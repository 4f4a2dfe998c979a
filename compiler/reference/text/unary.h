/* One operand, element by element. Items: elements. */
static void NAME(const int64_t *sizes, const double *reals, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const T *x = (const T *)in[0];
    U *y = (U *)out[0];
    (void)sizes;
    (void)reals;
    for (int64_t i = begin; i < end; i++) {
        const W a = (W)x[i];
        y[i] = (U)(EXPRESSION);
    }
}
