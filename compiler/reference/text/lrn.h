/* Local response normalisation: divides by a power of the sum of squares over neighbouring channels. Items: elements.
   p: channels, elements of a channel, neighbours in front, neighbours behind. r: alpha / size, beta, bias. */
static void NAME(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const int64_t channels = p[0], inner = p[1];
    const T *x = (const T *)in[0];
    for (; begin < end; begin++) {
        const int64_t channel = begin / inner % channels;
        const int64_t first = channel < p[2] ? -channel : -p[2], last = channels - 1 - channel < p[3] ? channels - 1 - channel : p[3];
        double sum = 0;
        for (int64_t i = first; i <= last; i++)
            sum += (double)x[begin + i * inner] * (double)x[begin + i * inner];
        ((T *)out[0])[begin] = (T)((double)x[begin] / __builtin_pow(r[2] + r[0] * sum, r[1]));
    }
}
