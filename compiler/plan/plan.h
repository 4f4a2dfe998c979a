/* What is decided before any text is written. A leaf: codegen may include this header, and nothing else of plan/. Includes graph, targets. */
#ifndef TULLE_PLAN_H
#define TULLE_PLAN_H

#include "compiler/graph/graph.h"
#include "targets/targets.h"

typedef struct Kernel Kernel;    /* codegen/kernel.h */

/* The zeros of a layer's weights, counted once (pattern.c). Rows are output channels; columns are (input channel of the row's group, tap), of a
   product just what it sums over, with one tap each. */
typedef struct Pattern {
    int64_t rows, columns, nonzeros;
    int64_t taps, channels;          /* of a channel; of the input, all groups': groups are channels * taps / columns */
    const int32_t *row_nonzeros;     /* [rows] */
    const int32_t *column_nonzeros;  /* [columns] */
    int64_t empty_rows;
    int64_t empty_columns;           /* taps (c, r, s) that no row uses: what structured learning calls column sparsity */
    int64_t empty_channels;          /* input channels that no row uses in any tap */
    int64_t kernels;                 /* (row, channel) pairs with a nonzero in any tap */
    int64_t distinct_rows;           /* different sets of columns among the rows that are not empty: 1 where all share one mask */
    const uint64_t *bits;            /* of convolutions: bit c % 64 of word [row][c / 64] is set where column c is not zero; NULL of projections */
    double imbalance;                /* the longest row over the average; 1 without nonzeros */
    struct PatternNotes *notes;      /* what pattern_note() keeps */
} Pattern;

static inline int64_t pattern_words(int64_t columns)     /* of a row's bits */
{
    return (columns + 63) / 64;
}

/* The part of the input that is read at all. */
static inline double pattern_read(const Pattern *pattern)
{
    return 1 - (double)pattern->empty_channels / (double)pattern->channels;
}

/* What the user rules out. */
typedef struct Rules {
    bool no_assembler;               /* --no-asm: C text only */
    bool no_winograd;                /* --no-winograd: no kernel that computes fewer products than the definition has, with another rounding */
    bool strict_nonfinite;           /* --strict-nonfinite: no kernel that spreads infinities and NaNs to outputs which do not depend on them */
} Rules;

/* A layer as kernels see it. */
typedef struct Problem {
    const Graph *graph;
    const Node *node;                /* in closed form, epilogue fused */
    const Target *target;
    const Pattern *pattern;          /* NULL when the node has no constant weights; else there are rows and columns */
    double density;                  /* of those weights; 1 without */
    int threads;                     /* that it will be run with, as far as is known; results never depend on it */
    Rules rules;
} Problem;

/* A stage: items of equal standing, split among parts as [items*part/parts, items*(part+1)/parts). */
typedef struct StagePlan {
    int64_t items;
    const char *says;                /* "pack", "multiply": for comments and profiles */
} StagePlan;

/* How an activation of rank 3 or 4 lies in memory. All zero: plain, row after row. Else padded: a channel is a plane of `rows` rows of `pitch`
   elements, element (y, x) stands at (top + y) * pitch + left + x, everything else in the plane is 0, and `slack` elements behind the last plane may
   be read. */
typedef struct Layout {
    int32_t top, left, rows, pitch, slack;
} Layout;

typedef struct Tiling {              /* one point of a kernel's search space; the kernel alone gives the numbers a meaning */
    int32_t size[7];
    Layout in, out;                  /* of input 0 and output 0; all other values are plain */
} Tiling;

/* ---- work: counts, never seconds. Kernels fill it, roofline.c prices it ---- */

#define MAX_STAGES 4
#define MAX_TRAFFIC 16

/* When the bytes were touched before. What a first touch costs depends on the layer's surroundings: inside a network its weights come from afar,
   in a hot loop from where the layer's own size lets them stay. */
