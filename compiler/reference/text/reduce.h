/* Reduces axes: s runs over the values a of each group of n. Items: elements of the result.
   sizes: n, axes kept, axes reduced; for every axis kept its size; its stride; for every axis reduced its size; its stride. */
static void NAME(const int64_t *sizes, const double *reals, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const int64_t n = sizes[0], kept = sizes[1], reduced = sizes[2];
    const int64_t *kept_dims = sizes + 3, *kept_strides = kept_dims + kept, *dims = kept_strides + kept, *strides = dims + reduced;
    const int64_t step = strides[reduced - 1];
    int64_t index[REF_RANK];
    (void)reals;
    for (; begin < end; begin++) {
        ref_seek(begin, kept, kept_dims, index);
        const T *group = (const T *)in[0] + ref_place(kept, index, kept_strides);
        W s = START;
        ref_seek(0, reduced, dims, index);
        for (int64_t left = n; left > 0; left -= dims[reduced - 1]) {
            const T *line = group + ref_place(reduced, index, strides);
            for (int64_t i = 0; i < dims[reduced - 1]; i++) {
                const W a = (W)line[i * step];
                s = STEP;
            }
            ref_advance(dims[reduced - 1], reduced, dims, index);
        }
        ((T *)out[0])[begin] = (T)(FINISH);
    }
}
