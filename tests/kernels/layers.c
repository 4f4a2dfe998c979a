/* Small random layers in closed form, for kernels to compute. */
#include "draw.h"

#include <string.h>

/* ---- drawing ---- */

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * 0x2545f4914f6cdd1du;
}

int64_t random_between(uint64_t *state, int64_t low, int64_t high)
{
    return low + (int64_t)((next_random(state) >> 33) % (uint64_t)(high - low + 1));
}

int64_t draw_between(Draw *draw, int64_t low, int64_t high)
{
    return random_between(&draw->state, low, high);
}

bool draw_chance(Draw *draw, int one_in)
{
    return draw_between(draw, 1, one_in) == 1;
}

void random_floats(uint64_t *state, float *data, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        data[i] = random_between(state, 0, 30) == 0 ? 0 : (float)random_between(state, -(1 << 20), 1 << 20) / (1 << 20);
}

void random_specials(uint64_t *state, float *data, int64_t count)
{
    static const float specials[] = {__builtin_inff(), -__builtin_inff(), __builtin_nanf(""), -0.0f, 1e30f, -1e30f, 100, -100, 1e-40f,
                                     -1e-40f, 3, -3};
    for (int64_t i = 0; i < count; i++)
        if (random_between(state, 0, 15) == 0)
            data[i] = specials[random_between(state, 0, COUNT(specials) - 1)];
}

/* Weights of common densities and any other, with rows and columns that have none. */
const float *draw_sparse(Draw *draw, int64_t rows, int64_t columns)
{
    static const int permille[] = {1000, 1000, 500, 250, 100, 100, 30, 0};
    float *data = arena_array(draw->graph->arena, float, rows * columns + 1);
    const int64_t keep = draw_chance(draw, 3) ? draw_between(draw, 0, 1000) : permille[draw_between(draw, 0, COUNT(permille) - 1)];
    const int empty_rows = draw_chance(draw, 2) ? 5 : 1000, empty_columns = draw_chance(draw, 4) ? 4 : 1000;
    bool *empty = arena_array(draw->graph->arena, bool, columns + 1);
    for (int64_t i = 0; i < columns; i++)
        empty[i] = keep < 1000 && draw_chance(draw, empty_columns);
    random_floats(&draw->state, data, rows * columns);
    for (int64_t row = 0; row < rows; row++) {
        const int64_t kept = keep < 1000 && draw_chance(draw, empty_rows) ? 0 : keep;
        for (int64_t i = 0; i < columns; i++)
            if (empty[i] || draw_between(draw, 0, 999) >= kept)
                data[row * columns + i] = draw_chance(draw, 2) ? 0.0f : -0.0f;
    }
    return data;
}

/* ---- values ---- */

Value *draw_input(Draw *draw, Shape shape)
{
    return graph_input(draw->graph, arena_format(draw->graph->arena, "%s.in%d", draw->name, draw->inputs++), TYPE_F32, &shape);
}

Value *draw_constant(Draw *draw, Shape shape, const float *data)
{
    return graph_constant(draw->graph, arena_format(draw->graph->arena, "%s.const%d", draw->name, draw->inputs++), TYPE_F32, &shape, data);
}

Value *draw_dense(Draw *draw, Shape shape)
{
    const int64_t count = shape_count(&shape);
    float *data = arena_array(draw->graph->arena, float, count + 1);
    random_floats(&draw->state, data, count);
    return draw_constant(draw, shape, data);
}

static Value *result(Draw *draw, const char *name, Shape shape)
{
    Value *value = graph_value(draw->graph, name);
    value->type = TYPE_F32;
    value->shape = shape;
    value->known = true;
    return value;
}

Node *draw_node(Draw *draw, Op op, Value *const *inputs, int count, Shape shape)
{
    Value *y = result(draw, arena_format(draw->graph->arena, "%s.out", draw->name), shape);
    graph_output(draw->graph, y);
    return graph_add(draw->graph, op, draw->name, inputs, count, &y, 1);
}

