/* The text of Winograd's transforms, of the inputs of a tile and back from its products: NAME_forward and NAME_backward. */
#include "codegen/cpu/dense_winograd.h"

const char *winograd_name(const WinogradWriter *writer, const char *base, int a, int b)
{
    return arena_format(writer->emission->arena, "%s%d_%d", base, a, b);
}


static void block_open(Out *out)
{
    out_line(out, "{");
    out->indent++;
}

/* factor * a + b. */
static const char *multiply_add(const WinogradWriter *writer, double factor, const char *a, const char *b)
{
    Arena *arena = writer->emission->arena;
    if (factor == 1)
        return arena_format(arena, "v_add(%s, %s)", a, b);
    if (factor == -1)
        return arena_format(arena, "v_sub(%s, %s)", b, a);
    return arena_format(arena, "v_fma(v_set1(%s), %s, %s)", out_float(arena, factor, TYPE_F32), a, b);
}

static const char *multiply(const WinogradWriter *writer, double factor, const char *a)
{
    Arena *arena = writer->emission->arena;
    return factor == 1 ? a : arena_format(arena, "v_mul(v_set1(%s), %s)", out_float(arena, factor, TYPE_F32), a);
}

/* ---- the input's transform: pairs of points, whose rows of the matrix share their even and odd halves; 0 and infinity are the pair 0 ---- */

/* Of elements d[0] .. d[reach - 1] those that the points 2 * pair - 1 and 2 * pair of the line need. */
static bool pair_reads(const Winograd *winograd, int pair, int element)
{
    return pair == 0 || (element > 0 && element <= winograd->side);
}

/* The rows of a pair, from elements `d` into new vectors `first` and `second`. */
static void forward_pair(const WinogradWriter *writer, int pair, const char *const *d, const char *first, const char *second)
{
    Out *out = writer->out;
    const int side = writer->winograd->side;
    const double *points = winograd_points(side), p = points[0] * points[0], q = side == 4 ? points[1] * points[1] : 0;
    if (pair == 0 && side == 2) {
        out_line(out, "const v_float %s = %s, %s = %s;", first, multiply_add(writer, -p, d[0], d[2]), second, multiply_add(writer, -p, d[1], d[3]));
    } else if (pair == 0) {
        out_line(out, "const v_float %s = %s;", first, multiply_add(writer, p * q, d[0], multiply_add(writer, -p - q, d[2], d[4])));
        out_line(out, "const v_float %s = %s;", second, multiply_add(writer, p * q, d[1], multiply_add(writer, -p - q, d[3], d[5])));
    } else {
        const double other = pair == 1 ? q : p;
        const char *even = side == 2 ? d[2] : arena_format(writer->emission->arena, "%s_even", first);
        const char *odd = side == 2 ? d[1] : arena_format(writer->emission->arena, "%s_odd", first);
        if (side == 4)
            out_line(out, "const v_float %s = %s, %s = %s;", even, multiply_add(writer, -other, d[2], d[4]), odd,
                     multiply_add(writer, -other, d[1], d[3]));
        out_line(out, "const v_float %s = %s, %s = %s;", first, multiply_add(writer, points[pair - 1], odd, even), second,
                 multiply_add(writer, -points[pair - 1], odd, even));
    }
}

static int first_row(int pair)
{
    return pair == 0 ? 0 : 2 * pair - 1;
}

static int second_row(const Winograd *winograd, int pair)
{
    return pair == 0 ? winograd->reach - 1 : 2 * pair;
}

/* Along the other axis, row `row` of the half-transformed tile, t{row}_0 ..., into the elements of the whole transform. */
static void forward_row(const WinogradWriter *writer, int row)
{
    const Winograd *winograd = writer->winograd;
    const char *t[MOST_REACH];
    for (int j = 0; j < winograd->reach; j++)
        t[j] = winograd_name(writer, "t", row, j);
    for (int pair = 0; pair <= winograd->side / 2; pair++) {
        const int columns[2] = {first_row(pair), second_row(winograd, pair)};
        const char *const names[2] = {winograd_name(writer, "u", row, columns[0]), winograd_name(writer, "u", row, columns[1])};
        forward_pair(writer, pair, t, names[0], names[1]);
        for (int i = 0; i < 2; i++)
            out_line(writer->out, "v_store(to + %lld, %s);", (long long)((row * winograd->reach + columns[i]) * winograd->input_step), names[i]);
    }
}

