/* Local response normalisation: the positions of a channel as vectors, the squares of its neighbours added up anew for each. Powers of three
   quarters, a half and one, the usual ones, are roots; others go through v_exp and v_log. */
#include "codegen/cpu/cpu.h"

#include <math.h>

typedef struct Lrn {
    int64_t channels, inner, before, behind;   /* neighbours on either side */
    float alpha, beta, bias;                   /* alpha already divided by the window's size */
    int lanes;
} Lrn;

static void lrn_of(const Problem *problem, Lrn *lrn)
{
    const Node *node = problem->node;
    const Shape *shape = &node->inputs[0]->shape;
    const int64_t size = node_int(node, ATTR_size, 1);
    const int64_t before = (size - 1) / 2;
    *lrn = (Lrn){.channels = shape->dims[1], .inner = 1, .before = before, .behind = size - 1 - before, .lanes = problem_lanes(problem)};
    for (int i = 2; i < shape->rank; i++)
        lrn->inner *= shape->dims[i];
    lrn->alpha = (float)(node_real(node, ATTR_alpha, 1e-4) / (double)size);
    lrn->beta = (float)node_real(node, ATTR_beta, 0.75);
    lrn->bias = (float)node_real(node, ATTR_bias, 1);
}

/* The power is of a positive number: a bias above zero, alpha not below. */
static bool fits(const Problem *problem)
{
    const Node *node = problem->node;
    if (node->op != OP_LRN || !problem_vector(problem) || node->inputs[0]->shape.rank < 2 || node_int(node, ATTR_size, 1) < 1)
        return false;
    Lrn lrn;
    lrn_of(problem, &lrn);
    return lrn.bias > 0 && lrn.alpha >= 0;
}

static void meter_power(Meter *meter, const Lrn *lrn)
{
    if (lrn->beta == 0.75f) {
        meter_divide(meter, 3);
        meter_vector(meter, 1);
    } else if (lrn->beta == 0.5f) {
        meter_divide(meter, 1);
    } else if (lrn->beta != 1.0f) {
        meter_expression(meter, OP_Log);
        meter_vector(meter, 1);
        meter_expression(meter, OP_Exp);
    }
}

/* A vector: `near` neighbours' squares are added up, then the power is formed. */
static void meter_positions(Meter *meter, const Problem *problem, const Lrn *lrn, double near, int part)
{
    const double runs = meter->runs;
    meter_loop(meter, runs * near);
    if (part > 0)
        meter_part(meter, part);
    else
        meter_load(meter, 1, split_share(lrn->lanes));
    meter_fma_load(meter, 1, 0);
    meter->stage->loads -= meter->runs;  /* of the same element */
    meter_other(meter, meter->isa->fuses ? 4 : 3);
    meter->runs = runs;
    meter_move(meter, 1);
    meter_fma(meter, 1);
    meter_power(meter, lrn);
    meter_load(meter, 1, split_share(lrn->lanes));
    meter_divide(meter, 1);
    meter_put(meter, problem, 1, part);
    meter_other(meter, 8);
    meter_hot(meter);
    meter_chain(meter, near + 3, near * 6 + 20);
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    (void)tiling;
    Lrn lrn;
    lrn_of(problem, &lrn);
    const double count = (double)shape_count(&problem->node->inputs[0]->shape), lines = count / (double)lrn.inner, channels = (double)lrn.channels;
    const double before = fmin((double)lrn.before, channels - 1), behind = fmin((double)lrn.behind, channels - 1);
    /* the first channels and the last have fewer neighbours */
    const double near = 1 + before * (1 - (before + 1) / (2 * channels)) + behind * (1 - (behind + 1) / (2 * channels));
    const int64_t rest = lrn.inner % lrn.lanes;
    Meter meter = meter_begin(problem, work);
    meter.runs = lines;
    meter_other(&meter, 30);
    meter.runs = lines * (double)(lrn.inner / lrn.lanes);
    meter_positions(&meter, problem, &lrn, near, 0);
    if (rest > 0) {
        meter.runs = lines;
        meter_positions(&meter, problem, &lrn, near, (int)rest);
    }
    meter_end(&meter);
    stage_touch(meter.stage, TOUCH_INPUT, 4 * count);
    stage_touch_again(meter.stage, 4 * count * (near - 1), 8 * near * (double)lrn.inner);
    epilogue_touch(meter.stage, problem);
    work->multiply_adds = count * near;
    work->weight_bytes = epilogue_bytes(problem);
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    (void)tiling;
    Lrn lrn;
    lrn_of(problem, &lrn);
    layer->stages[layer->stage_count++] = (StagePlan){.items = problem->node->inputs[0]->shape.dims[0] * lrn.channels, .says = "compute"};
}

