/* Resizes by linear or cubic interpolation along every axis, weights computed where they are used. Items: elements of the result.
   p: rank, coordinates (see ref_resized), whether elements outside x are left out; for every axis: size of the result; of x; stride in x.
   r: the value outside x; the parameter of cubic weights; for every axis the four numbers of ref_resized; then for every axis by what distances
   shrink (antialias). */
static void NAME(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const int64_t rank = p[0], *dims = p + 3, *sizes = dims + rank, *strides = sizes + rank;
    const double *shrink = r + 2 + 4 * rank;
    int64_t index[REF_RANK], first[REF_RANK], taps[REF_RANK], tap[REF_RANK];
    double at[REF_RANK], weights[REF_RANK];
    ref_seek(begin, rank, dims, index);
    for (; begin < end; begin++) {
        int64_t outside = 0, count = 1;
        double sum = 0;
        for (int64_t axis = 0; axis < rank; axis++) {
            const double place = ref_resized(p[1], (double)index[axis], (double)sizes[axis], (double)dims[axis], r + 2 + 4 * axis);
            at[axis] = ref_limit(place, -0x1p40, 0x1p40);
            outside |= p[1] == 6 && (at[axis] < 0 || at[axis] > (double)(sizes[axis] - 1));
            first[axis] = (int64_t)__builtin_floor(at[axis] - SUPPORT / shrink[axis]) + 1;
            taps[axis] = (int64_t)__builtin_ceil(at[axis] + SUPPORT / shrink[axis]) - first[axis];
            tap[axis] = 0;
            weights[axis] = 0;
            for (int64_t i = 0; i < taps[axis]; i++) {
                const double d = __builtin_fabs(at[axis] - (double)(first[axis] + i)) * shrink[axis];
                weights[axis] += p[2] && (first[axis] + i < 0 || first[axis] + i >= sizes[axis]) ? 0 : WEIGHT;
            }
            weights[axis] = weights[axis] == 0 ? 0 : 1 / weights[axis];
            count *= taps[axis];
        }
        for (int64_t i = outside ? count : 0; i < count; i++) {
            double weight = 1;
            int64_t place = 0;
            for (int64_t axis = 0; axis < rank; axis++) {
                const int64_t from = first[axis] + tap[axis], size = sizes[axis];
                const double d = __builtin_fabs(at[axis] - (double)from) * shrink[axis];
                weight *= p[2] && (from < 0 || from >= size) ? 0 : (WEIGHT) * weights[axis];
                place += (from < 0 ? 0 : from >= size ? size - 1 : from) * strides[axis];
            }
            sum += weight * (double)((const T *)in[0])[place];
            ref_advance(1, rank, taps, tap);
        }
        ((T *)out[0])[begin] = NARROW(outside ? r[0] : sum);
        ref_advance(1, rank, dims, index);
    }
}
