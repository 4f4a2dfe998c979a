/* verify's walk: runs the generated stages one by one, takes each tensor from where the plan says it lives as soon as it is complete, and compares
   it with the naive reference fed the same inputs. Beside it the reference runs on its own values, so that accumulated rounding is seen, too. */
#include <math.h>
#include <string.h>

#include "compiler/cli/cli.h"
#include "compiler/reference/reference.h"
#include "codegen/kernel.h"

typedef struct Walker {
    Context *ctx;
    const Plan *plan;
    const Graph *graph;
    const Program *program;
    void *const *inputs, *const *outputs;
    int slice;                       /* of the batch; 0 where there is one */
    char *workspace;
    double tolerance;
    int only;                        /* the one layer that is compared, -1: all */
    Arena *values, *layer;           /* for the whole walk; for one layer */
    const KernelTrial *trial;        /* of a user's layer, while it is walked; else NULL */
    const void **ours, **reference;  /* by value id: copies of what tulle computed, and the reference's own */
    Walk walk;
} Walker;

/* ---- values ---- */

static size_t value_bytes(const Value *value)
{
    size_t bytes = 0;
    shape_bytes(&value->shape, value->type, &bytes);
    return bytes;
}

/* The slice's part of an input or output. */
static const void *part_of(const Walker *walker, const void *whole, const Value *value)
{
    return whole == NULL ? NULL : (const char *)whole + (size_t)walker->slice * value_bytes(value);
}

static const void *value_at(const Walker *walker, const Value *value)
{
    const Place *place = &walker->plan->places[value->id];
    switch (place->kind) {
    case PLACE_INPUT: return part_of(walker, walker->inputs[place->index], walker->graph->inputs[place->index]);
    case PLACE_OUTPUT: return part_of(walker, walker->outputs[place->index], walker->graph->outputs[place->index]);
    case PLACE_WORKSPACE: return walker->workspace + place->offset;
    case PLACE_CONSTANT: return value->data;
    case PLACE_NONE: break;
    }
    return NULL;
}

static void take(Walker *walker, const Value *value)
{
    const void *data = value_at(walker, value);
    const Layout *layout = &walker->plan->places[value->id].layout;
    if (data && !walker->ours[value->id]) {
        size_t bytes = value_bytes(value);
        void *copy = arena_alloc(walker->values, bytes + 1, 1);
        if (!layout_plain(layout))
            layout_take(&value->shape, value->type, layout, data, copy);
        else if (bytes)
            memcpy(copy, data, bytes);
        walker->ours[value->id] = copy;
    }
}

/* The reference loads elements, and a constant in a mapped model may stand at any address: such a one is copied, once. */
static const void *constant_of(Walker *walker, const Value *value)
{
    const void **kept = &walker->ours[value->id];
    if (!*kept && (uintptr_t)value->data % (uintptr_t)type_info(value->type)->bytes == 0)
        *kept = value->data;
    if (!*kept)
        *kept = arena_copy(walker->values, value->data, value_bytes(value));
    return *kept;
}

static const void *ours_of(Walker *walker, const Value *value)
{
    return value->data ? constant_of(walker, value) : walker->ours[value->id];
}

static const void *reference_of(Walker *walker, const Value *value)
{
    return value->data ? constant_of(walker, value) : walker->reference[value->id];
}

static const void *operand_ours(void *user, const Value *value)
{
    return ours_of(user, value);
}

static const void *operand_reference(void *user, const Value *value)
{
    return reference_of(user, value);
}

/* ---- running ---- */

static void run_stages(Walker *walker, const LayerPlan *layer)
{
    const struct tulle_context context = {(const void *const *)walker->inputs, walker->outputs, walker->workspace, walker->slice};
    const Node *node = layer->problem.node;
    walker->trial = kernel_trial(walker->ctx, walker->plan, walker->program, layer, &context);
    program_watch(node_where(walker->graph, node), 1);
    for (int stage = layer->first_stage; stage < layer->first_stage + layer->stage_count; stage++) {
        walker->program->model->stages[stage](&context, 0, 1);
        for (int i = 0; i < node->output_count; i++)
            if (node->outputs[i] && walker->plan->places[node->outputs[i]->id].first_stage == stage)
                take(walker, node->outputs[i]);
    }
    program_watch(NULL, 0);
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i])
            take(walker, node->outputs[i]);
    walker->walk.fault = walker->trial ? kernel_trial_whole(walker->trial) : NULL;
}

/* Once a user's layer is right in one part: in several. */
static void end_trial(Walker *walker)
{
    Walk *walk = &walker->walk;
    if (walker->trial && !walk->fault && !walk->wrong)
        walk->fault = kernel_trial_parts(walker->trial, walker->ours);
    if (walker->trial)
        kernel_trial_end(walker->trial);
}

typedef const void *ValueOf(Walker *walker, const Value *value);

