/* The kernel for whatever no faster one takes: the naive operators of compiler/reference, pasted as they are, with the node's sizes in tables.
   Sums are formed in double, so this is also what other kernels are measured against. Non-finite values spread as in the operator's definition. */
#include "codegen/cpu/cpu.h"

#include <math.h>
#include <string.h>

/* How a node becomes stages: all calls of the node side by side in stage 0 (they write disjoint places), with epilogues behind each share where
   shares are contiguous; otherwise each epilogue is a stage of its own. */

static Arena *scratch_of(const Problem *problem)
{
    return problem->graph->ctx->scratch;
}

static ReferenceCall call_of(const Problem *problem, const Node *node, int part)
{
    ReferenceCall call = {0};
    reference_call(problem->graph, node, part, scratch_of(problem), &call);
    return call;
}

/* Is any result of the part asked for? One that nobody wants is not computed. */
static bool wanted(const Node *node, int part)
{
    int indices[REFERENCE_MOST];
    int count = reference_outputs(node, part, indices, REFERENCE_MOST);
    for (int i = 0; i < count; i++)
        if (indices[i] >= 0)
            return true;
    return false;
}

/* Items of a part of the node; none if it has nothing to do. */
static int64_t part_items(const Problem *problem, int part)
{
    return wanted(problem->node, part) ? call_of(problem, problem->node, part).items : 0;
}

/* Elements of output 0 in each item of the call; 0 if its shares are not runs of whole elements. */
static int64_t run_length(const Problem *problem, const ReferenceCall *call)
{
    int64_t count = shape_count(&problem->node->outputs[0]->shape);
    return call->contiguous && call->items > 0 && count % call->items == 0 ? count / call->items : 0;
}

/* Can all epilogues follow within the shares of the main call? Each must take single elements as its items. */
static bool epilogue_follows(const Problem *problem)
{
    const Node *node = problem->node;
    if (reference_parts(node) != 1)
        return false;
    ReferenceCall call = call_of(problem, node, 0);
    if (run_length(problem, &call) == 0)
        return false;
    for (int e = 0; e < node->epilogue_count; e++) {
        ReferenceCall after = call_of(problem, node->epilogue[e], 0);
        if (!after.contiguous || after.items != shape_count(&node->outputs[0]->shape))
            return false;
    }
    return true;
}

static bool fits(const Problem *problem)
{
    const char *why;
    if (problem->target->isa.gpu || problem->node->op == OP_View || !reference_supports(problem->node, &why))
        return false;
    for (int e = 0; e < problem->node->epilogue_count; e++)
        if (!reference_supports(problem->node->epilogue[e], &why))
            return false;
    return true;
}

static double value_bytes(const Value *value)
{
    size_t bytes = 0;
    if (value != NULL)
        shape_bytes(&value->shape, value->type, &bytes);
    return (double)bytes;
}

/* Elements of a window that one output element is made of; 1 where they are multiply-adds. */
static double window(const Node *node)
{
    int rank = 0;
    const int64_t *kernel = node_ints(node, ATTR_kernel_shape, &rank);
    double taps = 1;
    for (int i = 0; i < rank && dense_multiply_adds(node) == 0; i++)
        taps *= (double)kernel[i];
    return taps;
}

/* Elements that the loops go over: of the results, with their windows, or of what is read if that is more (reductions). */
static double elements(const Node *node)
{
    double made = 0, read = 0;
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] != NULL)
            made += (double)shape_count(&node->outputs[i]->shape) * window(node);
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] != NULL && !value_constant(node->inputs[i]))
            read += (double)shape_count(&node->inputs[i]->shape);
    return read > made ? read : made;
}

static void pack_node(const Node *node, Packed *packed)
{
    for (int i = 0; i < node->input_count; i++)
        if (value_constant(node->inputs[i]))
            packed_value(packed, node->inputs[i]);
    for (int e = 0; e < node->epilogue_count; e++)
        pack_node(node->epilogue[e], packed);
}

/* ---- what it costs ---- */

/* Instructions from one element to the next: of an epilogue; inside of a window, whose places are found axis by axis; of anything else, from a
   comparison to a power, taken dear: nothing that is written for the operator should ever lose against the naive one. */
#define ELEMENT_STEP 8
#define WINDOW_STEP 100
#define OPERATOR_STEP 400
#define MOST_COUNTED_PARTS 64

/* Sums in double over neighbouring results, as many at a time as fit a vector (of wide ones, edges take most): for each of them two loads, two
   conversions, a product and a sum, with the edges of every row apart. Elements of other operators are computed one by one. */
