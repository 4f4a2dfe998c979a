/* Normalises each row by its own mean and variance, then scale and bias, broadcast to the row. Mean and 1 / deviation are results too if asked for.
   Items: rows. p: elements of a row, axes of a row; for every such axis its size; its stride in scale; in bias. r: epsilon. */
static void NAME(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const int64_t size = p[0], rank = p[1], *dims = p + 2;
    const T *scale = (const T *)in[1], *bias = (const T *)in[2];
    int64_t index[REF_RANK];
    for (; begin < end; begin++) {
        const T *x = (const T *)in[0] + begin * size;
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < size; i++)
            mean += (double)x[i];
        mean /= (double)size;
        for (int64_t i = 0; i < size; i++)
            variance += ((double)x[i] - mean) * ((double)x[i] - mean);
        const double inverse = 1 / __builtin_sqrt(variance / (double)size + r[0]);
        ref_seek(0, rank, dims, index);
        for (int64_t i = out[0] ? 0 : size; i < size; i++) {
            const double shift = bias ? (double)bias[ref_place(rank, index, dims + 2 * rank)] : 0;
            const double normal = ((double)x[i] - mean) * inverse;
            ((T *)out[0])[begin * size + i] = (T)(normal * (double)scale[ref_place(rank, index, dims + rank)] + shift);
            ref_advance(1, rank, dims, index);
        }
        if (out[1])
            ((float *)out[1])[begin] = (float)mean;
        if (out[2])
            ((float *)out[2])[begin] = (float)inverse;
    }
}
