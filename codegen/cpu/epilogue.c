/* The epilogue of a layer as one emitted function, NAME_put: what is fused behind the layer is applied to a vector of outputs, then stored.
   From the first operator without a vector expression on, the stored elements are finished one by one, in double as the reference does. */
#include "codegen/cpu/cpu.h"

/* The other operand of a fused node: a value of the output's shape, read beside it. One-element constants are written into the text. */
static const Value *residual_of(const Node *node)
{
    if (node->op == OP_Clip || node->input_count < 2 || node->inputs[1] == NULL)
        return NULL;
    return value_constant(node->inputs[1]) && shape_count(&node->inputs[1]->shape) == 1 ? NULL : node->inputs[1];
}

static bool fused_fits(const Node *node, const Value *output)
{
    for (int i = 1; i < node->input_count; i++)
        if (node->inputs[i] && node->inputs[i]->type != TYPE_F32)
            return false;
    if (node->op == OP_Clip) {
        for (int i = 1; i < node->input_count; i++)
            if (node->inputs[i] && !(value_constant(node->inputs[i]) && shape_count(&node->inputs[i]->shape) == 1))
                return false;
        return true;
    }
    const OpInfo *info = op_info(node->op);
    if (info->shape_class == CLASS_STRUCTURED || info->result_bool || info->real_expression == NULL)
        return false;
    const Value *residual = residual_of(node);
    return residual == NULL || shape_equal(&residual->shape, &output->shape);
}

bool epilogue_fits(const Node *node)
{
    for (int i = 0; i < node->epilogue_count; i++)
        if (!fused_fits(node->epilogue[i], node->outputs[0]))
            return false;
    return true;
}

bool epilogue_reads(const Node *node, const Value *value)
{
    for (int i = 0; i < node->epilogue_count; i++)
        if (residual_of(node->epilogue[i]) == value)
            return true;
    return false;
}

static bool has_vector_form(const Node *node)
{
    return node->op == OP_Clip || vector_expression(node->op) != NULL;
}

/* How many of the fused nodes, from the first, are applied to vectors. */
static int vector_count(const Node *node)
{
    int count = 0;
    while (count < node->epilogue_count && has_vector_form(node->epilogue[count]))
        count++;
    return count;
}

/* The operand beside the vector: most operators take it from memory. */
static void meter_residual(Meter *meter, const Node *fused, int part)
{
    if (residual_of(fused) == NULL)
        return;
    if (part > 0)
        meter_part(meter, part);
    else
        meter_operand(meter, 1, split_share(meter->isa->vector_bytes / (int)sizeof(float)));
}

static void meter_fused(Meter *meter, const Node *fused, int part)
{
    if (fused->op == OP_Clip)
        meter_bound(meter, fused->input_count - 1);
    meter_residual(meter, fused, part);
    meter_expression(meter, fused->op);
}

/* Elements one by one in double: conversions, the expression, a store and a load in between. */
static void meter_scalars(Meter *meter, double elements)
{
    const double each = 40, runs = meter->runs;
    meter->runs = runs * elements;
    meter_scalar_load(meter, 2);
    meter_vector(meter, each / 2);
    meter_other(meter, each / 2);
    meter_store(meter, 1);
    meter->runs = runs;
}

void meter_put(Meter *meter, const Problem *problem, double count, int part)
{
    const Node *node = problem->node;
    const int vectors = vector_count(node);
    const double runs = meter->runs, bytes = meter->bytes;
    meter->runs = runs * count;
    for (int i = 0; i < node->epilogue_count; i++)
        if (i < vectors)
            meter_fused(meter, node->epilogue[i], part);
        else
            meter_scalars(meter, part > 0 ? part : problem_lanes(problem));
    if (part > 0)
        meter_store_part(meter, part);
    else
        meter_store(meter, 1);
    meter->runs = runs;
    meter->bytes = bytes + (meter->bytes - bytes) * count;
}

void meter_ask(Meter *meter, const Problem *problem, double lines)
{
    const Node *node = problem->node;
    meter_other(meter, lines);
    for (int i = 0; i < node->epilogue_count; i++)
        meter_other(meter, residual_of(node->epilogue[i]) ? lines : 0);
}

