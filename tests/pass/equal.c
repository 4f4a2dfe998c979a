/* The passes change how a graph computes, never what: random networks give the same results before and after the whole pipeline, with residual
   offers taken in random order. Both sides are run by the naive reference. Usage: pass_equal [COUNT [FIRST SEED]] */
#include "compiler/pass/pass.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_VALUES 64

typedef struct Maker {
    Graph *graph;
    uint64_t state;
    Value *values[MOST_VALUES];      /* of rank 4, f32, with their shapes set though inference has yet to confirm them */
    int count;
} Maker;

static int draw(uint64_t *state, int below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (int)((*state >> 33) % (uint64_t)below);
}

/* ---- making a network ---- */

/* About a third zeros. */
static Value *constant(Maker *maker, Shape shape, bool positive)
{
    int64_t count = shape_count(&shape);
    char *data = arena_array(maker->graph->arena, char, 4 * count + 4);
    data += draw(&maker->state, 4);              /* as in a mapped model: at any address */
    for (int64_t i = 0; i < count; i++) {
        float element = (float)(draw(&maker->state, 3) == 0 && !positive ? 0 : draw(&maker->state, 15) - (positive ? -1 : 7)) / 8;
        memcpy(data + 4 * i, &element, sizeof element);
    }
    return graph_constant(maker->graph, NULL, TYPE_F32, &shape, data);
}

static Value *whole(Maker *maker, int count, const int64_t *numbers)
{
    const void *data = arena_copy(maker->graph->arena, numbers, (size_t)count * sizeof *numbers);
    return graph_constant(maker->graph, NULL, TYPE_I64, &(Shape){1, {count}}, data);
}

/* The result is remembered with `shape`, so that later nodes can be made to fit; inference starts from nothing all the same. */
static Node *add(Maker *maker, Op op, Shape shape, Value *a, Value *b, Value *c)
{
    Value *inputs[3] = {a, b, c}, *output = graph_value(maker->graph, NULL);
    output->shape = shape;
    maker->values[maker->count++] = output;
    return graph_add(maker->graph, op, NULL, inputs, c ? 3 : b ? 2 : 1, &output, 1);
}

static void add_conv(Maker *maker, Value *x)
{
    int64_t in = x->shape.dims[1], out = 1 + draw(&maker->state, 4), size = draw(&maker->state, 2) ? 3 : 1, pad = size / 2;
    bool grouped = draw(&maker->state, 4) == 0;
    out = grouped ? in : out;
    Shape y = x->shape;
    y.dims[1] = out;
    Value *bias = draw(&maker->state, 2) ? constant(maker, (Shape){1, {out}}, false) : NULL;
    Node *node = add(maker, OP_Conv, y, x, constant(maker, (Shape){4, {out, grouped ? 1 : in, size, size}}, false), bias);
    node_set_ints(maker->graph, node, ATTR_pads, (int64_t[]){pad, pad, pad, pad}, 4);
    node_set_int(maker->graph, node, ATTR_group, grouped ? in : 1);
}

static void add_conv_transpose(Maker *maker, Value *x)
{
    Shape y = x->shape;
    int64_t group = draw(&maker->state, 2) ? y.dims[1] : 1;
    y.dims[1] = group * 2;
    Node *node = add(maker, OP_ConvTranspose, y, x, constant(maker, (Shape){4, {x->shape.dims[1], 2, 1, 1}}, false), NULL);
    node_set_int(maker->graph, node, ATTR_group, group);
}

static void add_norm(Maker *maker, Value *x)
{
    Shape channels = {1, {x->shape.dims[1]}};
    Value *inputs[5] = {x};
    for (int i = 1; i < 5; i++)
        inputs[i] = constant(maker, channels, i == 4);
    Value *output = graph_value(maker->graph, NULL);
    output->shape = x->shape;
    maker->values[maker->count++] = output;
    graph_add(maker->graph, OP_BatchNormalization, NULL, inputs, 5, &output, 1);
}

