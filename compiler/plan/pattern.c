/* The zeros of a layer's weights. Four nested loops walk them in the order of memory; steps say which row and column an element belongs to. */
#include "compiler/plan/internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct Walk {                /* of weights as rows (output channels) and columns (what each sums over) */
    int64_t count[4];                /* the innermost last */
    int64_t row[4], column[4];       /* steps */
    int64_t rows, columns;
    int64_t groups, taps;            /* columns are (input channel of the row's group, tap) */
} Walk;

static int64_t product(const int64_t *dims, int from, int to)
{
    int64_t all = 1;
    for (int i = from; i < to; i++)
        all *= dims[i];
    return all;
}

static Walk walk_conv(const Node *node, const Shape *w)
{
    const int64_t columns = product(w->dims, 1, w->rank), group = node_int(node, ATTR_group, 1), taps = product(w->dims, 2, w->rank);
    return (Walk){{1, 1, w->dims[0], columns}, {0, 0, 1, 0}, {0, 0, 0, 1}, w->dims[0], columns, group, taps > 0 ? taps : 1};
}

static Walk walk_transposed(const Node *node, const Shape *w)
{
    int64_t group = node_int(node, ATTR_group, 1), taps = product(w->dims, 2, w->rank), ins = w->dims[0] / group, outs = w->dims[1];
    return (Walk){{group, ins, outs, taps}, {outs, 0, 1, 0}, {0, taps, 0, 1}, group * outs, ins * taps, group, taps > 0 ? taps : 1};
}

static Walk walk_product(const Shape *w, bool transposed)
{
    if (transposed)
        return (Walk){{1, 1, w->dims[0], w->dims[1]}, {0, 0, 1, 0}, {0, 0, 0, 1}, w->dims[0], w->dims[1], 1, 1};
    int64_t n = w->rank > 1 ? w->dims[w->rank - 1] : 1, k = w->rank > 1 ? w->dims[w->rank - 2] : w->dims[0];
    int64_t batch = w->rank > 2 ? product(w->dims, 0, w->rank - 2) : 1;
    return (Walk){{1, batch, k, n}, {0, n, 0, 1}, {0, 0, 1, 0}, batch * n, k, 1, 1};
}