static void meter_elements(Meter *meter, double multiply_adds, double touched, double step)
{
    const double together = fmin(5, fmax(1, meter->isa->vector_bytes / (double)sizeof(double)));
    meter_loop(meter, touched);
    if (multiply_adds > 0) {
        meter->runs = multiply_adds;
        meter_other(meter, 0.7);
        meter->runs = multiply_adds / together;
        meter_scalar_load(meter, 5);
        meter->stage->fma += 1.2 * meter->runs;
        meter_vector(meter, 5);
        meter_other(meter, 6);
        meter_chain(meter, 1, INFINITY);
        meter->runs = touched;
    }
    meter_scalar_load(meter, 1);
    meter_vector(meter, 1);
    meter_store(meter, 1);
    meter_other(meter, step);
    meter_hot(meter);
}

/* A box of elements, run by run: neighbours on both sides are moved by memcpy, a vector of 32 bytes at a time; others one by one. */
static void meter_moves(Meter *meter, const ReferenceCall *call, double calls, int bytes)
{
    const double vector = 32;
    const int64_t rank = call->p[0], *dims = call->p + 3, run = rank > 0 ? dims[rank - 1] : 1;
    const bool neighbours = rank == 0 || (dims[2 * rank - 1] == 1 && dims[3 * rank - 1] == 1);
    double runs = calls;
    for (int64_t axis = 0; axis + 1 < rank; axis++)
        runs *= (double)dims[axis];
    meter->runs = runs;
    meter_other(meter, 40);
    meter->runs = neighbours ? runs * ceil((double)run * bytes / vector) : runs * (double)run;
    meter_scalar_load(meter, 1);
    meter_store(meter, 1);
    meter_other(meter, 2);
    meter_hot(meter);
    meter->stage->vector_bytes = neighbours ? vector : bytes;
}

static bool moves(const ReferenceCall *call)
{
    return strncmp(call->function, "ref_copy", 8) == 0;
}

static double element_step(const Node *node)
{
    if (dense_multiply_adds(node) > 0)
        return ELEMENT_STEP;
    return window(node) > 1 ? WINDOW_STEP : OPERATOR_STEP;
}

/* The main stage: moves, or element by element. Of very many parts the first stand for all: looking at one takes time for each. */
static void meter_node(Meter *meter, const Problem *problem, double after)
{
    const Node *node = problem->node;
    const int parts = reference_parts(node), counted = parts < MOST_COUNTED_PARTS ? parts : MOST_COUNTED_PARTS;
    for (int part = 0; part < counted; part++) {
        const ReferenceCall call = call_of(problem, node, part);
        if (moves(&call))
            meter_moves(meter, &call, (double)parts / counted, type_info(node->inputs[0]->type)->bytes);
        else if (part == 0)
            meter_elements(meter, dense_multiply_adds(node), elements(node), element_step(node));
    }
    if (after > 0)
        meter_elements(meter, 0, after, ELEMENT_STEP);
}

/* Constants, each once. */
static double constant_bytes(const Problem *problem)
{
    Packed packed = {.arena = scratch_of(problem)};
    double bytes = 0;
    pack_node(problem->node, &packed);
    for (int i = 0; i < packed.count; i++)
        bytes += (double)packed.arrays[i].bytes;
    return bytes;
}

static void touch(const Node *node, StageWork *stage)
{
    double weights = 0, inputs = 0, outputs = 0;
    for (int i = 0; i < node->input_count; i++)
        *(value_constant(node->inputs[i]) ? &weights : &inputs) += value_bytes(node->inputs[i]);
    for (int i = 0; i < node->output_count; i++)
        outputs += value_bytes(node->outputs[i]);
    stage_touch(stage, TOUCH_WEIGHTS, weights);
    stage_touch(stage, TOUCH_INPUT, inputs);
    stage_touch(stage, TOUCH_OUTPUT, outputs);
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    (void)tiling;
    const Node *node = problem->node;
    const double results = (double)node->epilogue_count * value_bytes(node->outputs[0]);
    const double after = node->epilogue_count == 0 ? 0 : results / type_info(node->outputs[0]->type)->bytes;
    const bool follows = node->epilogue_count == 0 || epilogue_follows(problem);
    Meter meter = meter_begin(problem, work);
    meter.stage->vector_bytes = sizeof(float);
    meter_node(&meter, problem, follows ? after : 0);
    meter_end(&meter);
    touch(node, meter.stage);
    if (!follows) {
        Meter epilogue = meter_begin(problem, work);
        meter_elements(&epilogue, 0, after, ELEMENT_STEP);
        meter_end(&epilogue);
        epilogue.stage->vector_bytes = sizeof(float);
    }
    stage_touch_again(&work->stages[work->stage_count - 1], 2 * results, results / (node->epilogue_count + 1));
    work->multiply_adds = dense_multiply_adds(node) * problem->density;
    work->weight_bytes = constant_bytes(problem);
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    (void)tiling;
    const Node *node = problem->node;
    int64_t items = 0;
    for (int part = 0; part < reference_parts(node); part++)
        items += part_items(problem, part);
    layer->stages[layer->stage_count++] = (StagePlan){items, "compute"};
    if (node->epilogue_count > 0 && !epilogue_follows(problem))
        layer->stages[layer->stage_count++] = (StagePlan){shape_count(&node->outputs[0]->shape), "epilogue"};
}

