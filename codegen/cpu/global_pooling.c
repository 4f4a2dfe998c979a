/* The largest or the average value of whole channels, of any number of axes. */
#include "codegen/cpu/cpu.h"

#include <math.h>

#define WIDEST_LINKS 14              /* from a vector of maxima to the largest of them, and the rest one by one: latencies as of multiply-adds (Zen 4) */
#define WAYS 4                       /* running results a channel, to hide the latency of an addition */

typedef struct Global {
    int64_t channels, count;         /* all of the batch; elements of one */
    int lanes;
    bool average;
} Global;

static void global_of(const Problem *problem, Global *global)
{
    const Node *node = problem->node;
    global->channels = shape_count(&node->outputs[0]->shape);
    global->count = shape_count(&node->inputs[0]->shape) / global->channels;
    global->lanes = problem_lanes(problem);
    global->average = node->op == OP_GlobalAveragePool;
}

static bool fits(const Problem *problem)
{
    const Op op = problem->node->op;
    return (op == OP_GlobalAveragePool || op == OP_GlobalMaxPool) && problem_vector(problem);
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    (void)tiling;
    Global global;
    global_of(problem, &global);
    const double channels = (double)global.channels, groups = (double)divide_up(global.channels, global.lanes), count = (double)global.count;
    const double vectors = floor(count / global.lanes), rounds = floor(vectors / WAYS), rest = count - vectors * global.lanes;
    Meter meter = meter_begin(problem, work);
    meter_loop(&meter, channels * rounds);
    (global.average ? meter_vector_load : meter_extreme_load)(&meter, WAYS, split_share(global.lanes));
    meter_other(&meter, rounds > 1 ? 3 : 0);     /* else unrolled */
    meter_hot(&meter);
    meter.runs = channels * (vectors - rounds * WAYS);
    (global.average ? meter_vector_load : meter_extreme_load)(&meter, 1, split_share(global.lanes));
    meter.runs = channels;
    meter_other(&meter, 5);
    meter_move(&meter, rounds > 1 ? WAYS : 0);
    (global.average ? meter_vector : meter_extreme)(&meter, WAYS - 1);
    (global.average ? meter_sum : meter_widest)(&meter);
    meter_store(&meter, 1);
    meter_divide(&meter, global.average);
    if (global.average && rest > 0) {
        meter_part(&meter, (int)rest);
        meter_sum(&meter);
    }
    meter.runs = global.average ? 0 : channels * rest;
    meter_scalar_load(&meter, 1);
    meter_vector(&meter, 2);
    meter_other(&meter, 5);
    meter.runs = groups;
    meter_other(&meter, 20);
    meter_load(&meter, 1, 0);
    meter_put(&meter, problem, 1, 0);
    meter_end(&meter);
    const double each = channels / groups, links = global.average ? vectors / WAYS + 2 : 2 * vectors / WAYS + WIDEST_LINKS;
    meter_chain(&meter, each * links, each * (vectors * 2 + 20));
    stage_touch(meter.stage, TOUCH_INPUT, 4 * channels * count);
    epilogue_touch(meter.stage, problem);
    work->multiply_adds = channels * count;
    work->weight_bytes = epilogue_bytes(problem);
}

/* An item is as many channels as a vector has lanes. */
static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    (void)tiling;
    Global global;
    global_of(problem, &global);
    layer->stages[layer->stage_count++] = (StagePlan){.items = divide_up(global.channels, global.lanes), .says = "pool"};
}

static void pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    (void)tiling;
    epilogue_pack(problem, packed);
}

static void emit_vectors(const Emission *emission, const Global *global)
{
    Out *out = emission->out;
    const char *word = global->average ? "v_add" : "v_max";
    const long long step = (long long)WAYS * global->lanes;
    for (int way = 0; way < WAYS; way++)
        out_line(out, "v_float a%d = %s;", way, global->average ? "v_zero()" : "v_set1(-__builtin_inff())");
    out_line(out, "int64_t i = 0;");
    out_open(out, "for (; i + %lld <= %lld; i += %lld)", step, (long long)global->count, step);
    for (int way = 0; way < WAYS; way++)
        out_line(out, "a%d = %s(a%d, v_load(from + (i + %d)));", way, word, way, way * global->lanes);
    out_close(out, "");
    out_line(out, "for (; i + %d <= %lld; i += %d)", global->lanes, (long long)global->count, global->lanes);
    out_line(out, "    a0 = %s(a0, v_load(from + i));", word);
    out_line(out, "a0 = %s(%s(a0, a1), %s(a2, a3));", word, word, word);
}

static void emit_channel(const Emission *emission, const Global *global)
{
    Out *out = emission->out;
    const long long rest = global->count % global->lanes, count = global->count;
    out_line(out, "const float *const from = x + (first + j) * %lld;", count);
    emit_vectors(emission, global);
    if (global->average && rest > 0)
        out_line(out, "a1 = v_load_part(from + i, %lld);", rest);
    if (global->average)
        out_line(out, "lane[j] = (v_sum(a0)%s) / %s;", rest > 0 ? " + v_sum(a1)" : "", out_float(emission->arena, (double)count, TYPE_F32));
    else
        out_line(out, "lane[j] = v_max_across(a0);");
    if (!global->average && rest > 0) {
        out_line(out, "for (; i < %lld; i++)", count);
        out_line(out, "    lane[j] = lane[j] != lane[j] || lane[j] > from[i] ? lane[j] : from[i];");
    }
}

static void emit_put(const Emission *emission, const Global *global)
{
    Out *out = emission->out;
    const int rest = (int)(global->channels % global->lanes);
    if (rest == 0) {
        epilogue_put(emission, "first", "v_load(lane)", NULL);
        return;
    }
    out_open(out, "if (count == %d)", global->lanes);
    epilogue_put(emission, "first", "v_load(lane)", NULL);
    out_close(out, " else {");
    out->indent++;
    epilogue_put(emission, "first", "v_load(lane)", arena_format(emission->arena, "%d", rest));
    out_close(out, "");
}

static void emit(const Emission *emission)
{
    Global global;
    global_of(emission->problem, &global);
    Out *out = emission->out;
    const long long channels = global.channels;
    epilogue_define(emission);
    emit_stage_open(emission, 0);
    out_line(out, "const float *const x = %s;", emit_read(emission, emission->problem->node->inputs[0]));
    epilogue_pointers(emission);
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    out_line(out, "const int64_t first = item * %d;", global.lanes);
    out_line(out, "const int64_t count = %lld - first < %d ? %lld - first : %d;", channels, global.lanes, channels, global.lanes);
    out_line(out, "float lane[%d] = {0.0f};", global.lanes);
    out_open(out, "for (int64_t j = 0; j < count; j++)");
    emit_channel(emission, &global);
    out_close(out, "");
    emit_put(emission, &global);
    out_close(out, "");
    out_close(out, "");
}

const Kernel kernel_global_pooling = {
    .name = "global_pooling",
    .says = "whole channels, vector by vector",
    .fits = fits, .tilings = kernel_one_tiling, .work = work, .stages = stages, .pack = pack, .emit = emit,
};