/* Two rows of the transform at a time, so that they stay in registers; the pixels are loaded again for the next two. */
void winograd_define_forward(const WinogradWriter *writer)
{
    Out *out = writer->out;
    const Winograd *winograd = writer->winograd;
    out_open(out, "static void %s_forward(const float *from, float *to)", writer->emission->name);
    for (int pair = 0; pair <= winograd->side / 2; pair++) {
        const int rows[2] = {first_row(pair), second_row(winograd, pair)};
        block_open(out);
        for (int j = 0; j < winograd->reach; j++) {
            const char *d[MOST_REACH];
            for (int i = 0; i < winograd->reach; i++) {
                d[i] = winograd_name(writer, "d", i, j);
                if (pair_reads(winograd, pair, i))
                    out_line(out, "const v_float %s = v_load(from + %lld);", d[i], (long long)((i * winograd->input_pitch + j) * winograd->lanes));
            }
            forward_pair(writer, pair, d, winograd_name(writer, "t", rows[0], j), winograd_name(writer, "t", rows[1], j));
        }
        forward_row(writer, rows[0]);
        forward_row(writer, rows[1]);
        out_close(out, "");
    }
    out_close(out, "");
    out_blank(out);
}

/* ---- the transform back ---- */

/* Rows of one parity of A', from the elements `m` into new vectors `to`, of which those of this parity are given; `bias` is NULL or added to each. */
static void backward_half(const WinogradWriter *writer, int parity, const char *const *m, const char *const *to, const char *bias)
{
    Out *out = writer->out;
    Arena *arena = writer->emission->arena;
    const int side = writer->winograd->side, pairs = side / 2;
    const double *points = winograd_points(side);
    const char *halves[2];
    for (int i = 0; i < pairs; i++) {
        halves[i] = arena_format(arena, "%s_%c", to[parity], "pq"[i]);
        out_line(out, "const v_float %s = %s(%s, %s);", halves[i], parity == 0 ? "v_add" : "v_sub", m[2 * i + 1], m[2 * i + 2]);
    }
    for (int row = parity; row < side; row += 2) {
        const char *alone = row == 0 ? m[0] : row == side - 1 ? m[side + 1] : NULL, *sum;
        double powers[2] = {1, 1};
        for (int i = 0; i < row; i++)
            for (int j = 0; j < pairs; j++)
                powers[j] *= points[j];
        const char *base = alone && bias ? arena_format(arena, "v_add(%s, %s)", alone, bias) : alone ? alone : bias;
        sum = base ? multiply_add(writer, powers[0], halves[0], base) : multiply(writer, powers[0], halves[0]);
        if (pairs > 1)
            sum = multiply_add(writer, powers[1], halves[1], sum);
        out_line(out, "const v_float %s = %s;", to[row], sum);
    }
}

/* Row `row` of the half-transformed tile, h{row}_0 ..., into a line of results. */
static void backward_row(const WinogradWriter *writer, int row)
{
    const Winograd *winograd = writer->winograd;
    const char *h[MOST_REACH], *y[MOST_SIDE];
    for (int j = 0; j < winograd->reach; j++)
        h[j] = winograd_name(writer, "h", row, j);
    for (int j = 0; j < winograd->side; j++)
        y[j] = winograd_name(writer, "y", row, j);
    backward_half(writer, 0, h, y, "bias");
    backward_half(writer, 1, h, y, "bias");
    for (int j = 0; j < winograd->side; j++)
        out_line(writer->out, "v_store(to + %lld, %s);", (long long)((row * winograd->output_pitch + j) * winograd->lanes), y[j]);
}

static bool half_reads(const Winograd *winograd, int parity, int element)
{
    return element == 0 ? parity == 0 : element <= winograd->side || parity == 1;
}

void winograd_define_backward(const WinogradWriter *writer)
{
    Out *out = writer->out;
    const Winograd *winograd = writer->winograd;
    out_open(out, "static void %s_backward(const float *from, v_float bias, float *to)", writer->emission->name);
    for (int parity = 0; parity < 2; parity++) {
        block_open(out);
        for (int j = 0; j < winograd->reach; j++) {
            const char *m[MOST_REACH], *h[MOST_SIDE];
            for (int i = 0; i < winograd->side; i++)
                h[i] = winograd_name(writer, "h", i, j);
            for (int i = 0; i < winograd->reach; i++) {
                m[i] = winograd_name(writer, "m", i, j);
                if (half_reads(winograd, parity, i))
                    out_line(out, "const v_float %s = v_load(from + %lld);", m[i], (long long)((i * winograd->reach + j) * winograd->product_step));
            }
            backward_half(writer, parity, m, h, NULL);
        }
        for (int row = parity; row < winograd->side; row += 2)
            backward_row(writer, row);
        out_close(out, "");
    }
    out_close(out, "");
    out_blank(out);
}
