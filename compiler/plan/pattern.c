/* The zeros of a layer's weights. Four nested loops walk them in the order of memory; steps say which row and column an element belongs to. */
#include "compiler/plan/internal.h"

#include <string.h>

typedef struct Walk {                /* of weights as rows (output channels) and columns (what each sums over) */
    int64_t count[4];                /* the innermost last */
    int64_t row[4], column[4];       /* steps */
    int64_t rows, columns;
} Walk;

static int64_t product(const int64_t *dims, int from, int to)
{
    int64_t all = 1;
    for (int i = from; i < to; i++)
        all *= dims[i];
    return all;
}

static Walk walk_conv(const Shape *w)
{
    int64_t columns = product(w->dims, 1, w->rank);
    return (Walk){{1, 1, w->dims[0], columns}, {0, 0, 1, 0}, {0, 0, 0, 1}, w->dims[0], columns};
}

static Walk walk_transposed(const Node *node, const Shape *w)
{
    int64_t group = node_int(node, ATTR_group, 1), taps = product(w->dims, 2, w->rank), ins = w->dims[0] / group, outs = w->dims[1];
    return (Walk){{group, ins, outs, taps}, {outs, 0, 1, 0}, {0, taps, 0, 1}, group * outs, ins * taps};
}

static Walk walk_product(const Shape *w, bool transposed)
{
    if (transposed)
        return (Walk){{1, 1, w->dims[0], w->dims[1]}, {0, 0, 1, 0}, {0, 0, 0, 1}, w->dims[0], w->dims[1]};
    int64_t n = w->rank > 1 ? w->dims[w->rank - 1] : 1, k = w->rank > 1 ? w->dims[w->rank - 2] : w->dims[0];
    int64_t batch = w->rank > 2 ? product(w->dims, 0, w->rank - 2) : 1;
    return (Walk){{1, batch, k, n}, {0, n, 0, 1}, {0, 0, 1, 0}, batch * n, k};
}

static bool walk_of(const Node *node, Walk *walk)
{
    const Shape *w = node->input_count > 1 && node->inputs[1] != NULL ? &node->inputs[1]->shape : NULL;
    if (w == NULL || w->rank < 1)
        return false;
    switch (node->op) {
    case OP_Conv:
        *walk = walk_conv(w);
        return true;
    case OP_ConvTranspose:
        *walk = walk_transposed(node, w);
        return true;
    case OP_Gemm:
        *walk = walk_product(w, node_int(node, ATTR_transB, 0) != 0);
        return true;
    case OP_MatMul:
        *walk = walk_product(w, false);
        return true;
    default:
        return false;
    }
}

/* ---- counting ---- */

#define CHUNK 1024

static void nonzero_4(const unsigned char *data, uint32_t mask, int count, unsigned char *nonzero)
{
    uint32_t words[CHUNK];
    memcpy(words, data, (size_t)count * 4);
    for (int i = 0; i < count; i++)
        nonzero[i] = (words[i] & mask) != 0;
}

static void nonzero_any(const unsigned char *data, int bytes, bool real, int count, unsigned char *nonzero)
{
    for (int i = 0; i < count; i++, data += bytes) {
        unsigned bits = 0;
        for (int b = 0; b < bytes; b++)
            bits |= data[b] & (real && b == bytes - 1 ? 0x7fu : 0xffu);
        nonzero[i] = bits != 0;
    }
}

/* Which of `count` elements are not zero; the sign of a real zero does not matter. */
static void nonzeros(const unsigned char *data, Type type, int count, unsigned char *nonzero)
{
    const TypeInfo *info = type_info(type);
    if (info->bytes == 4)
        nonzero_4(data, info->real ? 0x7fffffffu : 0xffffffffu, count, nonzero);
    else
        nonzero_any(data, info->bytes, info->real, count, nonzero);
}