typedef enum Touch {
    TOUCH_WEIGHTS,
    TOUCH_CODE,                      /* straight-line code, from as far as the weights: nothing else goes on while its lines come in */
    TOUCH_INPUT, TOUCH_OUTPUT,
    TOUCH_ASKED,                     /* output whose lines are asked for early, or written one by one between long sums: they come in meanwhile */
    TOUCH_AGAIN
} Touch;

typedef struct Traffic {
    Touch touch;
    double bytes;                    /* moved in the whole stage */
    double distance;                 /* TOUCH_AGAIN: bytes of anything touched since the last time, which a cache must hold to serve it */
} Traffic;

typedef struct StageWork {           /* of a whole stage, all its items */
    /* instructions issued, all of them; a load that is an operand is no instruction of its own */
    double instructions;
    /* of those, for the ports: whole vectors or single numbers alike */
    double fma;                      /* multiply-adds; on cores that cannot fuse, multiplications */
    double vector;                   /* all arithmetic on vector registers, fma and additions included */
    double apart;                    /* what multiply-adds wait for on their ports: products, comparisons, long runs of shuffles */
    double loads, split_loads;       /* operands included; and those of them that straddle two cache lines */
    double narrow_fma;               /* of the multiply-adds, those on vectors as narrow as the machine's: one turn each */
    double narrow_loads;             /* of the loads, those of one number for all lanes: one turn each, however wide the vectors are */
    double stores;
    double chain;                    /* multiply-adds that wait for the one before: the longest row of them in each loop, summed up */
    double mispredicts;              /* branches guessed wrong */
    double code_bytes;               /* of the loop that runs, which a micro-op cache must hold, or else the instruction cache */
    double code_instructions;        /* of that loop; 0 reads as of the ISA's average length */
    double vector_bytes;             /* of its vectors; 0 reads as the ISA's. Scalar code: 4 */
    double largest_item;             /* the largest item's share of the work, times the items: 1 if all are equal; 0 reads as 1 */
    Traffic traffic[MAX_TRAFFIC];
    int traffic_count;
} StageWork;

typedef struct LaunchWork {          /* the same for a stage on a GPU: a launch of blocks of threads */
    double blocks, block_threads, thread_registers, block_shared_bytes;
    double fma;                      /* warp instructions, here and below */
    double instructions;
    double shared_loads, global_loads;   /* a warp's access to each line counts */
    double in_flight;                /* global loads that a warp issues before it waits for the first; 0 reads as 1 */
    double l2_bytes, memory_bytes;   /* read through level 2; read from memory and written to it */
    double imbalance;                /* the longest thread's work over the average: 1 if all are equal */
    bool half;                       /* arithmetic in 16 bits */
} LaunchWork;

typedef struct Work {
    double multiply_adds;            /* useful ones */
    double weight_bytes, index_bytes, code_bytes;    /* of the whole layer: what it adds to the program */
    union {
        StageWork stages[MAX_STAGES];                /* as Kernel.stages gives them */
        LaunchWork launches[MAX_STAGES];             /* where the target is a GPU */
    };
    int stage_count;
} Work;

/* work.c: how kernels fill it. */
StageWork *work_stage(Work *work);                                   /* the next one, all zero */
LaunchWork *work_launch(Work *work);
void stage_touch(StageWork *stage, Touch touch, double bytes);       /* a first touch; nothing if bytes are 0 */
void stage_touch_again(StageWork *stage, double bytes, double distance);

/* ---- prices ---- */

typedef enum Bound {                 /* what a stage waits for */
    BOUND_MULTIPLY, BOUND_VECTOR, BOUND_LOAD, BOUND_STORE, BOUND_INSTRUCTIONS, BOUND_LATENCY, BOUND_L2, BOUND_L3, BOUND_MEMORY, BOUND_COUNT
} Bound;

typedef struct StagePrice {
    double cycles[BOUND_COUNT];      /* of one core, if each were the only bound; all threads' work divided among them */
    double lost;                     /* cycles that overlap with nothing: wrong guesses, barriers, launches */
    Bound bound;                     /* the highest */
    double seconds;
} StagePrice;

