/* The graph's structure: building it, and who reads what. Passes that edit make a new order of nodes (pass/edit.h). */
#include "compiler/graph/graph.h"

#include <assert.h>
#include <string.h>

typedef struct Store {           /* what a Graph pointer really points to */
    Graph graph;
    NameMap value_names, node_names;   /* names are not taken out */
    int input_capacity, output_capacity;
    int fresh;
} Store;

static Store *store_of(Graph *graph)
{
    return (Store *)graph;
}

/* ---- names ---- */

Value *graph_value_named(const Graph *graph, const char *name)
{
    return name_find(&((const Store *)graph)->value_names, name);
}

Node *graph_node_named(const Graph *graph, const char *name)
{
    return name_find(&((const Store *)graph)->node_names, name);
}

/* A name of our own: `stem` with a number that makes it unique. */
static const char *fresh_name(Graph *graph, const NameMap *names, const char *stem)
{
    for (;;) {
        const char *name = arena_format(graph->arena, "%.200s.%d", stem, ++store_of(graph)->fresh);
        if (!name_find(names, name))
            return name;
    }
}

/* ---- building ---- */

Graph *graph_new(Context *ctx, const char *name)
{
    Store *store = arena_new_of(ctx->graph, Store);
    store->value_names = name_map(ctx->graph);
    store->node_names = name_map(ctx->graph);
    store->graph = (Graph){.ctx = ctx, .arena = ctx->graph, .name = arena_string(ctx->graph, name, strlen(name))};
    return &store->graph;
}

Value *graph_value(Graph *graph, const char *name)
{
    NameMap *names = &store_of(graph)->value_names;
    Value *value = arena_new_of(graph->arena, Value);
    value->name = name ? arena_string(graph->arena, name, strlen(name)) : fresh_name(graph, names, "value");
    assert(!name_find(names, value->name));
    *name_slot(names, value->name) = value;
    value->id = graph->value_count;
    value->input_index = value->output_index = -1;
    value->declared.rank = -1;
    graph->values = arena_grow(graph->arena, graph->values, &graph->value_capacity, graph->value_count, sizeof *graph->values);
    graph->values[graph->value_count++] = value;
    return value;
}

static void set_type(Value *value, Type type, const Shape *shape)
{
    value->type = type;
    value->shape = *shape;
    value->known = true;
}

Value *graph_input(Graph *graph, const char *name, Type type, const Shape *shape)
{
    Value *value = graph_value(graph, name);
    set_type(value, type, shape);
    value->input_index = graph->input_count;
    graph->inputs = arena_grow(graph->arena, graph->inputs, &store_of(graph)->input_capacity, graph->input_count, sizeof *graph->inputs);
    graph->inputs[graph->input_count++] = value;
    return value;
}

Value *graph_constant(Graph *graph, const char *name, Type type, const Shape *shape, const void *data)
{
    assert(data);
    Value *value = graph_value(graph, name);
    set_type(value, type, shape);
    value->data = data;
    return value;
}

void graph_output(Graph *graph, Value *value)
{
    if (value->output_index < 0)
        value->output_index = graph->output_count;
    graph->outputs = arena_grow(graph->arena, graph->outputs, &store_of(graph)->output_capacity, graph->output_count, sizeof *graph->outputs);
    graph->outputs[graph->output_count++] = value;
}

static const char *node_name(Graph *graph, const char *name, Value *const *outputs, int output_count, Op op)
{
    const NameMap *names = &store_of(graph)->node_names;
    if (name) {
        assert(!name_find(names, name));
        return arena_string(graph->arena, name, strlen(name));
    }
    const char *stem = op_info(op)->name;
    for (int i = output_count - 1; i >= 0; i--)
        if (outputs[i])
            stem = outputs[i]->name;
    return name_find(names, stem) ? fresh_name(graph, names, stem) : stem;
}

Node *graph_detached(Graph *graph, Op op, const char *name, Value *const *inputs, int input_count, Value *const *outputs, int output_count)
{
    Node *node = arena_new_of(graph->arena, Node);
    node->op = op;
    node->name = node_name(graph, name, outputs, output_count, op);
    *name_slot(&store_of(graph)->node_names, node->name) = node;
    node->inputs = arena_copy(graph->arena, inputs, (size_t)input_count * sizeof *inputs);
    node->input_count = input_count;
    while (node->input_count > 0 && !node->inputs[node->input_count - 1])
        node->input_count--;
    node->outputs = arena_copy(graph->arena, outputs, (size_t)output_count * sizeof *outputs);
    node->output_count = output_count;
    node->id = -1;
    return node;
}

Node *graph_add(Graph *graph, Op op, const char *name, Value *const *inputs, int input_count, Value *const *outputs, int output_count)
{
    Node *node = graph_detached(graph, op, name, inputs, input_count, outputs, output_count);
    node->id = graph->node_count;
    graph->nodes = arena_grow(graph->arena, graph->nodes, &graph->node_capacity, graph->node_count, sizeof *graph->nodes);
    graph->nodes[graph->node_count++] = node;
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i])
            node->outputs[i]->producer = node;
    return node;
}

/* ---- users ---- */

typedef void Visit(Value *value, Node *node);

static void visit_reads(Node *node, Visit *visit)
{
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i])
            visit(node->inputs[i], node);
    for (int e = 0; e < node->epilogue_count; e++)
        for (int i = 1; i < node->epilogue[e]->input_count; i++)
            if (node->epilogue[e]->inputs[i])
                visit(node->epilogue[e]->inputs[i], node);
}

static void count_user(Value *value, Node *node)
{
    (void)node;
    value->user_count++;
}

static void add_user(Value *value, Node *node)
{
    if (value->user_count == 0 || value->users[value->user_count - 1] != node)
        value->users[value->user_count++] = node;
}

/* Gives every value its part of one vector. */
static void share_users(Graph *graph)
{
    size_t total = 0;
    for (int i = 0; i < graph->value_count; i++)
        total += graph->values[i] ? (size_t)graph->values[i]->user_count : 0;
    Node **users = arena_array(graph->arena, Node *, total);
    for (int i = 0; i < graph->value_count; i++) {
        Value *value = graph->values[i];
        if (!value)
            continue;
        value->users = users;
        users += value->user_count;
        value->user_count = 0;
    }
}

void graph_index(Graph *graph)
{
    for (int i = 0; i < graph->value_count; i++)
        if (graph->values[i])
            graph->values[i]->user_count = 0;
    for (int i = 0; i < graph->node_count; i++) {
        graph->nodes[i]->id = i;
        visit_reads(graph->nodes[i], count_user);
    }
    share_users(graph);
    for (int i = 0; i < graph->node_count; i++)
        visit_reads(graph->nodes[i], add_user);
}

bool value_constant(const Value *value)
{
    return value && value->data;
}

const char *node_where(const Graph *graph, const Node *node)
{
    return arena_format(graph->arena, "node '%s' (%s)", text_quote(graph->arena, node->name, strlen(node->name)), op_info(node->op)->name);
}
