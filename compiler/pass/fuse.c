/* Fusion: what works element by element behind a layer is done while the layer's result is still at hand (Node.epilogue), and a tensor less is
   written and read. Additions of two tensors are only offered, since either side could take them: the planner decides (residual.c).
   Needs: closed form, users, views settled. */
#include "edit.h"
#include "pass.h"

#define MOST_FUSED 8         /* a longer chain goes on in a layer of its own: code stays small */

/* Layers whose reference call computes its items' elements in order can do more to each; Where and the rest gain little. */
static bool may_host(const Graph *graph, const Node *node)
{
    switch (node->op) {
    case OP_Conv: case OP_ConvTranspose: case OP_Gemm: case OP_MatMul: case OP_BatchNormalization: case OP_InstanceNormalization:
    case OP_MaxPool: case OP_AveragePool: case OP_GlobalMaxPool: case OP_GlobalAveragePool: case OP_Clip:
        break;
    default:
        if (op_info(node->op)->shape_class == CLASS_STRUCTURED)
            return false;
    }
    ReferenceCall call;
    if (node->output_count != 1 || reference_parts(node) != 1)
        return false;
    reference_call(graph, node, 0, graph->ctx->scratch, &call);
    return call.contiguous;
}

/* An operator on one tensor, whose other operands, if any, are constants of one element. */
static bool may_follow(const Node *node, const Value *x)
{
    bool elementwise = op_info(node->op)->shape_class != CLASS_STRUCTURED || node->op == OP_Clip;
    if (!elementwise || node->inputs[0] != x || node->epilogue_count > 0)
        return false;
    for (int i = 1; i < node->input_count; i++)
        if (node->inputs[i] && (!value_constant(node->inputs[i]) || shape_count(&node->inputs[i]->shape) != 1))
            return false;
    const Value *y = node->outputs[0];
    return y->type == x->type && shape_equal(&y->shape, &x->shape);
}

/* Input 0 and output 0 of whatever follows a host are the host's output. */
static void follow(Graph *graph, Node *host, Node **chain, int count)
{
    Value *y = chain[count - 1]->outputs[0];
    for (int i = 0; i < count; i++) {
        rewrite_drop(chain[i]);
        chain[i]->inputs[0] = chain[i]->outputs[0] = y;
    }
    edit_output(host, 0, y);
    host->epilogue = arena_copy(graph->arena, chain, (size_t)count * sizeof *chain);
    host->epilogue_count = count;
}

static void fuse_behind(Graph *graph, Node *host, bool *gone)
{
    Node *chain[MOST_FUSED];
    int count = 0;
    const Value *y = host->outputs[0];
    while (count < MOST_FUSED && value_read_once(y) && may_follow(y->users[0], y)) {
        chain[count++] = y->users[0];
        y = chain[count - 1]->outputs[0];
    }
    if (count == 0 || host->epilogue_count > 0 || !may_host(graph, host))
        return;
    for (int i = 0; i < count; i++)
        gone[chain[i]->id] = true;
    follow(graph, host, chain, count);
}

/* ---- residual additions ---- */

static bool may_take_addition(const Graph *graph, const Node *host, const Node *addition)
{
    bool product = host->op == OP_Conv || host->op == OP_ConvTranspose || host->op == OP_Gemm || host->op == OP_MatMul;
    const Value *y = host->outputs[0];
    return product && value_read_once(y) && may_host(graph, host) && shape_equal(&y->shape, &addition->outputs[0]->shape);
}

static void offer(Graph *graph, Node *host, Node *addition)
{
    host->residual_offers = arena_array(graph->arena, Node *, 1);          /* its result is read once: there is no other addition */
    host->residual_offers[0] = addition;
    host->residual_offer_count = 1;
}

static void offer_addition(Graph *graph, Node *addition)
{
    if (addition->op != OP_Add || addition->inputs[0] == addition->inputs[1] ||
        !shape_equal(&addition->inputs[0]->shape, &addition->inputs[1]->shape))
        return;
    for (int i = 0; i < 2; i++) {
        Node *host = addition->inputs[i]->producer;
        if (host && may_take_addition(graph, host, addition))
            offer(graph, host, addition);
    }
}

void pass_fuse(Graph *graph, const PassOptions *options)
{
    (void)options;
    bool *gone = arena_array(graph->ctx->scratch, bool, graph->node_count + 1);
    graph_index(graph);
    Rewrite order = rewrite_begin(graph);
    for (int i = 0; i < graph->node_count; i++) {
        Node *node = graph->nodes[i];
        if (gone[i])
            continue;
        if (node->output_count > 0 && node->outputs[0])
            fuse_behind(graph, node, gone);
        rewrite_keep(&order, node);
    }
    rewrite_end(&order);
    for (int i = 0; i < graph->node_count; i++)
        offer_addition(graph, graph->nodes[i]);
}
