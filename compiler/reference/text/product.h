/* Matrix products, one for each place of a broadcast batch: y = SCALE of a b and c. Items: elements of the result.
   p: rows, columns, depth; strides of a by row and depth, of b by depth and column, of c by row and column; axes of the batch; for every such
   axis its size; its stride in a; in b. */
static void NAME(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end)
{
    const int64_t rows = p[0], columns = p[1], depth = p[2], a_step = p[4], b_step = p[5], b_column = p[6], rank = p[9], *dims = p + 10;
    int64_t index[REF_RANK];
    (void)r;
    while (begin < end) {
        const int64_t column = begin % columns, row = begin / columns % rows, left = columns - column < end - begin ? columns - column : end - begin;
        const int64_t count = left < 16 ? left : 16;
        ref_seek(begin / columns / rows, rank, dims, index);
        const T *a = (const T *)in[0] + ref_place(rank, index, dims + rank) + row * p[3];
        const T *b = (const T *)in[1] + ref_place(rank, index, dims + 2 * rank) + column * b_column;
        A sums[16] = {0};
        if (b_column == 1 && count == 16)
            for (int64_t k = 0; k < depth; k++)
                for (int64_t j = 0; j < 16; j++)
                    sums[j] += LOAD(a[k * a_step]) * LOAD(b[k * b_step + j]);
        else
            for (int64_t j = 0; j < count; j++)
                for (int64_t k = 0; k < depth; k++)
                    sums[j] += LOAD(a[k * a_step]) * LOAD(b[k * b_step + j * b_column]);
        for (int64_t j = 0; j < count; j++) {
            const A c = in[2] ? LOAD(((const T *)in[2])[row * p[7] + (column + j) * p[8]]) : 0;
            ((U *)out[0])[begin + j] = (U)(SCALE(sums[j], c));
        }
        begin += count;
    }
}
