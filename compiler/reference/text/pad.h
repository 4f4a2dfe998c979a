/* Surrounds a tensor with a constant (the second operand, 0 without it) or with what its borders say; negative padding crops. Items: elements
   of the result. p: rank, mode (see ref_border); for every axis: size of the result; of x; stride in x; padding in front. */
static void NAME(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const int64_t rank = p[0], mode = p[1], *dims = p + 2, *x_dims = dims + rank, *strides = x_dims + rank, *front = strides + rank;
    const int64_t last = rank - 1;
    const T *x = (const T *)in[0];
    const T fill = in[1] ? *(const T *)in[1] : 0;
    T *y = (T *)out[0];
    int64_t index[REF_RANK];
    (void)r;
    ref_seek(begin, rank, dims, index);
    while (begin < end) {
        const int64_t run = ref_run(end - begin, rank, dims, index), first = index[last] - front[last];
        int64_t line = 0;
        for (int64_t axis = 0; axis < last && line >= 0; axis++) {
            const int64_t from = ref_border(mode, index[axis] - front[axis], x_dims[axis]);
            line = from < 0 ? -1 : line + from * strides[axis];
        }
        for (int64_t i = 0; i < run; i++) {
            const int64_t from = line < 0 ? -1 : ref_border(mode, first + i, x_dims[last]);
            y[begin + i] = from < 0 ? fill : x[line + from];
        }
        begin += run;
        ref_advance(run, rank, dims, index);
    }
}
