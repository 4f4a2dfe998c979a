/* The order of nonzeros in bodies, of which their text, their weights and their counts are made. */
#include "codegen/cpu/sparse_inline.h"

#include <math.h>
#include <string.h>

static const uint64_t *bits_of(const Problem *problem, const Inline *inl, int place)
{
    return problem->pattern->bits + inl->order[place] * pattern_words(problem->pattern->columns);
}

enum { WORD_COLUMNS = 64 };          /* of a word of a pattern's bits */

static double used_of(const Problem *problem, const Inline *inl, const InlineGroup *group)
{
    const Pattern *pattern = problem->pattern;
    const double columns = (double)(pattern->columns - pattern->empty_columns);
    int64_t used = 0;
    if (pattern->bits == NULL) {
        const double each = columns > 0 ? (double)group->nonzeros / (columns * group->rows) : 0;
        return columns * (1 - pow(1 - fmin(1, each), group->rows));
    }
    for (int64_t word = 0; word < pattern_words(pattern->columns); word++) {
        uint64_t any = 0;
        for (int i = 0; i < group->rows; i++)
            any |= bits_of(problem, inl, group->first + i)[word];
        used += __builtin_popcountll(any);
    }
    return (double)used;
}

const double *inline_used(const Problem *problem, const Inline *inl)
{
    bool fresh;
    const int64_t number = (int64_t)(inl->groups_number >> 1);
    double *used = pattern_note(problem->pattern, "inline groups", number, (size_t)inl->group_count * sizeof *used, &fresh);
    for (int g = 0; fresh && g < inl->group_count; g++)
        used[g] = used_of(problem, inl, &inl->groups[g]);
    return used;
}

int inline_bounds(const Inline *inl)
{
    return inl->finish == FINISH_ROWS || inl->dialect == DIALECT_C ? 0 : inl->epilogue.bounds;
}

int64_t inline_weight_count(const Problem *problem, const Inline *inl)
{
    const int behind = inl->dialect == DIALECT_NEON ? NEON_BEHIND : 0;
    return problem->pattern->nonzeros + inl->window.outputs + inline_bounds(inl) * inl->group_count + behind;
}

/* ---- where one body ends and the next begins ---- */

/* Nonzeros of these rows in each column of a word. */
static void count_columns(const Problem *problem, const Inline *inl, int first, int rows, int64_t word, int counts[static WORD_COLUMNS])
{
    memset(counts, 0, WORD_COLUMNS * sizeof *counts);
    for (int i = 0; i < rows; i++)
        for (uint64_t bits = bits_of(problem, inl, first + i)[word]; bits != 0; bits &= bits - 1)
            counts[__builtin_ctzll(bits)]++;
}

/* Sets ends[set->chunks], of columns: chunks of about as many nonzeros each. */
static void cut(const Problem *problem, const Inline *inl, const InlineSet *set, int64_t *ends)
{
    const int64_t columns = problem->pattern->columns;
    int counts[WORD_COLUMNS];
    int64_t nonzeros = 0;
    int chunk = 0;
    for (int64_t column = 0; column < columns && chunk < set->chunks - 1; column++) {
        if (column % WORD_COLUMNS == 0)
            count_columns(problem, inl, inl->groups[set->first_group].first, set->rows, column / WORD_COLUMNS, counts);
        nonzeros += counts[column % WORD_COLUMNS];
        if (nonzeros * set->chunks >= set->nonzeros * (chunk + 1) || columns - column - 1 == set->chunks - 1 - chunk)
            ends[chunk++] = column + 1;
    }
    while (chunk < set->chunks)
        ends[chunk++] = columns;
}

typedef struct WordRows {            /* of a group, by column of a word */
    int count[WORD_COLUMNS], rows[WORD_COLUMNS][INLINE_MOST_ROWS];
} WordRows;

/* Bit by bit: most of a sparse group's rows have nothing in most columns. */
static void find_rows(const Problem *problem, const Inline *inl, const InlineGroup *group, int64_t word, WordRows *found)
{
    memset(found->count, 0, sizeof found->count);
    for (int i = 0; i < group->rows; i++)
        for (uint64_t bits = bits_of(problem, inl, group->first + i)[word]; bits != 0; bits &= bits - 1) {
            const int column = __builtin_ctzll(bits);
            found->rows[column][found->count[column]++] = i;
        }
}

