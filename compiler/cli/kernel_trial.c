/* A user's layer inside verify's walk: it writes nothing but what is its own, and the same whatever the number of its parts and their order. */
#include <fenv.h>
#include <float.h>
#include <string.h>

#include "codegen/kernel.h"
#include "compiler/cli/cli.h"

typedef struct Span { size_t from, to; } Span;       /* bytes that the layer may write */

enum { MOST_SPANS = 64 };

typedef struct Memory {              /* what stages write to */
    char *workspace;
    size_t workspace_bytes;
    void **outputs;
} Memory;

struct KernelTrial {
    Context *ctx;
    const Plan *plan;
    const Program *program;
    const LayerPlan *layer;
    struct tulle_context context;
    const char *where;               /* the file, quoted */
    Memory before;
    fenv_t rules;                    /* how numbers are computed, before it */
    int rounding;
};

/* ---- memory ---- */

/* With room for so many parts; what those alone have that were not there before is as new. */
static Memory copy_memory(const KernelTrial *trial, void *const *outputs, const char *workspace, int parts)
{
    const struct tulle_model *model = trial->program->model;
    const Plan *plan = trial->plan;
    Memory memory = {.workspace_bytes = plan->workspace_bytes + (size_t)parts * plan->thread_bytes};
    memory.workspace = program_memory(trial->ctx, memory.workspace_bytes);
    memcpy(memory.workspace, workspace, plan->workspace_bytes + plan->thread_bytes);
    memory.outputs = arena_array(trial->ctx->graph, void *, model->output_count + 1);
    for (int i = 0; i < model->output_count; i++) {
        memory.outputs[i] = program_memory(trial->ctx, model->outputs[i].bytes);
        memcpy(memory.outputs[i], outputs[i], model->outputs[i].bytes);
    }
    return memory;
}

static void release_memory(const KernelTrial *trial, const Memory *memory)
{
    const struct tulle_model *model = trial->program->model;
    program_release(memory->workspace, memory->workspace_bytes);
    for (int i = 0; i < model->output_count; i++)
        program_release(memory->outputs[i], model->outputs[i].bytes);
}

/* ---- what is its own ---- */

static size_t place_bytes(const Value *value, const Place *place)
{
    return layout_bytes(&value->shape, value->type, &place->layout);
}

static size_t place_start(const KernelTrial *trial, const Value *value, const Place *place)
{
    return place->kind == PLACE_OUTPUT ? (size_t)trial->context.slice * place_bytes(value, place) : place->offset;
}

/* The layer's values in the workspace, or, index >= 0, in that output. */
static int value_spans(const KernelTrial *trial, int index, Span *spans)
{
    const Node *node = trial->layer->problem.node;
    int count = 0;
    for (int i = 0; i < node->output_count && count < MOST_SPANS - 2; i++) {
        const Place *place = node->outputs[i] ? &trial->plan->places[node->outputs[i]->id] : NULL;
        if (!place || !(index < 0 ? place->kind == PLACE_WORKSPACE : place->kind == PLACE_OUTPUT && place->index == index))
            continue;
        const size_t start = place_start(trial, node->outputs[i], place);
        spans[count++] = (Span){start, start + place_bytes(node->outputs[i], place)};
    }
    return count;
}

static int workspace_spans(const KernelTrial *trial, int parts, Span *spans)
{
    const LayerPlan *layer = trial->layer;
    int count = value_spans(trial, -1, spans);
    spans[count++] = (Span){layer->scratch_offset, layer->scratch_offset + layer->scratch_bytes};
    spans[count++] = (Span){trial->plan->workspace_bytes, trial->plan->workspace_bytes + (layer->thread_bytes > 0 ? (size_t)parts * trial->plan->thread_bytes : 0)};
    return count;
}

/* The first byte that differs outside of the spans; SIZE_MAX: none. */
static size_t first_change(const char *before, const char *after, size_t bytes, const Span *spans, int count)
{
    for (size_t at = 0; at < bytes;) {
        size_t end = bytes, behind = at;
        for (int i = 0; i < count; i++) {
            if (spans[i].from <= at && at < spans[i].to)
                behind = spans[i].to;
            if (spans[i].from > at && spans[i].from < end)
                end = spans[i].from;
        }
        if (behind > at) {
            at = behind;
            continue;
        }
        if (memcmp(before + at, after + at, end - at) != 0)
            for (; at < end; at++)
                if (before[at] != after[at])
                    return at;
        at = end;
    }
    return SIZE_MAX;
}

static const char *quoted_value(const KernelTrial *trial, const Value *value)
{
    return text_quote(trial->ctx->graph, value->name, strlen(value->name));
}