typedef struct Price {
    double seconds;                  /* the stages' sum */
    double compute_seconds;          /* if memory were infinitely fast */
    double memory_seconds;           /* if instructions took no time: levels 2, 3 and memory */
    Bound bound;                     /* of the longest stage */
    StagePrice stages[MAX_STAGES];
    int stage_count;
} Price;

/* What surrounds a layer. */
typedef struct Surroundings {
    int threads;                     /* those past the machine's cores take turns, and gain nothing */
    double weights_distance;         /* bytes touched since the layer's weights were last read */
    double input_distance;           /* ... since its input was written; its output's place, too, but for its fresh part */
    double fresh;                    /* the share of its output whose place was last touched when the weights were: a whole run ago */
} Surroundings;

/* roofline.c: from counts to seconds: the only place that does. */
Price work_price(const Work *work, const Target *target, const StagePlan *stages, const Surroundings *surroundings);
const char *bound_name(Bound bound, bool gpu);                       /* "multiply", "loads", "memory" */
double machine_peak(const Machine *machine, int threads);            /* multiply-adds a second, f32 */
double launch_resident(const LaunchWork *launch, const Machine *machine);    /* blocks that a multiprocessor holds at a time; roofline_gpu.c */
/* The paper's terms, derived: cycles that instructions need over those that useful multiply-adds need at peak; bytes a nonzero over 4. */
double work_alpha(const Work *work, const Price *price, const Target *target, int threads);
double work_beta(const Work *work, int64_t nonzeros);

/* What one layer will be. */
typedef struct LayerPlan {
    Problem problem;
    const Kernel *kernel;            /* NULL: a view */
    Tiling tiling;
    Work work;
    Surroundings surroundings;
    Price price;                     /* inside the network */
    Price hot;                       /* the layer alone, over and over */
    const Kernel *dense_kernel;      /* the best that leaves no zeros out; NULL where none fits, or nothing is multiplied */
    double dense_seconds;            /* its price inside the network */
    const char *why;                 /* in words, for the comment above the layer; no text of the model in it */
    StagePlan stages[MAX_STAGES];
    int stage_count;                 /* 0: a view */
    size_t scratch_bytes;            /* lives from the layer's first stage to its last, shared by all parts */
    size_t thread_bytes;             /* private to each part, for one stage at a time */
    size_t scratch_offset;           /* in the workspace, set by memory.c */
    int first_stage;                 /* number of its first stage in the whole program */
    bool waits;                      /* its first stage must not start before all others before it are done; further ones never do */
} LayerPlan;

typedef enum PlaceKind { PLACE_NONE, PLACE_INPUT, PLACE_OUTPUT, PLACE_WORKSPACE, PLACE_CONSTANT } PlaceKind;

#define BLOCK_ALIGNMENT 64           /* of what stands in the workspace */

typedef struct Place {               /* where a value lives */
    PlaceKind kind;                  /* PLACE_NONE: nobody reads or writes it */
    int index;                       /* of the input or output */
    size_t offset;                   /* in the workspace */
    Layout layout;
    int first_stage, last_stage;     /* complete after the one (-1: from the start), kept until the other: verify reads it right after first_stage */
} Place;

typedef struct ForcedKernel {        /* --kernel LAYER=NAME or LAYER=NAME:TILING */
    const char *layer, *kernel;
    const char *tiling;              /* as tiling_text() writes it; NULL: any */
} ForcedKernel;

enum { KEY_BYTES = 17 };             /* of a layer's key, the zero behind it included */

typedef struct TunedChoice {         /* --tuned: what was measured to be the fastest, or was measured at all */
    char key[KEY_BYTES];             /* one of layer_keys() */
    const char *kernel, *tiling;     /* as tiling_text() writes it */
    Layout in, out;
    bool model;                      /* it is the model's own choice */
    double seconds;                  /* inside the network; all slices' */
    double ratio, low, high;         /* of them to those of the model's own choice, measured in turns: the median and its interval of 95 % */
} TunedChoice;

