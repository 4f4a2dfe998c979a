/* Planes filled from the input, channel by channel. Of a few planes each has loops of its own, whose bounds are constants and whose rows are
   copied by whole vectors: zeros first where there is padding, then the elements, the last vector overlapping the one before it. Many planes share
   one loop over tables. */
#include "codegen/cpu/cpu.h"

#define MOST_PLANES_APART 8
#define MOST_UNROLLED 4              /* vectors of a row */

static int64_t smallest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Elements first .. end of each row of a plane come from the input, the others are padding: those with 0 <= start + i * stride < size. */
typedef struct Inside { int64_t first, end; } Inside;

static Inside inside(int64_t start, int64_t stride, int64_t count, int64_t size)
{
    const int64_t lead = start < 0 ? divide_up(-start, stride) : 0, room = start < size ? divide_up(size - start, stride) : 0;
    const int64_t end = smallest(room, count);
    return (Inside){smallest(lead, end), end};
}

static bool planes_apart(const Window *window, const Planes *planes)
{
    return planes->count <= MOST_PLANES_APART && window->stride_x <= 2;
}

/* ---- counting ---- */

/* v_store of zeros over from .. to of a row. */
static void meter_zeros(Meter *meter, const Planes *planes, int lanes, int64_t from, int64_t to)
{
    if (to <= from)
        return;
    if (planes->pitch < lanes)
        meter_store_part(meter, (int)(to - from));
    else
        meter_store(meter, (double)divide_up(to - from, lanes));
}

static void meter_line(Meter *meter, const Window *window, const Planes *planes, int lanes, Inside in)
{
    const int64_t count = in.end - in.first, whole = count / lanes, rest = count % lanes;
    const double each = window->stride_x == 2 ? 2 : 1, vectors = (double)(whole + (whole > 0 && rest > 0)), runs = meter->runs;
    meter_zeros(meter, planes, lanes, 0, in.first);
    meter_zeros(meter, planes, lanes, in.end, planes->pitch);
    meter->runs = whole > MOST_UNROLLED ? runs * (double)whole : runs;
    const double here = whole > MOST_UNROLLED ? 1 : vectors;
    meter_load(meter, each * here, split_share(lanes));
    meter_move(meter, (each - 1) * here);
    meter_store(meter, here);
    meter_other(meter, whole > MOST_UNROLLED ? 3 : 0);
    meter->runs = runs;
    if (whole > MOST_UNROLLED && rest > 0) {
        meter_load(meter, each, split_share(lanes));
        meter_store(meter, 1);
    }
    if (whole == 0 && rest > 0) {
        meter_part(meter, (int)rest);
        meter_move(meter, each - 1);
        meter_store_part(meter, (int)rest);
    }
}

static void meter_apart(Meter *meter, const Window *window, const Planes *planes, int lanes)
{
    const double runs = meter->runs;
    for (int64_t p = 0; p < planes->count; p++) {
        const Inside rows = inside(planes->row[p], window->stride_y, planes->rows, window->height);
        const double real = (double)(rows.end - rows.first), all = (double)planes->rows;
        meter->runs = runs;
        meter_other(meter, 4);
        meter->runs = runs * real;
        meter_other(meter, 6);
        meter_line(meter, window, planes, lanes, inside(planes->column[p], window->stride_x, planes->pitch, window->width));
        meter->runs = runs * (all - real);
        meter_other(meter, 6);
        meter_zeros(meter, planes, lanes, 0, planes->pitch);
    }
    meter->runs = runs;
}

/* Rows that hold input, and elements of it, in all planes of a channel. */
static void inside_all(const Window *window, const Planes *planes, double *rows, double *elements)
{
    *rows = *elements = 0;
    for (int64_t i = 0; i < planes->count; i++) {
        const Inside y = inside(planes->row[i], window->stride_y, planes->rows, window->height);
        const Inside x = inside(planes->column[i], window->stride_x, planes->pitch, window->width);
        *rows += (double)(y.end - y.first);
        *elements += (double)(y.end - y.first) * (double)(x.end - x.first);
    }
}

static void meter_tables(Meter *meter, const Window *window, const Planes *planes)
{
    const double runs = meter->runs, all = (double)(planes->count * planes->rows);
    double rows = 0, elements = 0;
    inside_all(window, planes, &rows, &elements);
    meter_other(meter, 10);
    meter->runs = runs * (double)planes->count;
    meter_other(meter, 26);
    meter->runs = runs * all;
    meter_other(meter, 18);
    meter_store(meter, 2);
    meter->runs = runs * rows;
    meter_other(meter, 8);
    meter->runs = runs * elements;
    meter_scalar_load(meter, 1);
    meter_store(meter, 1);
    meter_other(meter, 3);
    meter->runs = 0;
    meter_other(meter, 50);              /* text of loops unrolled for rows that are shorter */
    meter->runs = runs;
}