/* Whose memory a byte of the workspace is while the layer runs. */
static const char *owner_text(const KernelTrial *trial, size_t byte)
{
    const Plan *plan = trial->plan;
    const int first = trial->layer->first_stage;
    for (int v = 0; v < plan->graph->value_count; v++) {
        const Value *value = plan->graph->values[v];
        const Place *place = &plan->places[value->id];
        if (place->kind == PLACE_WORKSPACE && place->first_stage < first + trial->layer->stage_count && place->last_stage >= first &&
            byte >= place->offset && byte < place->offset + place_bytes(value, place))
            return arena_format(trial->ctx->graph, "'%s'", quoted_value(trial, value));
    }
    return arena_format(trial->ctx->graph, "byte %zu of the workspace", byte);
}

static const char *trespass(const KernelTrial *trial, const Memory *after, int parts)
{
    Span spans[MOST_SPANS];
    Arena *arena = trial->ctx->graph;
    const struct tulle_model *model = trial->program->model;
    const size_t kept = trial->plan->workspace_bytes + trial->plan->thread_bytes;
    const size_t byte = first_change(trial->before.workspace, after->workspace, kept, spans, workspace_spans(trial, parts, spans));
    if (byte != SIZE_MAX)
        return arena_format(arena, "%s wrote to %s, which is not its own", trial->where, owner_text(trial, byte));
    for (int i = 0; i < model->output_count; i++)
        if (first_change(trial->before.outputs[i], after->outputs[i], model->outputs[i].bytes, spans, value_spans(trial, i, spans)) != SIZE_MAX)
            return arena_format(arena, "%s wrote to '%s', which is not its own", trial->where, quoted_value(trial, trial->plan->whole->outputs[i]));
    return NULL;
}

/* ---- what stands around the elements of padded planes ---- */

static bool zeros(const char *at, size_t bytes)
{
    return bytes == 0 || (at[0] == 0 && memcmp(at, at + 1, bytes - 1) == 0);
}

static bool plane_padded(const char *plane, const Layout *layout, size_t height, size_t width, size_t element)
{
    const size_t pitch = (size_t)layout->pitch * element, left = (size_t)layout->left * element, right = left + width * element;
    for (size_t row = 0; row < (size_t)layout->rows; row++) {
        const bool inside = row >= (size_t)layout->top && row < (size_t)layout->top + height;
        const char *at = plane + row * pitch;
        if (inside ? !zeros(at, left) || !zeros(at + right, pitch - right) : !zeros(at, pitch))
            return false;
    }
    return true;
}

static const char *unpadded(const KernelTrial *trial, const Memory *memory)
{
    const Node *node = trial->layer->problem.node;
    for (int i = 0; i < node->output_count; i++) {
        const Value *value = node->outputs[i];
        const Place *place = value ? &trial->plan->places[value->id] : NULL;
        if (!place || place->kind != PLACE_WORKSPACE || layout_plain(&place->layout))
            continue;
        const size_t element = (size_t)type_info(value->type)->bytes, width = (size_t)value->shape.dims[value->shape.rank - 1];
        const size_t height = value->shape.rank > 3 ? (size_t)value->shape.dims[2] : 1, planes = (size_t)(value->shape.dims[0] * value->shape.dims[1]);
        const size_t plane = (size_t)place->layout.rows * (size_t)place->layout.pitch * element;
        for (size_t p = 0; p < planes; p++)
            if (!plane_padded(memory->workspace + place->offset + p * plane, &place->layout, height, width, element))
                return arena_format(trial->ctx->graph, "%s leaves numbers around the planes of '%s', where zeros must be", trial->where, quoted_value(trial, value));
    }
    return NULL;
}

/* ---- how numbers are computed ---- */

/* The direction of rounding, and whether numbers below the smallest normal one count as zero: in and out. */
static int rounding_rules(void)
{
    volatile float smallest = FLT_MIN, tiny = FLT_TRUE_MIN;
    const volatile float half = smallest / 2, back = tiny * 0x1p60f;
    return fegetround() | (half > 0 ? 0 : 1 << 28) | (back > 0 ? 0 : 1 << 29);
}

/* ---- running ---- */

static const void *place_of(const KernelTrial *trial, const Memory *memory, const Value *value)
{
    const Place *place = &trial->plan->places[value->id];
    switch (place->kind) {
    case PLACE_WORKSPACE: return memory->workspace + place->offset;
    case PLACE_OUTPUT: return (const char *)memory->outputs[place->index] + place_start(trial, value, place);
    default: return NULL;
    }
}

/* The elements of output i of the node, plain; NULL: it has no place of its own. */
static void *elements_of(const KernelTrial *trial, const Memory *memory, int i, size_t *bytes)
{
    const Value *value = trial->layer->problem.node->outputs[i];
    const void *data = value ? place_of(trial, memory, value) : NULL;
    *bytes = 0;
    if (!data)
        return NULL;
    shape_bytes(&value->shape, value->type, bytes);
    void *copy = arena_alloc(trial->ctx->graph, *bytes + 1, 1);
    const Layout *layout = &trial->plan->places[value->id].layout;
    if (!layout_plain(layout))
        layout_take(&value->shape, value->type, layout, data, copy);
    else
        memcpy(copy, data, *bytes);
    return copy;
}

