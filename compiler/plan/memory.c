/* Where values live. The caller's inputs and outputs are used directly; all else shares one workspace, in which two values (or a layer's scratch
   buffer) overlap only if they are never alive together. Views lie where their source lies; a kernel that works in place takes its input's place;
   parts of a concatenation may lie in the whole. */
#include "codegen/kernel.h"
#include "compiler/plan/internal.h"

typedef struct Group {               /* values that share one place */
    PlaceKind kind;
    int index;                       /* of the caller's input or output */
    size_t bytes;
    Layout layout;
    int first, last;                 /* layers: made in, the first of its parts if it has such; last read in */
    bool joined;                     /* parts of it are values of their own */
    int block;                       /* in the workspace, or -1 */
} Group;

typedef struct Memory {
    Plan *plan;
    Arena *arena;
    Group *groups;                   /* by the id of the group's root value */
    int *root;                       /* by value id: the value whose group it belongs to */
    size_t *offset;                  /* by value id: where it begins in what `root` names */
    int *made;                       /* by value id: the layer that makes it; -1: none */
    int *last;                       /* by value id: the layer that reads it last, views included */
    Block *blocks;
    int block_count;
} Memory;

static Group *group_of(const Memory *memory, const Value *value)
{
    int id = memory->root[value->id];
    while (memory->root[id] != id)
        id = memory->root[id];
    return &memory->groups[id];
}

/* Where it begins in its group. */
static size_t offset_of(const Memory *memory, const Value *value)
{
    size_t offset = 0;
    for (int id = value->id; memory->root[id] != id; id = memory->root[id])
        offset += memory->offset[id];
    return offset;
}

/* ---- groups and their lives ---- */

static void start_value(Memory *memory, const Value *value, PlaceKind kind, int index, int layer, Layout layout)
{
    const size_t bytes = layout_bytes(&value->shape, value->type, &layout);
    memory->root[value->id] = value->id;
    memory->groups[value->id] = (Group){kind, index, bytes, layout, layer, layer, false, -1};
    memory->made[value->id] = layer;
}

static void start_given_values(Memory *memory)
{
    const Graph *graph = memory->plan->graph;
    for (int i = 0; i < graph->value_count; i++) {
        const Value *value = graph->values[i];
        if (value == NULL)
            continue;
        start_value(memory, value, value_constant(value) ? PLACE_CONSTANT : PLACE_NONE, -1, -1, (Layout){0});
        if (value->input_index >= 0)
            start_value(memory, value, PLACE_INPUT, value->input_index, -1, (Layout){0});
    }
}

/* Parts become one group with the whole, which is there as soon as the first of them. */
static void join_parts(Memory *memory, const Node *node)
{
    const Value *whole = node->outputs[0];
    size_t offset = 0;
    for (int i = 0; i < node->input_count; i++) {
        const Value *part = node->inputs[i];
        const Group *group = &memory->groups[part->id];
        Group *joined = &memory->groups[whole->id];
        memory->root[part->id] = whole->id;
        memory->offset[part->id] = offset;
        joined->first = group->first < joined->first ? group->first : joined->first;
        joined->joined = true;
        offset += group->bytes;
    }
}

static void start_made_values(Memory *memory)
{
    for (int l = 0; l < memory->plan->layer_count; l++) {
        const LayerPlan *layer = &memory->plan->layers[l];
        const Node *node = layer->problem.node;
        for (int i = 0; i < node->output_count; i++)
            if (node->outputs[i] != NULL)
                start_value(memory, node->outputs[i], PLACE_WORKSPACE, -1, l, i == 0 ? layer->tiling.out : (Layout){0});
        if (node->op == OP_View)
            memory->root[node->outputs[0]->id] = node->inputs[0]->id;
        if (layer->kernel != NULL && layer->kernel->joins)
            join_parts(memory, node);
    }
    const Graph *graph = memory->plan->graph;
    for (int i = 0; i < graph->output_count; i++) {
        Group *group = group_of(memory, graph->outputs[i]);
        if (group->kind != PLACE_WORKSPACE)      /* pass/views.c puts copies where outputs would share a place */
            fail(graph->ctx, STATUS_INTERNAL, NULL, NULL, "output %d has no place of its own", i);
        group->kind = PLACE_OUTPUT;
        group->index = i;
    }
}

