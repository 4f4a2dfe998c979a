/* LayerNormalization and InstanceNormalization: every row by its own mean and deviation. Three passes over a row, which stays in a cache: its sum,
   the squares of what is left without the mean, the results. All in f32: sums of WAYS vectors, so that errors grow with a row's share of them;
   squares above f32's range are infinite. A row with a NaN or an infinity is NaN, as in the definition. */
#include "codegen/cpu/cpu.h"

#include <math.h>

#define WAYS 4                       /* sums at a time: one alone waits for each addition */

typedef struct Rows {
    int64_t count, size;
    int64_t channels;                /* InstanceNormalization: row r has scale and bias number r % channels; else 0: they run along the row */
    bool bias;
    float epsilon;
    int lanes;
} Rows;

static void rows_of(const Problem *problem, Rows *rows)
{
    const Node *node = problem->node;
    const Shape *shape = &node->inputs[0]->shape;
    const bool instance = node->op == OP_InstanceNormalization;
    const int first = instance ? 2 : (int)node_int(node, ATTR_axis, shape->rank - 1);
    *rows = (Rows){.count = 1, .size = 1, .channels = instance ? shape->dims[1] : 0, .lanes = problem_lanes(problem)};
    for (int i = 0; i < shape->rank; i++)
        *(i < first ? &rows->count : &rows->size) *= shape->dims[i];
    rows->bias = node->input_count > 2 && node->inputs[2] != NULL;
    rows->epsilon = (float)node_real(node, ATTR_epsilon, 1e-5);
}

static bool fits(const Problem *problem)
{
    const Node *node = problem->node;
    if ((node->op != OP_LayerNormalization && node->op != OP_InstanceNormalization) || !problem_vector(problem))
        return false;
    for (int i = 1; i < node->output_count; i++)
        if (node->outputs[i] != NULL)
            return false;
    Rows rows;
    rows_of(problem, &rows);
    const int64_t numbers = rows.channels > 0 ? rows.channels : rows.size;
    for (int i = 1; i < node->input_count; i++)
        if (node->inputs[i] != NULL && shape_count(&node->inputs[i]->shape) != numbers)
            return false;
    return true;
}

/* A row is read as a whole before any of it is written, then element by element. */
static bool in_place(const Problem *problem, const Tiling *tiling)
{
    (void)tiling;
    return !epilogue_reads(problem->node, problem->node->inputs[0]);
}

/* ---- what it costs ---- */

static void meter_vector_read(Meter *meter, int part, const Rows *rows)
{
    if (part > 0)
        meter_part(meter, part);
    else
        meter_operand(meter, 1, split_share(rows->lanes));
}

/* A vector of the result. */
static void meter_result(Meter *meter, const Problem *problem, const Rows *rows, int part)
{
    meter_vector_read(meter, part, rows);
    meter_vector(meter, 1);
    meter_times(meter, 1);
    for (int i = 0; i < 1 + rows->bias && rows->channels == 0; i++)
        meter_vector_read(meter, part, rows);
    if (rows->bias)
        meter_fma(meter, 1);
    else
        meter_times(meter, 1);
    meter_put(meter, problem, 1, part);
    meter_other(meter, 3);
}

