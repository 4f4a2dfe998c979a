/* Elementwise layers whose operator is an expression of the vocabulary, and Clip. The other operand of a binary one has the result's shape, or one
   element, or repeats along all axes but some neighbouring ones (a value a channel, a row of values). BatchNormalization by constants is a
   multiply-add whose two others are a value a channel. */
#include "codegen/cpu/cpu.h"

#include <math.h>

#define CHUNK 4096                   /* elements of an item where operands run along the whole result */

typedef enum Spread { SPREAD_FULL, SPREAD_SCALAR, SPREAD_ROW, SPREAD_CHANNEL } Spread;

typedef struct Elementwise {
    const Node *node;
    int operands;                    /* of the expression: a, b, s */
    int full;                        /* the operand of the result's shape: 0 or 1 */
    Spread spread;                   /* of the others */
    int64_t count, lines, line;      /* elements; inner loops and their length; a chunk is a line too */
    int64_t repeat;                  /* SPREAD_ROW, SPREAD_CHANNEL: another operand's elements */
    int64_t each;                    /* SPREAD_CHANNEL: lines that share one of them */
    int lanes;
} Elementwise;

/* The axes of `shape`, aligned right with the result's, that are not 1: first .. last, or false if they are not neighbours of full size. */
static bool spread_axes(const Shape *shape, const Shape *result, int *first, int *last)
{
    const int lead = result->rank - shape->rank;
    *first = -1;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i] == 1)
            continue;
        if (*first < 0)
            *first = i + lead;
        *last = i + lead;
    }
    for (int i = *first; *first >= 0 && i <= *last; i++)
        if (i < lead || shape->dims[i - lead] != result->dims[i])
            return false;
    return true;
}

static bool spread_of(const Shape *shape, const Shape *result, Elementwise *elementwise)
{
    int first = 0, last = 0;
    if (shape_count(shape) == shape_count(result)) {
        elementwise->spread = SPREAD_FULL;
        return true;
    }
    if (!spread_axes(shape, result, &first, &last))
        return false;
    int64_t after = 1;
    for (int i = last + 1; i < result->rank; i++)
        after *= result->dims[i];
    elementwise->repeat = shape_count(shape);
    elementwise->spread = first < 0 ? SPREAD_SCALAR : after == 1 ? SPREAD_ROW : SPREAD_CHANNEL;
    elementwise->line = after == 1 ? elementwise->repeat : after;
    return true;
}

static bool binary_of(const Node *node, Elementwise *elementwise)
{
    const Shape *result = &node->outputs[0]->shape;
    for (int full = 0; full < 2; full++) {
        elementwise->full = full;
        if (shape_count(&node->inputs[full]->shape) == elementwise->count && spread_of(&node->inputs[1 - full]->shape, result, elementwise))
            return true;
    }
    return false;
}

/* ---- BatchNormalization: x times a factor, plus a shift ---- */

static double channel_factor(const Node *node, int64_t channel)
{
    const double variance = (double)read_float(node->inputs[4]->data, channel);
    return (double)read_float(node->inputs[1]->data, channel) / sqrt(variance + node_real(node, ATTR_epsilon, 1e-5));
}

static double channel_shift(const Node *node, int64_t channel)
{
    return (double)read_float(node->inputs[2]->data, channel) - (double)read_float(node->inputs[3]->data, channel) * channel_factor(node, channel);
}

static bool normalization_of(const Node *node, Elementwise *elementwise)
{
    const Shape *shape = &node->inputs[0]->shape;
    if (shape->rank < 2)
        return false;
    elementwise->repeat = shape->dims[1];
    elementwise->line = elementwise->count / shape->dims[0] / shape->dims[1];
    for (int i = 1; i < 5; i++)
        if (!value_constant(node->inputs[i]))
            return false;
    for (int64_t channel = 0; channel < elementwise->repeat; channel++)
        if (!isfinite((float)channel_factor(node, channel)) || !isfinite((float)channel_shift(node, channel)))
            return false;
    elementwise->spread = elementwise->line == 1 ? SPREAD_ROW : SPREAD_CHANNEL;
    elementwise->line = elementwise->line == 1 ? elementwise->repeat : elementwise->line;
    return true;
}

