/* Softmax along an axis, or its logarithm, from the distance below the largest value and the sum over all. Items: lines along the axis.
   p: size of the axis, its stride. */
static void NAME(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const int64_t size = p[0], inner = p[1];
    (void)r;
    for (; begin < end; begin++) {
        const int64_t first = begin / inner * size * inner + begin % inner;
        const T *x = (const T *)in[0] + first;
        T *y = (T *)out[0] + first;
        double largest = -__builtin_inf(), sum = 0;
        for (int64_t i = 0; i < size; i++)
            largest = (double)x[i * inner] > largest ? (double)x[i * inner] : largest;
        for (int64_t i = 0; i < size; i++)
            sum += __builtin_exp((double)x[i * inner] - largest);
        for (int64_t i = 0; i < size; i++) {
            const double distance = (double)x[i * inner] - largest;
            y[i * inner] = (T)(RESULT);
        }
    }
}