static void pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    (void)tiling;
    epilogue_pack(problem, packed);
}

static const char *power_text(const Emission *emission, const Lrn *lrn)
{
    if (lrn->beta == 0.75f)
        return "v_mul(v_sqrt(t), v_sqrt(v_sqrt(t)))";
    if (lrn->beta == 0.5f)
        return "v_sqrt(t)";
    if (lrn->beta == 1.0f)
        return "t";
    return arena_format(emission->arena, "v_exp(v_mul(v_set1(%s), v_log(t)))", out_float(emission->arena, (double)lrn->beta, TYPE_F32));
}

static void emit_vector(const Emission *emission, const Lrn *lrn, const char *part)
{
    Out *out = emission->out;
    const char *tail = part ? arena_format(emission->arena, ", %s)", part) : ")", *word = part ? "v_load_part" : "v_load";
    out_line(out, "v_float sum = v_zero();");
    out_open(out, "for (int64_t j = first; j <= last; j++)");
    out_line(out, "const v_float near = %s(line + (j * %lld + i)%s;", word, (long long)lrn->inner, tail);
    out_line(out, "sum = v_fma(near, near, sum);");
    out_close(out, "");
    out_line(out, "const v_float t = v_fma(v_set1(%s), sum, v_set1(%s));", out_float(emission->arena, (double)lrn->alpha, TYPE_F32),
             out_float(emission->arena, (double)lrn->bias, TYPE_F32));
    epilogue_put(emission, "start + i", arena_format(emission->arena, "v_div(%s(line + i%s, %s)", word, tail, power_text(emission, lrn)), part);
}

static void emit(const Emission *emission)
{
    Lrn lrn;
    lrn_of(emission->problem, &lrn);
    Out *out = emission->out;
    const long long channels = lrn.channels, inner = lrn.inner, before = lrn.before, behind = lrn.behind, rest = lrn.inner % lrn.lanes;
    epilogue_define(emission);
    emit_stage_open(emission, 0);
    out_line(out, "const float *const x = %s;", emit_read(emission, emission->problem->node->inputs[0]));
    epilogue_pointers(emission);
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    out_line(out, "const int64_t channel = item %% %lld, start = item * %lld;", channels, inner);
    out_line(out, "const int64_t first = channel < %lld ? -channel : -%lld;", before, before);
    out_line(out, "const int64_t last = %lld - channel < %lld ? %lld - channel : %lld;", channels - 1, behind, channels - 1, behind);
    out_line(out, "const float *const line = x + start;");
    out_line(out, "int64_t i = 0;");
    out_open(out, "for (; i + %d <= %lld; i += %d)", lrn.lanes, inner, lrn.lanes);
    emit_vector(emission, &lrn, NULL);
    out_close(out, "");
    if (rest > 0)
        emit_vector(emission, &lrn, arena_format(emission->arena, "%lld", rest));
    out_close(out, "");
    out_close(out, "");
}

const Kernel kernel_lrn = {
    .name = "lrn",
    .says = "sums of squares over neighbouring channels, positions as vectors",
    .fits = fits, .tilings = kernel_one_tiling, .work = work, .stages = stages, .pack = pack, .emit = emit,
};
