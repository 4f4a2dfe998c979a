/* What inspect shows of a layer: sections, each of which can be asked for by its name. Includes cli.h, codegen. */
#ifndef TULLE_INSPECT_H
#define TULLE_INSPECT_H

#include "codegen/jit/jit.h"
#include "compiler/cli/cli.h"

/* ---- inspect_mix.c: what instructions are ---- */

typedef enum Class {
    CLASS_MULTIPLY,                  /* multiply-adds; where there are none, multiplications */
    CLASS_VECTOR,                    /* any other arithmetic on vector registers, whole vectors or single numbers */
    CLASS_SHUFFLE,                   /* broadcasts between registers, too */
    CLASS_MOVE, CLASS_LOAD, CLASS_STORE, CLASS_PREFETCH, CLASS_INTEGER, CLASS_BRANCH, CLASS_COUNT
} Class;

extern const char *const class_names[CLASS_COUNT], *const class_fields[CLASS_COUNT];     /* for people; in JSON */

typedef struct Mix {
    int64_t count[CLASS_COUNT];      /* an instruction is of one class */
    int64_t all, bytes;
    int64_t loaded, stored;          /* loads and stores, operands of other instructions included; of several registers, each */
    int64_t spilled, reloaded;       /* of vectors, on the stack */
    uint64_t registers;              /* vector registers that are named */
} Mix;

Class class_of(const JitInstruction *instruction, bool fuses);
/* Where a function keeps vectors that it has no register for: on the stack, stored and read again, at a constant distance from its pointer. */
typedef struct Spills { const long *places; int count; } Spills;

Spills spills_of(const JitFunction *function, Arena *arena);
bool mix_fuses(const JitListing *listing);       /* any multiply-add in it is one instruction */
Mix mix_of(const JitInstruction *instructions, size_t count, const Spills *spills, bool fuses);
void mix_add(Mix *sum, const Mix *mix);

/* ---- inspect_code.c: what was compiled ---- */

typedef struct Loop {                /* an innermost one */
    const JitFunction *function;
    size_t first, count;             /* its instructions */
    bool straight;                   /* none: a whole function, as nothing in it turns back */
    bool body;                       /* of a function that the text has as assembler */
    Mix mix;
    bool modelled;
    JitThroughput throughput;        /* if it is */
    const char *why;                 /* if it is not; NULL: not asked for */
} Loop;

typedef struct Code {
    const JitListing *listing;
    const Mix *functions;            /* as the listing's */
    Loop *loops;                     /* bodies that multiply, then loops that sum up, then those with most multiply-adds, then with most arithmetic */
    int loop_count;
    int bodies;                      /* the first so many are bodies that multiply; all run equally often: their sum is a round */
    const char *core;                /* whose model was asked; NULL: there is none */
    bool fuses;                      /* products and sums are one instruction; else products are counted */
} Code;

typedef struct Inspection {          /* of one layer */
    Context *ctx;
    const Options *options;
    const Plan *plan;
    int number;                      /* of the layer */
    const LayerPlan *layer;
    Units units;                     /* the layer's alone */
    const Unit *unit;
    const char *missing;             /* why nothing can be compiled; NULL: it can */
    const Code *code;                /* NULL: nobody asked for it, or it is missing */
} Inspection;

enum { MOST_LOOPS = 6 };             /* that are shown, and modelled */

Code *code_of(Context *ctx, const Options *options, const Plan *plan, const Units *units);
void code_free(Context *ctx, const Code *code);
/* What the loops do together where they are bodies of one round, else what the first does. */
Mix code_round(const Code *code);
int code_round_loops(const Code *code);      /* how many those are */

/* A section is a text, as it is, or it prints itself. */
typedef struct Section {
    const char *name, *says;         /* for --show; the heading above it */
    bool asked;                      /* shown only when it is asked for */
    enum { NEEDS_PLAN, NEEDS_COMPILER, NEEDS_CODE } needs;
    const char *(*text)(const Inspection *inspection);
    void (*print)(const Inspection *inspection);
    void (*json)(const Inspection *inspection, JsonWriter *json);        /* members of an open object */
} Section;

extern const Section inspect_sections[];
extern const int inspect_section_count;

/* ---- inspect.c ---- */

Inspection *inspection_make(Context *ctx, const Options *options, const Plan *plan, const char *layer);
void inspection_end(const Inspection *inspection);
bool inspect_asked(const Options *options, const Section *section);
void inspect_sections_json(const Inspection *inspection, JsonWriter *json);      /* those that are asked for, members of an open object */

/* ---- inspect_diff.c: --diff ---- */

void inspect_diff(Context *ctx, const Options *options, const char *model, const char *layer);

/* ---- text_diff.c: two texts, line by line ---- */

typedef struct TextDiff {
    int removed, added;              /* lines */
    bool rough;                      /* too different to be compared line by line: all between the first and last change is shown */
    const char *text;                /* "-" before what is removed, "+" before what is added, three lines around */
} TextDiff;

TextDiff text_diff(Arena *arena, const char *before, const char *after);

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

/* ---- inspect_loops.c: what was compiled, beside what was counted ---- */

void inspect_code(const Inspection *inspection);
void inspect_code_json(const Inspection *inspection, JsonWriter *json);
void inspect_loops(const Inspection *inspection);
/* For each multiply-add of those loops of a round that were modelled, and how many were: simulated, or as the busiest resource has it; NAN: none. */
double loops_cycles(const Code *code, bool simulated, int *modelled);
double stage_cycles(const StagePrice *price, bool with_memory);  /* what bounds it; without memory: whatever that does */
int plan_main_stage(const LayerPlan *layer);                     /* the one with most multiply-adds */
void inspect_loops_json(const Inspection *inspection, JsonWriter *json);
const char *inspect_ir(const Inspection *inspection);
const char *inspect_assembly(const Inspection *inspection);
const char *inspect_hot(const Inspection *inspection);           /* the first loop, instruction by instruction */

/* ---- inspect_nests.c: what libclang finds in its C ---- */

void inspect_nests(const Inspection *inspection);
void inspect_nests_json(const Inspection *inspection, JsonWriter *json);

/* ---- inspect_zeros.c: where the zeros lie ---- */

void inspect_zeros(const Inspection *inspection);
void inspect_zeros_json(const Inspection *inspection, JsonWriter *json);
/* Nonzeros of each row, each input channel (of a group, the groups summed up), each position of the kernel. */
int64_t *zeros_by_row(const Pattern *pattern, Arena *arena);
int64_t *zeros_by_channel(const Pattern *pattern, Arena *arena, int64_t *count);
int64_t *zeros_by_tap(const Pattern *pattern, Arena *arena);
int64_t zeros_kernel_width(const Inspection *inspection);
int64_t zeros_kernel_height(const Inspection *inspection);           /* of a plane */
int64_t zeros_groups(const Pattern *pattern);                        /* of a convolution */
const char *zeros_missing(const Inspection *inspection);             /* why there is no pattern */

void draw_zeros(FILE *stream, const Inspection *inspection);     /* draw_zeros.c: as SVG */

/* ---- inspect_granularity.c ---- */

void inspect_granularity(const Inspection *inspection);
void inspect_granularity_json(const Inspection *inspection, JsonWriter *json);

#endif