static const void **gather(Walker *walker, const Node *node, ValueOf *value_of)
{
    const void **inputs = arena_array(walker->layer, const void *, node->input_count + 1);
    for (int i = 0; i < node->input_count; i++)
        inputs[i] = node->inputs[i] ? value_of(walker, node->inputs[i]) : NULL;
    return inputs;
}

static void **new_outputs(Arena *arena, const Node *node)
{
    void **outputs = arena_array(arena, void *, node->output_count + 1);
    for (int i = 0; i < node->output_count; i++)
        outputs[i] = node->outputs[i] ? arena_alloc(arena, value_bytes(node->outputs[i]) + 1, 1) : NULL;
    return outputs;
}

static bool same_values(const Walker *walker, const Node *node, int first)
{
    for (int i = first; i < node->input_count; i++) {
        const Value *value = node->inputs[i];
        if (value && !value->data && memcmp(walker->ours[value->id], walker->reference[value->id], value_bytes(value)) != 0)
            return false;
    }
    return true;
}

/* While tulle's values are the reference's bit for bit, one run of the reference serves both. */
static bool same_inputs(const Walker *walker, const Node *node)
{
    bool same = same_values(walker, node, 0);
    for (int i = 0; i < node->epilogue_count && same; i++)
        same = same_values(walker, node->epilogue[i], 1);
    return same;
}

/* ---- bounds ---- */

static double largest_of(const Value *value, const void *data)
{
    double largest = 0;
    if (!type_info(value->type)->real)
        return 0;
    for (int64_t i = 0; i < shape_count(&value->shape); i++) {
        double element = fabs(tensors_element((enum tulle_type)value->type, data, (size_t)i));
        largest = isfinite(element) && element > largest ? element : largest;
    }
    return largest;
}

/* Operators that keep |error|: an error in goes out no larger. */
static bool keeps_error(Op op)
{
    static const Op keeping[] = {OP_Relu, OP_Clip, OP_Add, OP_Min, OP_Max, OP_Sub};
    for (int i = 0; i < COUNT(keeping); i++)
        if (op == keeping[i])
            return true;
    return false;
}

/* The other side of a fused addition counts as one more term of the sum. */
static void add_operand(Walker *walker, const Node *addition, double *sums, int64_t count)
{
    const Value *other = addition->input_count > 1 ? addition->inputs[1] : NULL;
    if (!other || shape_count(&other->shape) != count)
        return;
    const void *data = ours_of(walker, other);
    for (int64_t i = 0; i < count; i++)
        sums[i] += fabs(tensors_element((enum tulle_type)other->type, data, (size_t)i));
}

/* DESIGN.md's bound for products: |error| <= 2^-23 (terms + 8) sum|w||x|, or what the kernel says in place of that sum. With a fused activation that is no clamp, twice that and the tolerance
   of functions. NULL: the layer is no product. */
static double *product_bounds(Walker *walker, const LayerPlan *layer, const void *const *inputs, const void *expected)
{
    const Node *node = layer->problem.node;
    const Value *output = node->outputs[0];
    int64_t count = shape_count(&output->shape), *terms = arena_array(walker->layer, int64_t, count + 1);
    double *bounds = arena_array(walker->layer, double, count + 1), precision = output->type == TYPE_F64 ? 0x1p-52 : 0x1p-23, more = 0;
    if (!type_info(output->type)->real ||
        !kernel_magnitudes(layer->kernel, &layer->problem, &layer->tiling, inputs, bounds, terms, walker->layer))
        return NULL;
    for (int i = 0; i < node->epilogue_count; i++) {
        add_operand(walker, node->epilogue[i], bounds, count);
        if (!keeps_error(node->epilogue[i]->op))
            more = walker->tolerance * fmax(1, largest_of(output, expected));
    }
    for (int64_t i = 0; i < count; i++)
        bounds[i] = (more > 0 ? 2 : 1) * precision * (double)(terms[i] + 8) * bounds[i] + more;
    return bounds;
}

/* Sums of large numbers may cancel, so what is no elementwise operator is measured by the largest number around. */
static double scale_of(Walker *walker, const Node *node, const void *const *inputs, const Value *output, const void *expected)
{
    double scale = largest_of(output, expected);
    if (op_info(node->op)->shape_class != CLASS_STRUCTURED && !node->epilogue_count)
        return fmin(1, scale);
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i])
            scale = fmax(scale, largest_of(node->inputs[i], inputs[i]));
    for (int i = 0; i < node->epilogue_count; i++)
        for (int j = 1; j < node->epilogue[i]->input_count; j++)
            if (node->epilogue[i]->inputs[j])
                scale = fmax(scale, largest_of(node->epilogue[i]->inputs[j], ours_of(walker, node->epilogue[i]->inputs[j])));
    return scale;
}

/* ---- one layer ---- */

