/* The graph's invariants, checked after every pass: a broken one is a fault of ours, told with the pass that ran. */
#include "compiler/graph/graph.h"

#include <stdlib.h>
#include <string.h>

typedef struct Check {
    const Graph *graph;
    const char *after;
    int *made_at;            /* by value id: 0 = not yet computed, else 1 + position of the producer, or -1 for inputs and constants */
} Check;

#define BREACH(check, node, ...) \
    fail((check)->graph->ctx, STATUS_INTERNAL, (node) ? node_where((check)->graph, (node)) : NULL, \
         "this is a fault of tulle's own; please report it with the model", __VA_ARGS__)

static bool known_to(const Check *check, const Value *value)
{
    return value->id >= 0 && value->id < check->graph->value_count && check->graph->values[value->id] == value;
}

static void check_values(Check *check)
{
    for (int i = 0; i < check->graph->value_count; i++) {
        const Value *value = check->graph->values[i];
        if (!value)
            continue;
        if (value->id != i)
            BREACH(check, NULL, "after %s: value %d carries the number %d", check->after, i, value->id);
        size_t bytes;
        if (value->known && (value->type == TYPE_UNKNOWN || value->shape.rank < 0 || value->shape.rank > MAX_RANK ||
                             !shape_bytes(&value->shape, value->type, &bytes)))
            BREACH(check, NULL, "after %s: value %d has an impossible type or shape", check->after, i);
        if (value->data && !value->known)
            BREACH(check, NULL, "after %s: constant %d has no type", check->after, i);
        if ((value->data != NULL) + (value->input_index >= 0) + (value->producer != NULL) > 1)
            BREACH(check, value->producer, "after %s: value %d is more than one of constant, input and result", check->after, i);
        if (value->data || value->input_index >= 0)
            check->made_at[i] = -1;
    }
}

static void check_read(Check *check, const Node *node, const Value *value)
{
    if (!value)
        return;
    if (!known_to(check, value))
        BREACH(check, node, "after %s: reads a value that is not in the graph", check->after);
    if (check->made_at[value->id] == 0)
        BREACH(check, node, "after %s: reads value '%s' before it is computed", check->after, text_quote(check->graph->arena, value->name, strlen(value->name)));
}

static void check_epilogue(Check *check, const Node *node, const Node *behind)
{
    const Value *result = node->output_count > 0 ? node->outputs[0] : NULL;
    bool elementwise = op_info(behind->op)->shape_class != CLASS_STRUCTURED || behind->op == OP_Clip;
    if (!result || behind->input_count < 1 || behind->inputs[0] != result || behind->output_count != 1 || behind->outputs[0] != result || !elementwise)
        BREACH(check, node, "after %s: its epilogue %s is malformed", check->after, op_info(behind->op)->name);
    for (int i = 1; i < behind->input_count; i++) {
        const Value *value = behind->inputs[i];
        check_read(check, node, value);
        if (value && !(value->data && shape_count(&value->shape) == 1) && !(value->type == result->type && shape_equal(&value->shape, &result->shape)))
            BREACH(check, node, "after %s: an operand of its epilogue %s has another shape", check->after, op_info(behind->op)->name);
    }
}

static void check_counts(Check *check, const Node *node)
{
    const OpInfo *info = op_info(node->op);
    if ((info->most_inputs >= 0 && node->input_count > info->most_inputs) || (info->most_outputs >= 0 && node->output_count > info->most_outputs))
        BREACH(check, node, "after %s: %d operands and %d results", check->after, node->input_count, node->output_count);
}

static void check_node(Check *check, const Node *node, int position)
{
    check_counts(check, node);
    for (int i = 0; i < node->input_count; i++)
        check_read(check, node, node->inputs[i]);
    for (int i = 0; i < node->epilogue_count; i++)
        check_epilogue(check, node, node->epilogue[i]);
    for (int i = 0; i < node->output_count; i++) {
        const Value *value = node->outputs[i];
        if (!value)
            continue;
        if (!known_to(check, value) || value->producer != node)
            BREACH(check, node, "after %s: result %d does not know its producer", check->after, i);
        if (check->made_at[value->id] != 0)
            BREACH(check, node, "after %s: result %d is computed twice", check->after, i);
        check->made_at[value->id] = 1 + position;
    }
}

static void check_outputs(Check *check)
{
    const Graph *graph = check->graph;
    for (int i = 0; i < graph->output_count; i++) {
        const Value *value = graph->outputs[i];
        if (!known_to(check, value) || check->made_at[value->id] == 0)
            BREACH(check, NULL, "after %s: output %d is not computed", check->after, i);
        if (value->output_index < 0 || value->output_index > i || graph->outputs[value->output_index] != value)
            BREACH(check, NULL, "after %s: output %d carries the number %d", check->after, i, value->output_index);
    }
    for (int i = 0; i < graph->input_count; i++)
        if (!known_to(check, graph->inputs[i]) || graph->inputs[i]->input_index != i)
            BREACH(check, NULL, "after %s: input %d is lost", check->after, i);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void check_names(Check *check, const char **names, int count, const char *kind)
{
    qsort(names, (size_t)count, sizeof *names, by_text);
    for (int i = 1; i < count; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            BREACH(check, NULL, "after %s: two %s are called '%s'", check->after, kind, text_quote(check->graph->arena, names[i], strlen(names[i])));
}

static void check_all_names(Check *check)
{
    const Graph *graph = check->graph;
    const char **names = arena_array(graph->ctx->scratch, const char *, graph->value_count + graph->node_count);
    int count = 0;
    for (int i = 0; i < graph->value_count; i++)
        if (graph->values[i])
            names[count++] = graph->values[i]->name;
    check_names(check, names, count, "values");
    for (int i = 0; i < graph->node_count; i++)
        names[i] = graph->nodes[i]->name;
    check_names(check, names, graph->node_count, "nodes");
}

void graph_verify(const Graph *graph, const char *after)
{
    Check check = {graph, after, arena_array(graph->ctx->scratch, int, graph->value_count)};
    check_values(&check);
    for (int i = 0; i < graph->node_count; i++)
        check_node(&check, graph->nodes[i], i);
    check_outputs(&check);
    check_all_names(&check);
}
