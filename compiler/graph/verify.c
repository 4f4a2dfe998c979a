/* The graph's invariants, checked after every pass: a broken one is a fault of ours, told with the pass that ran. */
#include "compiler/graph/graph.h"

#include <stdlib.h>
#include <string.h>

enum { NOT_YET = 0, FROM_OUTSIDE = -1 };

typedef struct Check {
    const Graph *graph;
    const char *after;
    int *made;               /* by value id: NOT_YET, FROM_OUTSIDE (inputs and constants), or 1 + the producer's position */
} Check;

static _Noreturn void breach(const Check *check, const Node *node, const char *format, ...) PRINTF_LIKE(3, 4);

static void breach(const Check *check, const Node *node, const char *format, ...)
{
    const Graph *graph = check->graph;
    Text text = text_new(graph->arena);
    va_list arguments;
    va_start(arguments, format);
    text_vformat(&text, format, arguments);
    va_end(arguments);
    fail(graph->ctx, STATUS_INTERNAL, node && node->op < OP_COUNT ? node_where(graph, node) : NULL,
         "this is a fault of tulle's own; please report it with the model", "after %s: %s", check->after, text.data);
}

static const char *shown(const Check *check, const Value *value)
{
    return value->name ? text_quote(check->graph->arena, value->name, strlen(value->name)) : "(no name)";
}

static bool in_graph(const Check *check, const Value *value)
{
    return value && value->id >= 0 && value->id < check->graph->value_count && check->graph->values[value->id] == value;
}

/* ---- values ---- */

static void check_type(const Check *check, const Value *value)
{
    size_t bytes;
    if (value->type >= TYPE_COUNT || (value->known && value->type == TYPE_UNKNOWN))
        breach(check, value->producer, "value '%s' has no type", shown(check, value));
    if (value->known && (value->shape.rank < 0 || value->shape.rank > MAX_RANK))
        breach(check, value->producer, "value '%s' has the rank %d", shown(check, value), value->shape.rank);
    if (value->known && !shape_bytes(&value->shape, value->type, &bytes))
        breach(check, value->producer, "value '%s' has a shape without a size", shown(check, value));
    if (value->declared.rank > MAX_RANK)
        breach(check, value->producer, "value '%s' is declared with the rank %d", shown(check, value), value->declared.rank);
}

static void check_origin(const Check *check, const Value *value)
{
    int origins = (value->data != NULL) + (value->input_index >= 0) + (value->producer != NULL);
    if (origins > 1)
        breach(check, value->producer, "value '%s' is more than one of constant, input and result", shown(check, value));
    if ((value->data || value->input_index >= 0) && !value->known)
        breach(check, NULL, "%s '%s' has no shape", value->data ? "constant" : "input", shown(check, value));
    if (value->output_index >= check->graph->output_count || (value->output_index >= 0 && check->graph->outputs[value->output_index] != value))
        breach(check, value->producer, "value '%s' takes itself for output %d", shown(check, value), value->output_index);
    if (value->input_index >= check->graph->input_count || (value->input_index >= 0 && check->graph->inputs[value->input_index] != value))
        breach(check, NULL, "value '%s' takes itself for input %d", shown(check, value), value->input_index);
}

static void check_values(Check *check)
{
    for (int i = 0; i < check->graph->value_count; i++) {
        const Value *value = check->graph->values[i];
        if (!value)
            continue;
        if (value->id != i || !value->name)
            breach(check, NULL, "value %d carries the number %d and %s", i, value->id, value->name ? "a name" : "no name");
        check_type(check, value);
        check_origin(check, value);
        if (value->data || value->input_index >= 0)
            check->made[i] = FROM_OUTSIDE;
    }
}

/* ---- nodes ---- */

static void check_read(const Check *check, const Node *node, const Value *value)
{
    if (!in_graph(check, value))
        breach(check, node, "it reads a value that is not in the graph");
    if (check->made[value->id] != NOT_YET)
        return;
    if (value->producer)
        breach(check, node, "it reads '%s' before that is computed by node '%s': a cycle, or a wrong order", shown(check, value),
               text_quote(check->graph->arena, value->producer->name, strlen(value->producer->name)));
    breach(check, node, "it reads '%s', which nothing computes", shown(check, value));
}