/* An input that another layer has made, so that the result may take its place. */
static Value *input_or_made(Draw *draw, Shape shape)
{
    Value *x = draw_input(draw, shape);
    if (!draw_chance(draw, 3))
        return x;
    Value *made = result(draw, arena_format(draw->graph->arena, "%s.made", draw->name), shape);
    graph_add(draw->graph, OP_Neg, arena_format(draw->graph->arena, "%s.neg", draw->name), &x, 1, &made, 1);
    return made;
}

/* ---- epilogues: functions that make no error much larger ---- */

static void fuse(Draw *draw, Node *host, Op op, Value *second, Value *third)
{
    Graph *graph = draw->graph;
    Value *inputs[] = {host->outputs[0], second, third};
    const char *name = arena_format(graph->arena, "%s.fused%d", draw->name, host->epilogue_count);
    Node *node = graph_detached(graph, op, name, inputs, third ? 3 : second ? 2 : 1, &host->outputs[0], 1);
    Node **epilogue = arena_array(graph->arena, Node *, host->epilogue_count + 1);
    for (int i = 0; i < host->epilogue_count; i++)
        epilogue[i] = host->epilogue[i];
    epilogue[host->epilogue_count++] = node;
    host->epilogue = epilogue;
    if (op == OP_LeakyRelu || op == OP_Elu)
        node_set_real(graph, node, ATTR_alpha, op == OP_Elu ? 0.75 : 0.125);
    if (op == OP_HardSigmoid) {
        node_set_real(graph, node, ATTR_alpha, 0.25);
        node_set_real(graph, node, ATTR_beta, 0.5);
    }
}

static Value *scalar(Draw *draw, float value)
{
    float *data = arena_new_of(draw->graph->arena, float);
    *data = value;
    return draw_constant(draw, (Shape){draw_chance(draw, 2) ? 0 : 1, {1}}, data);
}

static void fuse_random(Draw *draw, Node *host)
{
    static const Op unary[] = {OP_Relu, OP_Relu, OP_Sigmoid, OP_Tanh, OP_LeakyRelu, OP_HardSwish, OP_HardSigmoid, OP_Elu, OP_Erf, OP_Softplus};
    Value *clip[] = {scalar(draw, -0.25f), scalar(draw, 0.5f)};
    switch (draw_between(draw, 0, 4)) {
    case 0:
        fuse(draw, host, OP_Add, draw_input(draw, host->outputs[0]->shape), NULL);
        break;
    case 1:
        fuse(draw, host, OP_Clip, clip[0], clip[1]);
        break;
    case 2:
        fuse(draw, host, draw_chance(draw, 2) ? OP_Sub : OP_Max, scalar(draw, 0.375f), NULL);
        break;
    default:
        fuse(draw, host, unary[draw_between(draw, 0, COUNT(unary) - 1)], NULL, NULL);
    }
}

void draw_epilogue(Draw *draw, Node *host)
{
    for (int64_t count = draw_between(draw, -2, 3); count > 0; count--)
        fuse_random(draw, host);
}

/* ---- products ---- */

static int64_t length(Draw *draw)
{
    return draw_chance(draw, 4) ? 1 : draw_chance(draw, 3) ? draw_between(draw, 1, 100) : draw_between(draw, 1, 20);
}

static Value *second_matrix(Draw *draw, Shape shape)
{
    if (draw_chance(draw, 3))
        return draw_input(draw, shape);
    const int64_t columns = shape.dims[shape.rank - 1];
    return draw_constant(draw, shape, draw_sparse(draw, shape_count(&shape) / columns, columns));
}

