/* (x - mean) / sqrt(variance + epsilon) * scale + bias with numbers for each channel. Items: elements.
   p: channels, elements of a channel. r: epsilon. */
static void NAME(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const int64_t channels = p[0], inner = p[1];
    const T *x = (const T *)in[0], *scales = (const T *)in[1], *biases = (const T *)in[2], *means = (const T *)in[3], *variances = (const T *)in[4];
    while (begin < end) {
        const int64_t channel = begin / inner % channels, stop = (begin / inner + 1) * inner < end ? (begin / inner + 1) * inner : end;
        const double scale = (double)scales[channel] / __builtin_sqrt((double)variances[channel] + r[0]);
        const double mean = (double)means[channel], bias = (double)biases[channel];
        for (; begin < stop; begin++)
            ((T *)out[0])[begin] = (T)(((double)x[begin] - mean) * scale + bias);
    }
}