static void read_value(Memory *memory, const Value *value, int layer)
{
    if (value == NULL)
        return;
    memory->last[value->id] = layer;
    group_of(memory, value)->last = layer;
}

static void read_inputs(Memory *memory, const Node *node, int layer)
{
    for (int i = 0; i < node->input_count; i++)
        read_value(memory, node->inputs[i], layer);
    for (int e = 0; e < node->epilogue_count; e++)
        read_inputs(memory, node->epilogue[e], layer);
}

static void find_lives(Memory *memory)
{
    const Plan *plan = memory->plan;
    for (int id = 0; id < plan->graph->value_count; id++)
        memory->last[id] = memory->made[id];
    for (int l = 0; l < plan->layer_count; l++)
        if (plan->layers[l].problem.node->op != OP_View)
            read_inputs(memory, plan->layers[l].problem.node, l);
    /* A value that others view is needed as long as they are. */
    for (int l = plan->layer_count - 1; l >= 0; l--) {
        const Node *node = plan->layers[l].problem.node;
        if (node->op != OP_View)
            continue;
        int *source = &memory->last[node->inputs[0]->id], view = memory->last[node->outputs[0]->id];
        *source = view > *source ? view : *source;
    }
}

/* ---- in place ---- */

static int readings(const Memory *memory, const Node *node, const Group *group)
{
    int count = 0;
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] != NULL && group_of(memory, node->inputs[i]) == group)
            count++;
    for (int e = 0; e < node->epilogue_count; e++)
        for (int i = 1; i < node->epilogue[e]->input_count; i++)
            if (node->epilogue[e]->inputs[i] != NULL && group_of(memory, node->epilogue[e]->inputs[i]) == group)
                count++;
    return count;
}

static bool takes_place(const Memory *memory, const LayerPlan *layer, int l)
{
    const Node *node = layer->problem.node;
    if (layer->kernel == NULL || layer->kernel->in_place == NULL || !layer->kernel->in_place(&layer->problem, &layer->tiling))
        return false;
    const Group *from = group_of(memory, node->inputs[0]), *to = group_of(memory, node->outputs[0]);
    if (from->joined || to->joined)
        return false;
    return from->kind == PLACE_WORKSPACE && from->last == l && from->bytes == to->bytes && layout_equal(&from->layout, &to->layout) &&
           readings(memory, node, from) == 1;
}

static void take_places(Memory *memory)
{
    for (int l = 0; l < memory->plan->layer_count; l++) {
        const LayerPlan *layer = &memory->plan->layers[l];
        if (!takes_place(memory, layer, l))
            continue;
        Group *from = group_of(memory, layer->problem.node->inputs[0]), *to = group_of(memory, layer->problem.node->outputs[0]);
        from->kind = to->kind;
        from->index = to->index;
        from->last = to->last;
        memory->root[to - memory->groups] = (int)(from - memory->groups);
    }
}

/* ---- the workspace ---- */

static int first_stage(const Plan *plan, int layer)
{
    return layer < 0 ? 0 : plan->layers[layer].first_stage;
}

/* Of a view: the one before it, after which the view is there too. */
static int last_stage(const Plan *plan, int layer)
{
    return plan->layers[layer].first_stage + plan->layers[layer].stage_count - 1;
}

static int add_block(Memory *memory, size_t bytes, int first_layer, int last_layer)
{
    const Plan *plan = memory->plan;
    memory->blocks[memory->block_count] = (Block){bytes, 0, first_stage(plan, first_layer), last_stage(plan, last_layer)};
    return memory->block_count++;
}

/* A line that two cores have read is dear to write, as long as either still has it: one waits for the other to give it up, line by line (measured on
   Zen 4: 6.7 ns a line of 64 bytes, where a line that has left both level 2 caches takes 0.8). So places rest until they have. */
