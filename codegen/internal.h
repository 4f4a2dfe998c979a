/* What the files of codegen/ that write a module share among themselves. */
#ifndef TULLE_CODEGEN_INTERNAL_H
#define TULLE_CODEGEN_INTERNAL_H

#include "codegen/kernel.h"

#define WEIGHT_ALIGNMENT 64

/* ---- emission.c ---- */

typedef struct Helpers {             /* texts that several layers share, each once, in the order they were asked for */
    Out out;
    const char **keys;
    int count, capacity;
    Arena *arena;                    /* outlives the layers */
} Helpers;

/* ---- vocabulary.c ---- */

/* The part of a vocabulary header that `code` uses: its opening lines, the operations named in the code, and what those need. "" if none is used. */
const char *vocabulary_used(Arena *arena, const char *vocabulary, const char *const *codes, int code_count);

/* ---- module.c ---- */

void check_prefix(Context *ctx, const char *prefix);           /* fail()s unless it is a name in C that nothing of ours takes */
const char **layer_names(Arena *arena, const Plan *plan);      /* of the layers, in C */
void layer_pack(const Plan *plan, const LayerPlan *layer, Packed *packed);     /* the weights as its kernel reads them; empty without any */

/* ---- export.c ---- */

/* Sets the unit's guide and contract; they live in `arena`. */
void unit_explain(const Emission *emission, Unit *unit, Arena *arena);

/* ---- weights.c ---- */

typedef struct Weights Weights;

typedef struct WeightsOptions {
    const char *name;                /* of the C object */
    const char *path;                /* of the .weights file */
    FILE *source;                    /* where declarations and literals go */
    bool single_file;
} WeightsOptions;

Weights *weights_new(Context *ctx, Arena *arena, const WeightsOptions *options);
/* Writes the arrays and sets their offsets. Nothing of their data is kept. */
void weights_add(Weights *weights, Packed *packed);
/* Ends them: the object is declared in the source. Gives the .weights file, not yet committed, or NULL if there is none. */
OutputFile *weights_end(Weights *weights, size_t *bytes);

/* ---- header.c ---- */

void header_write(Out *out, const Plan *plan, const ModuleOptions *options);
const char *upper_case(Arena *arena, const char *word);
const char *base_name(const char *path);

/* ---- story.c: what a reader is told ---- */

const char *milliseconds(Arena *arena, double seconds);    /* three digits, "0.0123"; "0" for nothing; a C constant, too */

void story_open(Out *out, const Plan *plan, const char *const *names, const ModuleOptions *options);   /* at the top of the file */
void story_layer(Out *out, const LayerPlan *layer, const char *name);                                  /* above a layer's functions */

/* ---- tables.c ---- */

/* What PREFIX_model() gives; stage s of layer l is called names[l]_s. Then PREFIX_run(). */
void tables_write(Out *out, const Plan *plan, const char *const *names, const char *prefix);
void tables_write_run(Out *out, const char *prefix);
double layer_density(const LayerPlan *layer);

#endif
