/* Places of values: random graphs are executed on a map of owners, which tells when a value is overwritten before it was last read. */
#include "codegen/kernel.h"
#include "compiler/pass/pass.h"
#include "compiler/plan/internal.h"

#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#define GRANULE 64

static uint32_t random_state = 1;
static int without_barrier;          /* layers that wait for no other, in all rounds */
static int joined_count;             /* concatenations that copied nothing, in all rounds */

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)(random_state >> 8) * limit) >> 24);
}

/* ---- random graphs: a few operators, among them some that work in place, some whose results others view, some with scratch ---- */

static Value *made(Graph *graph, int64_t rows, int64_t columns)
{
    Value *value = graph_value(graph, NULL);
    value->type = TYPE_F32;
    value->shape = (Shape){2, {rows, columns}};
    value->known = true;
    return value;
}

static Value *add_random_node(Graph *graph, Value **values, int count)
{
    Value *a = values[random_below(4) == 0 || count < 4 ? random_below((uint32_t)count) : (uint32_t)count - 1 - random_below(3)];
    Value *b = values[random_below((uint32_t)count)];
    switch (random_below(6)) {
    case 0: {
        Value *y = made(graph, 1, a->shape.dims[0] * a->shape.dims[1]);
        graph_add(graph, OP_Flatten, NULL, &a, 1, &y, 1);
        return y;
    }
    case 1: {
        if (a->shape.dims[1] != b->shape.dims[1] || a->shape.dims[0] + b->shape.dims[0] > 64)
            break;
        Value *y = made(graph, a->shape.dims[0] + b->shape.dims[0], a->shape.dims[1]), *both[] = {a, b};
        node_set_int(graph, graph_add(graph, OP_Concat, NULL, both, 2, &y, 1), ATTR_axis, 0);
        return y;
    }
    case 2: {
        if (!shape_equal(&a->shape, &b->shape))
            break;
        Value *y = made(graph, a->shape.dims[0], a->shape.dims[1]), *both[] = {a, b};
        graph_add(graph, OP_Mul, NULL, both, 2, &y, 1);
        return y;
    }
    case 3: {
        if (a->shape.dims[1] > 200)
            break;
        float *weights = arena_array(graph->arena, float, a->shape.dims[1] * 10);
        for (int64_t i = 0; i < a->shape.dims[1] * 10; i++)
            weights[i] = random_below(3) == 0 ? 1.0f : 0.0f;
        Value *w = graph_constant(graph, NULL, TYPE_F32, &(Shape){2, {a->shape.dims[1], 10}}, weights);
        Value *y = made(graph, a->shape.dims[0], 10), *both[] = {a, w};
        graph_add(graph, OP_MatMul, NULL, both, 2, &y, 1);
        return y;
    }
    default: break;
    }
    Value *y = made(graph, a->shape.dims[0], a->shape.dims[1]);
    graph_add(graph, random_below(2) ? OP_Tanh : OP_Softplus, NULL, &a, 1, &y, 1);
    return y;
}

static Graph *random_graph(Context *ctx)
{
    Graph *graph = graph_new(ctx, "random");
    Value *values[80];
    int count = 0, nodes = 3 + (int)random_below(60);
    values[count++] = graph_input(graph, "x", TYPE_F32, &(Shape){2, {4, 96}});
    values[count++] = graph_input(graph, "y", TYPE_F32, &(Shape){2, {1, 96}});
    for (int i = 0; i < nodes; i++, count++)
        values[count] = add_random_node(graph, values, count);
    for (int i = 0; i < 1 + (int)random_below(3); i++)
        graph_output(graph, values[random_below((uint32_t)count)]);
    graph_output(graph, values[count - 1]);
    return graph;
}

/* ---- executing on owners ---- */

typedef struct Owners {
    const Plan *plan;
    int *workspace, *outputs;        /* the root value that owns a granule, an output's buffer; -1: nobody */
    int *whole;                      /* by value id: what it has become a part of; -1: nothing */
} Owners;