typedef struct PlanOptions {
    const ForcedKernel *forced;
    int forced_count;
    const TunedChoice *tuned;        /* taken where the layer is the same; `forced` goes before */
    int tuned_count;
    uint64_t random;                 /* 0: the cheapest; else any valid kernel, tiling and layout, drawn by this seed: tests reach all of them */
    int threads;                     /* 0 reads as 1 */
    Rules rules;
    bool small;                      /* --optimize size: fewer bytes of weights and loops, at 1.5 times the fastest program's time at most */
    int64_t most_code;               /* --max-code: bytes of all loops; 0: any */
} PlanOptions;

typedef struct Plan {
    Graph *graph;                    /* of one slice of the batch: all below, prices too, speaks of one slice */
    const Graph *whole;              /* what the caller gives and gets: its inputs and outputs have `slices` times as much on axis 0 */
    int64_t slices;                  /* that run one after the other; 1: the whole is one, and both graphs are the same */
    const Target *target;
    int threads;
    PlanOptions options;             /* that it was made with */
    double seconds;                  /* the layers' prices */
    LayerPlan *layers;               /* one a node of the graph, in order */
    int layer_count, stage_count;
    int tuned_count;                 /* layers that are as options.tuned has them */
    Place *places;                   /* by value id */
    size_t workspace_bytes;          /* shared part, 64-byte multiple */
    size_t thread_bytes;             /* added for each thread, 64-byte multiple */
    size_t peak_values_bytes;        /* what values and scratch need together at the worst stage: no plan can be smaller */
} Plan;

/* plan.c: residual offers, kernels (select.c), stages, places (memory.c) and barriers, in this order. Lists all layers that no kernel takes, then fails. */
Plan *plan_make(Graph *graph, const Target *target, const PlanOptions *options);
/* slices.c: the same in as many slices of the batch as are cheapest; in one if images are not apart. */
Plan *plan_batch(Graph *graph, const Target *target, const PlanOptions *options);
/* images.c: how many images the graph treats apart, along axis 0 of all inputs and outputs; 1 if it may mix them, or takes one. */
int64_t graph_images(const Graph *graph);
/* forced.c: wrong use, with the nearest name, if no kernel has this one; unsupported, if it is a projection. plan_make() asks, too; callers may
   before they read a large model. */
void forced_kernel_check(Context *ctx, const char *kernel);
/* forced.c: the number of the layer of this name, one fused into it included. Wrong use of `option` (NULL: none), with the nearest name, if there is
   none. */
int layer_named(const Graph *graph, const char *option, const char *layer);

/* ---- tuned.c, tune.c: measured choices ---- */

typedef struct LayerKey { char text[KEY_BYTES]; } LayerKey;

/* By layer: names what decides how fast it is, whatever it is called: its operators, types, shapes, attributes, where its zeros are, the same of the layers
   that it reads from and that read it, the slices of the batch, the threads and the rules. Of layers that are alike in all these, the first, the second ...
   have names of their own. */
LayerKey *layer_keys(const Plan *plan, Arena *arena);

typedef struct Tuning Tuning;        /* what there is to choose in a plan, and what was measured of it */

typedef struct Trial {
    const Plan *plan;
    const int *chosen;               /* private to tune.c */
    int changed;                     /* layers that are not as the model chose */
    int fresh;                       /* layers whose choice was not measured yet */
} Trial;

typedef enum TrialAim {
    TRIAL_NEXT,                      /* the cheapest choices that were not tried yet, where they are not much dearer than the model's */
    TRIAL_DENSE,                     /* the best dense kernel for each layer whose zeros the model leaves out */
    TRIAL_BEST                       /* the fastest of what was measured, where that is sure */
} TrialAim;