static void spread_blocks(const Memory *memory)
{
    const Plan *plan = memory->plan;
    if (plan->threads <= 1)
        return;
    double *passed = arena_array(memory->arena, double, plan->stage_count + 2), sum = 0;
    for (int l = 0; l < plan->layer_count; l++) {
        const Work *work = &plan->layers[l].work;
        if (plan->layers[l].stage_count == 0)
            continue;
        for (int s = 0; s < plan->layers[l].stage_count; s++)
            passed[plan->layers[l].first_stage + s] = sum;
        sum += work->weight_bytes + work->index_bytes + work->code_bytes;
        for (int b = 0; b < memory->block_count; b++)
            sum += memory->blocks[b].first == plan->layers[l].first_stage ? (double)memory->blocks[b].bytes : 0;
    }
    passed[plan->stage_count] = passed[plan->stage_count + 1] = sum;
    const double enough = 2 * plan->threads * plan->target->machine.l2_bytes;
    blocks_spread(memory->blocks, memory->block_count, plan->workspace_bytes, passed, enough, memory->arena);
}

static void place_blocks(Memory *memory)
{
    Plan *plan = memory->plan;
    int *scratch_block = arena_array(memory->arena, int, plan->layer_count + 1);
    memory->blocks = arena_array(memory->arena, Block, plan->graph->value_count + plan->layer_count + 1);
    for (int id = 0; id < plan->graph->value_count; id++) {
        Group *group = &memory->groups[id];
        if (plan->graph->values[id] != NULL && memory->root[id] == id && group->kind == PLACE_WORKSPACE)
            group->block = add_block(memory, group->bytes, group->first, group->last);
    }
    for (int l = 0; l < plan->layer_count; l++)
        if (plan->layers[l].scratch_bytes > 0)
            scratch_block[l] = add_block(memory, plan->layers[l].scratch_bytes, l, l);
    plan->workspace_bytes = blocks_place(memory->blocks, memory->block_count, memory->arena);
    spread_blocks(memory);
    plan->peak_values_bytes = blocks_bound(memory->blocks, memory->block_count, plan->stage_count, memory->arena);
    for (int l = 0; l < plan->layer_count; l++)
        if (plan->layers[l].scratch_bytes > 0)
            plan->layers[l].scratch_offset = memory->blocks[scratch_block[l]].offset;
}

static Place place_of(const Memory *memory, const Value *value)
{
    const Group *group = group_of(memory, value);
    int made = memory->made[value->id], last = memory->last[value->id];
    Place place = {.kind = group->kind, .index = group->index, .layout = group->layout, .first_stage = -1, .last_stage = -1};
    if (group->kind == PLACE_WORKSPACE)
        place.offset = memory->blocks[group->block].offset + offset_of(memory, value);
    if (made >= 0)
        place.first_stage = last_stage(memory->plan, made);
    if (value->output_index >= 0)
        place.last_stage = memory->plan->stage_count - 1;
    else if (last >= 0)
        place.last_stage = last_stage(memory->plan, last);
    return place;
}

/* The runtime adds and multiplies these sizes: they must stay far from overflow. */
static void check_size(Plan *plan)
{
    size_t limit = (size_t)1 << 46;
    if (plan->workspace_bytes > limit || plan->thread_bytes > limit / 1024)
        fail(plan->graph->ctx, STATUS_MODEL, NULL, "a smaller --batch or --dim needs less",
             "the model's values need more memory than any machine has");
}

static size_t most_thread_bytes(const Plan *plan)
{
    size_t most = 0;
    for (int l = 0; l < plan->layer_count; l++)
        most = plan->layers[l].thread_bytes > most ? plan->layers[l].thread_bytes : most;
    return block_round(most);
}

void memory_plan(Plan *plan)
{
    int values = plan->graph->value_count;
    Arena *scratch = plan->graph->ctx->scratch;
    Memory memory = {.plan = plan, .arena = scratch};
    memory.groups = arena_array(scratch, Group, values + 1);
    memory.root = arena_array(scratch, int, values + 1);
    memory.offset = arena_array(scratch, size_t, values + 1);
    memory.made = arena_array(scratch, int, values + 1);
    memory.last = arena_array(scratch, int, values + 1);
    start_given_values(&memory);
    start_made_values(&memory);
    find_lives(&memory);
    take_places(&memory);
    place_blocks(&memory);
    plan->thread_bytes = most_thread_bytes(plan);
    if (plan->workspace_bytes == 0)      /* so that callers may declare an array of it */
        plan->workspace_bytes = BLOCK_ALIGNMENT;
    check_size(plan);
    for (int id = 0; id < values; id++)
        if (plan->graph->values[id] != NULL)
            plan->places[id] = place_of(&memory, plan->graph->values[id]);
}
