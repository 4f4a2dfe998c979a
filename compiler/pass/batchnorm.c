/* Per-channel factors and shifts behind a convolution or a product go into its weights and bias: BatchNormalization, and Add, Sub, Mul, Div by
   constants. Computed in double; zeros stay exact zeros, so that a pruned layer keeps its pattern. Needs: closed form, users. */
#include "affine.h"
#include "edit.h"
#include "pass.h"

#include <string.h>

/* Where a host keeps what belongs to an output channel. */
typedef struct Host {
    Node *node;
    int axis;                /* of the output: its channels */
    int64_t channels;
    int64_t inner, groups;   /* weight i belongs to channel of_weight(i) */
} Host;

static bool is_matrix(const Value *value)
{
    return value->shape.rank == 2;
}

/* Runs of `inner` elements belong to one channel, then comes the next channel; a transposed convolution begins again at every input channel. */
static bool host_of(Node *node, Host *host)
{
    Type type = node->outputs[0] ? node->outputs[0]->type : TYPE_UNKNOWN;
    if (node->epilogue_count > 0 || node->output_count != 1 || (type != TYPE_F32 && type != TYPE_F64))
        return false;
    const Shape *y = &node->outputs[0]->shape, *w = node->input_count > 1 && node->inputs[1] ? &node->inputs[1]->shape : NULL;
    *host = (Host){.node = node, .axis = 1, .groups = 1};
    switch (node->op) {
    case OP_Conv:
    case OP_ConvTranspose:
        host->inner = 1;
        for (int i = node->op == OP_Conv ? 1 : 2; i < w->rank; i++)
            host->inner *= w->dims[i];
        host->groups = node_int(node, ATTR_group, 1);
        break;
    case OP_Gemm:
        host->inner = node_int(node, ATTR_transB, 0) ? w->dims[1] : 1;
        break;
    case OP_MatMul:
        if (w->rank != 2 || y->rank < 2)
            return false;
        host->inner = 1;
        host->axis = y->rank - 1;
        break;
    default:
        return false;
    }
    host->channels = y->dims[host->axis];
    return host->channels > 0;
}

static int64_t channel_of(const Host *host, int64_t index)
{
    if (host->node->op != OP_ConvTranspose)
        return index / host->inner % host->channels;
    const Shape *w = &host->node->inputs[1]->shape;
    int64_t in = index / host->inner / w->dims[1], group = in / (w->dims[0] / host->groups);
    return group * w->dims[1] + index / host->inner % w->dims[1];
}

/* ---- the bias ---- */

static int bias_index(const Host *host)
{
    return host->node->op == OP_MatMul ? -1 : 2;
}

static const Value *bias_of(const Host *host)
{
    return bias_index(host) >= 0 && host->node->input_count > 2 ? host->node->inputs[2] : NULL;
}

/* Absent, or a constant with one element a channel (or one for all). A product becomes a Gemm to have one, which only matrices can. */
static bool bias_foldable(const Host *host)
{
    const Value *bias = bias_of(host);
    if (host->node->op == OP_MatMul)
        return is_matrix(host->node->inputs[0]);
    if (!bias)
        return true;
    int64_t count = shape_count(&bias->shape);
    return constant_readable(bias) && (count == 1 || (count == host->channels && bias->shape.dims[bias->shape.rank - 1] == count));
}

static double bias_element(const Host *host, int64_t channel)
{
    const Value *bias = bias_of(host);
    double beta = host->node->op == OP_Gemm ? node_real(host->node, ATTR_beta, 1) : 1;
    return bias ? beta * constant_real(bias, shape_count(&bias->shape) == 1 ? 0 : channel) : 0;
}

/* ---- folding ---- */

static void *new_elements(Graph *graph, Type type, int64_t count)
{
    return arena_alloc(graph->arena, (size_t)count, (size_t)type_info(type)->bytes);
}

static void write_element(void *data, Type type, int64_t index, double element)
{
    if (type == TYPE_F32)
        ((float *)data)[index] = (float)element;
    else
        ((double *)data)[index] = element;
}

