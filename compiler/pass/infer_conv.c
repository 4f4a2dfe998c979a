/* Inference of convolutions. */
#include "infer.h"

#include <string.h>

typedef struct Channels { int64_t in, out, group; } Channels;

/* What both convolutions ask of x, w and bias. w is [out, in/group, ...], or [in, out/group, ...] when transposed. */
static bool check_operands(Inference *inference, Node *node, bool transposed, Channels *channels)
{
    if (!infer_classes(inference, node, 0, REALS) || !infer_same_type(inference, node, 1, 0) || !infer_same_type(inference, node, 2, 0) ||
        !infer_rank(inference, node, 0, 3, 5))
        return false;
    const Shape *x = &node->inputs[0]->shape, *w = &node->inputs[1]->shape;
    if (!infer_rank(inference, node, 1, x->rank, x->rank))
        return false;
    channels->in = x->dims[1];
    channels->group = node_int(node, ATTR_group, 1);
    node_set_int(inference->graph, node, ATTR_group, channels->group);
    if (channels->group < 1)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "group is %lld, expected at least 1", (long long)channels->group);
    Wide grouped_in = transposed ? w->dims[0] : (Wide)w->dims[1] * channels->group;
    Wide out = transposed ? (Wide)w->dims[1] * channels->group : w->dims[0];
    if (grouped_in != channels->in || out > INT64_MAX || (transposed ? channels->in : (int64_t)out) % channels->group != 0)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "%s is %s, which does not fit %lld input channels in %lld groups",
                           infer_input_text(inference, node, 1), shape_text(inference->graph->arena, w), (long long)channels->in,
                           (long long)channels->group);
    channels->out = (int64_t)out;
    return infer_shape_is(inference, node, 2, &(Shape){1, {channels->out}});
}

/* The weights say the window's size; kernel_shape may only repeat it. */
static bool check_kernel(Inference *inference, Node *node, const Shape *w)
{
    const int64_t *given;
    bool repeated = node_has(node, ATTR_kernel_shape);
    if (repeated && !infer_list(inference, node, ATTR_kernel_shape, w->rank - 2, 1, 1, &given))
        return false;
    for (int i = 2; i < w->rank; i++)
        if (w->dims[i] < 1 || (repeated && given[i - 2] != w->dims[i]))
            return infer_fault(inference, node, STATUS_MODEL, NULL, "the window of %s, %s, is empty or differs from kernel_shape",
                               infer_input_text(inference, node, 1), shape_text(inference->graph->arena, w));
    node_unset(node, ATTR_kernel_shape);
    return true;
}

bool infer_conv(Inference *inference, Node *node)
{
    Channels channels;
    const Shape *x = &node->inputs[0]->shape, *w = &node->inputs[1]->shape;
    if (!check_operands(inference, node, false, &channels) || !check_kernel(inference, node, w))
        return false;
    Shape y = {2, {x->dims[0], channels.out}};
    return infer_window(inference, node, x, w->dims + 2, false, &y) && infer_output(inference, node, 0, node->inputs[0]->type, &y);
}

/* ---- transposed ---- */

typedef struct Spread {                          /* one spatial dimension of a transposed convolution */
    Wide full;                                   /* elements before pads are taken away, output padding included */
    int64_t begin, end, extra;                   /* pads and output padding */
} Spread;

/* Pads that give `wanted` elements. Where more are wanted than there are, the output padding grows instead. */
static void spread_to(Spread *spread, Wide wanted, bool upper)
{
    Wide total = spread->full - wanted;
    spread->begin = spread->end = 0;
    if (total < 0) {
        spread->extra += (int64_t)-total;
        spread->full = wanted;
    } else {
        spread->begin = (int64_t)(upper ? total / 2 : total - total / 2);
        spread->end = (int64_t)(total - spread->begin);
    }
}

static bool spread_window(Inference *inference, Node *node, const char *auto_pad, Spread *spreads, Shape *y)
{
    const Shape *x = &node->inputs[0]->shape;
    int n = x->rank - 2;
    const int64_t *wanted = NULL, *strides = node_ints(node, ATTR_strides, &(int){0});
    if (node_has(node, ATTR_output_shape) && !infer_list(inference, node, ATTR_output_shape, n, 0, 0, &wanted))
        return false;
    for (int i = 0; i < n; i++) {
        Spread *spread = &spreads[i];
        bool same = strncmp(auto_pad, "SAME", 4) == 0;
        if (spread->full > INT64_MAX || (Wide)strides[i] * x->dims[2 + i] > INT64_MAX)
            return infer_fault(inference, node, STATUS_MODEL, NULL, "axis %d of the result would be larger than 2^63", 2 + i);
        if (wanted || same)
            spread_to(spread, wanted ? wanted[i] : (Wide)strides[i] * x->dims[2 + i], strcmp(auto_pad, "SAME_UPPER") == 0);
        if (!infer_dimension(inference, node, y, spread->full - spread->begin - spread->end))
            return false;
    }
    return true;
}

static void close_spreads(Inference *inference, Node *node, const Spread *spreads, int n)
{
    int64_t pads[2 * MAX_RANK], extra[MAX_RANK];
    for (int i = 0; i < n; i++) {
        pads[i] = spreads[i].begin;
        pads[n + i] = spreads[i].end;
        extra[i] = spreads[i].extra;
    }
    node_set_ints(inference->graph, node, ATTR_pads, pads, 2 * n);
    node_set_ints(inference->graph, node, ATTR_output_padding, extra, n);
    node_unset(node, ATTR_output_shape);
    node_unset(node, ATTR_auto_pad);
}

bool infer_conv_transpose(Inference *inference, Node *node)
{
    static const char *const auto_pads[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"};
    Channels channels;
    const Shape *x = &node->inputs[0]->shape, *w = &node->inputs[1]->shape;
    if (!check_operands(inference, node, true, &channels) || !check_kernel(inference, node, w))
        return false;
    int n = x->rank - 2;
    const int64_t *strides, *dilations, *pads, *extra;
    if (!infer_list(inference, node, ATTR_strides, n, 1, 1, &strides) || !infer_list(inference, node, ATTR_dilations, n, 1, 1, &dilations) ||
        !infer_list(inference, node, ATTR_pads, 2 * n, 0, 0, &pads) || !infer_list(inference, node, ATTR_output_padding, n, 0, 0, &extra) ||
        !infer_word(inference, node, ATTR_auto_pad, auto_pads, COUNT(auto_pads)))
        return false;
    bool given = strcmp(node_word(node, ATTR_auto_pad, ""), "NOTSET") == 0;
    Spread spreads[3];
    for (int i = 0; i < n; i++) {
        Wide last = (Wide)strides[i] * (x->dims[2 + i] - 1), extent = (Wide)(w->dims[2 + i] - 1) * dilations[i] + 1;
        spreads[i] = (Spread){last + extra[i] + extent, given ? pads[i] : 0, given ? pads[n + i] : 0, extra[i]};
        if (x->dims[2 + i] < 1)
            return infer_fault(inference, node, STATUS_MODEL, NULL, "axis %d of the input is empty", 2 + i);
    }
    Shape y = {2, {x->dims[0], channels.out}};
    if (!spread_window(inference, node, node_word(node, ATTR_auto_pad, ""), spreads, &y))
        return false;
    close_spreads(inference, node, spreads, n);
    return infer_output(inference, node, 0, node->inputs[0]->type, &y);
}