static int root_of(const Value *value)
{
    while (value->producer != NULL && value->producer->op == OP_View)
        value = value->producer->inputs[0];
    return value->id;
}

static size_t value_bytes(const Value *value)
{
    size_t bytes = 0;
    shape_bytes(&value->shape, value->type, &bytes);
    return bytes;
}

static int owner_of(const Owners *owners, const Value *value)
{
    int id = root_of(value);
    while (owners->whole[id] >= 0)
        id = owners->whole[id];
    return id;
}

static void expect_owner(const Owners *owners, const Value *value)
{
    const Place *place = &owners->plan->places[value->id];
    if (place->kind == PLACE_OUTPUT)
        assert_int_equal(owners->outputs[place->index], owner_of(owners, value));
    if (place->kind == PLACE_WORKSPACE)
        for (size_t at = 0; at < value_bytes(value); at += GRANULE)
            assert_int_equal(owners->workspace[(place->offset + at) / GRANULE], owner_of(owners, value));
}

static void expect_inputs(const Owners *owners, const Node *node)
{
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] != NULL && node->inputs[i]->producer != node)
            expect_owner(owners, node->inputs[i]);
    for (int e = 0; e < node->epilogue_count; e++)
        for (int i = 1; i < node->epilogue[e]->input_count; i++)
            if (node->epilogue[e]->inputs[i] != NULL)
                expect_owner(owners, node->epilogue[e]->inputs[i]);
}

static void own(Owners *owners, size_t offset, size_t bytes, int owner)
{
    assert_true(offset % GRANULE == 0);
    assert_true(offset + bytes <= owners->plan->workspace_bytes);
    for (size_t at = 0; at < bytes; at += GRANULE)
        owners->workspace[(offset + at) / GRANULE] = owner;
}

static void own_value(Owners *owners, const Value *value)
{
    const Place *place = &owners->plan->places[value->id];
    assert_true(place->kind == PLACE_OUTPUT || place->kind == PLACE_WORKSPACE);
    if (place->kind == PLACE_OUTPUT)
        owners->outputs[place->index] = value->id;
    else
        own(owners, place->offset, value_bytes(value), value->id);
}

/* Nothing runs: the parts must be there, in order, and are the whole from now on. */
static void join(Owners *owners, const Node *node)
{
    const Value *whole = node->outputs[0];
    size_t offset = owners->plan->places[whole->id].offset;
    expect_inputs(owners, node);
    for (int i = 0; i < node->input_count; i++) {
        assert_int_equal(owners->plan->places[node->inputs[i]->id].kind, PLACE_WORKSPACE);
        assert_int_equal(owners->plan->places[node->inputs[i]->id].offset, offset);
        offset += value_bytes(node->inputs[i]);
        owners->whole[node->inputs[i]->id] = whole->id;
    }
    own_value(owners, whole);
    joined_count++;
}

/* A layer's stages read and write in any order: so inputs must still be there once outputs and scratch are written, unless it works in place. */
static void execute(Owners *owners, const LayerPlan *layer)
{
    const Node *node = layer->problem.node;
    if (layer->kernel == NULL)
        return;
    if (layer->kernel->joins) {
        join(owners, node);
        return;
    }
    expect_inputs(owners, node);
    own(owners, layer->scratch_offset, layer->scratch_bytes, -2);
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] != NULL)
            own_value(owners, node->outputs[i]);
    for (size_t at = 0; at < layer->scratch_bytes; at += GRANULE)
        assert_int_equal(owners->workspace[(layer->scratch_offset + at) / GRANULE], -2);
    bool may = layer->kernel->in_place != NULL && layer->kernel->in_place(&layer->problem, &layer->tiling);
    for (int i = may ? 1 : 0; i < node->input_count; i++)
        if (node->inputs[i] != NULL)
            expect_owner(owners, node->inputs[i]);
}

