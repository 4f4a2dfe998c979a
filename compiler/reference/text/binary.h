/* Two operands, element by element, broadcast. Items: elements of the result.
   sizes: rank; for every axis its size; strides of the first operand; of the second. */
static void NAME(const int64_t *sizes, const double *reals, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const int64_t rank = sizes[0], *dims = sizes + 1, *a_strides = dims + rank, *b_strides = a_strides + rank;
    const int64_t a_step = a_strides[rank - 1], b_step = b_strides[rank - 1];
    int64_t index[REF_RANK];
    (void)reals;
    ref_seek(begin, rank, dims, index);
    while (begin < end) {
        const int64_t run = ref_run(end - begin, rank, dims, index);
        const T *a_line = (const T *)in[0] + ref_place(rank, index, a_strides);
        const T *b_line = (const T *)in[1] + ref_place(rank, index, b_strides);
        U *y = (U *)out[0] + begin;
        for (int64_t i = 0; i < run; i++) {
            const W a = (W)a_line[i * a_step], b = (W)b_line[i * b_step];
            y[i] = (U)(EXPRESSION);
        }
        begin += run;
        ref_advance(run, rank, dims, index);
    }
}
