/* Copies a box of elements from strided places to strided places. Items: its elements, the last axis fastest.
   p: rank, place of the first element in the input and in the output; for every axis its size; strides in the input; in the output. */
static void NAME(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const int64_t rank = p[0], *dims = p + 3, *from = dims + rank, *to = from + rank;
    const T *x = (const T *)in[0] + p[1];
    T *y = (T *)out[0] + p[2];
    const int64_t x_step = from[rank - 1], y_step = to[rank - 1];
    int64_t index[REF_RANK];
    (void)r;
    ref_seek(begin, rank, dims, index);
    while (begin < end) {
        const int64_t run = ref_run(end - begin, rank, dims, index);
        const T *source = x + ref_place(rank, index, from);
        T *target = y + ref_place(rank, index, to);
        if (x_step == 1 && y_step == 1)
            __builtin_memcpy(target, source, (size_t)run * sizeof(T));
        else
            for (int64_t i = 0; i < run; i++)
                target[i * y_step] = source[i * x_step];
        begin += run;
        ref_advance(run, rank, dims, index);
    }
}
