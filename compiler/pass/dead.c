/* Dead code: nodes whose results nobody needs, outputs nobody reads, constants nobody uses. Inputs of the graph stay: they are its interface. */
#include "edit.h"
#include "pass.h"

typedef struct Needs {
    bool *values;            /* by id */
} Needs;

static void need(const Needs *needs, const Value *value)
{
    if (value)
        needs->values[value->id] = true;
}

static void need_inputs(const Needs *needs, const Node *node)
{
    for (int i = 0; i < node->input_count; i++)
        need(needs, node->inputs[i]);
    for (int i = 0; i < node->epilogue_count; i++)
        need_inputs(needs, node->epilogue[i]);
}

static bool needed(const Needs *needs, const Node *node)
{
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] && needs->values[node->outputs[i]->id])
            return true;
    return false;
}

/* The first output stays, but for Split, where each is like the others. */
static void drop_outputs(const Needs *needs, Node *node)
{
    for (int i = node->op == OP_Split ? 0 : 1; i < node->output_count; i++)
        if (node->outputs[i] && !needs->values[node->outputs[i]->id])
            edit_output(node, i, NULL);
    while (node->op != OP_Split && node->output_count > 1 && !node->outputs[node->output_count - 1])
        node->output_count--;
}

/* Values that are left get new ids, dense again. */
static void sweep_values(Graph *graph, const Needs *needs)
{
    int kept = 0;
    for (int i = 0; i < graph->value_count; i++) {
        Value *value = graph->values[i];
        if (!value || (!needs->values[i] && value->input_index < 0 && !value->producer))
            continue;
        value->id = kept;
        graph->values[kept++] = value;
    }
    graph->value_count = kept;
}

void pass_dead(Graph *graph, const PassOptions *options)
{
    (void)options;
    Needs needs = {arena_array(graph->ctx->scratch, bool, graph->value_count + 1)};
    bool *kept = arena_array(graph->ctx->scratch, bool, graph->node_count + 1);
    for (int i = 0; i < graph->output_count; i++)
        need(&needs, graph->outputs[i]);
    for (int i = graph->node_count - 1; i >= 0; i--) {
        kept[i] = needed(&needs, graph->nodes[i]);
        if (kept[i])
            need_inputs(&needs, graph->nodes[i]);
    }
    Rewrite order = rewrite_begin(graph);
    for (int i = 0; i < graph->node_count; i++) {
        Node *node = graph->nodes[i];
        if (!kept[i]) {
            rewrite_drop(node);
            continue;
        }
        drop_outputs(&needs, node);
        rewrite_keep(&order, node);
    }
    rewrite_end(&order);
    sweep_values(graph, &needs);
}
