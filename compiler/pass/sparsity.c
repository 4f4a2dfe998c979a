/* Weights nearer to zero than the threshold become exact zeros, so that kernels may leave them out. Runs before batch norms are folded: the
   threshold is about the model's own numbers. Data is copied only where it changes. */
#include "edit.h"
#include "pass.h"

#include <math.h>

static int64_t small_ones(const Value *weights, double threshold)
{
    int64_t count = shape_count(&weights->shape), small = 0;
    for (int64_t i = 0; i < count; i++) {
        double weight = fabs(constant_real(weights, i));
        small += weight > 0 && weight < threshold;
    }
    return small;
}

static Value *without_small_ones(Graph *graph, Value *weights, double threshold)
{
    int64_t count = shape_count(&weights->shape);
    size_t bytes = (size_t)type_info(weights->type)->bytes;
    if (small_ones(weights, threshold) == 0)
        return weights;
    char *data = arena_copy(graph->arena, weights->data, (size_t)count * bytes);
    for (int64_t i = 0; i < count; i++)
        if (fabs(constant_real(weights, i)) < threshold)
            for (size_t k = 0; k < bytes; k++)
                data[(size_t)i * bytes + k] = 0;
    return edit_constant(graph, weights->type, &weights->shape, data);
}

void pass_sparsity(Graph *graph, const PassOptions *options)
{
    double threshold = options ? options->threshold : 0;
    if (!(threshold > 0))
        return;
    Value **done = arena_array(graph->ctx->scratch, Value *, graph->value_count + 1);   /* by id: weights may be shared */
    for (int i = 0; i < graph->node_count; i++) {
        Node *node = graph->nodes[i];
        Value *weights = weights_of(node);
        if (!weights)
            continue;
        if (!done[weights->id])
            done[weights->id] = without_small_ones(graph, weights, threshold);
        node->inputs[1] = done[weights->id];
    }
    graph_index(graph);
}
