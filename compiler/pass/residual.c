/* The planner's half of a residual offer: an addition becomes an epilogue of the layer that makes one of its sides. */
#include "edit.h"
#include "pass.h"

#include <assert.h>
#include <string.h>

/* Positions only fall while nodes go, and what moves up gets its new one: the id is at or above the position. */
static int position_of(const Graph *graph, const Node *node)
{
    int position = node->id < graph->node_count ? node->id : graph->node_count - 1;
    while (position >= 0 && graph->nodes[position] != node)
        position--;
    assert(position >= 0);
    return position;
}

/* Is every value that the addition and what follows it read, the host's own apart, made before the host runs? */
static bool operands_before(const Graph *graph, const Node *host, const Node *addition)
{
    int here = position_of(graph, host);
    for (int e = -1; e < addition->epilogue_count; e++) {
        const Node *node = e < 0 ? addition : addition->epilogue[e];
        for (int i = e < 0 ? 0 : 1; i < node->input_count; i++) {
            const Value *operand = node->inputs[i];
            if (operand && operand != host->outputs[0] && operand->producer && position_of(graph, operand->producer) > here)
                return false;
        }
    }
    return true;
}

static void remove_at(Graph *graph, int position)
{
    memmove(graph->nodes + position, graph->nodes + position + 1, (size_t)(graph->node_count - position - 1) * sizeof(Node *));
    graph->node_count--;
}

/* The host stays where it is if it can, or takes the addition's place: nothing between reads its result. */
static void merge_places(Graph *graph, Node *host, const Node *addition)
{
    int to = position_of(graph, addition);
    if (operands_before(graph, host, addition)) {
        remove_at(graph, to);
        return;
    }
    int from = position_of(graph, host);
    graph->nodes[to] = host;
    host->id = to;
    remove_at(graph, from);
}

static void take(Graph *graph, Node *host, Node *addition)
{
    int count = host->epilogue_count + 1 + addition->epilogue_count;
    Node **epilogue = arena_array(graph->arena, Node *, count);
    if (host->epilogue_count > 0)
        memcpy(epilogue, host->epilogue, (size_t)host->epilogue_count * sizeof *epilogue);
    epilogue[host->epilogue_count] = addition;
    if (addition->epilogue_count > 0)
        memcpy(epilogue + host->epilogue_count + 1, addition->epilogue, (size_t)addition->epilogue_count * sizeof *epilogue);
    host->epilogue = epilogue;
    host->epilogue_count = count;
    addition->epilogue = NULL;
    addition->epilogue_count = 0;
}

static void withdraw_offer(Node *host, const Node *addition)
{
    int kept = 0;
    for (int i = 0; i < host->residual_offer_count; i++)
        if (host->residual_offers[i] != addition)
            host->residual_offers[kept++] = host->residual_offers[i];
    host->residual_offer_count = kept;
}

void fuse_residual(Graph *graph, Node *host, Node *addition)
{
    Value *own = host->outputs[0], *result = addition->outputs[0];
    Value *other = addition->inputs[addition->inputs[0] == own];
    assert(addition->op == OP_Add && own != other && (addition->inputs[0] == own || addition->inputs[1] == own));
    merge_places(graph, host, addition);
    if (other->producer)
        withdraw_offer(other->producer, addition);
    withdraw_offer(host, addition);
    addition->inputs[1] = other;
    take(graph, host, addition);
    edit_output(host, 0, result);
    for (int i = 0; i < host->epilogue_count; i++)
        host->epilogue[i]->inputs[0] = host->epilogue[i]->outputs[0] = result;
}