static void pack_normalization(const Node *node, int64_t channels, Packed *packed)
{
    const size_t bytes = (size_t)channels * sizeof(float);
    float *factors = arena_array(packed->arena, float, channels), *shifts = arena_array(packed->arena, float, channels);
    for (int64_t channel = 0; channel < channels; channel++) {
        factors[channel] = (float)channel_factor(node, channel);
        shifts[channel] = (float)channel_shift(node, channel);
    }
    packed_add(packed, "float", factors, bytes);
    packed_add(packed, "float", shifts, bytes);
}

/* ---- the problem ---- */

static bool clip_of(const Node *node)
{
    for (int i = 1; i < node->input_count; i++)
        if (node->inputs[i] && shape_count(&node->inputs[i]->shape) != 1)
            return false;
    return true;
}

static bool elementwise_of(const Problem *problem, Elementwise *elementwise)
{
    const Node *node = problem->node;
    *elementwise = (Elementwise){.node = node, .count = shape_count(&node->outputs[0]->shape), .lanes = problem_lanes(problem)};
    const OpShapeClass shape_class = op_info(node->op)->shape_class;
    const bool normalizes = node->op == OP_BatchNormalization;
    elementwise->operands = normalizes ? 3 : shape_class == CLASS_BINARY ? 2 : 1;
    const bool known = node->op == OP_Clip                                        ? clip_of(node)
                       : normalizes                                               ? normalization_of(node, elementwise)
                       : shape_class == CLASS_UNARY && vector_expression(node->op) ? true
                       : shape_class == CLASS_BINARY && vector_expression(node->op) ? binary_of(node, elementwise)
                                                                                    : false;
    if (elementwise->spread == SPREAD_FULL || elementwise->spread == SPREAD_SCALAR)
        elementwise->line = CHUNK;
    elementwise->lines = known ? divide_up(elementwise->count, elementwise->line) : 0;
    return known;
}

/* A padded result is made row by row. */
static bool rows_suit(const Elementwise *elementwise)
{
    const Shape *shape = &elementwise->node->outputs[0]->shape;
    const int64_t width = shape->dims[shape->rank - 1];
    if (elementwise->spread == SPREAD_ROW)
        return elementwise->repeat == width;
    return elementwise->spread != SPREAD_CHANNEL || elementwise->line % width == 0;
}

static void elementwise_for(const Problem *problem, const Tiling *tiling, Elementwise *elementwise)
{
    elementwise_of(problem, elementwise);
    elementwise->each = 1;
    if (layout_plain(&tiling->out))
        return;
    const Shape *shape = &problem->node->outputs[0]->shape;
    const int64_t width = shape->dims[shape->rank - 1];
    if (elementwise->spread == SPREAD_CHANNEL)
        elementwise->each = elementwise->line / width;
    elementwise->line = width;
    elementwise->lines = elementwise->count / width;
}

static bool chunked(const Elementwise *elementwise)
{
    return elementwise->line == CHUNK && elementwise->spread <= SPREAD_SCALAR;
}

/* The elements behind the last whole vector of a line, or of the last chunk. */
static int64_t rest_of(const Elementwise *elementwise)
{
    return (chunked(elementwise) ? elementwise->count : elementwise->line) % elementwise->lanes;
}

/* A line's last vector overlaps the one before it, rather than be a part: loads that follow stores of parts wait. What it needs is loaded before the
   line is written, since the result may take the input's place. A chunk's neighbour may be another thread's. */
static bool overlaps(const Elementwise *elementwise)
{
    return !chunked(elementwise) && rest_of(elementwise) > 0 && elementwise->line >= elementwise->lanes;
}

