/* Softmax and LogSoftmax along any axis: along the last one a line is one after the other; along others, as many lines as lanes go together.
   Exponentials are multiplied by one over their sum, rounded: within 4 units in the last place. */
#include "codegen/cpu/cpu.h"

#define LINE_MISPREDICTS 10          /* what a line waits for its maximum, its sum and the ends of its loops, as branches guessed wrong: 0.05 us on Zen 4 */
#define WAYS 4                       /* maxima at a time: one alone waits for each comparison and selection */

typedef struct Softmax {
    int64_t outer, size, inner;      /* lines of `size` elements, `inner` apart */
    int64_t columns;                 /* groups of neighbouring lines, where inner > 1 */
    int lanes;
    bool logarithm;
} Softmax;

static void softmax_of(const Problem *problem, Softmax *softmax)
{
    const Node *node = problem->node;
    const Shape *shape = &node->inputs[0]->shape;
    const int axis = (int)node_int(node, ATTR_axis, shape->rank - 1);
    const bool flatten = node_int(node, ATTR_flatten, 0) != 0;
    *softmax = (Softmax){.outer = 1, .size = 1, .inner = 1, .lanes = problem_lanes(problem), .logarithm = node->op == OP_LogSoftmax};
    for (int i = 0; i < shape->rank; i++) {
        if (i < axis)
            softmax->outer *= shape->dims[i];
        else if (i == axis || flatten)
            softmax->size *= shape->dims[i];
        else
            softmax->inner *= shape->dims[i];
    }
    softmax->columns = divide_up(softmax->inner, softmax->lanes);
}

static bool fits(const Problem *problem)
{
    return (problem->node->op == OP_Softmax || problem->node->op == OP_LogSoftmax) && problem_vector(problem);
}

static bool in_place(const Problem *problem, const Tiling *tiling)
{
    (void)tiling;
    /* a line is read for its largest value before any of it is written, then element by element */
    return !epilogue_reads(problem->node, problem->node->inputs[0]);
}

/* A vector of the second and third passes: the exponential is formed, stored and added up; then multiplied by one over their sum. */
static void meter_passes(Meter *meter, const Problem *problem, const Softmax *softmax)
{
    meter_vector_load(meter, 1, split_share(softmax->lanes));
    meter_expression(meter, OP_Exp);
    meter_vector(meter, 1);
    meter_store(meter, softmax->logarithm ? 0 : 1);
    meter_other(meter, 4);
    meter_load(meter, 1, 0);
    if (softmax->logarithm)
        meter_vector(meter, 2);
    else
        meter_times(meter, 1);
    meter_put(meter, problem, 1, 0);
    meter_other(meter, 4);
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Softmax softmax;
    softmax_of(problem, &softmax);
    const double count = (double)(softmax.outer * softmax.size * softmax.inner), outer = (double)softmax.outer, lanes = softmax.lanes;
    const bool line = softmax.inner == 1;
    const double items = line ? outer : outer * (double)softmax.columns;
    const double vectors = line ? (double)divide_up(softmax.size, softmax.lanes) : (double)softmax.size;
    Meter meter = meter_begin(problem, work);
    const int copies = line ? WAYS + 1 : 1;
    meter.runs = items * vectors / copies;
    meter_extreme_load(&meter, copies, split_share(softmax.lanes));
    meter_other(&meter, 4);
    meter_loop(&meter, items * vectors);
    meter_passes(&meter, problem, &softmax);
    meter_hot(&meter);
    meter.runs = items;
    meter_other(&meter, 30);
    meter_divide(&meter, softmax.logarithm ? 0 : 1);
    if (line) {
        meter_widest(&meter);
        meter_sum(&meter);
    }
    if (softmax.logarithm)
        meter_expression(&meter, OP_Log);
    meter_chain(&meter, vectors, vectors * 35);              /* the sum; maxima take turns */
    meter_end(&meter);
    meter.stage->mispredicts = LINE_MISPREDICTS * items;
    const double each = 4 * (line ? (double)softmax.size : (double)softmax.size * lanes);
    stage_touch(meter.stage, TOUCH_INPUT, 4 * count);
    stage_touch_again(meter.stage, (softmax.logarithm ? 2 : 1) * 4 * count, each);
    if (!softmax.logarithm)
        stage_touch_again(meter.stage, 4 * count, each);
    if (in_place(problem, tiling) && layer_overwrites(problem, tiling))
        epilogue_touch_residuals(meter.stage, problem);
    else
        epilogue_touch(meter.stage, problem);
    work->multiply_adds = count;
    work->weight_bytes = epilogue_bytes(problem);
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    (void)tiling;
    Softmax softmax;
    softmax_of(problem, &softmax);
    layer->stages[layer->stage_count++] = (StagePlan){.items = softmax.outer * (softmax.inner == 1 ? 1 : softmax.columns), .says = "compute"};
}

