/* The place of the largest or smallest value along an axis; NaN counts as both. Items: elements of the result.
   p: size of the axis, its stride, whether the last of equal ones is wanted. */
static void NAME(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const int64_t size = p[0], inner = p[1], last = p[2];
    (void)r;
    for (; begin < end; begin++) {
        const T *x = (const T *)in[0] + begin / inner * size * inner + begin % inner;
        T best = x[0];
        int64_t place = 0;
        for (int64_t i = 1; i < size; i++)
            if (BETTER(x[i * inner], best) || (last && x[i * inner] == best)) {
                best = x[i * inner];
                place = i;
            }
        ((int64_t *)out[0])[begin] = place;
    }
}
