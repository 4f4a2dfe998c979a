/* Views: operators whose result is the same bytes in the same order become View, or go where even the shape is the same.
   Every output of the graph gets a place of its own: a Copy stands where it would share one with an input, a constant or another output.
   Needs: closed form. Afterwards a View never views a View or a constant, and no output is an input, a constant, or there twice. */
#include "edit.h"
#include "pass.h"

#include <string.h>

/* ---- what moves nothing ---- */

/* Axes of one element may go anywhere; the others keep their order. */
static bool keeps_order(const Node *node)
{
    const int64_t *perm = node_ints(node, ATTR_perm, &(int){0});
    const Shape *x = &node->inputs[0]->shape;
    int64_t last = -1;
    for (int i = 0; i < x->rank; i++) {
        if (x->dims[perm[i]] == 1)
            continue;
        if (perm[i] < last)
            return false;
        last = perm[i];
    }
    return true;
}

/* A Transpose of a Transpose is one, or none. */
static void compose(Graph *graph, Node *node, const Rewrite *order)
{
    const Node *before = rewrite_resolve(order, node->inputs[0])->producer;
    if (!before || before->op != OP_Transpose)
        return;
    int rank;
    const int64_t *outer = node_ints(node, ATTR_perm, &rank), *inner = node_ints(before, ATTR_perm, &rank);
    int64_t perm[MAX_RANK];
    for (int i = 0; i < rank; i++)
        perm[i] = inner[outer[i]];
    node_set_ints(graph, node, ATTR_perm, perm, rank);
    node->inputs[0] = before->inputs[0];
}

static bool all_zero(const Node *node, AttributeName name)
{
    int count;
    const int64_t *list = node_ints(node, name, &count);
    for (int i = 0; i < count; i++)
        if (list[i] != 0)
            return false;
    return true;
}

static bool steps_forward(const Node *node)
{
    const int64_t *steps = node_ints(node, ATTR_steps, &(int){0});
    const Shape *x = &node->inputs[0]->shape;
    for (int i = 0; i < x->rank; i++)
        if (steps[i] != 1 && x->dims[i] > 1)
            return false;
    return true;
}

/* The one input of a Concat that has elements. */
static int only_part(const Node *node)
{
    int found = -1;
    for (int i = 0; i < node->input_count; i++) {
        if (shape_count(&node->inputs[i]->shape) == 0)
            continue;
        if (found >= 0)
            return -1;
        found = i;
    }
    return found;
}

/* Is output 0 the bytes of an input? Its index, or -1. */
static int same_bytes(const Node *node)
{
    const Value *x = node->inputs[0], *y = node->outputs[0];
    bool same_count = y && x && shape_count(&x->shape) == shape_count(&y->shape), same = false;
    switch (node->op) {
    case OP_Reshape: case OP_Flatten: case OP_Squeeze: case OP_Unsqueeze: case OP_Identity: case OP_View: same = true; break;
    case OP_Expand: case OP_Tile: same = same_count; break;
    case OP_Transpose: same = keeps_order(node); break;
    case OP_Slice: same = same_count && steps_forward(node); break;
    case OP_Pad: same = all_zero(node, ATTR_pads); break;
    case OP_Cast: same = x->type == y->type; break;
    case OP_Clip: same = node->input_count == 1; break;
    case OP_Split: same = node->output_count == 1; break;
    case OP_Concat: return only_part(node);
    default: break;
    }
    return same ? 0 : -1;
}

/* ---- taking them away ---- */

static int output_slot(const Node *producer, const Value *value)
{
    int slot = 0;
    while (producer->outputs[slot] != value)
        slot++;
    return slot;
}

static void become_constant(Value *value, const Value *constant)
{
    value->data = constant->data;
    value->producer = NULL;
}

/* x is y under another name. An output of the graph keeps its own, so there the producer of x makes y instead, if x is not one too. */
static bool take_away(Rewrite *order, Node *node, Value *x, Value *y)
{
    if (y->output_index < 0) {
        rewrite_alias(order, y, x);
        rewrite_drop(node);
        return true;
    }
    if (!x->producer || x->output_index >= 0)
        return false;
    node->outputs[0] = NULL;
    edit_output(x->producer, output_slot(x->producer, x), y);
    rewrite_alias(order, x, y);
    return true;
}

static void become(Node *node, Op op, Value *x)
{
    node->op = op;
    node->inputs[0] = x;
    edit_inputs(node, 1);
    node->attribute_count = 0;
    node->output_count = 1;
}

static void reduce(Rewrite *order, Node *node, Value *x)
{
    Value *y = node->outputs[0], *root = x->producer && x->producer->op == OP_View ? rewrite_resolve(order, x->producer->inputs[0]) : x;
    if (value_constant(root)) {
        become_constant(y, root);
        return;
    }
    if (shape_equal(&root->shape, &y->shape))
        x = root;
    if (shape_equal(&x->shape, &y->shape) && take_away(order, node, x, y))
        return;
    become(node, shape_equal(&x->shape, &y->shape) ? OP_Copy : OP_View, root);
    rewrite_keep(order, node);
}

/* ---- places for the outputs ---- */

static void copy_behind(Rewrite *order, Value *from, Value *to)
{
    rewrite_keep(order, edit_node(order->graph, OP_Copy, &from, 1, to));
}

/* A second name for a value: the model's output that is also something else. */
static Value *another(Rewrite *order, const Value *value, int index)
{
    const char *name = arena_format(order->graph->ctx->scratch, "%s.output%d", value->name, index);
    Value *copy = edit_value(order->graph, graph_value_named(order->graph, name) ? NULL : name, value->type, &value->shape);
    copy->declared = value->declared;
    copy->output_index = index;
    order->graph->outputs[index] = copy;
    return copy;
}

/* taken: by value id, is its place an output's already? */
static void place_output(Rewrite *order, int index, bool *taken)
{
    Graph *graph = order->graph;
    Value *value = graph->outputs[index];
    if (value->output_index != index || value->input_index >= 0) {
        if (value->output_index == index)
            value->output_index = -1;
        copy_behind(order, value, another(order, value, index));
    } else if (value_constant(value)) {
        Value *constant = edit_constant(graph, value->type, &value->shape, value->data);
        rewrite_alias(order, value, constant);
        value->data = NULL;
        copy_behind(order, constant, value);
    } else if (value->producer->op == OP_View) {
        const Value *root = rewrite_resolve(order, value->producer->inputs[0]);
        if (!root->producer || root->output_index >= 0 || taken[root->id])
            value->producer->op = OP_Copy;
        taken[root->id] = true;
    }
}

void pass_views(Graph *graph, const PassOptions *options)
{
    (void)options;
    Rewrite order = rewrite_begin(graph);
    for (int i = 0; i < graph->node_count; i++) {
        Node *node = graph->nodes[i];
        if (node->op == OP_Transpose)
            compose(graph, node, &order);
        int input = same_bytes(node);
        if (input < 0)
            rewrite_keep(&order, node);
        else
            reduce(&order, node, rewrite_resolve(&order, node->inputs[input]));
    }
    bool *taken = arena_array(graph->ctx->scratch, bool, graph->value_count + 1);
    for (int i = 0; i < graph->output_count; i++)
        place_output(&order, i, taken);
    rewrite_end(&order);
}