static bool writes(const Problem *problem, const Tiling *tiling)
{
    Elementwise elementwise;
    elementwise_of(problem, &elementwise);
    return layout_plain(&tiling->out) || (tiles_writes(problem, tiling) && rows_suit(&elementwise));
}

static bool fits(const Problem *problem)
{
    Elementwise elementwise;
    return problem_vector(problem) && elementwise_of(problem, &elementwise);
}

/* Input 0 is read where the result is written, and nowhere else. */
static bool in_place(const Problem *problem, const Tiling *tiling)
{
    Elementwise elementwise;
    elementwise_for(problem, tiling, &elementwise);
    return elementwise.full == 0 && !epilogue_reads(problem->node, problem->node->inputs[0]);
}

static void meter_elements(Meter *meter, const Problem *problem, const Elementwise *elementwise, int part)
{
    const Node *node = elementwise->node;
    const int streams = elementwise->spread == SPREAD_FULL || elementwise->spread == SPREAD_ROW ? elementwise->operands : 1;
    for (int i = 0; i < streams; i++)
        if (part > 0)
            meter_part(meter, part);
        else if (i + 1 < streams)
            meter_load(meter, 1, 0);
        else
            meter_operand(meter, 1, 0);
    if (node->op == OP_Clip)
        meter_bound(meter, node->input_count - 1);
    meter_expression(meter, node->op);
    meter_put(meter, problem, 1, part);
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Elementwise elementwise;
    elementwise_for(problem, tiling, &elementwise);
    const Node *node = problem->node;
    const bool chunk = chunked(&elementwise);
    const double count = (double)elementwise.count, lines = (double)elementwise.lines;
    const int64_t rest = rest_of(&elementwise);
    Meter meter = meter_begin(problem, work);
    meter.runs = lines;
    meter_other(&meter, 16);
    meter_loop(&meter, chunk ? floor(count / elementwise.lanes) : lines * (double)(elementwise.line / elementwise.lanes));
    meter_elements(&meter, problem, &elementwise, 0);
    meter_other(&meter, 3);
    meter_hot(&meter);
    if (rest > 0) {
        meter.runs = chunk ? 1 : lines;
        meter_elements(&meter, problem, &elementwise, overlaps(&elementwise) ? 0 : (int)rest);
        meter_other(&meter, overlaps(&elementwise) ? 1 : 6);
    }
    meter_end(&meter);
    for (int i = 0; i < node->input_count; i++) {     /* BatchNormalization's four constants are made two */
        if (node->op == OP_BatchNormalization && i > 2)
            break;
        const double bytes = node->inputs[i] ? 4 * (double)shape_count(&node->inputs[i]->shape) : 0;
        const bool constant = value_constant(node->inputs[i]);
        stage_touch(meter.stage, constant ? TOUCH_WEIGHTS : TOUCH_INPUT, bytes);
        work->weight_bytes += constant ? bytes : 0;
    }
    if (in_place(problem, tiling) && layer_overwrites(problem, tiling))
        epilogue_touch_residuals(meter.stage, problem);
    else
        epilogue_touch(meter.stage, problem);
    work->multiply_adds = count;
    work->weight_bytes += epilogue_bytes(problem);
}

/* Lines shorter than a chunk go several to an item. */
static int64_t lines_per_item(const Elementwise *elementwise)
{
    return elementwise->line >= CHUNK ? 1 : divide_up(CHUNK, elementwise->line);
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    Elementwise elementwise;
    elementwise_for(problem, tiling, &elementwise);
    const int64_t each = lines_per_item(&elementwise);
    layer->stages[layer->stage_count++] = (StagePlan){.items = divide_up(elementwise.lines, each), .says = "compute"};
}

