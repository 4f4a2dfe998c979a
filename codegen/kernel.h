/* What a kernel is, and what it writes with. Includes graph, reference (its texts), targets, plan.h.

   A kernel knows how to compute one kind of layer. It says whether it fits, what ways of tiling it has, what each costs in counts, packs the
   weights in order of execution and emits text. It decides nothing: decisions are in the plan. kernels.inc is the one list of them. */
#ifndef TULLE_KERNEL_H
#define TULLE_KERNEL_H

#include "compiler/plan/plan.h"
#include "compiler/reference/reference.h"

/* ---- out.c: C text that indents itself ---- */

typedef struct Out {
    Text text;
    int indent;
} Out;

void out_line(Out *out, const char *format, ...) PRINTF_LIKE(2, 3);     /* one line, indented */
void out_blank(Out *out);
void out_open(Out *out, const char *format, ...) PRINTF_LIKE(2, 3);     /* the line, an opening brace, one level deeper: functions, blocks, tables */
void out_close(Out *out, const char *after);                            /* "}" and `after` (";" or "") */
void out_comment(Out *out, const char *format, ...) PRINTF_LIKE(2, 3);  /* wrapped, safe for any text: comment ends and trigraphs are broken up */
void out_paste(Out *out, const char *text);                             /* unchanged */
const char *out_string(Arena *arena, const char *bytes, size_t length); /* a C string literal of any bytes, quotes included: octal, ? escaped */
const char *out_float(Arena *arena, double value, Type type);           /* an exact C constant: hexadecimal; __builtin_inff() where needed */

/* ---- packed.c: constants of a layer, in order of execution ---- */

typedef struct PackedArray {
    const void *data;                /* may point into the model when it is used as it is */
    size_t bytes;
    const char *c_type;              /* "float", "int32_t": what emit casts to */
    const Value *value;              /* set by packed_value: the constant as it is; NULL for made arrays */
    size_t offset;                   /* in the program's weights, set by weights.c, 64-byte aligned; equal arrays share one */
} PackedArray;

typedef struct Packed {
    PackedArray *arrays;
    int count, capacity;
    Arena *arena;                    /* for what pack() makes: reset once the layer is written, so big arrays exist one layer at a time */
} Packed;

int packed_add(Packed *packed, const char *c_type, const void *data, size_t bytes);   /* its number; data must live until the layer is written */
int packed_value(Packed *packed, const Value *constant);                              /* a constant as it is; the same value twice is one array */

/* ---- emission.c: what emit is given ----
   Every name a kernel defines starts with emission->name and "_"; every name of a helper with its key. Operations of the vocabulary are just used:
   those whose names occur in the text are pasted by module.c, with what they need. Identifiers and text never come from the model but through
   out_string() and out_comment(). */

typedef struct Emission {
    Out *out;
    const Plan *plan;
    const LayerPlan *layer;
    const Problem *problem;          /* &layer->problem */
    const Packed *packed;            /* what pack() made for this layer */
    const char *name;                /* "conv3": stage s of it must be defined as NAME_s */
    const char *weights;             /* the name of the program's weights; emit_packed() uses it */
    const char *prefix;              /* of every name that a linker sees: those of assembler begin with it */
    Arena *arena;                    /* for text made on the way */
    struct Helpers *helpers;         /* of the whole program; private to emission.c */
} Emission;

/* Opens `static void NAME_s(const struct tulle_context *c, int part, int parts)`, declares `const int64_t begin` and `end` of its items
   (layer->stages[s].items). Close with out_close(out, ""). */
void emit_stage_open(const Emission *emission, int stage);
/* Expressions for pointers, typed: "(const float *)(const void *)(c->workspace + 4096)". Constants as they are in the model must have been given to
   packed_value() by pack(). What stands in the workspace or the weights is 64-byte aligned; the caller's inputs and outputs only as their type
   demands. No two of them overlap, but for input 0 and output 0 where in_place() allowed it. */
const char *emit_read(const Emission *emission, const Value *value);
const char *emit_write(const Emission *emission, const Value *value);
const char *emit_packed(const Emission *emission, int array);
const char *emit_scratch(const Emission *emission, const char *c_type, size_t offset);          /* shared by the layer's parts, written */
const char *emit_thread_scratch(const Emission *emission, const char *c_type, size_t offset);   /* of this part alone: uses `part` */
/* Helper text that several layers share: pasted once, in front of all stages, under its key. Helpers that it uses are asked for before it. */
void emit_helper(const Emission *emission, const char *key, const char *text);

/* ---- the kernel ---- */