static void execute_all(const Plan *plan, Arena *arena)
{
    size_t granules = plan->workspace_bytes / GRANULE;
    Owners owners = {plan, arena_array(arena, int, granules + 1), arena_array(arena, int, plan->graph->output_count + 1),
                     arena_array(arena, int, plan->graph->value_count + 1)};
    memset(owners.whole, -1, (size_t)(plan->graph->value_count + 1) * sizeof(int));
    memset(owners.workspace, -1, (granules + 1) * sizeof(int));
    memset(owners.outputs, -1, (size_t)(plan->graph->output_count + 1) * sizeof(int));
    for (int l = 0; l < plan->layer_count; l++)
        execute(&owners, &plan->layers[l]);
    for (int i = 0; i < plan->graph->output_count; i++) {
        assert_int_equal(plan->places[plan->graph->outputs[i]->id].kind, PLACE_OUTPUT);
        assert_int_equal(plan->places[plan->graph->outputs[i]->id].index, i);
        expect_owner(&owners, plan->graph->outputs[i]);
    }
}

/* ---- barriers: between two of them, nobody touches what another layer writes ---- */

typedef struct Touches {             /* by granule: when, in numbers of barriers, and by which layer */
    const Plan *plan;
    int *read_at, *reader, *written_at, *writer;
    int barriers, layer;
} Touches;

static void touch(Touches *touches, size_t offset, size_t bytes, bool writes)
{
    for (size_t g = offset / GRANULE; g * GRANULE < offset + bytes; g++) {
        assert_true(touches->written_at[g] < touches->barriers || touches->writer[g] == touches->layer);
        assert_true(!writes || touches->read_at[g] < touches->barriers || touches->reader[g] == touches->layer);
        *(writes ? &touches->written_at[g] : &touches->read_at[g]) = touches->barriers;
        *(writes ? &touches->writer[g] : &touches->reader[g]) = touches->layer;
    }
}

static void touch_value(Touches *touches, const Value *value, bool writes)
{
    if (value != NULL && touches->plan->places[value->id].kind == PLACE_WORKSPACE)
        touch(touches, touches->plan->places[value->id].offset, value_bytes(value), writes);
}

static void check_barriers(const Plan *plan, Arena *arena)
{
    const size_t granules = plan->workspace_bytes / GRANULE + 1;
    Touches touches = {plan, arena_array(arena, int, granules), arena_array(arena, int, granules), arena_array(arena, int, granules),
                       arena_array(arena, int, granules), 1, 0};
    for (int l = 0; l < plan->layer_count; l++) {
        const LayerPlan *layer = &plan->layers[l];
        const Node *node = layer->problem.node;
        if (layer->stage_count == 0)
            continue;
        touches.layer = l;
        touches.barriers += layer->waits;
        without_barrier += !layer->waits;
        for (int i = 0; i < node->input_count; i++)
            touch_value(&touches, node->inputs[i], false);
        for (int e = 0; e < node->epilogue_count; e++)
            for (int i = 1; i < node->epilogue[e]->input_count; i++)
                touch_value(&touches, node->epilogue[e]->inputs[i], false);
        for (int i = 0; i < node->output_count; i++)
            touch_value(&touches, node->outputs[i], true);
        touch(&touches, layer->scratch_offset, layer->scratch_bytes, true);
        touches.barriers += layer->stage_count > 1;
        for (int i = 0; i < node->output_count && layer->stage_count > 1; i++)
            touch_value(&touches, node->outputs[i], true);
    }
}

static void check_stages(const Plan *plan)
{
    int stage = 0;
    for (int l = 0; l < plan->layer_count; l++) {
        const LayerPlan *layer = &plan->layers[l];
        assert_int_equal(layer->first_stage, stage);
        stage += layer->stage_count;
        for (int i = 0; i < layer->problem.node->output_count; i++)
            if (layer->problem.node->outputs[i] != NULL)
                assert_int_equal(plan->places[layer->problem.node->outputs[i]->id].first_stage, stage - 1);
    }
    assert_int_equal(plan->stage_count, stage);
}