static uint64_t hash_chunk(uint64_t hash, const unsigned char *nonzero, int count)
{
    for (int i = 0; i < count; i += 8) {
        uint64_t eight = 0;
        memcpy(&eight, nonzero + i, (size_t)(count - i < 8 ? count - i : 8));
        hash = (hash ^ eight) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return hash;
}

typedef struct Counting {
    int32_t *rows, *columns;
    int64_t nonzeros;
    uint64_t hash;
} Counting;

static void count_chunk(Counting *counting, const unsigned char *nonzero, int count, int32_t *row, int64_t row_step, int32_t *column,
                        int64_t column_step)
{
    int sum = 0;
    for (int i = 0; i < count; i++)
        sum += nonzero[i];
    counting->nonzeros += sum;
    counting->hash = hash_chunk(counting->hash, nonzero, count);
    if (row_step == 0)
        *row += sum;
    else
        for (int i = 0; i < count; i++)
            row[i] += nonzero[i];
    if (column_step == 0)
        *column += sum;
    else
        for (int i = 0; i < count; i++)
            column[i] += nonzero[i];
}

/* One innermost run; its steps are 0 or 1. */
static void count_run(Counting *counting, const Walk *walk, const unsigned char *data, Type type, int64_t row, int64_t column)
{
    unsigned char nonzero[CHUNK];
    for (int64_t at = 0; at < walk->count[3]; at += CHUNK) {
        int count = (int)(walk->count[3] - at < CHUNK ? walk->count[3] - at : CHUNK);
        nonzeros(data + at * type_info(type)->bytes, type, count, nonzero);
        count_chunk(counting, nonzero, count, counting->rows + row + at * walk->row[3], walk->row[3],
                    counting->columns + column + at * walk->column[3], walk->column[3]);
    }
}

static void count_all(Counting *counting, const Walk *walk, const Value *weights)
{
    const unsigned char *data = weights->data;
    for (int64_t a = 0; a < walk->count[0]; a++)
        for (int64_t b = 0; b < walk->count[1]; b++)
            for (int64_t c = 0; c < walk->count[2]; c++) {
                int64_t row = a * walk->row[0] + b * walk->row[1] + c * walk->row[2];
                int64_t column = a * walk->column[0] + b * walk->column[1] + c * walk->column[2];
                count_run(counting, walk, data, weights->type, row, column);
                data += walk->count[3] * type_info(weights->type)->bytes;
            }
}

static int64_t zeros_in(const int32_t *counts, int64_t count)
{
    int64_t zeros = 0;
    for (int64_t i = 0; i < count; i++)
        zeros += counts[i] == 0;
    return zeros;
}

const Pattern *pattern_of(const Graph *graph, const Node *node)
{
    Walk walk;
    if (!walk_of(node, &walk) || !value_constant(node->inputs[1]) || walk.rows > INT32_MAX || walk.columns > INT32_MAX)
        return NULL;
    Counting counting = {arena_array(graph->arena, int32_t, walk.rows + 1), arena_array(graph->arena, int32_t, walk.columns + 1), 0, 0};
    counting.hash = (uint64_t)walk.rows << 32 ^ (uint64_t)walk.columns;
    count_all(&counting, &walk, node->inputs[1]);
    Pattern *pattern = arena_new_of(graph->arena, Pattern);
    *pattern = (Pattern){.rows = walk.rows, .columns = walk.columns, .nonzeros = counting.nonzeros, .hash = counting.hash};
    pattern->row_nonzeros = counting.rows;
    pattern->column_nonzeros = counting.columns;
    pattern->empty_rows = zeros_in(counting.rows, walk.rows);
    pattern->empty_columns = zeros_in(counting.columns, walk.columns);
    return pattern;
}

double dense_multiply_adds(const Node *node)
{
    Walk walk;
    if (!walk_of(node, &walk))
        return 0;
    const Shape *w = &node->inputs[1]->shape;
    if (node->op == OP_ConvTranspose)    /* every input element meets every weight of its channel */
        return (double)shape_count(&node->inputs[0]->shape) * (double)product(w->dims, 1, w->rank);
    return (double)shape_count(&node->outputs[0]->shape) * (double)walk.columns;
}