static Node *draw_gemm(Draw *draw)
{
    const int64_t m = length(draw), n = length(draw), k = length(draw);
    const bool turn_a = draw_chance(draw, 3), turn_b = draw_chance(draw, 2);
    Value *inputs[3] = {draw_input(draw, turn_a ? shape_of(2, k, m, 0, 0) : shape_of(2, m, k, 0, 0)),
                        second_matrix(draw, turn_b ? shape_of(2, n, k, 0, 0) : shape_of(2, k, n, 0, 0))};
    const Shape addends[] = {shape_of(1, n, 0, 0, 0), shape_of(2, m, n, 0, 0), shape_of(2, 1, n, 0, 0), shape_of(2, m, 1, 0, 0),
                             shape_of(0, 0, 0, 0, 0)};
    if (draw_chance(draw, 2)) {
        const Shape addend = addends[draw_chance(draw, 2) ? 0 : draw_between(draw, 0, COUNT(addends) - 1)];
        inputs[2] = draw_chance(draw, 3) ? draw_input(draw, addend) : draw_dense(draw, addend);
    }
    Node *node = draw_node(draw, OP_Gemm, inputs, inputs[2] ? 3 : 2, shape_of(2, m, n, 0, 0));
    node_set_real(draw->graph, node, ATTR_alpha, draw_chance(draw, 3) ? 0.75 : 1);
    node_set_real(draw->graph, node, ATTR_beta, draw_chance(draw, 3) ? 0.5 : 1);
    node_set_int(draw->graph, node, ATTR_transA, turn_a);
    node_set_int(draw->graph, node, ATTR_transB, turn_b);
    draw_epilogue(draw, node);
    return node;
}

static Node *draw_matmul(Draw *draw)
{
    const int64_t m = length(draw), n = length(draw), k = length(draw), p = draw_between(draw, 1, 3), q = draw_between(draw, 1, 3);
    Shape a = shape_of(4, p, q, m, k), b = shape_of(4, p, q, k, n), y = shape_of(4, p, q, m, n);
    switch (draw_between(draw, 0, 6)) {
    case 0: a = shape_of(4, 1, q, m, k); break;
    case 1: b = shape_of(4, p, 1, k, n); break;
    case 2: b = shape_of(2, k, n, 0, 0); break;
    case 3: a = shape_of(3, q, m, k, 0); break;
    case 4: a = shape_of(2, m, k, 0, 0), b = shape_of(2, k, n, 0, 0), y = shape_of(2, m, n, 0, 0); break;
    case 5: a = shape_of(1, k, 0, 0, 0), b = shape_of(2, k, n, 0, 0), y = shape_of(1, n, 0, 0, 0); break;
    default: b = shape_of(1, k, 0, 0, 0), y = shape_of(3, p, q, m, 0); break;
    }
    Value *inputs[2] = {draw_input(draw, a), second_matrix(draw, b)};
    Node *node = draw_node(draw, OP_MatMul, inputs, 2, y);
    draw_epilogue(draw, node);
    return node;
}

/* ---- elementwise and the rest ---- */

static Shape any_shape(Draw *draw)
{
    const int rank = (int)draw_between(draw, 1, 4);
    if (draw_chance(draw, 6))
        return shape_of(2, 3, draw_between(draw, 2000, 5000), 0, 0);
    return shape_of(rank, draw_between(draw, 1, 5), draw_between(draw, 1, 9), draw_between(draw, 1, 20), draw_between(draw, 1, 40));
}

static Node *draw_unary(Draw *draw)
{
    Op op;
    do {
        op = (Op)draw_between(draw, 0, OP_COUNT - 1);
    } while (op != OP_Clip && (op_info(op)->shape_class != CLASS_UNARY || op_info(op)->result_bool || !(op_info(op)->types & REALS)));
    const Shape shape = any_shape(draw);
    Value *inputs[3] = {input_or_made(draw, shape), NULL, NULL};
    const int count = op == OP_Clip ? (int)draw_between(draw, 1, 3) : 1;
    for (int i = 1; i < count; i++)
        if (i > 1 || !draw_chance(draw, 4))
            inputs[i] = draw_chance(draw, 2) ? draw_input(draw, (Shape){0, {0}}) : scalar(draw, i == 1 ? -0.25f : 0.5f);
    Node *node = draw_node(draw, op, inputs, count, shape);
    for (int i = 0; i < 2 && op != OP_Clip; i++)
        if (op_info(op)->parameters[i] != ATTR__)
            node_set_real(draw->graph, node, op_info(op)->parameters[i], (double)draw_between(draw, 1, 8) / 8);
    draw_epilogue(draw, node);
    return node;
}