/* Each output as soon as it is complete, as the walk takes it. */
static void run_parts(const KernelTrial *trial, const Memory *memory, int parts, bool backwards, void **taken)
{
    const LayerPlan *layer = trial->layer;
    const struct tulle_context context = {trial->context.inputs, memory->outputs, memory->workspace, trial->context.slice};
    const Node *node = layer->problem.node;
    size_t bytes;
    program_watch(node_where(trial->plan->graph, node), 1);
    for (int stage = layer->first_stage; stage < layer->first_stage + layer->stage_count; stage++) {
        for (int part = 0; part < parts; part++)
            trial->program->model->stages[stage](&context, backwards ? parts - 1 - part : part, parts);
        for (int i = 0; i < node->output_count; i++)
            if (node->outputs[i] && trial->plan->places[node->outputs[i]->id].first_stage == stage)
                taken[i] = elements_of(trial, memory, i, &bytes);
    }
    program_watch(NULL, 0);
    for (int i = 0; i < node->output_count; i++)
        if (!taken[i])
            taken[i] = elements_of(trial, memory, i, &bytes);
}

static const char *compare(const KernelTrial *trial, const void *const *expected, void *const *found, const char *how)
{
    const Node *node = trial->layer->problem.node;
    for (int i = 0; i < node->output_count; i++) {
        size_t bytes = 0;
        if (!found[i] || !expected[node->outputs[i]->id])
            continue;
        shape_bytes(&node->outputs[i]->shape, node->outputs[i]->type, &bytes);
        if (memcmp(found[i], expected[node->outputs[i]->id], bytes) != 0)
            return arena_format(trial->ctx->graph, "%s gives another '%s' %s", trial->where, quoted_value(trial, node->outputs[i]), how);
    }
    return NULL;
}

static const char *try_parts(const KernelTrial *trial, const void *const *expected, int parts, bool backwards)
{
    const Memory memory = copy_memory(trial, trial->before.outputs, trial->before.workspace, parts);
    void **taken = arena_array(trial->ctx->graph, void *, trial->layer->problem.node->output_count + 1);
    run_parts(trial, &memory, parts, backwards, taken);
    const char *fault = trespass(trial, &memory, parts);
    if (!fault && parts == 1)
        fault = compare(trial, expected, taken, "when it runs again");
    if (!fault && parts > 1)
        fault = compare(trial, expected, taken, arena_format(trial->ctx->graph, "in %d parts%s than in one", parts, backwards ? ", the last one first," : ""));
    if (!fault)
        fault = unpadded(trial, &memory);
    release_memory(trial, &memory);
    return fault;
}

/* ---- for the walk ---- */

KernelTrial *kernel_trial(Context *ctx, const Plan *plan, const Program *program, const LayerPlan *layer, const struct tulle_context *context)
{
    const char *path = program_source(program, (int)(layer - plan->layers));
    if (!path || layer->stage_count == 0)
        return NULL;
    KernelTrial *trial = arena_new_of(ctx->graph, KernelTrial);
    *trial = (KernelTrial){.ctx = ctx, .plan = plan, .program = program, .layer = layer, .context = *context, .where = text_quote(ctx->graph, path, strlen(path))};
    trial->before = copy_memory(trial, context->outputs, context->workspace, 1);
    fegetenv(&trial->rules);
    trial->rounding = rounding_rules();
    return trial;
}

const char *kernel_trial_whole(const KernelTrial *trial)
{
    const Memory now = {trial->context.workspace, trial->before.workspace_bytes, (void **)(uintptr_t)trial->context.outputs};
    const bool changed = rounding_rules() != trial->rounding;
    fesetenv(&trial->rules);
    if (changed)
        return arena_format(trial->ctx->graph, "%s leaves the processor with other rules for rounding, or for the smallest numbers", trial->where);
    const char *fault = trespass(trial, &now, 1);
    return fault ? fault : unpadded(trial, &now);
}

const char *kernel_trial_parts(const KernelTrial *trial, const void *const *expected)
{
    const int parts[] = {2, 3, trial->plan->threads};
    const char *fault = try_parts(trial, expected, 1, false);
    for (int i = 0; i < COUNT(parts) && !fault; i++)
        if (i < 2 || parts[i] > 3) {
            fault = try_parts(trial, expected, parts[i], false);
            fault = fault ? fault : try_parts(trial, expected, parts[i], true);
        }
    return fault;
}

void kernel_trial_end(const KernelTrial *trial)
{
    release_memory(trial, &trial->before);
}