static void pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    (void)tiling;
    epilogue_pack(problem, packed);
}

static const char *load_text(const Emission *emission, const char *array, const char *part)
{
    return part ? arena_format(emission->arena, "v_load_part(%s, %s)", array, part) : arena_format(emission->arena, "v_load(%s)", array);
}

/* ---- along the last axis ---- */

static void emit_line_largest(const Emission *emission, const Softmax *softmax)
{
    Out *out = emission->out;
    const int lanes = softmax->lanes;
    const long long size = softmax->size;
    for (int way = 0; way < WAYS; way++)
        out_line(out, "v_float most%d = v_set1(line[0]);", way);
    for (int ways = WAYS; ways > 0; ways -= WAYS - 1) {
        out_open(out, "for (; i + %d <= %lld; i += %d)", ways * lanes, size, ways * lanes);
        for (int way = 0; way < ways; way++)
            out_line(out, "most%d = v_max(most%d, v_load(line + (i + %d)));", way, way, way * lanes);
        out_close(out, "");
    }
    if (size % lanes != 0 && size > lanes)
        out_line(out, "most1 = v_max(most1, v_load(line + %lld));", size - lanes);
    out_line(out, "%s largest = v_max_across(v_max(v_max(most0, most1), v_max(most2, most3)));", size < lanes ? "float" : "const float");
    if (size < lanes) {
        out_line(out, "for (; i < %lld; i++)", size);
        out_line(out, "    largest = largest != largest || largest > line[i] ? largest : line[i];");
    }
    out_line(out, "const v_float top = v_set1(largest);");
}

/* The sum of all e^(x - largest), which stay in the output where that is wanted. */
static void emit_line_sum(const Emission *emission, const Softmax *softmax)
{
    Out *out = emission->out;
    const int rest = (int)(softmax->size % softmax->lanes);
    out_line(out, "v_float total = v_zero();");
    out_open(out, "for (i = 0; i + %d <= %lld; i += %d)", softmax->lanes, (long long)softmax->size, softmax->lanes);
    out_line(out, "const v_float e = v_exp(v_sub(v_load(line + i), top));");
    if (!softmax->logarithm)
        out_line(out, "v_store(y + (start + i), e);");
    out_line(out, "total = v_add(total, e);");
    out_close(out, "");
    if (rest == 0)
        return;
    out_line(out, "float tail[%d] = {0.0f};", softmax->lanes);
    out_line(out, "v_store_part(tail, v_exp(v_sub(v_load_part(line + i, %d), top)), %d);", rest, rest);
    out_line(out, "total = v_add(total, v_load(tail));");
    if (!softmax->logarithm)
        out_line(out, "v_store_part(y + (start + i), v_load(tail), %d);", rest);
}

static const char *line_result(const Emission *emission, const Softmax *softmax, const char *part)
{
    if (softmax->logarithm)
        return arena_format(emission->arena, "v_sub(v_sub(%s, top), whole)", load_text(emission, "line + i", part));
    return arena_format(emission->arena, "v_mul(%s, share)", load_text(emission, "y + (start + i)", part));
}