/* Neighbours of one channel: most of what a model has. */
static void scale(const Value *old, void *data, int64_t first, int64_t count, double factor)
{
    if (old->type == TYPE_F32) {
        const char *from = (const char *)old->data + (size_t)first * sizeof(float);
        float *to = (float *)data + first;
        memcpy(to, from, (size_t)count * sizeof *to);       /* it may lie at any address */
        for (int64_t i = 0; i < count; i++)
            to[i] = to[i] == 0 ? 0 : (float)((double)to[i] * factor);
        return;
    }
    for (int64_t i = first; i < first + count; i++) {
        double weight = constant_real(old, i);
        write_element(data, old->type, i, weight == 0 ? 0 : weight * factor);
    }
}

static void fold_weights(Graph *graph, const Host *host, const Affine *affine)
{
    const Value *old = host->node->inputs[1];
    int64_t count = shape_count(&old->shape);
    void *data = new_elements(graph, old->type, count);
    for (int64_t i = 0; i < count; i += host->inner)
        scale(old, data, i, host->inner, affine->factor[channel_of(host, i)]);
    host->node->inputs[1] = edit_constant(graph, old->type, &old->shape, data);
}

static void become_gemm(Graph *graph, Node *node)
{
    node->op = OP_Gemm;
    node_set_int(graph, node, ATTR_transA, 0);
    node_set_int(graph, node, ATTR_transB, 0);
    node_set_real(graph, node, ATTR_alpha, 1);
}

static void fold_bias(Graph *graph, const Host *host, const Affine *affine)
{
    Node *node = host->node;
    Type type = node->outputs[0]->type;
    void *data = new_elements(graph, type, host->channels);
    for (int64_t c = 0; c < host->channels; c++)
        write_element(data, type, c, bias_element(host, c) * affine->factor[c] + affine->shift[c]);
    if (node->op == OP_MatMul)
        become_gemm(graph, node);
    if (node->op == OP_Gemm)
        node_set_real(graph, node, ATTR_beta, 1);
    Value *bias = edit_constant(graph, type, &(Shape){1, {host->channels}}, data);
    Value *inputs[3] = {node->inputs[0], node->inputs[1], bias};
    node->inputs = arena_copy(graph->arena, inputs, sizeof inputs);
    node->input_count = 3;
}

static bool shifts(const Affine *affine)
{
    for (int64_t c = 0; c < affine->channels; c++)
        if (affine->shift[c] != 0)
            return true;
    return false;
}

static bool weights_foldable(const Host *host)
{
    const Value *w = host->node->inputs[1];
    return constant_readable(w) && w->user_count == 1;
}

/* All the factors and shifts behind a host, as long as it can take them; `gone` says which nodes went. */
static void fold_behind(Graph *graph, const Host *host, bool *gone)
{
    Node *node = host->node;
    Arena *scratch = graph->ctx->scratch;
    Value *y = node->outputs[0];
    Affine affine = affine_identity(scratch, host->channels);
    while (value_read_once(y)) {
        Node *user = y->users[0];
        Affine next = affine;
        if (user->output_count != 1 || !affine_apply(&next, user, y, host->axis, scratch) || (next.scales && !weights_foldable(host)) ||
            !bias_foldable(host))
            break;
        affine = next;
        y = user->outputs[0];
        gone[user->id] = true;
        rewrite_drop(user);
    }
    if (y == node->outputs[0])
        return;
    if (affine.scales)
        fold_weights(graph, host, &affine);
    if (bias_of(host) || shifts(&affine))
        fold_bias(graph, host, &affine);
    edit_output(node, 0, y);
}

void pass_batchnorm(Graph *graph, const PassOptions *options)
{
    (void)options;
    bool *gone = arena_array(graph->ctx->scratch, bool, graph->node_count + 1);
    Host host;
    graph_index(graph);
    Rewrite order = rewrite_begin(graph);
    for (int i = 0; i < graph->node_count; i++) {
        Node *node = graph->nodes[i];
        if (gone[i])
            continue;
        if (host_of(node, &host))
            fold_behind(graph, &host, gone);
        rewrite_keep(&order, node);
    }
    rewrite_end(&order);
}
