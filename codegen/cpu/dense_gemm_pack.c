/* Panels of a matrix that is only known at run time: vectors are copied where its rows are lines of memory, squares are turned where its columns
   are. */
#include "codegen/cpu/dense_gemm.h"

#include <math.h>

#define PACK_ROWS 16                 /* of an item: streams that a core's prefetcher and first-level TLB follow, each panel's part whole lines */

static int64_t width_of(const Gemm *gemm)
{
    return (int64_t)gemm->vectors * gemm->lanes;
}

static bool by_rows(const Gemm *gemm)
{
    return gemm->product.b_column == 1;
}

/* Columns of the last panel, if it is not full; else 0. */
static int64_t columns_left(const Gemm *gemm)
{
    return gemm->product.n % width_of(gemm);
}

int64_t gemm_pack_items(const Gemm *gemm)
{
    return gemm->product.b_batch * (by_rows(gemm) ? divide_up(gemm->product.k, PACK_ROWS) : gemm->panels);
}

/* ---- what it costs ---- */

static void meter_rows(Meter *meter, const Gemm *gemm)
{
    const double lines = (double)(gemm->product.b_batch * gemm->product.k), full = (double)(gemm->product.n / width_of(gemm));
    const int64_t left = columns_left(gemm), vectors = left / gemm->lanes, part = left % gemm->lanes;
    meter->runs = (double)gemm_pack_items(gemm);
    meter_other(meter, 20);
    meter->runs = (double)gemm_pack_items(gemm) * full;
    meter_other(meter, 8);
    meter_loop(meter, lines * full);
    meter_load(meter, gemm->vectors, split_share_of(gemm->lanes, (const int64_t[]){0}, 1, gemm->product.n));
    meter_store(meter, gemm->vectors);
    meter_other(meter, 4);
    meter_hot(meter);
    meter->runs = left > 0 ? lines : 0;
    meter_load(meter, (double)vectors, 0);
    meter_part(meter, (int)part);
    meter_store(meter, gemm->vectors);
    meter_other(meter, 6);
}

static void meter_turned(Meter *meter, const Gemm *gemm)
{
    const double matrices = (double)gemm->product.b_batch, full = (double)(gemm->product.n / width_of(gemm)), lanes = gemm->lanes;
    const double blocks = floor((double)gemm->product.k / lanes), rest = (double)gemm->product.k - blocks * lanes;
    const double squares = matrices * full * blocks * gemm->vectors;
    meter->runs = matrices * (double)gemm->panels;
    meter_other(meter, 30);
    meter_loop(meter, squares);
    meter_load(meter, lanes, split_share_of(gemm->lanes, (const int64_t[]){0}, 1, gemm->product.k));
    meter_shuffles(meter, lanes * log2(lanes));
    meter_store(meter, lanes);
    meter_other(meter, 5);
    meter_hot(meter);
    const double elements = matrices * (double)(gemm->product.n * gemm->product.k) - squares * lanes * lanes;
    meter->runs = matrices * full * rest + matrices * (columns_left(gemm) > 0 ? (double)gemm->product.k : 0);
    meter_other(meter, 12);
    meter->runs = elements;
    meter_scalar_load(meter, 1);
    meter_store(meter, 1);
    meter_other(meter, 3);
    const double zeros = columns_left(gemm) > 0 ? (double)(width_of(gemm) - columns_left(gemm)) : 0;
    meter->runs = matrices * (double)gemm->product.k * zeros / lanes;
    meter_store(meter, 1);
}

void gemm_pack_work(const Problem *problem, const Gemm *gemm, Work *work)
{
    const double matrices = (double)gemm->product.b_batch;
    Meter meter = meter_begin(problem, work);
    (by_rows(gemm) ? meter_rows : meter_turned)(&meter, gemm);
    meter_end(&meter);
    stage_touch(meter.stage, TOUCH_INPUT, 4 * matrices * (double)(gemm->product.n * gemm->product.k));
    stage_touch(meter.stage, TOUCH_OUTPUT, 4 * matrices * (double)(gemm->panels * gemm->panel));
}

/* ---- text ---- */

/* One row's part of a panel: `count` of its columns exist. */
static void emit_line(const Emission *emission, const Gemm *gemm, int64_t count)
{
    Out *out = emission->out;
    for (int v = 0; v < gemm->vectors; v++) {
        const int at = v * gemm->lanes;
        const int64_t left = count - at;
        if (left >= gemm->lanes)
            out_line(out, "v_store(to + %d, v_load(from + %d));", at, at);
        else if (left > 0)
            out_line(out, "v_store(to + %d, v_load_part(from + %d, %lld));", at, at, (long long)left);
        else
            out_line(out, "v_store(to + %d, v_zero());", at);
    }
}