static void check_operands(const Check *check, const Node *node)
{
    const OpInfo *info = op_info(node->op);
    for (int i = 0; i < info->fewest_inputs; i++)
        if ((i >= node->input_count || !node->inputs[i]) && op_shape_operand(node->op, i) == ATTR_COUNT)
            breach(check, node, "operand %d is missing", i);
    if (info->most_inputs >= 0 && node->input_count > info->most_inputs)
        breach(check, node, "it has %d operands, at most %d are known", node->input_count, info->most_inputs);
    if (node->input_count > 0 && !node->inputs[node->input_count - 1])
        breach(check, node, "its last operand is absent, but counted");
    if (node->output_count < 1 || (info->most_outputs >= 0 && node->output_count > info->most_outputs))
        breach(check, node, "it has %d results, 1 to %d are known", node->output_count, info->most_outputs);
}

static void check_attributes(const Check *check, const Node *node)
{
    for (int i = 0; i < node->attribute_count; i++) {
        const Attribute *attribute = &node->attributes[i];
        if (attribute->name >= ATTR_COUNT || attribute->count < 0)
            breach(check, node, "attribute %d is malformed", i);
        if (attribute_kind(attribute->name) == KIND_WORD ? !attribute->word : attribute->count > 0 && !attribute->ints)
            breach(check, node, "attribute %s has no value", attribute_text(attribute->name));
        for (int k = 0; k < i; k++)
            if (node->attributes[k].name == attribute->name)
                breach(check, node, "attribute %s is there twice", attribute_text(attribute->name));
    }
}

/* The node's own results are not made yet when this runs, so that an epilogue cannot read them as a further operand. */
static void check_epilogue(const Check *check, const Node *node, const Node *behind)
{
    const Value *result = node->outputs[0];
    const char *op = behind->op < OP_COUNT ? op_info(behind->op)->name : "?";
    bool elementwise = behind->op < OP_COUNT && (op_info(behind->op)->shape_class != CLASS_STRUCTURED || behind->op == OP_Clip);
    if (!elementwise || op_info(behind->op)->result_bool)
        breach(check, node, "its epilogue %s cannot work in place, element by element", op);
    if (!result || behind->output_count != 1 || behind->outputs[0] != result || behind->input_count < 1 || behind->inputs[0] != result)
        breach(check, node, "its epilogue %s does not work on its result", op);
    if (behind->epilogue_count || behind->residual_offer_count)
        breach(check, node, "its epilogue %s has an epilogue or offers of its own", op);
    check_operands(check, behind);
    check_attributes(check, behind);
    for (int i = 1; i < behind->input_count; i++) {
        const Value *value = behind->inputs[i];
        if (!value)
            continue;
        check_read(check, node, value);
        bool single = value->data && shape_count(&value->shape) == 1;
        if (value->known && result->known && (value->type != result->type || (!single && !shape_equal(&value->shape, &result->shape))))
            breach(check, node, "operand '%s' of its epilogue %s has another type or shape", shown(check, value), op);
    }
}

static void check_results(Check *check, const Node *node, int position)
{
    for (int i = 0; i < node->output_count; i++) {
        const Value *value = node->outputs[i];
        if (!value)
            continue;
        if (!in_graph(check, value))
            breach(check, node, "its result %d is not in the graph", i);
        if (check->made[value->id] != NOT_YET)
            breach(check, node, "its result '%s' is computed twice", shown(check, value));
        if (value->producer != node)
            breach(check, node, "its result '%s' does not know it as its producer", shown(check, value));
        check->made[value->id] = 1 + position;
    }
}

static void check_node(Check *check, const Node *node, int position)
{
    if (!node || node->op >= OP_COUNT || !node->name)
        breach(check, NULL, "node %d is missing, or has no operator or name", position);
    check_operands(check, node);
    check_attributes(check, node);
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i])
            check_read(check, node, node->inputs[i]);
    for (int i = 0; i < node->epilogue_count; i++)
        check_epilogue(check, node, node->epilogue[i]);
    check_results(check, node, position);
}