static bool compare_layer(Walker *walker, const LayerPlan *layer, const void *const *inputs, void *const *expected)
{
    const Node *node = layer->problem.node;
    double *bounds = node->output_count && node->outputs[0] ? product_bounds(walker, layer, inputs, expected[0]) : NULL;
    for (int i = 0; i < node->output_count; i++) {
        const Value *value = node->outputs[i];
        if (!value || !walker->ours[value->id])
            continue;
        double relative = value->type == TYPE_F64 ? walker->tolerance * 1e-7 : walker->tolerance;
        double absolute = relative * scale_of(walker, node, inputs, value, expected[i]);
        Difference difference = compare_tensors(value->type, expected[i], walker->ours[value->id], shape_count(&value->shape), relative, absolute,
                                                i == 0 ? bounds : NULL);
        if (difference.index < 0)
            continue;
        walker->walk.wrong = node;
        walker->walk.kernel = layer->kernel ? layer->kernel->name : "view";
        walker->walk.value = value;
        walker->walk.difference = difference;
        return false;
    }
    return true;
}

static void note_drift(Walker *walker, const Node *node)
{
    for (int i = 0; i < node->output_count; i++) {
        const Value *value = node->outputs[i];
        if (!value || !walker->ours[value->id] || !type_info(value->type)->real)
            continue;
        const void *reference = walker->reference[value->id];
        double largest = largest_of(value, reference);
        double drift = compare_tensors(value->type, reference, walker->ours[value->id], shape_count(&value->shape), 0, 0, NULL).largest;
        if (largest > 0 && drift / largest > walker->walk.drift) {
            walker->walk.drift = drift / largest;
            walker->walk.drift_node = node;
        }
    }
}

/* That layer, and no other: the reference of a whole network takes its time. */
static bool walk_only(Walker *walker, const LayerPlan *layer)
{
    const Node *node = layer->problem.node;
    if (layer != &walker->plan->layers[walker->only])
        return true;
    void **expected = new_outputs(walker->layer, node);
    const void **inputs = gather(walker, node, ours_of);
    reference_run(walker->graph, node, inputs, expected, operand_ours, walker, walker->layer);
    walker->walk.layers += walker->slice == 0;
    compare_layer(walker, layer, inputs, expected);
    return false;
}

static bool walk_compared(Walker *walker, const LayerPlan *layer)
{
    const Node *node = layer->problem.node;
    void **expected = new_outputs(walker->layer, node), **own = new_outputs(walker->values, node);
    const void **inputs = gather(walker, node, ours_of);
    reference_run(walker->graph, node, inputs, expected, operand_ours, walker, walker->layer);
    bool alike = same_inputs(walker, node);
    if (!alike)
        reference_run(walker->graph, node, gather(walker, node, reference_of), own, operand_reference, walker, walker->layer);
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i]) {
            if (alike)
                memcpy(own[i], expected[i], value_bytes(node->outputs[i]));
            walker->reference[node->outputs[i]->id] = own[i];
        }
    walker->walk.layers += layer->stage_count > 0 && walker->slice == 0;
    if (!compare_layer(walker, layer, inputs, expected))
        return false;
    note_drift(walker, node);
    return true;
}

static bool walk_layer(Walker *walker, const LayerPlan *layer)
{
    run_stages(walker, layer);
    const bool more = !walker->walk.fault && (walker->only >= 0 ? walk_only : walk_compared)(walker, layer);
    end_trial(walker);
    return more && !walker->walk.fault;
}

static void walk_slice(Walker *walker)
{
    const Plan *plan = walker->plan;
    arena_reset(walker->values);
    walker->ours = arena_array(walker->values, const void *, plan->graph->value_count + 1);
    walker->reference = arena_array(walker->values, const void *, plan->graph->value_count + 1);
    for (int i = 0; i < plan->graph->input_count; i++) {
        take(walker, plan->graph->inputs[i]);
        walker->reference[plan->graph->inputs[i]->id] = walker->ours[plan->graph->inputs[i]->id];
    }
    for (int i = 0; i < plan->layer_count && walk_layer(walker, &plan->layers[i]); i++)
        arena_reset(walker->layer);
}

Walk stages_walk(Context *ctx, const Plan *plan, const Program *program, void *const *inputs, void *const *outputs, double tolerance, int only)
{
    Walker walker = {.ctx = ctx, .plan = plan, .graph = plan->graph, .program = program, .inputs = inputs, .outputs = outputs, .tolerance = tolerance,
                     .only = only};
    walker.workspace = program_memory(ctx, plan->workspace_bytes + plan->thread_bytes);
    walker.values = arena_new(ctx, "the values of a run", SIZE_MAX / 2);
    walker.layer = arena_new(ctx, "a layer's reference", SIZE_MAX / 2);
    for (; walker.slice < plan->slices && !walker.walk.wrong && !walker.walk.fault; walker.slice++)
        walk_slice(&walker);
    program_release(walker.workspace, plan->workspace_bytes + plan->thread_bytes);
    arena_free(walker.layer);
    arena_free(walker.values);
    return walker.walk;
}