static Node *draw_binary(Draw *draw)
{
    static const Op ops[] = {OP_Add, OP_Sub, OP_Mul, OP_Max, OP_Min, OP_PRelu, OP_Pow, OP_Div};
    const Shape shape = any_shape(draw);
    Shape other = shape;
    const int64_t keep = draw_between(draw, 0, 7);
    for (int i = 0; i < other.rank; i++)
        if (!(keep >> (i % 3) & 1))
            other.dims[i] = 1;
    if (draw_chance(draw, 4))
        other = shape_of(1, shape.dims[shape.rank - 1], 0, 0, 0);
    Value *inputs[2] = {input_or_made(draw, shape), draw_chance(draw, 3) ? draw_dense(draw, other) : draw_input(draw, other)};
    const bool swap = draw_chance(draw, 3);
    Value *const swapped[2] = {inputs[1], inputs[0]};
    Node *node = draw_node(draw, ops[draw_between(draw, 0, COUNT(ops) - 1)], swap ? swapped : inputs, 2, shape);
    if (node->op != OP_Div && node->op != OP_Pow)
        draw_epilogue(draw, node);
    return node;
}

static Node *draw_softmax(Draw *draw)
{
    const Shape shape = any_shape(draw);
    Value *x = input_or_made(draw, shape);
    Node *node = draw_node(draw, draw_chance(draw, 3) ? OP_LogSoftmax : OP_Softmax, &x, 1, shape);
    node_set_int(draw->graph, node, ATTR_axis, draw_between(draw, 0, shape.rank - 1));
    node_set_int(draw->graph, node, ATTR_flatten, draw_chance(draw, 3));
    draw_epilogue(draw, node);
    return node;
}

static Node *draw_lrn(Draw *draw)
{
    const Shape shape = shape_of(4, draw_between(draw, 1, 2), draw_between(draw, 1, 12), draw_between(draw, 1, 9), draw_between(draw, 1, 20));
    static const double powers[] = {0.75, 0.5, 1, 0.6};
    Value *x = draw_input(draw, shape);
    Node *node = draw_node(draw, OP_LRN, &x, 1, shape);
    node_set_int(draw->graph, node, ATTR_size, draw_between(draw, 1, 6));
    node_set_real(draw->graph, node, ATTR_alpha, (double)draw_between(draw, 1, 16) / 16);
    node_set_real(draw->graph, node, ATTR_beta, powers[draw_between(draw, 0, 3)]);
    node_set_real(draw->graph, node, ATTR_bias, (double)draw_between(draw, 1, 4) / 2);
    draw_epilogue(draw, node);
    return node;
}

/* Numbers for each of so many channels: any, or positive. */
static Value *channel_numbers(Draw *draw, int64_t channels, bool positive)
{
    float *data = arena_array(draw->graph->arena, float, channels);
    random_floats(&draw->state, data, channels);
    for (int64_t i = 0; i < channels && positive; i++)
        data[i] = 1 + data[i] / 2;
    return draw_constant(draw, shape_of(1, channels, 0, 0, 0), data);
}

static Node *draw_batch_norm(Draw *draw, Shape shape)
{
    if (shape.rank == 1)
        shape = shape_of(2, draw_between(draw, 1, 4), shape.dims[0], 0, 0);
    Value *inputs[5] = {input_or_made(draw, shape)};
    for (int i = 1; i < 5; i++)
        inputs[i] = channel_numbers(draw, shape.dims[1], i == 4);
    return draw_node(draw, OP_BatchNormalization, inputs, 5, shape);
}

