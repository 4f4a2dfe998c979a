/* A projection: weights are pruned by magnitude to densities that the model does not have yet. The largest round(density * count) of each layer stay,
   of equal ones the first; layers that are sparser already stay as they are. Runs last: layers have their final names, and weights the factors of the
   batch norms behind them, which tell better than the bare weights what a layer would lose. Depthwise convolutions stay dense unless they are
   named, since they have no weights to spare and no kernel gains by it. Data is copied only where it changes. */
#include "edit.h"
#include "pass.h"

#include <math.h>
#include <string.h>

/* ---- the magnitude that divides ---- */

/* Magnitudes of one weight as a whole number in the same order; NaN is the largest. */
static uint64_t magnitude(const unsigned char *data, int bytes)
{
    uint32_t narrow;
    uint64_t wide;
    if (bytes == 4) {
        memcpy(&narrow, data, sizeof narrow);
        return narrow & UINT32_C(0x7fffffff);
    }
    memcpy(&wide, data, sizeof wide);
    return wide & UINT64_C(0x7fffffffffffffff);
}

enum { DIGIT_BITS = 16, DIGITS = 1 << DIGIT_BITS };

/* How many weights have each value of the digit at `shift`, of those whose digits above it are `prefix`'s. */
static void count_digits(const unsigned char *data, int64_t count, int bytes, int shift, uint64_t prefix, int64_t *counts)
{
    const uint64_t above = shift + DIGIT_BITS < 64 ? ~UINT64_C(0) << (shift + DIGIT_BITS) : 0;
    memset(counts, 0, DIGITS * sizeof *counts);
    for (int64_t i = 0; i < count; i++) {
        const uint64_t key = magnitude(data + i * bytes, bytes);
        counts[key >> shift & (DIGITS - 1)] += (key & above) == prefix;
    }
}

/* The magnitude of the `kept`-th largest weight (kept >= 1), digit by digit: linear time whatever the weights are. `equal`: how many of those
   that have it are kept. `counts`: room for DIGITS of them. */
static uint64_t dividing_magnitude(int64_t *counts, const unsigned char *data, int64_t count, int bytes, int64_t kept, int64_t *equal)
{
    uint64_t prefix = 0;
    for (int shift = 8 * bytes - DIGIT_BITS; shift >= 0; shift -= DIGIT_BITS) {
        count_digits(data, count, bytes, shift, prefix, counts);
        uint64_t digit = DIGITS - 1;
        for (; counts[digit] < kept; digit--)
            kept -= counts[digit];
        prefix |= digit << shift;
    }
    *equal = kept;
    return prefix;
}

/* ---- one layer's weights ---- */

static int64_t nonzeros_of(const unsigned char *data, int64_t count, int bytes)
{
    int64_t nonzeros = 0;
    for (int64_t i = 0; i < count; i++)
        nonzeros += magnitude(data + i * bytes, bytes) != 0;
    return nonzeros;
}

static Value *pruned(Graph *graph, Value *weights, double density, int64_t *counts)
{
    const int64_t count = shape_count(&weights->shape), kept = llround(density * (double)count);
    const int bytes = type_info(weights->type)->bytes;
    if (nonzeros_of(weights->data, count, bytes) <= kept)
        return weights;
    int64_t equal = 0;
    const uint64_t limit = kept == 0 ? UINT64_MAX : dividing_magnitude(counts, weights->data, count, bytes, kept, &equal);
    unsigned char *data = arena_copy(graph->arena, weights->data, (size_t)count * (size_t)bytes);
    for (int64_t i = 0; i < count; i++) {
        const uint64_t key = magnitude(data + i * bytes, bytes);
        if (key > limit || (key == limit && equal-- > 0))
            continue;
        memset(data + i * bytes, 0, (size_t)bytes);
    }
    return edit_constant(graph, weights->type, &weights->shape, data);
}

/* ---- which layers, to what density ---- */

typedef struct Wish {                /* what was asked of a layer */
    const Node *node;                /* that asked */
    double density;                  /* 0: nothing */
} Wish;

static bool depthwise(const Node *node)
{
    if ((node->op != OP_Conv && node->op != OP_ConvTranspose) || node_int(node, ATTR_group, 1) == 1)
        return false;
    const Shape *w = &node->inputs[1]->shape;
    return (node->op == OP_Conv ? w->dims[1] : w->dims[0] / node_int(node, ATTR_group, 1)) == 1;
}