double epilogue_bytes(const Problem *problem)
{
    const Node *node = problem->node;
    double bytes = 0;
    for (int i = 0; i < node->epilogue_count; i++) {
        const Value *residual = residual_of(node->epilogue[i]);
        bool seen = residual == NULL || !value_constant(residual);
        for (int j = 0; j < i && !seen; j++)
            seen = residual_of(node->epilogue[j]) == residual;
        bytes += seen ? 0 : 4.0 * (double)shape_count(&residual->shape);
    }
    return bytes;
}

void epilogue_touch_residuals(StageWork *stage, const Problem *problem)
{
    const double bytes = 4.0 * (double)shape_count(&problem->node->outputs[0]->shape);
    double residuals = 0;
    for (int i = 0; i < problem->node->epilogue_count; i++)
        residuals += residual_of(problem->node->epilogue[i]) != NULL ? bytes : 0;
    stage_touch(stage, TOUCH_INPUT, residuals);
}

static void touch_output(StageWork *stage, const Problem *problem, Touch touch)
{
    stage_touch(stage, touch, 4.0 * (double)shape_count(&problem->node->outputs[0]->shape));
    epilogue_touch_residuals(stage, problem);
}

void epilogue_touch(StageWork *stage, const Problem *problem)
{
    touch_output(stage, problem, TOUCH_OUTPUT);
}

void epilogue_touch_asked(StageWork *stage, const Problem *problem)
{
    touch_output(stage, problem, TOUCH_ASKED);
}

bool layer_overwrites(const Problem *problem, const Tiling *tiling)
{
    const Value *value = problem->node->inputs[0];
    return value->producer != NULL && value->producer->op != OP_View && value->user_count == 1 && value->output_index < 0 &&
           layout_equal(&tiling->in, &tiling->out);
}

void epilogue_pack(const Problem *problem, Packed *packed)
{
    for (int i = 0; i < problem->node->epilogue_count; i++) {
        const Value *residual = residual_of(problem->node->epilogue[i]);
        if (residual && value_constant(residual))
            packed_value(packed, residual);
    }
}

/* For every residual: before, its number, after. */
static const char *residual_list(const Emission *emission, const char *before, const char *after)
{
    const Node *node = emission->problem->node;
    Text text = text_new(emission->arena);
    for (int i = 0; i < node->epilogue_count; i++) {
        if (!residual_of(node->epilogue[i]))
            continue;
        text_format(&text, "%s%d%s", before, i, after);
    }
    return text.data;
}

const char *epilogue_parameters(const Emission *emission)
{
    return residual_list(emission, ", const float *r", "");
}

const char *epilogue_arguments(const Emission *emission)
{
    return residual_list(emission, ", r", "");
}

static const char *scalar_constant(const Emission *emission, const Value *value, Type type)
{
    return out_float(emission->arena, (double)read_float(value->data, 0), type);
}

static void block_open(Out *out)
{
    out_line(out, "{");
    out->indent++;
}

/* ---- the vector part ---- */

static void put_clip(const Emission *emission, const Node *node)
{
    static const char *const words[] = {NULL, "v_at_least", "v_at_most"};
    for (int i = 1; i < node->input_count; i++)
        if (node->inputs[i])
            out_line(emission->out, "a = %s(a, v_set1(%s));", words[i], scalar_constant(emission, node->inputs[i], TYPE_F32));
}

static void put_operand(const Emission *emission, const Node *node, int number, bool part)
{
    if (residual_of(node) && part)
        out_line(emission->out, "const v_float b = v_load_part(r%d, n);", number);
    else if (residual_of(node))
        out_line(emission->out, "const v_float b = v_load(r%d);", number);
    else
        out_line(emission->out, "const v_float b = v_set1(%s);", scalar_constant(emission, node->inputs[1], TYPE_F32));
}