static void pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    Elementwise elementwise;
    elementwise_for(problem, tiling, &elementwise);
    if (problem->node->op == OP_BatchNormalization)
        pack_normalization(problem->node, elementwise.repeat, packed);
    for (int i = 0; i < problem->node->input_count && problem->node->op != OP_BatchNormalization; i++)
        if (value_constant(problem->node->inputs[i]))
            packed_value(packed, problem->node->inputs[i]);
    epilogue_pack(problem, packed);
}

/* ---- text ---- */

static const char *load_text(const Emission *emission, int operand, const char *index, const char *part)
{
    return part ? arena_format(emission->arena, "v_load_part(x%d + (%s), %s)", operand, index, part)
                : arena_format(emission->arena, "v_load(x%d + (%s))", operand, index);
}

/* Where an operand has its vector for elements `start + i` ...: in memory, or set for the whole line. */
static const char *operand_text(const Emission *emission, const Elementwise *elementwise, int operand, const char *part)
{
    if (operand == elementwise->full || elementwise->spread == SPREAD_FULL)
        return load_text(emission, operand, "start + i", part);
    if (elementwise->spread == SPREAD_ROW)
        return load_text(emission, operand, "i", part);
    return arena_format(emission->arena, "other%d", operand);
}

/* The operands that a line, or the whole result, has set once. */
static void emit_others(const Emission *emission, const Elementwise *elementwise, const char *index)
{
    for (int i = 0; i < elementwise->operands; i++)
        if (i != elementwise->full)
            out_line(emission->out, "const v_float other%d = v_set1(x%d[%s]);", i, i, index);
}

static void emit_clip(const Emission *emission, const Node *node)
{
    static const char *const words[] = {NULL, "a = v_at_least(a, low);", "a = v_at_most(a, high);"};
    for (int i = 1; i < node->input_count; i++)
        if (node->inputs[i])
            out_line(emission->out, "%s", words[i]);
}

/* `full`: the vector of the input that has the result's shape; NULL: it is loaded. */
static void emit_vector(const Emission *emission, const Elementwise *elementwise, const char *full, const char *part)
{
    Out *out = emission->out;
    const Node *node = elementwise->node;
    for (int i = 0; i < elementwise->operands; i++)
        out_line(out, "%sv_float %c = %s;", i == 0 ? "" : "const ", "abs"[i],
                 full != NULL && i == elementwise->full ? full : operand_text(emission, elementwise, i, part));
    if (node->op == OP_Clip)
        emit_clip(emission, node);
    else
        out_line(out, "a = %s;", vector_expression(node->op));
    epilogue_put(emission, "start + i", "a", part);
}

static void emit_rest(const Emission *emission, const Elementwise *elementwise)
{
    Out *out = emission->out;
    const long long rest = rest_of(elementwise);
    if (overlaps(elementwise)) {
        out_line(out, "i = %lld;", (long long)(elementwise->line - elementwise->lanes));
        emit_vector(emission, elementwise, "last", NULL);
    } else if (rest > 0) {
        out_open(out, "if (i < length)");
        emit_vector(emission, elementwise, NULL, arena_format(emission->arena, "%lld", rest));
        out_close(out, "");
    }
}

static void emit_line(const Emission *emission, const Elementwise *elementwise)
{
    Out *out = emission->out;
    const long long lanes = elementwise->lanes, line = elementwise->line;
    const char *each = elementwise->each == 1 ? "" : arena_format(emission->arena, " / %lld", (long long)elementwise->each);
    if (elementwise->spread == SPREAD_CHANNEL)
        emit_others(emission, elementwise, arena_format(emission->arena, "number%s %% %lld", each, (long long)elementwise->repeat));
    if (chunked(elementwise))
        out_line(out, "const int64_t length = %lld - start < %lld ? %lld - start : %lld;", (long long)elementwise->count, line,
                 (long long)elementwise->count, line);
    else
        out_line(out, "const int64_t length = %lld;", line);
    if (overlaps(elementwise))
        out_line(out, "const v_float last = v_keep(v_load(x%d + (start + %lld)));", elementwise->full, line - lanes);
    out_line(out, "int64_t i = 0;");
    out_open(out, "for (; i + %lld <= length; i += %lld)", lanes, lanes);
    emit_vector(emission, elementwise, NULL, NULL);
    out_close(out, "");
    emit_rest(emission, elementwise);
}