static void add_affine(Maker *maker, Value *x)
{
    static const Op ops[] = {OP_Add, OP_Sub, OP_Mul, OP_Div};
    Op op = ops[draw(&maker->state, 4)];
    int64_t channels = x->shape.dims[1];
    const Shape shapes[] = {{0}, {1, {1}}, {3, {channels, 1, 1}}, {4, {1, channels, 1, 1}}, x->shape};
    Value *other = constant(maker, shapes[draw(&maker->state, COUNT(shapes))], op == OP_Div);
    bool swap = op != OP_Div && draw(&maker->state, 3) == 0;
    add(maker, op, x->shape, swap ? other : x, swap ? x : other, NULL);
}

static void add_activation(Maker *maker, Value *x)
{
    static const Op ops[] = {OP_Relu, OP_Sigmoid, OP_Tanh, OP_HardSwish, OP_LeakyRelu, OP_Abs};
    int kind = draw(&maker->state, COUNT(ops) + 2);
    if (kind < COUNT(ops)) {
        add(maker, ops[kind], x->shape, x, NULL, NULL);
    } else if (kind == COUNT(ops)) {
        add(maker, OP_Clip, x->shape, x, constant(maker, (Shape){0}, false), constant(maker, (Shape){0}, true));
    } else {
        add(maker, OP_Sigmoid, x->shape, x, NULL, NULL);
        add(maker, OP_Mul, x->shape, maker->values[maker->count - 1], x, NULL);
    }
}

static void add_sum(Maker *maker, Value *x)
{
    for (int tries = 0; tries < 8; tries++) {
        Value *y = maker->values[draw(&maker->state, maker->count)];
        if (shape_equal(&x->shape, &y->shape)) {
            add(maker, draw(&maker->state, 4) ? OP_Add : OP_Mul, x->shape, x, y, NULL);
            return;
        }
    }
}

static void add_pool(Maker *maker, Value *x)
{
    Node *node = add(maker, draw(&maker->state, 2) ? OP_MaxPool : OP_AveragePool, x->shape, x, NULL, NULL);
    node_set_ints(maker->graph, node, ATTR_kernel_shape, (int64_t[]){3, 3}, 2);
    node_set_ints(maker->graph, node, ATTR_pads, (int64_t[]){1, 1, 1, 1}, 4);
}

/* A Pad, and a window behind it that takes the padding away again. */
static void add_padded(Maker *maker, Value *x)
{
    if (draw(&maker->state, 2))
        add(maker, OP_Relu, x->shape, x, NULL, NULL);
    Value *padded = maker->values[maker->count - 1];
    Value *value = draw(&maker->state, 2) ? constant(maker, (Shape){0}, false) : NULL;
    Value *pads = whole(maker, 8, (int64_t[]){0, 0, 1, 1, 0, 0, 1, 1});
    add(maker, OP_Pad, (Shape){4, {1, padded->shape.dims[1], padded->shape.dims[2] + 2, padded->shape.dims[3] + 2}}, padded, pads, value);
    padded = maker->values[--maker->count];                      /* nothing else reads it, most of the time */
    Shape y = {4, {1, padded->shape.dims[1], padded->shape.dims[2] - 2, padded->shape.dims[3] - 2}};
    int kind = draw(&maker->state, 3);
    if (kind == 0) {
        add(maker, OP_Conv, y, padded, constant(maker, (Shape){4, {y.dims[1], y.dims[1], 3, 3}}, false), NULL);
    } else {
        Node *node = add(maker, kind == 1 ? OP_MaxPool : OP_AveragePool, y, padded, NULL, NULL);
        node_set_ints(maker->graph, node, ATTR_kernel_shape, (int64_t[]){3, 3}, 2);
    }
}

static void add_move(Maker *maker, Value *x)
{
    const int64_t *d = x->shape.dims;
    int64_t zeros[4] = {0}, ends[4] = {99, 99, 99, 99}, perm[4] = {0, 1, 3, 2};
    Shape swapped = {4, {d[0], d[1], d[3], d[2]}};
    switch (draw(&maker->state, 5)) {
    case 0:
        add(maker, OP_Identity, x->shape, x, NULL, NULL);
        break;
    case 1:
        node_set_ints(maker->graph, add(maker, OP_Transpose, swapped, x, NULL, NULL), ATTR_perm, perm, 4);
        break;
    case 2:
        add(maker, OP_Slice, x->shape, x, whole(maker, 4, zeros), whole(maker, 4, ends));
        break;
    case 3:
        add(maker, OP_Reshape, swapped, x, whole(maker, 4, swapped.dims), NULL);
        break;
    default:
        node_set_int(maker->graph, add(maker, OP_Concat, x->shape, x, NULL, NULL), ATTR_axis, 1);
    }
}

