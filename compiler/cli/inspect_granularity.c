/* inspect: the table of paper 001. The same weights, seen as groups: a group is kept if anything in it is not zero. */
#include <string.h>

#include "compiler/cli/explain.h"
#include "compiler/cli/inspect.h"

enum { GRAINS = 4, COLUMNS = 7 };

#define WEIGHT_BITS 8                /* as the paper stores them */
#define INDEX_BITS 4                 /* how far the next group is */

typedef struct Grain {
    const char *name;
    int64_t size, groups, kept;
} Grain;

static bool is_nonzero(const Pattern *pattern, int64_t row, int64_t column)
{
    return pattern->bits[row * pattern_words(pattern->columns) + column / 64] >> (column % 64) & 1;
}

/* Rows of kernels with a nonzero in them. */
static int64_t vectors_kept(const Pattern *pattern, int64_t width)
{
    int64_t kept = 0;
    for (int64_t r = 0; r < pattern->rows; r++)
        for (int64_t c = 0; c < pattern->columns; c += width) {
            bool any = false;
            for (int64_t s = 0; s < width; s++)
                any |= is_nonzero(pattern, r, c + s);
            kept += any;
        }
    return kept;
}

/* Kernels of one number have no rows: what cannot be told apart has the same numbers. */
static void grains_of(const Inspection *inspection, Grain grains[GRAINS])
{
    const Pattern *pattern = inspection->layer->problem.pattern;
    const int64_t width = zeros_kernel_width(inspection), all = pattern->rows * pattern->columns;
    grains[0] = (Grain){"elements", 1, all, pattern->nonzeros};
    grains[1] = (Grain){"vectors", 1, all, pattern->nonzeros};
    if (width > 1 && pattern->bits)
        grains[1] = (Grain){"vectors", width, all / width, vectors_kept(pattern, width)};
    grains[2] = (Grain){"kernels", pattern->taps, all / pattern->taps, pattern->kernels};
    grains[3] = (Grain){"filters", pattern->columns, pattern->rows, pattern->rows - pattern->empty_rows};
}

static double density_of(const Grain *grain)
{
    return (double)grain->kept / (double)grain->groups;
}

/* Of dense weights of as many bits. */
static double storage_of(const Grain *grain)
{
    return density_of(grain) * (1 + (double)INDEX_BITS / (WEIGHT_BITS * (double)grain->size));
}

void inspect_granularity(const Inspection *inspection)
{
    static const char *const titles[COLUMNS] = {"seen as", "weights each", "of them", "kept", "density", "index bits", "storage"};
    if (!inspection->layer->problem.pattern) {
        printf("it has no constant weights\n");
        return;
    }
    Arena *arena = inspection->ctx->graph;
    Grain grains[GRAINS];
    const char *cells[(GRAINS + 1) * COLUMNS];
    grains_of(inspection, grains);
    memcpy(cells, titles, sizeof titles);
    for (int i = 0; i < GRAINS; i++) {
        const Grain *grain = &grains[i];
        const char *const row[COLUMNS] = {
            grain->name, arena_format(arena, "%lld", (long long)grain->size), arena_format(arena, "%lld", (long long)grain->groups),
            arena_format(arena, "%lld", (long long)grain->kept), percent_text(arena, density_of(grain)),
            arena_format(arena, "%lld", (long long)(INDEX_BITS * grain->kept)), percent_text(arena, storage_of(grain)),
        };
        memcpy(cells + (i + 1) * COLUMNS, row, sizeof row);
    }
    report_table(stdout, cells, GRAINS + 1, COLUMNS, 1);
    printf("storage as in paper 001: %d bits a kept weight and %d a kept group, over dense weights of %d bits\n", WEIGHT_BITS, INDEX_BITS,
           WEIGHT_BITS);
}

void inspect_granularity_json(const Inspection *inspection, JsonWriter *json)
{
    Grain grains[GRAINS];
    if (!inspection->layer->problem.pattern)
        return;
    grains_of(inspection, grains);
    for (int i = 0; i < GRAINS; i++) {
        json_open(json, grains[i].name, '{');
        json_add_number(json, "size", (double)grains[i].size);
        json_add_number(json, "groups", (double)grains[i].groups);
        json_add_number(json, "kept", (double)grains[i].kept);
        json_add_number(json, "density", density_of(&grains[i]));
        json_add_number(json, "index_bits", (double)(INDEX_BITS * grains[i].kept));
        json_add_number(json, "storage", storage_of(&grains[i]));
        json_close(json);
    }
}