static void emit_constants(const Emission *emission, const Elementwise *elementwise)
{
    static const char *const bounds[] = {NULL, "low", "high"};
    Out *out = emission->out;
    const Node *node = elementwise->node;
    const bool normalizes = node->op == OP_BatchNormalization;
    for (int i = 0; i < (normalizes ? elementwise->operands : node->input_count); i++)
        if (node->inputs[i])
            out_line(out, "const float *const x%d = %s;", i,
                     normalizes && i > 0 ? emit_packed(emission, i - 1) : emit_read(emission, node->inputs[i]));
    for (int i = 1; i < node->input_count && node->op == OP_Clip; i++)
        if (node->inputs[i])
            out_line(out, "const v_float %s = v_set1(x%d[0]);", bounds[i], i);
    if (op_info(node->op)->shape_class != CLASS_STRUCTURED)
        vector_parameters(emission, node, false);
    if (elementwise->spread == SPREAD_SCALAR)
        emit_others(emission, elementwise, "0");
}

/* Row `number` of a padded result: y is moved by so much that plain indices mean its elements. The row's item fills the gap behind it, too. */
static void emit_row(const Emission *emission, const Elementwise *elementwise)
{
    Out *out = emission->out;
    Arena *arena = emission->arena;
    const Layout *layout = &emission->layer->tiling.out;
    const Shape *shape = &elementwise->node->outputs[0]->shape;
    const int64_t height = shape->rank == 4 ? shape->dims[2] : 1, width = elementwise->line, pitch = layout->pitch;
    const int64_t lead = layout->top * pitch + layout->left;
    out_line(out, "const int64_t row = number %% %lld;", (long long)height);
    out_line(out, "float *const there = y + (number / %lld * %lld + %lld + row * %lld);", (long long)height, (long long)(layout->rows * pitch),
             (long long)lead, (long long)pitch);
    emit_zeros(emission, "row == 0", "there", -lead, 0);
    out_line(out, "{");
    out->indent++;
    out_line(out, "float *const y = there - start;");
    emit_line(emission, elementwise);
    out_close(out, "");
    emit_zeros(emission, arena_format(arena, "row < %lld", (long long)(height - 1)), "there", width, height > 1 ? pitch : width);
    emit_zeros(emission, arena_format(arena, "row == %lld", (long long)(height - 1)), "there", width, (layout->rows - height + 1) * pitch - lead);
}

static void emit(const Emission *emission)
{
    Elementwise elementwise;
    elementwise_for(emission->problem, &emission->layer->tiling, &elementwise);
    Out *out = emission->out;
    const long long each = lines_per_item(&elementwise), lines = elementwise.lines;
    epilogue_define(emission);
    emit_stage_open(emission, 0);
    emit_constants(emission, &elementwise);
    epilogue_pointers(emission);
    out_line(out, "const int64_t past = end * %lld < %lld ? end * %lld : %lld;", each, lines, each, lines);
    out_open(out, "for (int64_t number = begin * %lld; number < past; number++)", each);
    out_line(out, "const int64_t start = number * %lld;", (long long)elementwise.line);
    (layout_plain(&emission->layer->tiling.out) ? emit_line : emit_row)(emission, &elementwise);
    out_close(out, "");
    out_close(out, "");
}

const Kernel kernel_elementwise = {
    .name = "elementwise",
    .says = "an expression of vectors over every element",
    .fits = fits, .tilings = kernel_one_tiling, .writes = writes, .work = work, .stages = stages, .pack = pack, .emit = emit, .in_place = in_place,
};
