/* Normalises each channel of each image by its own mean and variance, then scale and bias. Items: channels of all images.
   p: channels, elements of a channel. r: epsilon. */
static void NAME(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const int64_t channels = p[0], size = p[1];
    for (; begin < end; begin++) {
        const T *x = (const T *)in[0] + begin * size;
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < size; i++)
            mean += (double)x[i];
        mean /= (double)size;
        for (int64_t i = 0; i < size; i++)
            variance += ((double)x[i] - mean) * ((double)x[i] - mean);
        const double scale = (double)((const T *)in[1])[begin % channels] / __builtin_sqrt(variance / (double)size + r[0]);
        const double bias = (double)((const T *)in[2])[begin % channels];
        for (int64_t i = 0; i < size; i++)
            ((T *)out[0])[begin * size + i] = (T)(((double)x[i] - mean) * scale + bias);
    }
}