static void pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    (void)tiling;
    pack_node(problem->node, packed);
}

/* ---- text ---- */

static void paste_function(const Emission *emission, const ReferenceCall *call)
{
    Text text = text_new(emission->arena);
    for (int i = 0; i < call->define_count; i++)
        text_format(&text, "#define %s %s\n", call->defines[i].name, call->defines[i].value);
    text_add(&text, call->text);
    for (int i = 0; i < call->define_count; i++)
        text_format(&text, "#undef %.*s\n", (int)strcspn(call->defines[i].name, "("), call->defines[i].name);
    emit_helper(emission, "reference", reference_prelude());
    emit_helper(emission, call->function, text.data);
}

/* Numbers that belong together stand on one line, with the name of the first as a comment. */
static void emit_numbers(Out *out, const char *const *numbers, const char *const *names, int count)
{
    for (int i = 0; i < count;) {
        const char *name = names == NULL ? NULL : names[i];
        Text line = text_new(out->text.arena);
        do
            text_format(&line, "%s%s,", line.length == 0 ? "" : " ", numbers[i++]);
        while (i < count && names != NULL && names[i] == NULL && line.length < 100);
        if (name == NULL)
            out_line(out, "%s", line.data);
        else
            out_line(out, "%-24s /* %s */", line.data, name);
    }
}

static const char *emit_whole(const Emission *emission, const ReferenceCall *call, const char *tag)
{
    const char **numbers = arena_array(emission->arena, const char *, call->p_count);
    if (call->p_count == 0)
        return "NULL";
    for (int i = 0; i < call->p_count; i++)
        numbers[i] = call->p[i] == INT64_MIN ? "INT64_MIN" : arena_format(emission->arena, "%lld", (long long)call->p[i]);
    out_open(emission->out, "static const int64_t %s_p%s[] =", emission->name, tag);
    emit_numbers(emission->out, numbers, call->p_names, call->p_count);
    out_close(emission->out, ";");
    return arena_format(emission->arena, "%s_p%s", emission->name, tag);
}

static const char *emit_real(const Emission *emission, const ReferenceCall *call, const char *tag)
{
    const char **numbers = arena_array(emission->arena, const char *, call->r_count);
    if (call->r_count == 0)
        return "NULL";
    for (int i = 0; i < call->r_count; i++)
        numbers[i] = out_float(emission->arena, call->r[i], TYPE_F64);
    out_open(emission->out, "static const double %s_r%s[] =", emission->name, tag);
    emit_numbers(emission->out, numbers, call->r_names, call->r_count);
    out_close(emission->out, ";");
    return arena_format(emission->arena, "%s_r%s", emission->name, tag);
}

/* Tables of one call's numbers, as NAME_p0 and NAME_r0; gives the arguments to pass. */
static const char *emit_tables(const Emission *emission, const ReferenceCall *call, const char *tag)
{
    const char *whole = emit_whole(emission, call, tag);
    return arena_format(emission->arena, "%s, %s", whole, emit_real(emission, call, tag));
}

/* Opens a block that declares the call's operands as `in` and `out`. */
static void open_operands(const Emission *emission, const Node *node, int part)
{
    Out *out = emission->out;
    int indices[REFERENCE_MOST];
    int ins = reference_inputs(node, part, indices, REFERENCE_MOST);
    out_open(out, "const void *const in[] =");
    for (int i = 0; i < ins; i++) {
        const Value *value = indices[i] < 0 ? NULL : node->inputs[indices[i]];
        out_line(out, "%s,", value == NULL ? "NULL" : emit_read(emission, value));
    }
    if (ins == 0)
        out_line(out, "NULL,");
    out_close(out, ";");
    int outs = reference_outputs(node, part, indices, REFERENCE_MOST);
    out_open(out, "void *const out[] =");
    for (int i = 0; i < outs; i++) {
        const Value *value = indices[i] < 0 ? NULL : node->outputs[indices[i]];
        out_line(out, "%s,", value == NULL ? "NULL" : emit_write(emission, value));
    }
    out_close(out, ";");
}

