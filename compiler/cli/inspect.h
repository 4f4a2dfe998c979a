/* What inspect shows of a layer: sections, each of which can be asked for by its name. Includes cli.h, codegen. */
#ifndef TULLE_INSPECT_H
#define TULLE_INSPECT_H

#include "codegen/kernel.h"
#include "compiler/cli/cli.h"

typedef struct Inspection {          /* of one layer */
    Context *ctx;
    const Options *options;
    const Plan *plan;
    int number;                      /* of the layer */
    const LayerPlan *layer;
    Units units;                     /* the layer's alone */
    const Unit *unit;
} Inspection;

/* A section is a text, as it is, or it prints itself. */
typedef struct Section {
    const char *name, *says;         /* for --show; the heading above it */
    bool asked;                      /* shown only when it is asked for */
    const char *(*text)(const Inspection *inspection);
    void (*print)(const Inspection *inspection);
    void (*json)(const Inspection *inspection, JsonWriter *json);        /* members of an open object */
} Section;

extern const Section inspect_sections[];
extern const int inspect_section_count;

/* ---- inspect_table.c: all layers ---- */

void inspect_table(const Plan *plan);
void inspect_table_json(const Plan *plan, JsonWriter *json);

/* ---- inspect_layer.c: what was decided, and what it counts ---- */

void inspect_layer(const Inspection *inspection);
void inspect_layer_json(const Inspection *inspection, JsonWriter *json);
void inspect_counts(const Inspection *inspection);
void inspect_counts_json(const Inspection *inspection, JsonWriter *json);
const char *inspect_c(const Inspection *inspection);             /* the layer's own text, its story above it */
const char *inspect_source(const Inspection *inspection);        /* all that is compiled */

/* ---- inspect_zeros.c: where the zeros lie ---- */

void inspect_zeros(const Inspection *inspection);
void inspect_zeros_json(const Inspection *inspection, JsonWriter *json);
/* Nonzeros of each row, each input channel (of a group, the groups summed up), each position of the kernel. */
int64_t *zeros_by_row(const Pattern *pattern, Arena *arena);
int64_t *zeros_by_channel(const Pattern *pattern, Arena *arena, int64_t *count);
int64_t *zeros_by_tap(const Pattern *pattern, Arena *arena);
int64_t zeros_kernel_width(const Inspection *inspection);

/* ---- inspect_granularity.c ---- */

void inspect_granularity(const Inspection *inspection);
void inspect_granularity_json(const Inspection *inspection, JsonWriter *json);

#endif
