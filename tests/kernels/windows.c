/* Random convolutions and poolings. */
#include "draw.h"

typedef struct Axis { int64_t size, kernel, stride, dilation, before, behind, result; } Axis;

/* An axis whose window fits at least once. Widths of several vectors, tiny ones, and some for planes of several blocks. */
static Axis axis_of(Draw *draw, bool pool)
{
    Axis axis;
    do {
        axis.size = draw_chance(draw, 5) ? draw_between(draw, 70, 130) : draw_chance(draw, 3) ? draw_between(draw, 1, 70) : draw_between(draw, 1, 20);
        axis.kernel = draw_chance(draw, 3) ? 1 : draw_chance(draw, 4) ? draw_between(draw, 1, 11) : draw_between(draw, 1, 5);
        axis.stride = draw_chance(draw, 2) ? 1 : draw_between(draw, 1, 4);
        axis.dilation = draw_chance(draw, 3) ? draw_between(draw, 1, 4) : 1;
        axis.before = draw_chance(draw, 2) ? draw_between(draw, 0, pool ? (axis.kernel - 1) * axis.dilation / 2 : 4) : 0;
        axis.behind = draw_chance(draw, 2) ? draw_between(draw, 0, pool ? (axis.kernel - 1) * axis.dilation / 2 : 4) : axis.before;
        axis.result = axis.size + axis.before + axis.behind - (axis.kernel - 1) * axis.dilation - 1;
    } while (axis.result < 0);
    axis.result = axis.result / axis.stride + 1;
    return axis;
}

static Axis same_axis(int64_t size, int64_t kernel, int64_t stride)
{
    const int64_t pad = kernel / 2;
    return (Axis){size, kernel, stride, 1, pad, pad, (size + 2 * pad - kernel) / stride + 1};
}

/* Now and then a plane that its kernels cut into blocks, with padding between its rows. */
static void enlarge(Draw *draw, Axis *axes, int rank)
{
    if (rank < 2 || !draw_chance(draw, 6))
        return;
    for (int i = 0; i < 2; i++)
        axes[i] = same_axis(draw_between(draw, 66, 90), 3, 1);
}

static void set_window(Draw *draw, Node *node, const Axis *axes, int rank)
{
    int64_t kernel[2], strides[2], dilations[2], pads[4];
    for (int i = 0; i < rank; i++) {
        kernel[i] = axes[i].kernel;
        strides[i] = axes[i].stride;
        dilations[i] = axes[i].dilation;
        pads[i] = axes[i].before;
        pads[rank + i] = axes[i].behind;
    }
    node_set_ints(draw->graph, node, ATTR_kernel_shape, kernel, rank);
    node_set_ints(draw->graph, node, ATTR_strides, strides, rank);
    node_set_ints(draw->graph, node, ATTR_dilations, dilations, rank);
    node_set_ints(draw->graph, node, ATTR_pads, pads, 2 * rank);
}

static Shape spatial(int64_t batch, int64_t channels, int rank, int64_t a, int64_t b)
{
    return shape_of(2 + rank, batch, channels, a, b);
}

/* What networks have: square windows that leave a plane as large as it was, or half of it; some with other padding. */
static void make_common(Draw *draw, Axis *axes)
{
    static const int64_t kernels[] = {1, 1, 3, 3, 3, 5, 7, 11};
    const int64_t kernel = kernels[draw_between(draw, 0, COUNT(kernels) - 1)], stride = draw_chance(draw, 4) ? 2 : 1;
    const bool uneven = draw_chance(draw, 3);
    for (int i = 0; i < 2; i++) {
        axes[i] = same_axis(draw_between(draw, 1, 30), kernel, stride);
        axes[i].before += uneven ? draw_between(draw, 0, 2) : 0;
        axes[i].behind += uneven ? draw_between(draw, 0, 2) : 0;
        axes[i].result = (axes[i].size + axes[i].before + axes[i].behind - kernel) / stride + 1;
    }
}

/* A window that is the whole input, or a whole row of it. */
static void make_whole(Axis *axes, int rank, bool row)
{
    for (int i = row ? 1 : 0; i < rank; i++)
        axes[i] = (Axis){axes[i].size % 9 + 1, axes[i].size % 9 + 1, 1, 1, 0, 0, 1};
}

static void draw_axes(Draw *draw, Axis *axes, int rank, bool depthwise)
{
    for (int i = 0; i < 2; i++)
        axes[i] = axis_of(draw, false);
    const int64_t way = draw_between(draw, 0, 15);
    if (way <= 1)
        make_whole(axes, rank, way == 1);
    else if (way <= 7)
        make_common(draw, axes);
    else if (depthwise)
        enlarge(draw, axes, rank);
}