/* Of a plan as the model chose it. */
Tuning *tuning_new(const Plan *plan);
/* A whole plan, in which layers agree on the layouts between them. Of each layer `most` choices are tried, the model's apart. */
Trial tuning_trial(Tuning *tuning, TrialAim aim, int most);
bool tuning_changed(const Tuning *tuning, const Trial *trial, int layer);    /* it is not as the model chose */
/* What the layer took in this trial; forgets what was noted of the same choice before. */
void tuning_note(Tuning *tuning, const Trial *trial, int layer, double seconds, double ratio, double low, double high);
/* From now on the best of a layer is what it is in this trial, or the model's choice. */
void tuning_settle(Tuning *tuning, const Trial *trial);
void tuning_give_up(Tuning *tuning, int layer);      /* it is the model's */
/* The choices of a layer that were measured, the model's first; which of them the trial has, if there is a trial and it is one of them, else -1. */
int tuning_measured(const Tuning *tuning, Arena *arena, int layer, const Trial *trial, TunedChoice **choices, int *has);
/* What an earlier tuning measured of a layer with this key, if the model's choice, the first of them, is still the same. */
void tuning_recall(Tuning *tuning, const TunedChoice *choices, int count);

/* ---- candidates.c: everything that could compute a layer ---- */

typedef struct Candidate {
    const Kernel *kernel;
    Tiling tiling;
    Work work;
    Price price, hot;
    StagePlan stages[MAX_STAGES];
} Candidate;

/* The one way to a price: for selection, explain and guide alike. */
void candidate_price(const Problem *problem, const Kernel *kernel, const Tiling *tiling, const Surroundings *surroundings, Candidate *candidate);
/* All kernels that fit, projections included, in all tilings that read the layer's input plain or as it is in the plan, and leave its output as it is
   in the plan if they can, else plain. The cheapest inside the network first; of equals, to three digits, the first by name. None for a view. */
int plan_candidates(const Plan *plan, int layer, Arena *arena, Candidate **candidates);

enum { CANDIDATE_SPARSE = 1, CANDIDATE_DENSE = 2, CANDIDATE_PROJECTED = 4 };
/* The cheapest of the sparse and the dense kernels, as asked for, projections only if asked for; plain input and output. False: none fits. A Problem
   with another pattern and density prices the layer as if it were pruned so. */
bool problem_cheapest(const Problem *problem, const Surroundings *surroundings, unsigned which, Candidate *best);

/* layout.c */
bool layout_plain(const Layout *layout);
bool layout_equal(const Layout *a, const Layout *b);
bool layout_holds(const Shape *shape, Type type, const Layout *layout);      /* a padded one is large enough for it, and countable */
size_t layout_bytes(const Shape *shape, Type type, const Layout *layout);    /* slack included; SIZE_MAX on overflow */
void layout_take(const Shape *shape, Type type, const Layout *layout, const void *from, void *to);    /* the elements alone, plain */
const char *tiling_text(Arena *arena, const Tiling *tiling);   /* its numbers, "1,14"; "-" if it has none */

/* pattern.c: of the node's constant weights (input 1 of a convolution or product), NULL if it has none, or none of any element. Cached by the caller.
   A zero of either sign is a zero. */
const Pattern *pattern_of(const Graph *graph, const Node *node);
/* Rows of each group, those with most nonzeros first; of equals as they stand. */
const int32_t *pattern_order(const Pattern *pattern);
/* What a kernel worked out from a pattern alone, so that it need not for each tiling: so many bytes under this name and number (other ones for another
   size), all zero and `fresh` when they are asked for the first time. They live as long as the pattern. */
void *pattern_note(const Pattern *pattern, const char *name, int64_t number, size_t bytes, bool *fresh);
/* projection.c: the same weights pruned, or filled up, to this density as magnitudes would have it, about: rows and columns keep their standing. */
const Pattern *pattern_at_density(const Pattern *pattern, double density, Arena *arena);
/* Without its empty rows and empty input channels: a smaller layer of the same nonzeros. NULL where nothing is empty, or where channels are in
   groups, which might not stay equal. */
const Pattern *pattern_compacted(const Pattern *pattern, Arena *arena);
double pattern_imbalance(const Pattern *pattern);
double dense_multiply_adds(const Node *node);    /* of a convolution or product, zeros not left out; 0 for other operators */

#endif
