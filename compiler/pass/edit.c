/* Editing in bulk; see edit.h. */
#include "edit.h"

#include <string.h>

/* ---- the order of nodes ---- */

Rewrite rewrite_begin(Graph *graph)
{
    Rewrite rewrite = {.graph = graph, .alias_capacity = graph->value_count};
    rewrite.aliases = arena_array(graph->ctx->scratch, Value *, graph->value_count);
    return rewrite;
}

void rewrite_keep(Rewrite *rewrite, Node *node)
{
    rewrite->nodes = arena_grow(rewrite->graph->arena, rewrite->nodes, &rewrite->capacity, rewrite->count, sizeof(Node *));
    rewrite->nodes[rewrite->count++] = node;
}

void rewrite_drop(Node *node)
{
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] && node->outputs[i]->producer == node)
            node->outputs[i]->producer = NULL;
}

void rewrite_alias(Rewrite *rewrite, Value *from, Value *to)
{
    while (from->id >= rewrite->alias_capacity) {
        int old = rewrite->alias_capacity;
        rewrite->aliases = arena_grow(rewrite->graph->ctx->scratch, rewrite->aliases, &rewrite->alias_capacity, old, sizeof(Value *));
        memset(rewrite->aliases + old, 0, (size_t)(rewrite->alias_capacity - old) * sizeof(Value *));
    }
    rewrite->aliases[from->id] = to;
}

/* Aliases are set to resolved values, and only a graph's output takes over from a value that others stand for: chains stay short. */
Value *rewrite_resolve(const Rewrite *rewrite, Value *value)
{
    while (value && value->id < rewrite->alias_capacity && rewrite->aliases[value->id])
        value = rewrite->aliases[value->id];
    return value;
}

static void resolve_inputs(const Rewrite *rewrite, Node *node)
{
    for (int i = 0; i < node->input_count; i++)
        node->inputs[i] = rewrite_resolve(rewrite, node->inputs[i]);
    for (int i = 0; i < node->epilogue_count; i++)
        resolve_inputs(rewrite, node->epilogue[i]);
}

void rewrite_end(Rewrite *rewrite)
{
    Graph *graph = rewrite->graph;
    for (int i = 0; i < rewrite->count; i++)
        resolve_inputs(rewrite, rewrite->nodes[i]);
    graph->nodes = rewrite->nodes;
    graph->node_count = rewrite->count;
    graph->node_capacity = rewrite->capacity;
    graph_index(graph);
}

/* ---- nodes and values of our own ---- */

Node *edit_node(Graph *graph, Op op, Value *const *inputs, int input_count, Value *output)
{
    Node *node = graph_detached(graph, op, NULL, inputs, input_count, &output, 1);
    output->producer = node;
    return node;
}

Value *edit_value(Graph *graph, const char *name, Type type, const Shape *shape)
{
    Value *value = graph_value(graph, name);
    value->type = type;
    value->shape = *shape;
    value->known = true;
    return value;
}

Value *edit_constant(Graph *graph, Type type, const Shape *shape, const void *data)
{
    return graph_constant(graph, NULL, type, shape, data);
}

void edit_output(Node *node, int index, Value *value)
{
    Value *old = node->outputs[index];
    if (old && old->producer == node)
        old->producer = NULL;
    node->outputs[index] = value;
    if (value)
        value->producer = node;
}

void edit_inputs(Node *node, int count)
{
    if (count < node->input_count)
        node->input_count = count;
    while (node->input_count > 0 && !node->inputs[node->input_count - 1])
        node->input_count--;
}

Value *weights_of(const Node *node)
{
    const bool product = node->op == OP_Conv || node->op == OP_ConvTranspose || node->op == OP_Gemm || node->op == OP_MatMul;
    Value *weights = product && node->input_count > 1 ? node->inputs[1] : NULL;
    return constant_readable(weights) && type_info(weights->type)->real ? weights : NULL;
}

bool value_read_once(const Value *value)
{
    return value->user_count == 1 && value->output_index < 0;
}

Shape shape_of(int rank, const int64_t *dims)
{
    Shape shape = {.rank = rank};
    for (int i = 0; i < rank; i++)
        shape.dims[i] = dims[i];
    return shape;
}
