/* Transposed convolution over up to three spatial axes, gathered by output line in blocks of 64 columns. Zero weights are passed over.
   Items: lines of the result. p: channels of a group, filters, filters of a group; then three numbers each: size of x, of the result, kernel,
   strides, dilations, pads in front. */
static void NAME(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const int64_t channels = p[0], filters = p[1], group_filters = p[2], *size = p + 3, *result = p + 6, *kernel = p + 9;
    const int64_t *stride = p + 12, *dilation = p + 15, *pad = p + 18, step = stride[2], lines = kernel[0] * kernel[1];
    const int64_t blocks = (result[2] + 63) / 64, groups = filters / group_filters;
    const T *bias = (const T *)in[2];
    (void)r;
    for (int64_t block = begin * blocks; block < end * blocks; block++) {
        const int64_t item = block / blocks, left = block % blocks * 64, count = result[2] - left < 64 ? result[2] - left : 64;
        const int64_t map = item / result[1] / result[0], filter = map % filters, group = filter / group_filters;
        const int64_t top = item % result[1] + pad[1], front = item / result[1] % result[0] + pad[0];
        double sums[64];
        for (int64_t i = 0; i < count; i++)
            sums[i] = bias ? LOAD(bias[filter]) : 0;
        for (int64_t tap = 0; tap < channels * lines; tap++) {
            const int64_t channel = group * channels + tap / lines;
            const int64_t y = top - tap % kernel[1] * dilation[1], z = front - tap / kernel[1] % kernel[0] * dilation[0];
            if (y < 0 || y % stride[1] != 0 || y / stride[1] >= size[1] || z < 0 || z % stride[0] != 0 || z / stride[0] >= size[0])
                continue;
            const T *weights = (const T *)in[1] + ((channel * group_filters + filter % group_filters) * lines + tap % lines) * kernel[2];
            const int64_t plane = map / filters * groups * channels + channel;
            const T *line = (const T *)in[0] + ((plane * size[0] + z / stride[0]) * size[1] + y / stride[1]) * size[2];
            for (int64_t i = 0; i < kernel[2]; i++) {
                const double weight = LOAD(weights[i]);
                const int64_t offset = i * dilation[2] - pad[2] - left;
                const int64_t stop = weight == 0 ? 0 : size[2];
                for (int64_t j = offset < 0 ? (step - 1 - offset) / step : 0; j < stop && j * step + offset < count; j++)
                    sums[j * step + offset] += weight * LOAD(line[j]);
            }
        }
        for (int64_t i = 0; i < count; i++)
            ((U *)out[0])[item * result[2] + left + i] = (U)sums[i];
    }
}