static bool walk_of(const Node *node, Walk *walk)
{
    const Shape *w = node->input_count > 1 && node->inputs[1] != NULL ? &node->inputs[1]->shape : NULL;
    if (w == NULL || w->rank < 1)
        return false;
    switch (node->op) {
    case OP_Conv:
        *walk = walk_conv(node, w);
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

typedef struct Counting {
    int32_t *rows, *columns;
    uint64_t *masks;                 /* [rows]: a sum over the row's nonzero columns, whatever the order in which they come */
    unsigned char *used;             /* [channels] of the layer's input */
    uint64_t *bits;                  /* [rows][pattern_words(columns)], or NULL */
    int64_t nonzeros, kernels;
} Counting;

/* Any two sets of columns have different sums of these, but for an accident of one in 2^64. */
static uint64_t column_key(int64_t column)
{
    uint64_t key = ((uint64_t)column + 1) * UINT64_C(0x9e3779b97f4a7c15);
    key = (key ^ key >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return key ^ key >> 32;
}

static int sum_of(const unsigned char *nonzero, int count)
{
    int sum = 0;
    for (int i = 0; i < count; i++)
        sum += nonzero[i];
    return sum;
}

/* Where they stand in a run. */
static int places_of(const unsigned char *nonzero, int count, uint16_t *places)
{
    int found = 0;
    for (int i = 0; i < count; i++) {
        places[found] = (uint16_t)i;
        found += nonzero[i];
    }
    return found;
}

/* A run along one row. */
static void count_row(Counting *counting, const Walk *walk, const uint16_t *places, int count, int64_t row, int64_t column)
{
    uint64_t mask = 0, *bits = counting->bits == NULL ? NULL : counting->bits + row * pattern_words(walk->columns);
    for (int i = 0; bits != NULL && i < count; i++)
        bits[(column + places[i]) / 64] |= UINT64_C(1) << (column + places[i]) % 64;
    for (int i = 0; i < count; i++) {
        counting->columns[column + places[i]]++;
        mask += column_key(column + places[i]);
    }
    counting->masks[row] += mask;
    counting->rows[row] += count;
}

/* A run along one column. */
static void count_column(Counting *counting, const unsigned char *nonzero, int count, int64_t row, int64_t column)
{
    const uint64_t key = column_key(column);
    for (int i = 0; i < count; i++) {
        counting->rows[row + i] += nonzero[i];
        counting->masks[row + i] += key * nonzero[i];
    }
    counting->columns[column] += sum_of(nonzero, count);
}

/* The kernels of a row's run: `last` is the latest that had a nonzero, as a run may end inside one. */
static int64_t count_kernels(Counting *counting, const Walk *walk, const uint16_t *places, int count, int64_t row, int64_t column, int64_t last)
{
    const int64_t first = row / (walk->rows / walk->groups) * (walk->columns / walk->taps), taps = walk->taps;
    for (int i = 0; i < count; i++) {
        if (column + places[i] < (last + 1) * taps)
            continue;
        last = taps == 1 ? column + places[i] : (column + places[i]) / taps;
        counting->kernels++;
        counting->used[first + last] = 1;
    }
    return last;
}

/* One innermost run; its steps are 0 or 1. */
static void count_run(Counting *counting, const Walk *walk, const unsigned char *data, Type type, int64_t row, int64_t column)
{
    unsigned char nonzero[CHUNK];
    uint16_t places[CHUNK];
    int64_t last = -1;
    for (int64_t at = 0; at < walk->count[3]; at += CHUNK) {
        int count = (int)(walk->count[3] - at < CHUNK ? walk->count[3] - at : CHUNK);
        nonzeros(data + at * type_info(type)->bytes, type, count, nonzero);
        if (walk->column[3] == 1) {
            const int found = places_of(nonzero, count, places);
            counting->nonzeros += found;
            count_row(counting, walk, places, found, row, column + at);
            last = count_kernels(counting, walk, places, found, row, column + at, last);
        } else {
            counting->nonzeros += sum_of(nonzero, count);
            count_column(counting, nonzero, count, row + at, column);
        }
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

/* ---- what follows from the counts ---- */

static int by_mask(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Sorts the masks of rows that have nonzeros, and counts the different ones. */
static int64_t distinct_masks(uint64_t *masks, const int32_t *rows, int64_t count)
{
    int64_t kept = 0, distinct = 0;
    for (int64_t i = 0; i < count; i++)
        if (rows[i] > 0)
            masks[kept++] = masks[i];
    qsort(masks, (size_t)kept, sizeof *masks, by_mask);
    for (int64_t i = 0; i < kept; i++)
        distinct += i == 0 || masks[i] != masks[i - 1];
    return distinct;
}

static int64_t zeros_in(const int32_t *counts, int64_t count)
{
    int64_t zeros = 0;
    for (int64_t i = 0; i < count; i++)
        zeros += counts[i] == 0;
    return zeros;
}

static int64_t channels_empty(const Counting *counting, const Walk *walk)
{
    const int64_t channels = walk->groups * (walk->columns / walk->taps);
    int64_t empty = 0;
    if (walk->column[3] != 1)            /* a product: a channel is a column */
        return zeros_in(counting->columns, walk->columns);
    for (int64_t i = 0; i < channels; i++)
        empty += counting->used[i] == 0;
    return empty;
}

double pattern_imbalance(const Pattern *pattern)
{
    int32_t longest = 0;
    for (int64_t i = 0; i < pattern->rows; i++)
        longest = pattern->row_nonzeros[i] > longest ? pattern->row_nonzeros[i] : longest;
    return pattern->nonzeros > 0 ? (double)longest * (double)pattern->rows / (double)pattern->nonzeros : 1;
}

static const Pattern *pattern_from(const Counting *counting, const Walk *walk, Arena *arena)
{
    Pattern *pattern = arena_new_of(arena, Pattern);
    *pattern = (Pattern){
        .rows = walk->rows, .columns = walk->columns, .taps = walk->taps, .channels = walk->groups * (walk->columns / walk->taps),
        .nonzeros = counting->nonzeros, .row_nonzeros = counting->rows, .column_nonzeros = counting->columns,
        .empty_rows = zeros_in(counting->rows, walk->rows), .empty_columns = zeros_in(counting->columns, walk->columns),
        .empty_channels = channels_empty(counting, walk), .kernels = walk->column[3] == 1 ? counting->kernels : counting->nonzeros,
    };
    pattern->bits = counting->bits;
    pattern->notes = pattern_notes_new(arena);
    pattern->imbalance = pattern_imbalance(pattern);
    pattern->distinct_rows = distinct_masks(counting->masks, counting->rows, walk->rows);
    return pattern;
}

/* ---- what is noted down beside it ---- */

typedef struct Note {
    struct Note *next;
    const char *name;
    int64_t number;
    size_t bytes;
    void *data;
} Note;

struct PatternNotes {
    Arena *arena;
    Note *first;
};

struct PatternNotes *pattern_notes_new(Arena *arena)
{
    struct PatternNotes *notes = arena_new_of(arena, struct PatternNotes);
    notes->arena = arena;
    return notes;
}

void *pattern_note(const Pattern *pattern, const char *name, int64_t number, size_t bytes, bool *fresh)
{
    struct PatternNotes *notes = pattern->notes;
    *fresh = false;
    for (const Note *note = notes->first; note != NULL; note = note->next)
        if (note->number == number && note->bytes == bytes && strcmp(note->name, name) == 0)
            return note->data;
    *fresh = true;
    Note *note = arena_new_of(notes->arena, Note);
    *note = (Note){notes->first, name, number, bytes, arena_alloc(notes->arena, bytes, 1)};
    notes->first = note;
    return note->data;
}

/* [nonzeros]: where rows of so many begin, most first. */
static int32_t *sorted_places(const Pattern *pattern, Arena *arena)
{
    int32_t *places = arena_array(arena, int32_t, pattern->columns + 1), sum = 0;
    for (int64_t row = 0; row < pattern->rows; row++)
        places[pattern->row_nonzeros[row]]++;
    for (int64_t nonzeros = pattern->columns; nonzeros >= 0; nonzeros--) {
        const int32_t count = places[nonzeros];
        places[nonzeros] = sum;
        sum += count;
    }
    return places;
}

static void sort_rows(const Pattern *pattern, int32_t *order)
{
    Arena *arena = pattern->notes->arena;
    const int64_t groups = pattern->channels * pattern->taps / pattern->columns, each = pattern->rows / groups;
    int32_t *places = sorted_places(pattern, arena), *sorted = arena_array(arena, int32_t, pattern->rows);
    int64_t *next = arena_array(arena, int64_t, groups);
    for (int64_t row = 0; row < pattern->rows; row++)
        sorted[places[pattern->row_nonzeros[row]]++] = (int32_t)row;
    for (int64_t i = 0; i < pattern->rows; i++) {
        const int64_t group = sorted[i] / each;
        order[group * each + next[group]++] = sorted[i];
    }
}

const int32_t *pattern_order(const Pattern *pattern)
{
    bool fresh;
    int32_t *order = pattern_note(pattern, "order", 0, (size_t)pattern->rows * sizeof *order, &fresh);
    if (fresh)
        sort_rows(pattern, order);
    return order;
}

/* ---- a node's ---- */

const Pattern *pattern_of(const Graph *graph, const Node *node)
{
    Walk walk;
    if (!walk_of(node, &walk) || !value_constant(node->inputs[1]) || walk.rows > INT32_MAX || walk.columns > INT32_MAX)
        return NULL;
    if (walk.rows == 0 || walk.columns == 0)     /* without an element the other dimension may be anything: no file bounds it */
        return NULL;
    Arena *arena = graph->arena, *scratch = graph->ctx->scratch;
    Counting counting = {arena_array(arena, int32_t, walk.rows + 1), arena_array(arena, int32_t, walk.columns + 1), NULL, NULL, NULL, 0, 0};
    counting.masks = arena_array(scratch, uint64_t, walk.rows + 1);
    counting.used = arena_array(scratch, unsigned char, walk.groups * (walk.columns / walk.taps) + 1);
    if (node->op == OP_Conv || node->op == OP_ConvTranspose)
        counting.bits = arena_array(arena, uint64_t, walk.rows * pattern_words(walk.columns));
    count_all(&counting, &walk, node->inputs[1]);
    return pattern_from(&counting, &walk, arena);
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
