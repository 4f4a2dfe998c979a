/* inspect: where a layer's zeros lie, and what they would be worth as zeros of larger groups. */
#include <stdlib.h>
#include <string.h>

#include "compiler/cli/explain.h"
#include "compiler/cli/inspect.h"

/* ---- nonzeros a row, a channel, a tap ---- */

typedef struct Spread {              /* of sorted counts */
    int64_t least, low, median, high, most;
    double mean;
} Spread;

static int by_count(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static Spread spread_of(int64_t *counts, int64_t count)
{
    double sum = 0;
    qsort(counts, (size_t)count, sizeof *counts, by_count);
    for (int64_t i = 0; i < count; i++)
        sum += (double)counts[i];
    return (Spread){counts[0], counts[count / 4], counts[count / 2], counts[3 * count / 4], counts[count - 1], sum / (double)count};
}

int64_t *zeros_by_row(const Pattern *pattern, Arena *arena)
{
    int64_t *counts = arena_array(arena, int64_t, pattern->rows);
    for (int64_t r = 0; r < pattern->rows; r++)
        counts[r] = pattern->row_nonzeros[r];
    return counts;
}

/* Of convolutions in groups: a column is the same place in each group, since weights know no more. */
int64_t *zeros_by_channel(const Pattern *pattern, Arena *arena, int64_t *count)
{
    *count = pattern->columns / pattern->taps;
    int64_t *counts = arena_array(arena, int64_t, *count);
    for (int64_t c = 0; c < pattern->columns; c++)
        counts[c / pattern->taps] += pattern->column_nonzeros[c];
    return counts;
}

int64_t *zeros_by_tap(const Pattern *pattern, Arena *arena)
{
    int64_t *counts = arena_array(arena, int64_t, pattern->taps);
    for (int64_t c = 0; c < pattern->columns; c++)
        counts[c % pattern->taps] += pattern->column_nonzeros[c];
    return counts;
}

/* Why there are none to be shown. */
const char *zeros_missing(const Inspection *inspection)
{
    const Node *node = inspection->layer->problem.node;
    if (node->op == OP_MatMul && node->inputs[0]->data)
        return "its constant side is the left one, of which zeros are not counted: those of the right side are";
    return "it has no constant weights whose zeros are counted";
}

int64_t zeros_groups(const Pattern *pattern)
{
    return pattern->channels * pattern->taps / pattern->columns;
}

int64_t zeros_kernel_width(const Inspection *inspection)
{
    const Pattern *pattern = inspection->layer->problem.pattern;
    const Shape *weights = &inspection->layer->problem.node->inputs[1]->shape;
    return pattern->taps > 1 ? weights->dims[weights->rank - 1] : 1;
}

int64_t zeros_kernel_height(const Inspection *inspection)
{
    const Shape *weights = &inspection->layer->problem.node->inputs[1]->shape;
    return inspection->layer->problem.pattern->taps > 1 && weights->rank > 3 ? weights->dims[weights->rank - 2] : 1;
}

static void print_spread(const char *what, int64_t *counts, int64_t count, int64_t whole)
{
    const Spread spread = spread_of(counts, count);
    printf("%-24s %8lld %8lld %8lld %8lld %8lld %9.1f   of %lld\n", what, (long long)spread.least, (long long)spread.low, (long long)spread.median,
           (long long)spread.high, (long long)spread.most, spread.mean, (long long)whole);
}

/* Planes of kernels of three dimensions stand apart. */
static void print_taps(const Pattern *pattern, const int64_t *counts, int64_t width, int64_t height)
{
    const double whole = (double)(pattern->rows * (pattern->columns / pattern->taps));
    printf("density at each position of the kernel, %%:\n");
    for (int64_t t = 0; t < pattern->taps; t++)
        printf("%s%7.1f%s", t > 0 && t % (width * height) == 0 ? "\n" : "", 100 * (double)counts[t] / whole, (t + 1) % width == 0 ? "\n" : "");
}

void inspect_zeros(const Inspection *inspection)
{
    const Pattern *pattern = inspection->layer->problem.pattern;
    Arena *arena = inspection->ctx->graph;
    if (!pattern) {
        printf("%s\n", zeros_missing(inspection));
        return;
    }
    int64_t channels;
    const int64_t groups = zeros_groups(pattern);
    int64_t *by_channel = zeros_by_channel(pattern, arena, &channels);
    printf("%lld of %lld weights are not zero: %s\n", (long long)pattern->nonzeros, (long long)(pattern->rows * pattern->columns),
           percent_text(arena, (double)pattern->nonzeros / ((double)pattern->rows * (double)pattern->columns)));
    printf("%-24s %8s %8s %8s %8s %8s %9s\n", "nonzeros", "least", "quarter", "median", "quarter", "most", "mean");
    print_spread(arena_format(arena, "a row, %lld of them", (long long)pattern->rows), zeros_by_row(pattern, arena), pattern->rows,
                 pattern->columns);
    print_spread(arena_format(arena, groups > 1 ? "a channel of a group, %lld" : "an input channel, %lld", (long long)channels), by_channel, channels,
                 pattern->rows * pattern->taps);
    if (groups > 1)
        printf("in %lld groups, whose channels are summed up by their places\n", (long long)groups);
    printf("empty: %lld rows, %lld of all %lld input channels, %lld columns; the longest row has %.2fx the average; %lld different rows\n",
           (long long)pattern->empty_rows, (long long)pattern->empty_channels, (long long)pattern->channels, (long long)pattern->empty_columns,
           pattern->imbalance, (long long)pattern->distinct_rows);
    if (pattern->taps > 1)
        print_taps(pattern, zeros_by_tap(pattern, arena), zeros_kernel_width(inspection), zeros_kernel_height(inspection));
}

static void add_counts(JsonWriter *json, const char *name, const int64_t *counts, int64_t count)
{
    json_open(json, name, '[');
    for (int64_t i = 0; i < count; i++)
        json_add_number(json, NULL, (double)counts[i]);
    json_close(json);
}

void inspect_zeros_json(const Inspection *inspection, JsonWriter *json)
{
    const Pattern *pattern = inspection->layer->problem.pattern;
    Arena *arena = inspection->ctx->graph;
    if (!pattern)
        return;
    const struct { const char *name; int64_t count; } counts[] = {
        {"rows", pattern->rows}, {"columns", pattern->columns}, {"taps", pattern->taps}, {"kernel_width", zeros_kernel_width(inspection)},
        {"kernel_height", zeros_kernel_height(inspection)}, {"groups", zeros_groups(pattern)}, {"channels", pattern->channels},
        {"nonzeros", pattern->nonzeros}, {"empty_rows", pattern->empty_rows}, {"empty_channels", pattern->empty_channels},
        {"empty_columns", pattern->empty_columns}, {"distinct_rows", pattern->distinct_rows},
    };
    for (int i = 0; i < COUNT(counts); i++)
        json_add_number(json, counts[i].name, (double)counts[i].count);
    json_add_number(json, "imbalance", pattern->imbalance);
    int64_t channels;
    const int64_t *by_channel = zeros_by_channel(pattern, arena, &channels);
    add_counts(json, "row_nonzeros", zeros_by_row(pattern, arena), pattern->rows);
    add_counts(json, "channel_nonzeros", by_channel, channels);
    add_counts(json, "tap_nonzeros", zeros_by_tap(pattern, arena), pattern->taps);
}
