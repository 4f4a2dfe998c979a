/* What the files of plan/ share among themselves, and with their tests. */
#ifndef TULLE_PLAN_INTERNAL_H
#define TULLE_PLAN_INTERNAL_H

#include "compiler/plan/plan.h"

/* residual.c: gives each offered addition to one host. */
void residuals_take(Graph *graph);

/* candidates.c: what surrounds each layer, before kernels are chosen; problems in the order of the graph's nodes. */
Surroundings *network_surroundings(const Graph *graph, const Problem *problems, int threads, Arena *arena);
/* Whole picoseconds of three significant digits: what differs by less is equal, and sums of them are exact. */
int64_t price_rounded(double seconds);
bool kernel_leaves(const Kernel *kernel, const Problem *problem, const Tiling *tiling);    /* can it leave its output in tiling->out? */

#define MOST_TILINGS 256             /* of one kernel for one layer */

/* select.c: a kernel and a tiling for each layer. */
void kernels_select(Plan *plan, const PlanOptions *options);

/* memory.c: a place for each value and scratch buffer. */
void memory_plan(Plan *plan);

/* blocks.c: intervals of time with a size, packed into one stretch of memory. */
typedef struct Block {
    size_t bytes, offset;            /* offset: the answer */
    int first, last;                 /* stages in which it is alive, both ends included */
} Block;

#define BLOCK_ALIGNMENT 64

/* Sets the offsets; gives the size of the whole, SIZE_MAX if it overflows. */
size_t blocks_place(Block *blocks, int count, Arena *scratch);
/* The largest sum of blocks alive in one stage: a lower bound of that size. */
size_t blocks_bound(const Block *blocks, int count, int stages, Arena *scratch);
size_t block_round(size_t bytes);    /* up to a multiple of BLOCK_ALIGNMENT; SIZE_MAX on overflow */

#endif
