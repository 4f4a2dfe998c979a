/* The mean of each window over up to three spatial axes; of what lies in the padding, none or all counts. Items: lines of the result.
   p: three numbers each: size of x, of the result, kernel, strides, dilations, pads in front, size of x with the pads behind; then whether
   padding counts. */
static void NAME(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const int64_t *size = p, *result = p + 3, *kernel = p + 6, *stride = p + 9, *dilation = p + 12, *pad = p + 15, *padded = p + 18;
    (void)r;
    for (int64_t item = begin * result[2]; item < end * result[2]; item++) {
        const int64_t line = item / result[2], plane = line / result[1] / result[0];
        const int64_t left = item % result[2] * stride[2] - pad[2], right = left + kernel[2] * dilation[2];
        const int64_t top = line % result[1] * stride[1] - pad[1], bottom = top + kernel[1] * dilation[1];
        const int64_t front = line / result[1] % result[0] * stride[0] - pad[0], back = front + kernel[0] * dilation[0];
        const T *x = (const T *)in[0] + plane * size[0] * size[1] * size[2];
        double sum = 0;
        int64_t count = 0;
        for (int64_t w = front; w < back && w < padded[0]; w += dilation[0])
            for (int64_t v = top; v < bottom && v < padded[1]; v += dilation[1])
                for (int64_t u = left; u < right && u < padded[2]; u += dilation[2])
                    if (w >= 0 && w < size[0] && v >= 0 && v < size[1] && u >= 0 && u < size[2]) {
                        sum += (double)x[(w * size[1] + v) * size[2] + u];
                        count++;
                    } else {
                        count += p[21];
                    }
        ((T *)out[0])[item] = (T)(count > 0 ? sum / (double)count : 0);
    }
}