/* There and back through two dimensions, with a product between. */
static void add_product(Maker *maker, Value *x)
{
    int64_t columns = x->shape.dims[3], rows = shape_count(&x->shape) / columns, flat[2] = {rows, columns};
    Shape matrix = {2, {rows, columns}}, square = {2, {columns, columns}};
    add(maker, OP_Reshape, matrix, x, whole(maker, 2, flat), NULL);
    bool gemm = draw(&maker->state, 2);
    Value *bias = gemm && draw(&maker->state, 2) ? constant(maker, (Shape){1, {columns}}, false) : NULL;
    Node *node = add(maker, gemm ? OP_Gemm : OP_MatMul, matrix, maker->values[maker->count - 1], constant(maker, square, false), bias);
    if (gemm)
        node_set_int(maker->graph, node, ATTR_transB, draw(&maker->state, 2));
    if (draw(&maker->state, 2)) {
        Value *row = constant(maker, (Shape){1, {columns}}, false);
        add(maker, draw(&maker->state, 2) ? OP_Add : OP_Mul, matrix, maker->values[maker->count - 1], row, NULL);
    }
    add(maker, OP_Reshape, x->shape, maker->values[maker->count - 1], whole(maker, 4, x->shape.dims), NULL);
    Value *result = maker->values[maker->count - 1];
    while (maker->values[maker->count - 1]->shape.rank == 2 || maker->values[maker->count - 1] == result)
        maker->count--;
    maker->values[maker->count++] = result;
}

static Graph *make(Context *ctx, uint64_t seed)
{
    static void (*const kinds[])(Maker *, Value *) = {add_conv, add_conv, add_conv, add_conv_transpose, add_norm, add_norm, add_affine, add_affine,
                                                      add_activation, add_activation, add_activation, add_sum, add_sum, add_pool, add_padded,
                                                      add_move, add_move, add_product};
    Maker maker = {.graph = graph_new(ctx, "random"), .state = seed * 977 + 1};
    Shape x = {4, {1, 1 + draw(&maker.state, 3), 3 + draw(&maker.state, 3), 3 + draw(&maker.state, 3)}};
    for (int i = 0; i < 2; i++)
        maker.values[maker.count++] = graph_input(maker.graph, i ? "y" : "x", TYPE_F32, &x);
    int steps = 2 + draw(&maker.state, 12);
    for (int i = 0; i < steps && maker.count < MOST_VALUES - 8; i++) {
        int recent = draw(&maker.state, 6) ? maker.count - 1 : draw(&maker.state, maker.count);
        kinds[draw(&maker.state, COUNT(kinds))](&maker, maker.values[recent]);
    }
    int outputs = 1 + draw(&maker.state, 3);
    graph_output(maker.graph, maker.values[maker.count - 1]);
    for (int i = 1; i < outputs; i++)
        graph_output(maker.graph, maker.values[draw(&maker.state, maker.count)]);
    return maker.graph;
}

/* ---- running it ---- */

static const void *lookup(void *user, const Value *value)
{
    void **data = user;
    return value->data ? value->data : data[value->id];
}

static void run_node(const Graph *graph, const Node *node, void **data)
{
    Arena *arena = graph->ctx->scratch;
    const void **inputs = arena_array(arena, const void *, node->input_count + 1);
    void **outputs = arena_array(arena, void *, node->output_count + 1);
    for (int i = 0; i < node->input_count; i++)
        inputs[i] = node->inputs[i] ? lookup(data, node->inputs[i]) : NULL;
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i])
            outputs[i] = data[node->outputs[i]->id] = arena_alloc(arena, (size_t)shape_count(&node->outputs[i]->shape) + 1, sizeof(double));
    reference_run(graph, node, inputs, outputs, lookup, data, arena);
}