/* After all nodes: an offer may stand behind its host. */
static void check_offers(const Check *check, const Node *host)
{
    for (int i = 0; i < host->residual_offer_count; i++) {
        const Node *addition = host->residual_offers[i];
        const Value *result = addition && addition->output_count == 1 ? addition->outputs[0] : NULL;
        if (!in_graph(check, result) || result->producer != addition || addition->op != OP_Add || addition->input_count != 2)
            breach(check, host, "it is offered something that is no addition of this graph");
        if (!host->outputs[0] || (addition->inputs[0] != host->outputs[0] && addition->inputs[1] != host->outputs[0]))
            breach(check, host, "it is offered %s, which does not read its result", node_where(check->graph, addition));
    }
}

/* A value whose producer is not among the nodes: nothing has made it, so nothing may say that it was made. */
static void check_producers(const Check *check)
{
    for (int i = 0; i < check->graph->value_count; i++) {
        const Value *value = check->graph->values[i];
        if (value && value->producer && check->made[i] == NOT_YET)
            breach(check, NULL, "value '%s' names a producer that is not in the graph, or does not make it", shown(check, value));
    }
}

/* ---- the graph ---- */

static void check_ends(const Check *check)
{
    const Graph *graph = check->graph;
    for (int i = 0; i < graph->output_count; i++) {
        const Value *value = graph->outputs[i];
        if (!in_graph(check, value) || check->made[value->id] == NOT_YET)
            breach(check, NULL, "output %d is not computed", i);
        if (value->output_index < 0 || value->output_index > i)
            breach(check, NULL, "output %d, '%s', carries the number %d", i, shown(check, value), value->output_index);
    }
    for (int i = 0; i < graph->input_count; i++)
        if (!in_graph(check, graph->inputs[i]) || graph->inputs[i]->input_index != i)
            breach(check, NULL, "input %d is lost", i);
    for (int i = 0; i < graph->assumed_count; i++) {
        const AssumedInput *assumed = &graph->assumed[i];
        if (!in_graph(check, assumed->input) || assumed->input->input_index < 0 || assumed->choices < 1 || !assumed->expected)
            breach(check, NULL, "assumption %d is malformed", i);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void check_unique(const Check *check, const char **names, int count, const char *kind)
{
    qsort(names, (size_t)count, sizeof *names, by_text);
    for (int i = 1; i < count; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            breach(check, NULL, "two %s are called '%s'", kind, text_quote(check->graph->arena, names[i], strlen(names[i])));
}

static void check_value_names(const Check *check)
{
    const Graph *graph = check->graph;
    const char **names = arena_array(graph->ctx->scratch, const char *, graph->value_count);
    int count = 0;
    for (int i = 0; i < graph->value_count; i++)
        if (graph->values[i])
            names[count++] = graph->values[i]->name;
    check_unique(check, names, count, "values");
}

static void check_node_names(const Check *check)
{
    const Graph *graph = check->graph;
    int count = graph->node_count;
    for (int i = 0; i < graph->node_count; i++)
        count += graph->nodes[i]->epilogue_count;
    const char **names = arena_array(graph->ctx->scratch, const char *, count);
    count = 0;
    for (int i = 0; i < graph->node_count; i++) {
        names[count++] = graph->nodes[i]->name;
        for (int k = 0; k < graph->nodes[i]->epilogue_count; k++)
            names[count++] = graph->nodes[i]->epilogue[k]->name;
    }
    check_unique(check, names, count, "nodes");
}

void graph_verify(const Graph *graph, const char *after)
{
    Check check = {graph, after, arena_array(graph->ctx->scratch, int, graph->value_count)};
    check_values(&check);
    for (int i = 0; i < graph->node_count; i++)
        check_node(&check, graph->nodes[i], i);
    for (int i = 0; i < graph->node_count; i++)
        check_offers(&check, graph->nodes[i]);
    check_producers(&check);
    check_ends(&check);
    check_value_names(&check);
    check_node_names(&check);
}