struct Kernel {
    const char *name;
    const char *says;                                                                     /* in a few words, for the comment above a layer */
    bool sparse;                                                                          /* leaves zeros out; else it is of the dense side */
    bool joins;                                                                           /* has no stages: its inputs lie in its output, in order */
    bool (*fits)(const Problem *problem);                                                 /* the node's epilogue and the target included */
    /* At least one if it fits; the best guess first. Out is plain; where a kernel could do without a copy if its input came in another layout, the
       same again with that layout in `in`. */
    int  (*tilings)(const Problem *problem, Tiling *tilings, int most);
    bool (*writes)(const Problem *problem, const Tiling *tiling);                         /* can it leave the output as tiling->out? NULL: plain */
    void (*work)(const Problem *problem, const Tiling *tiling, Work *work);
    void (*stages)(const Problem *problem, const Tiling *tiling, LayerPlan *layer);       /* stages, scratch_bytes, thread_bytes */
    void (*pack)(const Problem *problem, const Tiling *tiling, Packed *packed);           /* NULL: no constants */
    /* What stands for sum |w||x| and the number of terms in the bound of the error (reference_magnitudes), where sums are not computed as they are
       defined. NULL: they are. */
    void (*magnitudes)(const Problem *problem, const Tiling *tiling, const void *const *inputs, double *sums, int64_t *terms, Arena *arena);
    void (*emit)(const Emission *emission);                                               /* one function a stage, epilogue included */
    bool (*in_place)(const Problem *problem, const Tiling *tiling);                       /* may output 0 take the place of input 0? NULL: never */
};

/* A kernel without `emit` is a projection: it is priced, and explain and guide show it. */
static inline bool kernel_projected(const Kernel *kernel)
{
    return kernel->emit == NULL;
}

/* Projections are never chosen, but for GPUs, which have nothing else: their plans are projections as a whole. */
static inline bool kernel_choosable(const Kernel *kernel, const Target *target)
{
    return !kernel_projected(kernel) || target->isa.gpu;
}

/* The `tilings` of a kernel that has no choice. */
int kernel_one_tiling(const Problem *problem, Tiling *tilings, int most);

/* The kernel's magnitudes; the reference's where it has none, or there is no kernel. `arena` is for what is made on the way. */
bool kernel_magnitudes(const Kernel *kernel, const Problem *problem, const Tiling *tiling, const void *const *inputs, double *sums, int64_t *terms,
                       Arena *arena);

extern const Kernel *const kernels[];    /* in order of kernels.inc: the more special first, `reference` last of those for cores */
extern const int kernel_count;
const Kernel *kernel_named(const char *name);

/* ---- module.c, weights.c: the whole program ---- */

typedef struct ModuleOptions {
    const char *prefix;              /* an identifier; every visible name begins with it */
    const char *source_path, *header_path, *weights_path;    /* weights_path: where weights past 1 MB go */
    bool single_file;                /* --single-file: weights as string literals, the header's text inside */
} ModuleOptions;

typedef struct ModuleFiles {
    OutputFile *files[3];            /* open, complete, not yet committed */
    int count;
    size_t weight_bytes;
} ModuleFiles;

void module_write(Context *ctx, const Plan *plan, const ModuleOptions *options, ModuleFiles *files);

/* ---- units.c: the program for a compiler in this process ---- */

enum { CONTRACT_LINES = 8 };

typedef struct ContractLine {
    const char *name, *value;
    const char *says;                /* what of the layer it is */
    bool plain;                      /* the value tells a reader something: it is no digest */
} ContractLine;

typedef struct Unit {                /* a layer's functions, or, the last one, the tables of the whole */
    const char *name;                /* "conv3", "program" */
    const char *text;
    size_t length;
    int layer;                       /* -1: the tables */
    size_t own, exports;             /* where in it the layer's own text begins, behind what all share; and the names for all units, at its end */
    const char *says, *anchor;       /* the layer, for messages; its first stage, by the name that all units see; NULL of the tables */
    const char *path;                /* a user's file that the text is from; NULL: none */
    const char *story;               /* for readers, no part of the text: why the layer is computed so; NULL of the tables */
    const char *weights_name;        /* the object that the text takes from outside; NULL: none */
    const void *weights;
    size_t weight_bytes;
    /* What whoever replaces the text must know, and what it rests on: of units_make_layer() alone. */
    const char *guide;
    const ContractLine *contract;
} Unit;

typedef struct Units {               /* cli.h knows it by name */
    Unit *items;
    int count;
    const char *includes;            /* that every text begins with */
    const char *model;               /* the name of a function that gives the struct tulle_model */
} Units;

/* Each text stands alone. It and the weights live in `arena`. */
void units_make(const Plan *plan, const char *prefix, Arena *arena, Units *units);
/* The same of one layer alone: no tables, and no model. */
void units_make_layer(const Plan *plan, const char *prefix, int layer, Arena *arena, Units *units);
/* The text between its includes and its exports is another one, from a user's file. */
void unit_replace(const Units *units, Unit *unit, const char *path, const char *text, size_t length, Arena *arena);
/* export.c: the unit as a file of its own, the guide above it. */
const char *unit_export(const Unit *unit, Arena *arena);
/* The value that a file's text has for a line of the contract; NULL: it has no such line. */
const char *contract_value(const char *text, const char *name, Arena *arena);

#endif