static Node *draw_instance_norm(Draw *draw)
{
    const int64_t channels = draw_between(draw, 1, 9);
    const Shape shape = shape_of(4, draw_between(draw, 1, 3), channels, draw_between(draw, 1, 20), draw_between(draw, 1, 20));
    Value *x = input_or_made(draw, shape), *bias = draw_input(draw, shape_of(1, channels, 0, 0, 0));
    return draw_node(draw, OP_InstanceNormalization, (Value *[]){x, channel_numbers(draw, channels, true), bias}, 3, shape);
}

static Node *draw_layer_norm(Draw *draw, Shape shape)
{
    const int axis = (int)draw_between(draw, 0, shape.rank - 1), count = (int)draw_between(draw, 2, 3);
    Shape row = {.rank = shape.rank - axis};
    for (int i = axis; i < shape.rank; i++)
        row.dims[i - axis] = shape.dims[i];
    Value *x = input_or_made(draw, shape);
    Value *scale = draw_chance(draw, 3) ? draw_input(draw, row) : draw_dense(draw, row), *bias = count > 2 ? draw_dense(draw, row) : NULL;
    Node *node = draw_node(draw, OP_LayerNormalization, (Value *[]){x, scale, bias}, count, shape);
    node_set_int(draw->graph, node, ATTR_axis, axis);
    return node;
}

static Node *draw_norm(Draw *draw)
{
    const Shape shape = any_shape(draw);
    const int64_t which = draw_between(draw, 0, 2);
    Node *node = which == 0 ? draw_batch_norm(draw, shape) : which == 1 ? draw_instance_norm(draw) : draw_layer_norm(draw, shape);
    node_set_real(draw->graph, node, ATTR_epsilon, 0.0625);
    draw_epilogue(draw, node);
    return node;
}

/* ---- any ---- */

static Draw draw_from(uint64_t seed)
{
    Draw draw = {.state = (seed + 1) * 0x9e3779b97f4a7c15u | 1};
    for (int i = 0; i < 4; i++)
        next_random(&draw.state);
    return draw;
}

/* Convolutions and products come most often: they have most ways to go wrong. */
LayerKind layer_kind(uint64_t seed)
{
    static const LayerKind often[] = {LAYER_CONV, LAYER_CONV, LAYER_CONV, LAYER_CONV, LAYER_CONV, LAYER_CONV, LAYER_CONV, LAYER_CONV, LAYER_CONV,
                                      LAYER_DEPTHWISE, LAYER_GEMM, LAYER_GEMM, LAYER_MATMUL, LAYER_POOL, LAYER_POOL, LAYER_GLOBAL, LAYER_UNARY,
                                      LAYER_UNARY, LAYER_BINARY, LAYER_BINARY, LAYER_SOFTMAX, LAYER_LRN, LAYER_NORM};
    Draw draw = draw_from(seed);
    return often[draw_between(&draw, 0, COUNT(often) - 1)];
}

Node *layer_add(Graph *graph, const char *name, uint64_t seed)
{
    Draw draw = draw_from(seed);
    draw.graph = graph;
    draw.name = name;
    switch (layer_kind(seed)) {
    case LAYER_CONV: return draw_conv(&draw, false);
    case LAYER_DEPTHWISE: return draw_conv(&draw, true);
    case LAYER_GEMM: return draw_gemm(&draw);
    case LAYER_MATMUL: return draw_matmul(&draw);
    case LAYER_POOL: return draw_pool(&draw);
    case LAYER_GLOBAL: return draw_global(&draw);
    case LAYER_UNARY: return draw_unary(&draw);
    case LAYER_BINARY: return draw_binary(&draw);
    case LAYER_SOFTMAX: return draw_softmax(&draw);
    case LAYER_LRN: return draw_lrn(&draw);
    default: return draw_norm(&draw);
    }
}
