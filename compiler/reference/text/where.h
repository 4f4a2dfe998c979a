/* Takes each element from the second operand where the condition holds, else from the third; broadcast. Items: elements of the result.
   p: rank; for every axis its size; strides of the condition; of the second operand; of the third. */
static void NAME(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const int64_t rank = p[0], *dims = p + 1, *strides = dims + rank, last = rank - 1;
    const int64_t condition_step = strides[last], yes_step = strides[rank + last], no_step = strides[2 * rank + last];
    int64_t index[REF_RANK];
    (void)r;
    ref_seek(begin, rank, dims, index);
    while (begin < end) {
        const int64_t run = ref_run(end - begin, rank, dims, index);
        const uint8_t *condition = (const uint8_t *)in[0] + ref_place(rank, index, strides);
        const T *yes = (const T *)in[1] + ref_place(rank, index, strides + rank);
        const T *no = (const T *)in[2] + ref_place(rank, index, strides + 2 * rank);
        T *y = (T *)out[0] + begin;
        for (int64_t i = 0; i < run; i++)
            y[i] = condition[i * condition_step] ? yes[i * yes_step] : no[i * no_step];
        begin += run;
        ref_advance(run, rank, dims, index);
    }
}
