/* inspect: the table of paper 001. The same weights, seen as groups: a group is kept if anything in it is not zero. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "compiler/cli/explain.h"
#include "compiler/cli/inspect.h"

enum { GRAINS = 4, COLUMNS = 9 };

#define WEIGHT_BITS 8                /* as the paper stores them */
#define INDEX_BITS 4                 /* how many groups are left out before this one */
#define INDEX_REACH (1 << INDEX_BITS)        /* so far behind the last one a group is reached; on the way to others lie fillers */

typedef struct Grain {
    const char *name;
    int64_t size, groups, kept;
    int64_t fillers;                 /* -1: not known */
} Grain;

static bool is_nonzero(const Pattern *pattern, int64_t row, int64_t column)
{
    return pattern->bits[row * pattern_words(pattern->columns) + column / 64] >> (column % 64) & 1;
}

/* Groups one behind the other, each of so many columns of a row; row by row. */
static Grain counted_grain(const char *name, const Pattern *pattern, int64_t size)
{
    Grain grain = {name, size, pattern->rows * pattern->columns / size, 0, 0};
    int64_t last = -1;
    for (int64_t group = 0; group < grain.groups; group++) {
        const int64_t row = group * size / pattern->columns, column = group * size % pattern->columns;
        bool any = false;
        for (int64_t s = 0; s < size && !any; s++)
            any = is_nonzero(pattern, row, column + s);
        if (!any)
            continue;
        grain.kept++;
        grain.fillers += (group - last - 1) / INDEX_REACH;
        last = group;
    }
    return grain;
}

/* Where only sums are kept of the pattern, as of products. */
static Grain summed_grain(const char *name, const Pattern *pattern, int64_t size, int64_t kept)
{
    return (Grain){name, size, pattern->rows * pattern->columns / size, kept, -1};
}

static Grain filters_of(const Pattern *pattern)
{
    Grain grain = summed_grain("filters", pattern, pattern->columns, pattern->rows - pattern->empty_rows);
    int64_t last = -1;
    grain.fillers = 0;
    for (int64_t row = 0; row < pattern->rows; row++)
        if (pattern->row_nonzeros[row] > 0) {
            grain.fillers += (row - last - 1) / INDEX_REACH;
            last = row;
        }
    return grain;
}

/* Kernels of one number have no rows: what cannot be told apart has the same numbers. */
static void grains_of(const Inspection *inspection, Grain grains[GRAINS])
{
    const Pattern *pattern = inspection->layer->problem.pattern;
    const int64_t width = zeros_kernel_width(inspection);
    if (pattern->bits) {
        grains[0] = counted_grain("elements", pattern, 1);
        grains[1] = counted_grain("vectors", pattern, width);
        grains[2] = counted_grain("kernels", pattern, pattern->taps);
    } else {
        grains[0] = summed_grain("elements", pattern, 1, pattern->nonzeros);
        assert(pattern->taps == 1);
        grains[1] = summed_grain("vectors", pattern, 1, pattern->nonzeros);
        grains[2] = summed_grain("kernels", pattern, 1, pattern->kernels);
    }
    grains[3] = filters_of(pattern);
}

static double density_of(const Grain *grain)
{
    return (double)grain->kept / (double)grain->groups;
}

/* Of dense weights of as many bits. */
static double storage_of(const Grain *grain, int64_t stored)
{
    return (double)stored / (double)grain->groups * (1 + (double)INDEX_BITS / (WEIGHT_BITS * (double)grain->size));
}

static const char *count_text(Arena *arena, int64_t count)
{
    return arena_format(arena, "%lld", (long long)count);
}

void inspect_granularity(const Inspection *inspection)
{
    static const char *const titles[COLUMNS] = {"seen as",    "weights each", "of them", "kept",     "density",
                                                "index bits", "storage",      "fillers", "with them"};
    if (!inspection->layer->problem.pattern) {
        printf("%s\n", zeros_missing(inspection));
        return;
    }
    Arena *arena = inspection->ctx->graph;
    Grain grains[GRAINS];
    const char *cells[(GRAINS + 1) * COLUMNS];
    grains_of(inspection, grains);
    memcpy(cells, titles, sizeof titles);
    for (int i = 0; i < GRAINS; i++) {
        const Grain *grain = &grains[i];
        const bool known = grain->fillers >= 0;
        const char *const row[COLUMNS] = {
            grain->name, count_text(arena, grain->size), count_text(arena, grain->groups), count_text(arena, grain->kept),
            percent_text(arena, density_of(grain)), count_text(arena, INDEX_BITS * grain->kept), percent_text(arena, storage_of(grain, grain->kept)),
            known ? count_text(arena, grain->fillers) : "not known", known ? percent_text(arena, storage_of(grain, grain->kept + grain->fillers)) : "",
        };
        memcpy(cells + (i + 1) * COLUMNS, row, sizeof row);
    }
    report_table(stdout, cells, GRAINS + 1, COLUMNS, 1);
    printf("storage as paper 001 counts it: %d bits a kept weight and %d a kept group, over dense weights of %d bits\n", WEIGHT_BITS, INDEX_BITS,
           WEIGHT_BITS);
    printf("fillers: an index of %d bits passes over %d groups; of each %d in a row that are left out, one of zeros is stored\n", INDEX_BITS,
           INDEX_REACH - 1, INDEX_REACH);
}

void inspect_granularity_json(const Inspection *inspection, JsonWriter *json)
{
    Grain grains[GRAINS];
    if (!inspection->layer->problem.pattern)
        return;
    grains_of(inspection, grains);
    for (int i = 0; i < GRAINS; i++) {
        const Grain *grain = &grains[i];
        json_open(json, grain->name, '{');
        json_add_number(json, "size", (double)grain->size);
        json_add_number(json, "groups", (double)grain->groups);
        json_add_number(json, "kept", (double)grain->kept);
        json_add_number(json, "density", density_of(grain));
        json_add_number(json, "index_bits", (double)(INDEX_BITS * grain->kept));
        json_add_number(json, "storage", storage_of(grain, grain->kept));
        json_add_number(json, "fillers", grain->fillers >= 0 ? (double)grain->fillers : NAN);
        json_add_number(json, "storage_filled", grain->fillers >= 0 ? storage_of(grain, grain->kept + grain->fillers) : NAN);
        json_close(json);
    }
}