static void emit_line(const Emission *emission, const Softmax *softmax)
{
    Out *out = emission->out;
    const int rest = (int)(softmax->size % softmax->lanes);
    out_line(out, "const int64_t start = item * %lld;", (long long)softmax->size);
    out_line(out, "const float *const line = x + start;");
    out_line(out, "int64_t i = 0;");
    emit_line_largest(emission, softmax);
    emit_line_sum(emission, softmax);
    out_line(out, softmax->logarithm ? "const v_float whole = v_log(v_set1(v_sum(total)));"
                                     : "const v_float share = v_div(v_set1(1.0f), v_set1(v_sum(total)));");
    out_open(out, "for (i = 0; i + %d <= %lld; i += %d)", softmax->lanes, (long long)softmax->size, softmax->lanes);
    epilogue_put(emission, "start + i", line_result(emission, softmax, NULL), NULL);
    out_close(out, "");
    if (rest == 0)
        return;
    const char *part = arena_format(emission->arena, "%d", rest);
    epilogue_put(emission, "start + i", line_result(emission, softmax, part), part);
}

/* ---- along another axis: lanes are neighbouring lines ---- */

static void emit_column(const Emission *emission, const Softmax *softmax, const char *part)
{
    Out *out = emission->out;
    const long long size = softmax->size, inner = softmax->inner;
    const char *at = arena_format(emission->arena, "i * %lld", inner);
    const char *input = load_text(emission, arena_format(emission->arena, "line + %s", at), part);
    out_line(out, "v_float top = %s;", load_text(emission, "line", part));
    out_line(out, "for (int64_t i = 1; i < %lld; i++)", size);
    out_line(out, "    top = v_max(top, %s);", input);
    out_line(out, "v_float whole = v_zero();");
    out_open(out, "for (int64_t i = 0; i < %lld; i++)", size);
    out_line(out, "const v_float e = v_exp(v_sub(%s, top));", input);
    if (!softmax->logarithm && part)
        out_line(out, "v_store_part(y + (start + %s), e, %s);", at, part);
    else if (!softmax->logarithm)
        out_line(out, "v_store(y + (start + %s), e);", at);
    out_line(out, "whole = v_add(whole, e);");
    out_close(out, "");
    const char *stored = load_text(emission, arena_format(emission->arena, "y + (start + %s)", at), part);
    out_line(out, softmax->logarithm ? "whole = v_log(whole);" : "const v_float share = v_div(v_set1(1.0f), whole);");
    const char *result = softmax->logarithm ? arena_format(emission->arena, "v_sub(v_sub(%s, top), whole)", input)
                                            : arena_format(emission->arena, "v_mul(%s, share)", stored);
    out_open(out, "for (int64_t i = 0; i < %lld; i++)", size);
    epilogue_put(emission, arena_format(emission->arena, "start + %s", at), result, part);
    out_close(out, "");
}

static void emit_columns(const Emission *emission, const Softmax *softmax)
{
    Out *out = emission->out;
    const long long columns = softmax->columns, rest = softmax->inner % softmax->lanes;
    out_line(out, "const int64_t column = item %% %lld;", columns);
    out_line(out, "const int64_t start = item / %lld * %lld + column * %d;", columns, (long long)(softmax->size * softmax->inner),
             softmax->lanes);
    out_line(out, "const float *const line = x + start;");
    const char *part = rest ? arena_format(emission->arena, "%lld", rest) : NULL;
    if (rest == 0 || columns == 1) {
        emit_column(emission, softmax, part);
        return;
    }
    out_open(out, "if (column < %lld)", columns - 1);
    emit_column(emission, softmax, NULL);
    out_close(out, " else {");
    out->indent++;
    emit_column(emission, softmax, part);
    out_close(out, "");
}

static void emit(const Emission *emission)
{
    Softmax softmax;
    softmax_of(emission->problem, &softmax);
    Out *out = emission->out;
    epilogue_define(emission);
    emit_stage_open(emission, 0);
    out_line(out, "const float *const x = %s;", emit_read(emission, emission->problem->node->inputs[0]));
    epilogue_pointers(emission);
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    if (softmax.inner == 1)
        emit_line(emission, &softmax);
    else
        emit_columns(emission, &softmax);
    out_close(out, "");
    out_close(out, "");
}

const Kernel kernel_softmax = {
    .name = "softmax",
    .says = "the largest value, exponentials, their sum, shares of it",
    .fits = fits, .tilings = kernel_one_tiling, .work = work, .stages = stages, .pack = pack, .emit = emit, .in_place = in_place,
};