/* ---- the tests ---- */

static Status plan_one(Context *ctx, void *argument)
{
    double *excess = argument;
    Graph *graph = random_graph(ctx);
    passes_run(graph, &(PassOptions){0});
    bool scalar = random_below(2) == 0;
    Plan *plan = plan_make(graph, target_named(ctx, scalar ? "scalar" : "generic"), &(PlanOptions){.random = random_below(1000)});
    check_stages(plan);
    execute_all(plan, ctx->graph);
    check_barriers(plan, ctx->graph);
    assert_true(plan->workspace_bytes >= plan->peak_values_bytes);
    *excess += plan->peak_values_bytes == 0 ? 0 : (double)plan->workspace_bytes / (double)plan->peak_values_bytes - 1;
    return STATUS_FINE;
}

static void no_value_is_overwritten_while_needed(void **state)
{
    (void)state;
    double excess = 0;
    for (int round = 0; round < 300; round++)
        assert_int_equal(context_run(plan_one, &excess), STATUS_FINE);
    print_message("mean excess over the lower bound: %.2f %%\n", 100 * excess / 300);
    assert_true(excess / 300 < 0.03);
    assert_true(joined_count > 10);
    assert_true(without_barrier > 300 + 100);    /* the first layer of each never waits */
}

static Status plan_chain(Context *ctx, void *argument)
{
    (void)argument;
    static const char text[] = "graph \"chain\"\n"
                               "input %x : f32[1,1000]\n"
                               "%a : f32[1,1000] = Tanh(%x)\n"
                               "%b : f32[1,1000] = Exp(%a)\n"
                               "%c : f32[1,1000] = Tanh(%b)\n"
                               "%d : f32[1,2000] = Concat(%c, %c) {axis=1}\n"
                               "%e : f32[1,2000] = Exp(%d)\n"
                               "output %e\n";
    Graph *graph = graph_parse(ctx, text, strlen(text));
    Plan *plan = plan_make(graph, target_named(ctx, "scalar"), &(PlanOptions){0});
    /* a, b and c share one place; d is made where e will be, in the caller's output */
    assert_int_equal(plan->workspace_bytes, 4032);
    assert_int_equal(plan->places[graph->nodes[3]->outputs[0]->id].kind, PLACE_OUTPUT);
    assert_int_equal(plan->places[graph->nodes[0]->outputs[0]->id].offset, plan->places[graph->nodes[2]->outputs[0]->id].offset);
    assert_int_equal(plan->places[graph->inputs[0]->id].kind, PLACE_INPUT);
    return STATUS_FINE;
}

static void chains_work_in_place(void **state)
{
    (void)state;
    assert_int_equal(context_run(plan_chain, NULL), STATUS_FINE);
}

static Status plan_huge(Context *ctx, void *argument)
{
    (void)argument;
    static const char text[] = "graph \"huge\"\n"
                               "input %x : f32[1,65536]\n"
                               "%a : f32[1048576,1048576,65536] = Expand(%x)\n"
                               "%b : f32[1048576,1048576,65536] = Tanh(%a)\n"
                               "%c : f32[1,1,1] = ReduceMax(%b) {axes=[0,1,2], keepdims=1}\n"
                               "output %c\n";
    plan_make(graph_parse(ctx, text, strlen(text)), target_named(ctx, "scalar"), &(PlanOptions){0});
    return STATUS_FINE;
}

static void workspaces_beyond_any_machine_are_refused(void **state)
{
    (void)state;
    assert_int_equal(context_run(plan_huge, NULL), STATUS_MODEL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_value_is_overwritten_while_needed),
        cmocka_unit_test(chains_work_in_place),
        cmocka_unit_test(workspaces_beyond_any_machine_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