/* The part of the node, as items first .. first+items-1 of a stage of `all`. */
static void emit_call(const Emission *emission, int part, const char *arguments, int64_t first, int64_t all)
{
    Out *out = emission->out;
    const Node *node = emission->problem->node;
    const char *function = call_of(emission->problem, node, part).function;
    if (part_items(emission->problem, part) == all) {
        open_operands(emission, node, part);
        out_line(out, "%s(%s, in, out, begin, end);", function, arguments);
        return;
    }
    long long from = first, to = first + part_items(emission->problem, part);
    out_open(out, "if (begin < %lld && end > %lld)", to, from);
    open_operands(emission, node, part);
    out_line(out, "%s(%s, in, out, (begin > %lld ? begin : %lld) - %lld, (end < %lld ? end : %lld) - %lld);", function, arguments, from, from, from,
             to, to, from);
    out_close(out, "");
}

/* The epilogues, over elements first .. last-1 of the result, which are there already. */
static void emit_epilogue(const Emission *emission, const char *const *arguments, const char *first, const char *last)
{
    const Node *node = emission->problem->node;
    for (int e = 0; e < node->epilogue_count; e++) {
        ReferenceCall call = call_of(emission->problem, node->epilogue[e], 0);
        out_line(emission->out, "{");
        emission->out->indent++;
        open_operands(emission, node->epilogue[e], 0);
        out_line(emission->out, "%s(%s, in, out, %s, %s);", call.function, arguments[e], first, last);
        out_close(emission->out, "");
    }
}

static void emit_stages(const Emission *emission, const char *const *arguments, const char *const *epilogue_arguments)
{
    const Node *node = emission->problem->node;
    int64_t first = 0;
    emit_stage_open(emission, 0);
    for (int part = 0; part < reference_parts(node); part++) {
        if (part_items(emission->problem, part) > 0)
            emit_call(emission, part, arguments[part], first, emission->layer->stages[0].items);
        first += part_items(emission->problem, part);
    }
    if (first == 0)
        out_line(emission->out, "(void)c, (void)begin, (void)end;");
    bool apart = emission->layer->stage_count == 2;
    if (!apart && node->epilogue_count > 0) {
        ReferenceCall call = call_of(emission->problem, node, 0);
        long long run = run_length(emission->problem, &call);
        emit_epilogue(emission, epilogue_arguments, arena_format(emission->arena, "begin * %lld", run),
                      arena_format(emission->arena, "end * %lld", run));
    }
    out_close(emission->out, "");
    if (!apart)
        return;
    out_blank(emission->out);
    emit_stage_open(emission, 1);
    emit_epilogue(emission, epilogue_arguments, "begin", "end");
    out_close(emission->out, "");
}

static void emit(const Emission *emission)
{
    const Node *node = emission->problem->node;
    int parts = reference_parts(node);
    const char **arguments = arena_array(emission->arena, const char *, parts + 1);
    const char **epilogue_arguments = arena_array(emission->arena, const char *, node->epilogue_count + 1);
    for (int part = 0; part < parts; part++) {
        ReferenceCall call = call_of(emission->problem, node, part);
        if (part_items(emission->problem, part) == 0)
            continue;
        paste_function(emission, &call);
        arguments[part] = emit_tables(emission, &call, arena_format(emission->arena, "%d", part));
    }
    for (int e = 0; e < node->epilogue_count; e++) {
        ReferenceCall call = call_of(emission->problem, node->epilogue[e], 0);
        paste_function(emission, &call);
        epilogue_arguments[e] = emit_tables(emission, &call, arena_format(emission->arena, "e%d", e));
    }
    emit_stages(emission, arguments, epilogue_arguments);
}

static bool in_place(const Problem *problem, const Tiling *tiling)
{
    (void)tiling;
    return reference_parts(problem->node) == 1 && problem->node->input_count > 0 && problem->node->inputs[0] != NULL &&
           call_of(problem, problem->node, 0).in_place;
}

const Kernel kernel_reference = {
    .name = "reference",
    .says = "the plain loops of the operator's definition, sums in double",
    .fits = fits,
    .tilings = kernel_one_tiling,
    .work = work,
    .stages = stages,
    .pack = pack,
    .emit = emit,
    .in_place = in_place,
};
