/* Convolution over up to three spatial axes, each output line in blocks of 16 columns; a block's part of an input line is made wide and padded with
   zeros first, unless the kernel reaches further than 64 columns. Zero weights are passed over. Items: lines of the result.
   p: channels of a group, filters, filters of a group; then three numbers each: size of x, of the result, kernel, strides, dilations, pads in
   front. */
static void NAME(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const int64_t channels = p[0], filters = p[1], group_filters = p[2], *size = p + 3, *result = p + 6, *kernel = p + 9;
    const int64_t *stride = p + 12, *dilation = p + 15, *pad = p + 18, step = stride[2], reach = 15 * step + (kernel[2] - 1) * dilation[2] + 1;
    const int64_t blocks = (result[2] + 15) / 16, taps = kernel[0] * kernel[1] * kernel[2];
    const T *bias = (const T *)in[2];
    (void)r;
    for (int64_t block = begin * blocks; block < end * blocks; block++) {
        const int64_t item = block / blocks, left = block % blocks * 16, count = result[2] - left < 16 ? result[2] - left : 16;
        const int64_t map = item / result[1] / result[0], filter = map % filters, at = left * step - pad[2];
        const int64_t top = item % result[1] * stride[1] - pad[1], front = item / result[1] % result[0] * stride[0] - pad[0];
        const int64_t group = map / filters * (filters / group_filters) + filter / group_filters;
        const T *weights = (const T *)in[1] + filter * channels * taps;
        const int64_t first = at < 0 ? -at : 0, last = reach > 64 ? first : size[2] - at < reach ? size[2] - at : reach;
        double sums[16], wide[64] = {0};
        for (int64_t i = 0; i < 16; i++)
            sums[i] = bias ? LOAD(bias[filter]) : 0;
        for (int64_t channel = group * channels; channel < (group + 1) * channels; channel++)
            for (int64_t z = front; z < front + kernel[0] * dilation[0]; z += dilation[0])
                for (int64_t y = top; y < top + kernel[1] * dilation[1]; y += dilation[1], weights += kernel[2]) {
                    if (y < 0 || y >= size[1] || z < 0 || z >= size[0])
                        continue;
                    const T *line = (const T *)in[0] + ((channel * size[0] + z) * size[1] + y) * size[2];
                    int64_t filled = first;
                    for (int64_t i = 0; i < kernel[2]; i++) {
                        const double weight = LOAD(weights[i]);
                        if (weight == 0)
                            continue;
                        for (int64_t j = filled; j < last; j++)
                            wide[j] = LOAD(line[at + j]);
                        filled = last;
                        if (reach > 64)
                            for (int64_t j = 0; j < count; j++) {
                                const int64_t x = at + j * step + i * dilation[2];
                                sums[j] += x >= 0 && x < size[2] ? weight * LOAD(line[x]) : 0;
                            }
                        else if (step == 1)
                            for (int64_t j = 0; j < 16; j++)
                                sums[j] += weight * wide[i * dilation[2] + j];
                        else
                            for (int64_t j = 0; j < 16; j++)
                                sums[j] += weight * wide[i * dilation[2] + j * step];
                    }
                }
        for (int64_t i = 0; i < count; i++)
            ((U *)out[0])[item * result[2] + left + i] = (U)sums[i];
    }
}
