/* What the files of plan/ share among themselves, and with their tests. */
#ifndef TULLE_PLAN_INTERNAL_H
#define TULLE_PLAN_INTERNAL_H

#include "compiler/plan/plan.h"

/* roofline.c: the part of data touched again after `distance` other bytes that a cache of this size still has. roofline_gpu.c: one launch. */
double cache_keeps(double distance, double bytes);
StagePrice launch_price(const LaunchWork *launch, const Target *target, const Surroundings *surroundings);

/* plan.c. `patterns`: of the nodes in their order, known already; NULL: not yet. `slices`: of the batch, of which this graph is one. */
Plan *plan_with(Graph *graph, const Target *target, const PlanOptions *options, const Pattern *const *patterns, int64_t slices);
/* What follows from the kernels: numbers of stages, places, barriers. */
void plan_settle(Plan *plan);
Problem plan_problem(const Plan *plan, const Node *node, const Pattern *pattern);

/* residual.c: gives offered additions to hosts, or leaves them. Problems and surroundings in the order of the graph's nodes, which changes. */
void residuals_take(Graph *graph, const Problem *problems, const Surroundings *surroundings, const PlanOptions *options);

#define MOST_OF_GAIN 0.9             /* of the time that pruning can save at all: reached at the low end of a useful range */

/* candidates.c: what surrounds each layer; problems in the order of the graph's nodes. `constants`: bytes of weights and code that each of them reads,
   where kernels are chosen; NULL: not known yet. */
Surroundings *network_surroundings(const Graph *graph, const Problem *problems, const double *constants, int threads, Arena *arena);
/* With the best kernel, or this; INFINITY: none fits. */
double problem_seconds(const Problem *problem, const Surroundings *surroundings, const char *forced);
/* Whole picoseconds of three significant digits: what differs by less is equal, and sums of them are exact. */
int64_t price_rounded(double seconds);
bool kernel_leaves(const Kernel *kernel, const Problem *problem, const Tiling *tiling);    /* can it leave its output in tiling->out? */

/* Kernels note down in ctx->scratch what is not needed any more once a layer is priced: between these two it is another arena, so that a thousand
   prices do not add up. */
typedef struct Pricing {
    Context *ctx;
    Arena *kept;
} Pricing;

Pricing pricing_begin(Context *ctx);
void pricing_next(const Pricing *pricing);       /* what was noted down for the last price is not needed any more */
void pricing_end(const Pricing *pricing);

/* pattern.c: for what is noted down beside a pattern that stands in this arena. */
struct PatternNotes *pattern_notes_new(Arena *arena);

#define MOST_TILINGS 1024            /* of one kernel for one layer */

/* forced.c: what --kernel asks for here, the last if there are several; NULL: anything. */
const ForcedKernel *forced_kernel(const Node *node, const PlanOptions *options);

/* select.c: a kernel and a tiling for each layer. */
void kernels_select(Plan *plan, const PlanOptions *options);
/* A number that only the seed, the layer's name and what is drawn determine. */
uint64_t random_number(uint64_t seed, const Node *node, const char *what, int number);

/* assign.c: the cheapest assignment over a graph, of costs alone. */
typedef struct AssignOption {
    int64_t cost;
    int in, out;                     /* layouts: 0 is plain, below MOST_LAYOUTS */
} AssignOption;

typedef struct AssignNode {          /* for any layout that `from` may leave, one of its options reads that and leaves its own output plain */
    const AssignOption *options;
    int option_count;
    int from;                        /* the earlier node whose output it reads in a layout; -1: none, and all its options read plain */
} AssignNode;

enum { MOST_LAYOUTS = 4 };           /* of one value */

/* Sets chosen[count] to the numbers of options; gives their cost. Exact as long as there are at most `most_states` combinations of layouts at a
   time. */
int64_t assign_cheapest(const AssignNode *nodes, int count, int most_states, Arena *arena, int *chosen);

/* memory.c: a place for each value and scratch buffer. */
void memory_plan(Plan *plan);

/* barriers.c: which layers wait for those before them. */
void barriers_plan(Plan *plan);

/* blocks.c: intervals of time with a size, packed into one stretch of memory. */
typedef struct Block {
    size_t bytes, offset;            /* offset: the answer */
    int first, last;                 /* stages in which it is alive, both ends included */
} Block;

/* Sets the offsets; gives the size of the whole, SIZE_MAX if it overflows. */
size_t blocks_place(Block *blocks, int count, Arena *scratch);
/* Moves placed blocks within the `whole` such that between the end of one and the beginning of another in its place as many bytes are touched as can
   be had, up to `enough`. `passed`: bytes touched before each stage, and behind the last. */
void blocks_spread(Block *blocks, int count, size_t whole, const double *passed, double enough, Arena *scratch);
/* The largest sum of blocks alive in one stage: a lower bound of that size. */
size_t blocks_bound(const Block *blocks, int count, int stages, Arena *scratch);
size_t block_round(size_t bytes);    /* up to a multiple of BLOCK_ALIGNMENT; SIZE_MAX on overflow */

#endif
