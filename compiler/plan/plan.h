/* What is decided before any text is written. A leaf: codegen may include this header, and nothing else of plan/. Includes graph, targets. */
#ifndef TULLE_PLAN_H
#define TULLE_PLAN_H

#include "compiler/graph/graph.h"
#include "targets/targets.h"

typedef struct Kernel Kernel;    /* codegen/kernel.h */

/* The zeros of a layer's weights, counted once (pattern.c). Rows are output channels, columns are (input channel, taps...). */
typedef struct Pattern {
    int64_t rows, columns, nonzeros;
    const int32_t *row_nonzeros;     /* [rows] */
    const int32_t *column_nonzeros;  /* [columns] */
    int64_t empty_rows, empty_columns;
    uint64_t hash;                   /* of the positions */
} Pattern;

/* A layer as kernels see it. */
typedef struct Problem {
    const Graph *graph;
    const Node *node;                /* in closed form, epilogue fused */
    const Target *target;
    const Pattern *pattern;          /* NULL when the node has no constant weights */
    double density;                  /* of those weights; 1 without */
} Problem;

typedef enum Layout { LAYOUT_PLAIN } Layout;     /* of activations; padded, lifted and phase-split ones come with the kernels that want them */

typedef struct Tiling {              /* one point of a kernel's search space; the kernel alone gives the numbers a meaning */
    int32_t size[6];
    Layout in, out;
} Tiling;

/* Counts, never seconds. */
typedef struct Work {
    double multiply_adds;            /* useful ones */
    double vector_instructions;      /* issued, waste at edges included */
    double loads, stores;
    double bytes;                    /* activations moved */
    double weight_bytes, index_bytes, code_bytes;
} Work;

/* A stage: items of equal standing, split among parts as [items*part/parts, items*(part+1)/parts). */
typedef struct StagePlan {
    int64_t items;
    const char *says;                /* "pack", "multiply": for comments and profiles */
} StagePlan;

#define MAX_STAGES 4

/* What one layer will be. */
typedef struct LayerPlan {
    Problem problem;
    const Kernel *kernel;            /* NULL: a view */
    Tiling tiling;
    Work work;
    double price;                    /* what roofline.c makes of the work */
    const char *why;                 /* in words, for the comment above the layer; no text of the model in it */
    StagePlan stages[MAX_STAGES];
    int stage_count;                 /* 0: a view */
    size_t scratch_bytes;            /* lives from the layer's first stage to its last, shared by all parts */
    size_t thread_bytes;             /* private to each part, for one stage at a time */
    size_t scratch_offset;           /* in the workspace, set by memory.c */
    int first_stage;                 /* number of its first stage in the whole program */
} LayerPlan;

typedef enum PlaceKind { PLACE_NONE, PLACE_INPUT, PLACE_OUTPUT, PLACE_WORKSPACE, PLACE_CONSTANT } PlaceKind;

typedef struct Place {               /* where a value lives */
    PlaceKind kind;                  /* PLACE_NONE: nobody reads or writes it */
    int index;                       /* of the input or output */
    size_t offset;                   /* in the workspace */
    int first_stage, last_stage;     /* complete after the one (-1: from the start), kept until the other: verify reads it right after first_stage */
} Place;

typedef struct Plan {
    Graph *graph;
    const Target *target;
    LayerPlan *layers;               /* one a node of the graph, in order */
    int layer_count, stage_count;
    Place *places;                   /* by value id */
    size_t workspace_bytes;          /* shared part, 64-byte multiple */
    size_t thread_bytes;             /* added for each thread, 64-byte multiple */
    size_t peak_values_bytes;        /* what values and scratch need together at the worst stage: no plan can be smaller */
} Plan;

typedef struct ForcedKernel { const char *layer, *kernel; } ForcedKernel;   /* --kernel LAYER=NAME */

typedef struct PlanOptions {
    const ForcedKernel *forced;
    int forced_count;
    uint64_t random;                 /* 0: the cheapest tilings; else any, drawn by this seed, so that tests reach all of them */
} PlanOptions;

/* plan.c: residual offers, kernels (select.c), stages and places (memory.c), in this order. Lists all layers that no kernel takes, then fails. */
Plan *plan_make(Graph *graph, const Target *target, const PlanOptions *options);
/* select.c: wrong use, with the nearest name, if no kernel has this one. plan_make() asks, too; callers may before they read a large model. */
void forced_kernel_check(Context *ctx, const char *kernel);

/* pattern.c: of the node's constant weights (input 1 of a convolution or product), NULL if it has none. Cached by the caller.
   A zero of either sign is a zero. */
const Pattern *pattern_of(const Graph *graph, const Node *node);
double dense_multiply_adds(const Node *node);    /* of a convolution or product, zeros not left out; 0 for other operators */

#endif
