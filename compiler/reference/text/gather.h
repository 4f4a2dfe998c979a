/* Picks slices along an axis by number: y[o, j, :] = x[o, index[j], :]. Items: elements of the result.
   Negative numbers count from the end; what is outside takes the nearest slice there is, so that nothing outside x is read.
   p: slices in x, elements in a slice, numbers in the index. */
static void NAME(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const int64_t slices = p[0], inner = p[1], count = p[2];
    const T *x = (const T *)in[0];
    const I *index = (const I *)in[1];
    T *y = (T *)out[0];
    (void)r;
    while (begin < end) {
        const int64_t within = begin % inner, outer = begin / inner / count;
        const int64_t run = inner - within < end - begin ? inner - within : end - begin;
        int64_t slice = index[begin / inner % count];
        slice = slice < 0 ? slice + slices : slice;
        slice = slice < 0 ? 0 : slice >= slices ? slices - 1 : slice;
        __builtin_memcpy(y + begin, x + (outer * slices + slice) * inner + within, (size_t)run * sizeof(T));
        begin += run;
    }
}
