/* The largest value of each window over up to three spatial axes, and where it was found if that is asked for. Items: lines of the result.
   p: three numbers each: size of x, of the result, kernel, strides, dilations, pads in front; then the strides of the three axes in the places
   told. */
static void NAME(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const int64_t *size = p, *result = p + 3, *kernel = p + 6, *stride = p + 9, *dilation = p + 12, *pad = p + 15, *told = p + 18;
    (void)r;
    for (int64_t item = begin * result[2]; item < end * result[2]; item++) {
        const int64_t line = item / result[2], first = line / result[1] / result[0] * size[0] * size[1] * size[2];
        const int64_t left = item % result[2] * stride[2] - pad[2], right = left + kernel[2] * dilation[2];
        const int64_t top = line % result[1] * stride[1] - pad[1], bottom = top + kernel[1] * dilation[1];
        const int64_t front = line / result[1] % result[0] * stride[0] - pad[0], back = front + kernel[0] * dilation[0];
        const T *x = (const T *)in[0] + first;
        T best = LOWEST;
        int64_t place = -1;
        for (int64_t w = front; w < back && w < size[0]; w += dilation[0])
            for (int64_t v = top; v < bottom && v < size[1]; v += dilation[1])
                for (int64_t u = left; u < right && u < size[2]; u += dilation[2])
                    if (w >= 0 && v >= 0 && u >= 0 && (place < 0 || EXCEEDS(x[(w * size[1] + v) * size[2] + u], best))) {
                        best = x[(w * size[1] + v) * size[2] + u];
                        place = w * told[0] + v * told[1] + u * told[2];
                    }
        if (out[0])
            ((T *)out[0])[item] = best;
        if (out[1])
            ((int64_t *)out[1])[item] = first + (place < 0 ? 0 : place);
    }
}