static void put_vector(const Emission *emission, const Node *node, int number, bool part)
{
    if (node->op == OP_Clip) {
        put_clip(emission, node);
        return;
    }
    const bool binary = op_info(node->op)->shape_class == CLASS_BINARY;
    if (!binary && op_info(node->op)->parameters[0] == ATTR__) {
        out_line(emission->out, "a = %s;", vector_expression(node->op));
        return;
    }
    block_open(emission->out);
    if (binary)
        put_operand(emission, node, number, part);
    vector_parameters(emission, node, false);
    out_line(emission->out, "a = %s;", vector_expression(node->op));
    out_close(emission->out, "");
}

/* ---- the scalar rest ---- */

static void scalar_clip(const Emission *emission, const Node *node)
{
    for (int i = 1; i < node->input_count; i++) {
        if (node->inputs[i] == NULL)
            continue;
        const char *bound = scalar_constant(emission, node->inputs[i], TYPE_F64);
        out_line(emission->out, "a = a %c %s ? %s : a;", i == 1 ? '<' : '>', bound, bound);
    }
}

static void put_scalar(const Emission *emission, const Node *node, int number)
{
    block_open(emission->out);
    if (node->op == OP_Clip) {
        scalar_clip(emission, node);
    } else {
        if (residual_of(node))
            out_line(emission->out, "const double b = (double)r%d[i];", number);
        else if (op_info(node->op)->shape_class == CLASS_BINARY)
            out_line(emission->out, "const double b = %s;", scalar_constant(emission, node->inputs[1], TYPE_F64));
        vector_parameters(emission, node, true);
        out_line(emission->out, "a = (double)(float)(%s);", op_info(node->op)->real_expression);
    }
    out_close(emission->out, "");
}

static void put_rest(const Emission *emission, int from, const char *count)
{
    const Node *node = emission->problem->node;
    if (from == node->epilogue_count)
        return;
    Out *out = emission->out;
    out_open(out, "for (int i = 0; i < %s; i++)", count);
    out_line(out, "double a = (double)y[i];");
    for (int i = from; i < node->epilogue_count; i++)
        put_scalar(emission, node->epilogue[i], i);
    out_line(out, "y[i] = (float)a;");
    out_close(out, "");
}

/* ---- what kernels call ---- */

static void define_put(const Emission *emission, bool part)
{
    const Node *node = emission->problem->node;
    const int vectors = vector_count(node);
    const char *lanes = arena_format(emission->arena, "%d", problem_lanes(emission->problem));
    Out *out = emission->out;
    out_open(out, "V_INLINE void %s_put%s(float *y, v_float a%s%s)", emission->name, part ? "_part" : "", epilogue_parameters(emission),
             part ? ", int n" : "");
    for (int i = 0; i < vectors; i++)
        put_vector(emission, node->epilogue[i], i, part);
    out_line(out, part ? "v_store_part(y, a, n);" : "v_store(y, a);");
    put_rest(emission, vectors, part ? "n" : lanes);
    out_close(out, "");
    out_blank(out);
}

void epilogue_define(const Emission *emission)
{
    define_put(emission, false);
    define_put(emission, true);
}

void epilogue_pointers(const Emission *emission)
{
    const Node *node = emission->problem->node;
    out_line(emission->out, "float *const y = %s;", emit_write(emission, node->outputs[0]));
    for (int i = 0; i < node->epilogue_count; i++) {
        const Value *residual = residual_of(node->epilogue[i]);
        if (residual)
            out_line(emission->out, "const float *const r%d = %s;", i, emit_read(emission, residual));
    }
}

void epilogue_ask(const Emission *emission, const char *index)
{
    const Node *node = emission->problem->node;
    out_line(emission->out, "v_prefetch(y + (%s));", index);
    for (int i = 0; i < node->epilogue_count; i++)
        if (residual_of(node->epilogue[i]))
            out_line(emission->out, "v_prefetch(r%d + (%s));", i, index);
}

void epilogue_put(const Emission *emission, const char *index, const char *vector, const char *part)
{
    const char *residuals = residual_list(emission, ", r", arena_format(emission->arena, " + (%s)", index));
    if (part)
        out_line(emission->out, "%s_put_part(y + (%s), %s%s, %s);", emission->name, index, vector, residuals, part);
    else
        out_line(emission->out, "%s_put(y + (%s), %s%s);", emission->name, index, vector, residuals);
}