void meter_planes(Meter *meter, const Window *window, const Planes *planes, int lanes)
{
    if (!planes_packs(planes))
        return;
    if (planes_apart(window, planes))
        meter_apart(meter, window, planes, lanes);
    else
        meter_tables(meter, window, planes);
}

/* ---- text ---- */

void table_define(const Emission *emission, const char *name, const int64_t *numbers, int64_t count)
{
    Text text = text_new(emission->arena);
    for (int64_t i = 0; i < count; i++)
        text_format(&text, "%s%lld", i == 0 ? "" : i % 24 == 0 ? ",\n        " : ", ", (long long)numbers[i]);
    out_line(emission->out, "static const int32_t %s[%lld] = {%s};", name, (long long)count, text.data);
}

/* Stores of `fill` that cover from .. to of the row at `to`, as whole vectors inside it where it is long enough. */
static void fill_row(const Emission *emission, const Planes *planes, int64_t from, int64_t to)
{
    Out *out = emission->out;
    const int lanes = problem_lanes(emission->problem);
    if (to <= from)
        return;
    if (planes->pitch < lanes) {
        out_line(out, "v_store_part(to + %lld, filled, %lld);", (long long)from, (long long)(to - from));
    } else if (to - from > MOST_UNROLLED * lanes) {
        out_line(out, "for (int64_t j = %lld; j < %lld; j += %d)", (long long)from, (long long)(to - lanes), lanes);
        out_line(out, "    v_store(to + j, filled);");
        out_line(out, "v_store(to + %lld, filled);", (long long)(to - lanes));
    } else {
        for (int64_t j = from; j < to; j += lanes)
            out_line(out, "v_store(to + %lld, filled);", (long long)smallest(j, planes->pitch - lanes));
    }
}

/* A vector of the input's row, from its element `index` on; `count` elements of it are taken. */
static const char *line_vector(const Emission *emission, int64_t stride, const char *index, int count)
{
    Arena *arena = emission->arena;
    const int lanes = problem_lanes(emission->problem), need = stride == 1 ? count : 2 * count - 1;
    const char *first = need >= lanes ? arena_format(arena, "v_load(line + %s)", index)
                                      : arena_format(arena, "v_load_part(line + %s, %d)", index, need);
    if (stride == 1)
        return first;
    if (need <= lanes)
        return arena_format(arena, "v_even(%s, v_zero())", first);
    return arena_format(arena, "v_even(%s, v_load_part(line + (%s + %d), %d))", first, index, lanes, need - lanes);
}

static void copy_vector(const Emission *emission, const Window *window, int64_t column, int64_t j, int count)
{
    const bool whole = count == problem_lanes(emission->problem);
    const char *index = arena_format(emission->arena, "%lld", (long long)(column + j * window->stride_x));
    const char *vector = line_vector(emission, window->stride_x, index, count);
    if (whole)
        out_line(emission->out, "v_store(to + %lld, %s);", (long long)j, vector);
    else
        out_line(emission->out, "v_store_part(to + %lld, %s, %d);", (long long)j, vector, count);
}

static void copy_row(const Emission *emission, const Window *window, int64_t column, Inside in)
{
    Out *out = emission->out;
    const int lanes = problem_lanes(emission->problem);
    const int64_t count = in.end - in.first, whole = count / lanes * lanes, rest = count % lanes;
    if (whole > MOST_UNROLLED * lanes) {
        const char *index = arena_format(emission->arena, "(%lld * j + %lld)", (long long)window->stride_x, (long long)column);
        out_line(out, "for (int64_t j = %lld; j < %lld; j += %d)", (long long)in.first, (long long)(in.first + whole), lanes);
        out_line(out, "    v_store(to + j, %s);", line_vector(emission, window->stride_x, index, lanes));
    } else {
        for (int64_t j = in.first; j < in.first + whole; j += lanes)
            copy_vector(emission, window, column, j, lanes);
    }
    if (rest > 0)
        copy_vector(emission, window, column, whole > 0 ? in.end - lanes : in.first, whole > 0 ? lanes : (int)rest);
}