typedef struct Range { int64_t from, to; } Range;        /* of columns */

static void walk_group(const Problem *problem, const Inline *inl, const InlineSet *set, const InlineGroup *group, Range range,
                       const InlineVisitor *visitor)
{
    const int64_t taps = window_taps(&inl->window), channels = inl->window.channels / inl->window.group;
    WordRows found;
    for (int64_t column = range.from; column < range.to; column++) {
        const int64_t at = column % WORD_COLUMNS;
        if (at == 0 || column == range.from)
            find_rows(problem, inl, group, column / WORD_COLUMNS, &found);
        if (found.count[at] > 0)
            visitor->column(visitor->user, set->part * channels + column / taps, column % taps, found.rows[at], found.count[at]);
    }
}

static void walk_body(const Problem *problem, const Inline *inl, const InlineSet *set, int chunk, Range range, const InlineVisitor *visitor)
{
    for (int g = set->first_group; g < set->first_group + set->groups; g++) {
        visitor->open(visitor->user, &inl->groups[g], chunk == 0);
        walk_group(problem, inl, set, &inl->groups[g], range, visitor);
        visitor->close(visitor->user, &inl->groups[g], chunk == set->chunks - 1);
    }
}

void inline_walk(const Problem *problem, const Inline *inl, const InlineSet *set, void (*body)(void *user, int body), const InlineVisitor *visitor)
{
    int64_t *ends = arena_array(problem->graph->ctx->scratch, int64_t, set->chunks), from = 0;
    cut(problem, inl, set, ends);
    for (int chunk = 0; chunk < set->chunks; from = ends[chunk++]) {
        body(visitor->user, set->first_body + chunk);
        walk_body(problem, inl, set, chunk, (Range){from, ends[chunk]}, visitor);
        if (visitor->tail == NULL)
            continue;
        visitor->tail(visitor->user);
        walk_body(problem, inl, set, chunk, (Range){from, ends[chunk]}, visitor);
    }
}

/* ---- weights in this order ---- */

typedef struct Packing {
    const Problem *problem;
    const Inline *inl;
    const InlineGroup *group;
    const float *bias;
    float *weights;
    int32_t *starts;
    int64_t count;
} Packing;

static void pack_body(void *user, int body)
{
    Packing *packing = user;
    packing->starts[body] = (int32_t)packing->count;
}

static void pack_open(void *user, const InlineGroup *group, bool first)
{
    Packing *packing = user;
    packing->group = group;
    for (int i = 0; i < group->rows && first; i++)
        packing->weights[packing->count++] = packing->bias[packing->inl->order[group->first + i]];
}

static void pack_column(void *user, int64_t channel, int64_t tap, const int *rows, int count)
{
    Packing *packing = user;
    const Window *window = &packing->inl->window;
    const int64_t taps = window_taps(window), column = channel % (window->channels / window->group) * taps + tap;
    for (int i = 0; i < count; i++) {
        const int64_t row = packing->inl->order[packing->group->first + rows[i]];
        packing->weights[packing->count++] = read_float(packing->problem->node->inputs[1]->data, row * packing->problem->pattern->columns + column);
    }
}

static void pack_close(void *user, const InlineGroup *group, bool last)
{
    Packing *packing = user;
    (void)group;
    if (!last || inline_bounds(packing->inl) == 0)
        return;
    packing->weights[packing->count++] = packing->inl->epilogue.low;
    packing->weights[packing->count++] = packing->inl->epilogue.high;
}

float *inline_pack(const Problem *problem, const Inline *inl, Arena *arena, int32_t *starts, int64_t *count)
{
    const int64_t outputs = inl->window.outputs;
    Packing packing = {.problem = problem, .inl = inl, .bias = weights_bias(problem->node, outputs, 1, arena), .starts = starts};
    const InlineVisitor visitor = {&packing, pack_open, pack_column, pack_close, NULL};
    packing.weights = arena_array(arena, float, inline_weight_count(problem, inl));
    for (int s = 0; s < inl->set_count; s++)
        inline_walk(problem, inl, &inl->sets[s], pack_body, &visitor);
    for (int i = 0; i < NEON_BEHIND && inl->dialect == DIALECT_NEON; i++)
        packing.weights[packing.count++] = 0;
    *count = packing.count;
    return packing.weights;
}