/* What a row needs beside its whole vectors. */
static void meter_row(Meter *meter, const Problem *problem, const Rows *rows)
{
    const int part = (int)(rows->size % rows->lanes);
    meter_other(meter, 30);
    meter_vector(meter, 2 * WAYS);
    meter_sum(meter);
    meter_sum(meter);
    meter_divide(meter, 4);
    if (rows->channels > 0)
        meter_scalar_load(meter, 1 + rows->bias);
    if (part == 0)
        return;
    meter_part(meter, part);
    meter_vector(meter, 1);
    meter_store(meter, 1);
    meter_part(meter, part);
    meter_part(meter, part);
    meter_vector(meter, 1);
    meter_fma(meter, 1);
    meter_result(meter, problem, rows, part);
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Rows rows;
    rows_of(problem, &rows);
    const Node *node = problem->node;
    const double count = (double)rows.count, bytes = 4.0 * (double)rows.size, vectors = count * (double)(rows.size / rows.lanes);
    Meter meter = meter_begin(problem, work);
    meter.runs = vectors;
    meter_vector_load(&meter, 1, split_share(rows.lanes));
    meter_other(&meter, 1);
    meter_operand(&meter, 1, split_share(rows.lanes));
    meter_vector(&meter, 1);
    meter_fma(&meter, 1);
    meter_other(&meter, 1);
    meter_loop(&meter, vectors);
    meter_result(&meter, problem, &rows, 0);
    meter_hot(&meter);
    meter.runs = count;
    meter_row(&meter, problem, &rows);
    meter_chain(&meter, vectors / count * 2 / WAYS + 20, 10 * vectors / count + 60);     /* sums, divisions and the root behind each other */
    meter_end(&meter);
    stage_touch(meter.stage, TOUCH_INPUT, count * bytes);
    stage_touch_again(meter.stage, 2 * count * bytes, bytes);
    for (int i = 1; i < node->input_count; i++) {
        if (node->inputs[i] == NULL)
            continue;
        const bool constant = value_constant(node->inputs[i]);
        const double numbers = 4.0 * (double)shape_count(&node->inputs[i]->shape);
        stage_touch(meter.stage, constant ? TOUCH_WEIGHTS : TOUCH_INPUT, numbers);
        if (rows.channels == 0)
            stage_touch_again(meter.stage, (count - 1) * numbers, 4 * bytes);
        work->weight_bytes += constant && (i == 1 || node->inputs[i] != node->inputs[1]) ? numbers : 0;
    }
    if (in_place(problem, tiling) && layer_overwrites(problem, tiling))
        epilogue_touch_residuals(meter.stage, problem);
    else
        epilogue_touch(meter.stage, problem);
    work->multiply_adds = count * (double)rows.size;
    work->weight_bytes += epilogue_bytes(problem);
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    (void)tiling;
    Rows rows;
    rows_of(problem, &rows);
    layer->stages[layer->stage_count++] = (StagePlan){.items = rows.count, .says = "compute"};
}

static void pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    (void)tiling;
    for (int i = 1; i < problem->node->input_count; i++)
        if (value_constant(problem->node->inputs[i]))
            packed_value(packed, problem->node->inputs[i]);
    epilogue_pack(problem, packed);
}

/* ---- text ---- */

/* Adds a vector to sum `way`; `mean`: the square of its difference from that. */
static void emit_step(const Emission *emission, int way, const char *vector, const char *mean)
{
    Out *out = emission->out;
    if (mean == NULL) {
        out_line(out, "t%d = v_add(t%d, %s);", way, way, vector);
        return;
    }
    out_line(out, "const v_float d%d = v_sub(%s, %s);", way, vector, mean);
    out_line(out, "t%d = v_fma(d%d, d%d, t%d);", way, way, way, way);
}

/* Declares the sum of the row; of squares of differences from the mean. */
static void emit_sum(const Emission *emission, const Rows *rows, const char *name, bool squares)
{
    Out *out = emission->out;
    Arena *arena = emission->arena;
    const long long size = rows->size, rest = rows->size % rows->lanes;
    out_line(out, "float %s;", name);
    out_line(out, "{");
    out->indent++;
    for (int way = 0; way < WAYS; way++)
        out_line(out, "v_float t%d = v_zero();", way);
    out_line(out, "int64_t i = 0;");
    for (int ways = WAYS; ways > 0; ways -= WAYS - 1) {
        out_open(out, "for (; i + %d <= %lld; i += %d)", ways * rows->lanes, size, ways * rows->lanes);
        for (int way = 0; way < ways; way++)
            emit_step(emission, way, arena_format(arena, "v_load(line + (i + %d))", way * rows->lanes), squares ? "mean" : NULL);
        out_close(out, "");
    }
    if (rest > 0)
        emit_step(emission, 0, arena_format(arena, "v_load_part(line + i, %lld)", rest), squares ? "edge" : NULL);
    out_line(out, "%s = v_sum(v_add(v_add(t0, t1), v_add(t2, t3)));", name);
    out_close(out, "");
}

