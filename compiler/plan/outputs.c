/* Who may share a place. A view lies where the value that it views lies; but each of the caller's output buffers holds one value of its own, and
   nothing is written to the caller's inputs or to constants. Where these meet, a copy is made. */
#include "compiler/plan/internal.h"

/* The value whose place a chain of views shares. */
static Value *viewed(Value *value)
{
    while (value->producer != NULL && value->producer->op == OP_View)
        value = value->producer->inputs[0];
    return value;
}

/* The graph's output number `index` becomes a copy of what it was. */
static void copy_to_output(Graph *graph, int index)
{
    Value *from = graph->outputs[index], *to = graph_value(graph, NULL);
    to->type = from->type;
    to->shape = from->shape;
    to->known = true;
    to->declared = from->declared;
    to->output_index = index;
    if (value_constant(from)) {      /* a constant's name is of no use to anyone; an output's is its caller's */
        const char *name = from->name;
        from->name = to->name;
        to->name = name;
    }
    if (from->output_index == index)
        from->output_index = -1;
    graph->outputs[index] = to;
    graph_add(graph, OP_Copy, NULL, &from, 1, &to, 1);
}

/* Does the output lie in a place that is not its own: an input's, a constant's, an earlier output's? */
static bool place_taken(const Graph *graph, int index, const bool *taken)
{
    Value *value = graph->outputs[index], *root = viewed(value);
    return value->output_index != index || root->producer == NULL || taken[root->id];
}

void outputs_separate(Graph *graph)
{
    bool *taken = arena_array(graph->ctx->scratch, bool, graph->value_count + graph->output_count + 1);
    for (int i = 0; i < graph->output_count; i++) {
        Value *value = graph->outputs[i];
        bool view = value->producer != NULL && value->producer->op == OP_View && value->output_index == i;
        if (place_taken(graph, i, taken)) {
            if (view)
                value->producer->op = OP_Copy;
            else
                copy_to_output(graph, i);
        }
        taken[viewed(graph->outputs[i])->id] = true;
    }
    for (int i = 0; i < graph->node_count; i++)
        if (graph->nodes[i]->op == OP_View && value_constant(graph->nodes[i]->inputs[0]))
            graph->nodes[i]->op = OP_Copy;
}