static void emit_part(const Emission *emission, const Gemm *gemm, int64_t count)
{
    Out *out = emission->out;
    out_line(out, "const float *from = rows + panel * %lld;", (long long)width_of(gemm));
    out_line(out, "float *to = panels + (matrix * %lld + panel * %lld + first * %lld);", (long long)(gemm->panels * gemm->panel),
             (long long)gemm->panel, (long long)width_of(gemm));
    out_open(out, "for (int64_t k = first; k < past; k++, from += %lld, to += %lld)", (long long)gemm->product.b_row, (long long)width_of(gemm));
    emit_line(emission, gemm, count);
    out_close(out, "");
}

static void emit_rows(const Emission *emission, const Gemm *gemm)
{
    Out *out = emission->out;
    const long long blocks = divide_up(gemm->product.k, PACK_ROWS), k = gemm->product.k, n = gemm->product.n, full = n / width_of(gemm);
    out_line(out, "const int64_t matrix = item / %lld, first = item %% %lld * %d;", blocks, blocks, PACK_ROWS);
    out_line(out, "const int64_t past = first + %d < %lld ? first + %d : %lld;", PACK_ROWS, k, PACK_ROWS, k);
    out_line(out, "const float *const rows = b + (matrix * %lld + first * %lld);", k * n, (long long)gemm->product.b_row);
    if (full > 0) {
        out_open(out, "for (int64_t panel = 0; panel < %lld; panel++)", full);
        emit_part(emission, gemm, width_of(gemm));
        out_close(out, "");
    }
    if (columns_left(gemm) > 0) {
        out_line(out, "const int64_t panel = %lld;", full);
        emit_part(emission, gemm, columns_left(gemm));
    }
}

/* Squares of the matrix, while whole ones are left. */
static void emit_squares(const Emission *emission, const Gemm *gemm)
{
    Out *out = emission->out;
    const int lanes = gemm->lanes;
    out_open(out, "for (; k + %d <= %lld && count == %lld; k += %d, from += %d, to += %lld)", lanes, (long long)gemm->product.k,
             (long long)width_of(gemm), lanes, lanes, lanes * (long long)width_of(gemm));
    out_open(out, "for (int v = 0; v < %d; v++)", gemm->vectors);
    out_line(out, "const float *const corner = from + v * %lld;", lanes * (long long)gemm->product.b_column);
    Text rows = text_new(emission->arena);
    for (int i = 0; i < lanes; i++)
        text_format(&rows, "%sv_load(corner%s)", i == 0 ? "" : ", ",
                    i == 0 ? "" : arena_format(emission->arena, " + %lld", i * (long long)gemm->product.b_column));
    out_line(out, "v_float r[] = {%s};", rows.data);
    out_line(out, "v_transpose(r);");
    for (int i = 0; i < lanes; i++)
        out_line(out, "v_store(to + (%lld + v * %d), r[%d]);", i * (long long)width_of(gemm), lanes, i);
    out_close(out, "");
    out_close(out, "");
}

static void emit_turned(const Emission *emission, const Gemm *gemm)
{
    Out *out = emission->out;
    const long long width = width_of(gemm), n = gemm->product.n, k = gemm->product.k, panels = gemm->panels;
    out_line(out, "const int64_t first = item %% %lld * %lld;", panels, width);
    out_line(out, "const int64_t count = %lld - first < %lld ? %lld - first : %lld;", n, width, n, width);
    out_line(out, "const float *from = b + (item / %lld * %lld + first * %lld);", panels, k * n, (long long)gemm->product.b_column);
    out_line(out, "float *to = panels + item * %lld;", (long long)gemm->panel);
    out_line(out, "int64_t k = 0;");
    emit_squares(emission, gemm);
    out_open(out, "for (; k < %lld; k++, from++)", k);
    out_line(out, "for (int64_t j = 0; j < count; j++)");
    out_line(out, "    *to++ = from[j * %lld];", (long long)gemm->product.b_column);
    out_line(out, "for (int64_t j = count; j < %lld; j++)", width);
    out_line(out, "    *to++ = 0.0f;");
    out_close(out, "");
}

void gemm_emit_pack(const Emission *emission, const Gemm *gemm)
{
    Out *out = emission->out;
    emit_stage_open(emission, 0);
    out_line(out, "const float *const b = %s;", emit_read(emission, emission->problem->node->inputs[1]));
    out_line(out, "float *const panels = %s;", emit_scratch(emission, "float", 0));
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    (by_rows(gemm) ? emit_rows : emit_turned)(emission, gemm);
    out_close(out, "");
    out_close(out, "");
    out_blank(out);
}
