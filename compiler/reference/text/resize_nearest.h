/* Resizes by taking the nearest element along every axis. Items: elements of the result.
   p: rank, coordinates (see ref_resized), rounding (0 half down, 1 half up, 2 down, 3 up), bits of the value outside x; for every axis: size of the
   result; of x; stride in x. r: for every axis the four numbers of ref_resized. */
static void NAME(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const int64_t rank = p[0], *dims = p + 4, *sizes = dims + rank, *strides = sizes + rank;
    int64_t index[REF_RANK];
    ref_seek(begin, rank, dims, index);
    for (; begin < end; begin++) {
        int64_t place = 0;
        for (int64_t axis = 0; axis < rank && place >= 0; axis++) {
            const double last = (double)(sizes[axis] - 1);
            const double at = ref_resized(p[1], (double)index[axis], (double)sizes[axis], (double)dims[axis], r + 4 * axis);
            const double nearest = p[2] == 0   ? __builtin_ceil(at - 0.5)
                                   : p[2] == 1 ? __builtin_floor(at + 0.5)
                                   : p[2] == 2 ? __builtin_floor(at)
                                               : __builtin_ceil(at);
            const int64_t outside = p[1] == 6 && (at < 0 || at > last);
            place = outside ? -1 : place + (int64_t)ref_limit(nearest, 0, last) * strides[axis];
        }
        ((T *)out[0])[begin] = place < 0 ? (T)p[3] : ((const T *)in[0])[place];
        ref_advance(1, rank, dims, index);
    }
}