/* What a channel costs: multiplications, which the reference does one by one, and weights, which may become an instruction each. */
typedef struct Cost { int64_t multiplications, weights; } Cost;

/* Few channels, or as many as fill vectors and registers with output channels, as far as that makes no large layer. */
static int64_t channels_of(Draw *draw, int64_t few, int64_t many, Cost each)
{
    const int64_t room = (1 << 21) / each.multiplications, weights = 6000 / each.weights;
    int64_t most = draw_chance(draw, 4) ? many : few;
    most = most < room ? most : room;
    most = most < weights ? most : weights;
    return draw_between(draw, 1, most < 1 ? 1 : most);
}

Node *draw_conv(Draw *draw, bool depthwise)
{
    const int rank = (int)draw_between(draw, 1, 3) == 1 ? 1 : 2;
    Axis axes[2];
    draw_axes(draw, axes, rank, depthwise);
    const int64_t batch = draw_chance(draw, 4) ? draw_between(draw, 3, 5) : draw_between(draw, 1, 2);
    const int64_t group = draw_chance(draw, 4) || depthwise ? draw_between(draw, 1, 5) : 1;
    Cost each = {batch * group, group};      /* of a pair of channels in each group */
    for (int i = 0; i < rank; i++) {
        each.multiplications *= axes[i].kernel * axes[i].result;
        each.weights *= axes[i].kernel;
    }
    const int64_t inside = depthwise ? 1 : channels_of(draw, 7, 80, each), channels = group * inside;
    const Cost row = {each.multiplications * inside, each.weights * inside};
    const int64_t outputs = group * (depthwise ? draw_between(draw, 1, 2) : channels_of(draw, 9, 80, row));
    Shape x = spatial(batch, channels, rank, axes[0].size, axes[1].size), y = spatial(batch, outputs, rank, axes[0].result, axes[1].result);
    Shape w = spatial(outputs, inside, rank, axes[0].kernel, axes[1].kernel);
    Value *inputs[3] = {draw_input(draw, x), draw_constant(draw, w, draw_sparse(draw, outputs, shape_count(&w) / outputs))};
    if (draw_chance(draw, 2))
        inputs[2] = draw_dense(draw, (Shape){1, {outputs}});
    Node *node = draw_node(draw, OP_Conv, inputs, inputs[2] ? 3 : 2, y);
    set_window(draw, node, axes, rank);
    node_set_int(draw->graph, node, ATTR_group, group);
    draw_epilogue(draw, node);
    return node;
}

Node *draw_pool(Draw *draw)
{
    const int rank = (int)draw_between(draw, 1, 2);
    Axis axes[2] = {axis_of(draw, true), axis_of(draw, true)};
    enlarge(draw, axes, rank);
    const int64_t ceiling = draw_chance(draw, 3);
    for (int i = 0; i < rank && ceiling; i++) {
        const int64_t last = axes[i].result * axes[i].stride;      /* one more window, if it starts inside */
        const int64_t room = axes[i].size + axes[i].before + axes[i].behind - (axes[i].kernel - 1) * axes[i].dilation - 1;
        if (room % axes[i].stride != 0 && last < axes[i].size + axes[i].before)
            axes[i].result++;
    }
    const int64_t batch = draw_between(draw, 1, 5), channels = draw_between(draw, 1, 6);
    Value *x = draw_input(draw, spatial(batch, channels, rank, axes[0].size, axes[1].size));
    const Op op = draw_chance(draw, 2) ? OP_MaxPool : OP_AveragePool;
    Node *node = draw_node(draw, op, &x, 1, spatial(batch, channels, rank, axes[0].result, axes[1].result));
    set_window(draw, node, axes, rank);
    node_set_int(draw->graph, node, ATTR_ceil_mode, ceiling);
    if (node->op == OP_MaxPool)
        node_set_int(draw->graph, node, ATTR_storage_order, 0);
    else
        node_set_int(draw->graph, node, ATTR_count_include_pad, draw_between(draw, 0, 1));
    draw_epilogue(draw, node);
    return node;
}

Node *draw_global(Draw *draw)
{
    const int rank = (int)draw_between(draw, 3, 4);
    Shape x = shape_of(rank, draw_between(draw, 1, 3), draw_between(draw, 1, 40), draw_between(draw, 1, 100), draw_between(draw, 1, 9)), y = x;
    for (int i = 2; i < rank; i++)
        y.dims[i] = 1;
    Value *in = draw_input(draw, x);
    Node *node = draw_node(draw, draw_chance(draw, 2) ? OP_GlobalAveragePool : OP_GlobalMaxPool, &in, 1, y);
    draw_epilogue(draw, node);
    return node;
}