static void pack_plane(const Emission *emission, const Window *window, const Planes *planes, int64_t plane)
{
    Out *out = emission->out;
    const Inside in = inside(planes->column[plane], window->stride_x, planes->pitch, window->width);
    out_open(out, "for (int64_t i = 0; i < %lld; i++, to += %lld)", (long long)planes->rows, (long long)planes->pitch);
    if (in.end > in.first) {
        out_line(out, "const int64_t row = down + i * %lld + %lld;", (long long)window->stride_y, (long long)planes->row[plane]);
        out_open(out, "if (row >= 0 && row < %lld)", (long long)window->height);
        out_line(out, "const float *const line = from + row * %lld;", (long long)planes->source);
        fill_row(emission, planes, 0, in.first);
        fill_row(emission, planes, in.end, planes->pitch);
        copy_row(emission, window, planes->column[plane], in);
        out_close(out, " else {");
        out->indent++;
    }
    fill_row(emission, planes, 0, planes->pitch);
    if (in.end > in.first)
        out_close(out, "");
    out_close(out, "");
}

static void fill_wrap(const Emission *emission, const Planes *planes, const char *fill)
{
    if (planes->wrap == 0)
        return;
    out_line(emission->out, "for (int64_t k = 0; k < %lld; k++)", (long long)planes->wrap);
    out_line(emission->out, "    *to++ = %s;", fill);
}

static void pack_apart(const Emission *emission, const Window *window, const Planes *planes, const char *fill)
{
    out_line(emission->out, "const v_float filled = v_set1(%s);", fill);
    for (int64_t p = 0; p < planes->count; p++) {
        pack_plane(emission, window, planes, p);
        fill_wrap(emission, planes, fill);
    }
}

/* The bounds of the columns that lie in the input: first .. end, of j with 0 <= column + j * stride < width. */
static void pack_bounds(const Emission *emission, const Window *window, const Planes *planes)
{
    Out *out = emission->out;
    const long long stride = window->stride_x, pitch = planes->pitch, width = window->width;
    out_line(out, "const int64_t lead = column < 0 ? (%lld - column) / %lld : 0;", stride - 1, stride);
    out_line(out, "const int64_t room = column < %lld ? (%lld - column) / %lld : 0;", width, width + stride - 1, stride);
    out_line(out, "const int64_t end = room < %lld ? room : %lld;", pitch, pitch);
    out_line(out, "const int64_t first = lead < end ? lead : end;");
}

static void pack_tables(const Emission *emission, const Window *window, const Planes *planes, const char *fill)
{
    Out *out = emission->out;
    const long long pitch = planes->pitch;
    table_define(emission, "rows", planes->row, planes->count);
    table_define(emission, "columns", planes->column, planes->count);
    out_open(out, "for (int plane = 0; plane < %lld; plane++)", (long long)planes->count);
    out_line(out, "const int64_t column = columns[plane];");
    pack_bounds(emission, window, planes);
    out_open(out, "for (int64_t i = 0; i < %lld; i++, to += %lld)", (long long)planes->rows, pitch);
    out_line(out, "const int64_t row = rows[plane] + down + i * %lld;", (long long)window->stride_y);
    out_line(out, "int64_t done = 0;");
    out_open(out, "if (row >= 0 && row < %lld)", (long long)window->height);
    out_line(out, "const float *const line = from + row * %lld;", (long long)planes->source);
    out_line(out, "for (int64_t j = 0; j < first; j++)");
    out_line(out, "    to[j] = %s;", fill);
    out_line(out, "for (int64_t j = first; j < end; j++)");
    out_line(out, "    to[j] = line[column + j * %lld];", (long long)window->stride_x);
    out_line(out, "done = end;");
    out_close(out, "");
    out_line(out, "for (int64_t k = done; k < %lld; k++)", pitch);
    out_line(out, "    to[k] = %s;", fill);
    out_close(out, "");
    fill_wrap(emission, planes, fill);
    out_close(out, "");
}

/* False where every tap of every output lies in the padding beside the input. */
static bool any_inside(const Window *window, const Planes *planes)
{
    for (int64_t p = 0; p < planes->count; p++) {
        const Inside in = inside(planes->column[p], window->stride_x, planes->pitch, window->width);
        if (in.end > in.first)
            return true;
    }
    return false;
}

void planes_define_pack(const Emission *emission, const Window *window, const Planes *planes, const char *fill)
{
    Out *out = emission->out;
    out_comment(out, "One channel, %lld x %lld, into %lld plane%s of %lld rows of %lld.", (long long)window->height, (long long)window->width,
                (long long)planes->count, planes->count > 1 ? "s" : "", (long long)planes->rows, (long long)planes->pitch);
    out_open(out, "static void %s_pack(float *to, const float *from, int64_t down)", emission->name);
    if (!any_inside(window, planes))
        out_line(out, "(void)from, (void)down;");
    if (planes_apart(window, planes))
        pack_apart(emission, window, planes, fill);
    else
        pack_tables(emission, window, planes, fill);
    out_close(out, "");
    out_blank(out);
}