static void **run(const Graph *graph)
{
    void **data = arena_array(graph->ctx->graph, void *, graph->value_count + 1);
    uint64_t state = 5;
    for (int i = 0; i < graph->input_count; i++) {
        int64_t count = shape_count(&graph->inputs[i]->shape);
        float *input = arena_array(graph->ctx->graph, float, count + 1);
        for (int64_t k = 0; k < count; k++)
            input[k] = (float)(draw(&state, 2001) - 1000) / 500;
        data[graph->inputs[i]->id] = input;
    }
    for (int i = 0; i < graph->node_count; i++)
        run_node(graph, graph->nodes[i], data);
    return data;
}

/* ---- comparing ---- */

static bool output_differs(const Value *a, const Value *b, const float *before, const float *after)
{
    float largest = 1, worst = 0;
    bool lost = false;
    for (int64_t i = 0; i < shape_count(&a->shape); i++) {
        bool both_nan = before[i] != before[i] && after[i] != after[i];
        largest = fmaxf(largest, fabsf(before[i]));
        if (!both_nan && before[i] != after[i]) {
            worst = fmaxf(worst, fabsf(before[i] - after[i]));
            lost = lost || !isfinite(before[i] - after[i]);
        }
    }
    return !shape_equal(&a->shape, &b->shape) || lost || worst > 1e-4f * largest;
}

/* Where views, copies and outputs may be after the passes; see views.c. */
static bool misplaced(const Graph *graph)
{
    bool *taken = arena_array(graph->ctx->scratch, bool, graph->value_count + 1);
    for (int i = 0; i < graph->output_count; i++) {
        const Value *value = graph->outputs[i];
        if (!value->producer || value->output_index != i)
            return true;
        const Value *root = value->producer->op == OP_View ? value->producer->inputs[0] : value;
        if (!root->producer || taken[root->id] || (root != value && root->output_index >= 0))
            return true;
        taken[root->id] = true;
    }
    for (int i = 0; i < graph->node_count; i++) {
        const Node *node = graph->nodes[i];
        if (node->op == OP_View && (value_constant(node->inputs[0]) || (node->inputs[0]->producer && node->inputs[0]->producer->op == OP_View)))
            return true;
    }
    return false;
}

static void take_offers(Graph *graph, uint64_t seed)
{
    for (int tries = 0; tries < 4 * graph->node_count; tries++) {
        Node *host = graph->nodes[draw(&seed, graph->node_count)];
        if (host->residual_offer_count == 0)
            continue;
        fuse_residual(graph, host, host->residual_offers[0]);
        if (draw(&seed, 2))                      /* ids may be older than the last edit */
            graph_index(graph);
    }
    graph_index(graph);
    graph_verify(graph, "residual");
}

typedef struct Trial {
    uint64_t seed;
    bool failed;
    int fused;                               /* operators behind others, so that we see that something was tested */
} Trial;

static Status try_seed(Context *ctx, void *argument)
{
    Trial *trial = argument;
    PassOptions options = {0};
    Graph *plain = make(ctx, trial->seed), *passed = make(ctx, trial->seed);
    pass_run_named(plain, "infer", &options);
    passes_run(passed, &options);
    trial->failed = misplaced(passed);
    take_offers(passed, trial->seed);
    for (int i = 0; i < passed->node_count; i++)
        trial->fused += passed->nodes[i]->epilogue_count;
    void **before = run(plain), **after = run(passed);
    for (int i = 0; i < plain->output_count; i++)
        trial->failed = trial->failed || output_differs(plain->outputs[i], passed->outputs[i], lookup(before, plain->outputs[i]),
                                                        lookup(after, passed->outputs[i]));
    if (trial->failed) {
        graph_dump(make(ctx, trial->seed), stdout);
        graph_dump(passed, stdout);
    }
    return STATUS_FINE;
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 2000, first = argc > 2 ? atoi(argv[2]) : 1, failed = 0, fused = 0;
    for (int i = 0; i < count; i++) {
        Trial trial = {.seed = (uint64_t)(first + i)};
        if (context_run(try_seed, &trial) != STATUS_FINE || trial.failed) {
            printf("seed %d fails\n", first + i);
            failed++;
        }
        fused += trial.fused;
    }
    printf("%d networks, %d failed, %d operators fused\n", count, failed, fused);
    return failed > 0 || fused == 0;
}