/* NULL if there is none, or it is fused into another. Needs ids. */
static Node *layer_named(const Graph *graph, const char *name)
{
    Node *node = graph_node_named(graph, name);
    return node && node->id < graph->node_count && graph->nodes[node->id] == node ? node : NULL;
}

static _Noreturn void fail_unknown(const Graph *graph, const char *layer)
{
    Context *ctx = graph->ctx;
    const char **names = arena_array(ctx->scratch, const char *, graph->node_count + 1);
    int count = 0;
    for (int i = 0; i < graph->node_count; i++)
        if (weights_of(graph->nodes[i]))
            names[count++] = graph->nodes[i]->name;
    const char *near = text_nearest(layer, names, count);
    const char *hint = "layers are named after their nodes, or their first outputs; 'tulle guide' lists those with weights";
    if (near)
        hint = arena_format(ctx->graph, "did you mean '%s'?", text_quote(ctx->graph, near, strlen(near)));
    fail(ctx, STATUS_USAGE, NULL, hint, "there is no layer named '%s' to prune", text_quote(ctx->graph, layer, strlen(layer)));
}

/* Two layers that share their weights cannot have two densities. */
static void wish_for(const Graph *graph, const Node *node, double density, Wish *wish)
{
    if (wish->density > 0 && wish->density != density)
        fail(graph->ctx, STATUS_USAGE, node_where(graph, node), NULL, "its weights have been given two densities, %g and %g%s", wish->density, density,
             wish->node == node ? "" : arena_format(graph->ctx->graph, " (%s has the same weights)", node_where(graph, wish->node)));
    *wish = (Wish){node, density};
}

static void take_named(const Graph *graph, const PassOptions *options, Wish *wishes)
{
    for (int i = 0; i < options->density_count; i++) {
        const LayerDensity *one = &options->densities[i];
        const Node *node = layer_named(graph, one->layer);
        if (!node)
            fail_unknown(graph, one->layer);
        if (!weights_of(node))
            fail(graph->ctx, STATUS_USAGE, node_where(graph, node), NULL, "it has no constant weights to prune");
        wish_for(graph, node, one->density, &wishes[weights_of(node)->id]);
    }
}

static void take_all(const Graph *graph, double density, Wish *wishes)
{
    for (int i = 0; i < graph->node_count; i++) {
        const Value *weights = weights_of(graph->nodes[i]);
        if (weights && wishes[weights->id].density == 0 && !depthwise(graph->nodes[i]))
            wishes[weights->id] = (Wish){graph->nodes[i], density};
    }
}

static const char *told(Arena *arena, const PassOptions *options, int layers)
{
    Text text = text_new(arena);
    text_format(&text, "a projection, not the model: weights of %d layer%s were pruned by magnitude to ", layers, layers == 1 ? "" : "s");
    if (options->prune > 0)
        text_format(&text, "a density of %g, depthwise convolutions left dense%s", options->prune, options->density_count > 0 ? "; or to " : "");
    if (options->density_count > 0)
        text_format(&text, "densities given for %d", options->density_count);
    return text.data;
}

void pass_prune(Graph *graph, const PassOptions *options)
{
    if (!options || (options->prune == 0 && options->density_count == 0))
        return;
    Arena *scratch = graph->ctx->scratch;
    graph_index(graph);
    Wish *wishes = arena_array(scratch, Wish, graph->value_count + 1);                  /* by the weights' id */
    Value **done = arena_array(scratch, Value *, graph->value_count + 1);
    int64_t *counts = arena_array(scratch, int64_t, DIGITS);
    int layers = 0;
    take_named(graph, options, wishes);
    if (options->prune > 0)
        take_all(graph, options->prune, wishes);
    for (int i = 0; i < graph->node_count; i++) {
        Value *weights = weights_of(graph->nodes[i]);
        if (!weights || wishes[weights->id].density == 0)
            continue;
        if (!done[weights->id])
            done[weights->id] = pruned(graph, weights, wishes[weights->id].density, counts);
        layers += done[weights->id] != weights;
        graph->nodes[i]->inputs[1] = done[weights->id];
    }
    graph->projection = told(graph->arena, options, layers);
    graph_index(graph);
}