static void emit_result(const Emission *emission, const Rows *rows, const char *part)
{
    Out *out = emission->out;
    const char *word = part ? "v_load_part" : "v_load", *tail = part ? arena_format(emission->arena, ", %s)", part) : ")";
    const char *scale = rows->channels > 0 ? "scale" : arena_format(emission->arena, "%s(scales + i%s", word, tail);
    const char *bias = rows->channels > 0 ? "bias" : arena_format(emission->arena, "%s(biases + i%s", word, tail);
    out_line(out, "const v_float a = v_mul(v_sub(%s(line + i%s, mean), inverse);", word, tail);
    epilogue_put(emission, "start + i", rows->bias ? arena_format(emission->arena, "v_fma(a, %s, %s)", scale, bias)
                                                   : arena_format(emission->arena, "v_mul(a, %s)", scale), part);
}

static void emit_row(const Emission *emission, const Rows *rows)
{
    Out *out = emission->out;
    Arena *arena = emission->arena;
    const long long size = rows->size, rest = rows->size % rows->lanes;
    const char *length = out_float(arena, (double)size, TYPE_F32);
    out_line(out, "const int64_t start = item * %lld;", size);
    out_line(out, "const float *const line = x + start;");
    for (int i = 0; i < 1 + rows->bias && rows->channels > 0; i++)
        out_line(out, "const v_float %s = v_set1(%s[item %% %lld]);", i ? "bias" : "scale", i ? "biases" : "scales", (long long)rows->channels);
    emit_sum(emission, rows, "total", false);
    out_line(out, "const v_float mean = v_div(v_set1(total), v_set1(%s));", length);
    if (rest > 0) {
        out_line(out, "float means[%d];", rows->lanes);
        out_line(out, "v_store(means, mean);");
        out_line(out, "const v_float edge = v_load_part(means, %lld);", rest);
    }
    emit_sum(emission, rows, "squares", true);
    out_line(out, "const v_float variance = v_div(v_set1(squares), v_set1(%s));", length);
    out_line(out, "const v_float inverse = v_div(v_set1(1.0f), v_sqrt(v_add(variance, v_set1(%s))));",
             out_float(arena, (double)rows->epsilon, TYPE_F32));
    out_line(out, "int64_t i = 0;");
    out_open(out, "for (; i + %d <= %lld; i += %d)", rows->lanes, size, rows->lanes);
    emit_result(emission, rows, NULL);
    out_close(out, "");
    if (rest > 0)
        emit_result(emission, rows, arena_format(arena, "%lld", rest));
}

static void emit(const Emission *emission)
{
    static const char *const names[] = {"x", "scales", "biases"};
    const Node *node = emission->problem->node;
    Rows rows;
    rows_of(emission->problem, &rows);
    Out *out = emission->out;
    epilogue_define(emission);
    emit_stage_open(emission, 0);
    for (int i = 0; i < 2 + rows.bias; i++)
        out_line(out, "const float *const %s = %s;", names[i], emit_read(emission, node->inputs[i]));
    epilogue_pointers(emission);
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    emit_row(emission, &rows);
    out_close(out, "");
    out_close(out, "");
}

const Kernel kernel_normalization = {
    .name = "normalization",
    .says = "means and deviations of rows as vectors",
    .fits = fits, .tilings = kernel_one_tiling, .work = work, .stages = stages, .pack = pack, .emit = emit, .in_place = in_place,
};
