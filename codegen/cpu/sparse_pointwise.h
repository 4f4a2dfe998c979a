/* Strips of positions under 1x1 kernels: their geometry, which text, packing and counts share. Private to codegen/cpu. */
#ifndef TULLE_CODEGEN_SPARSE_POINTWISE_H
#define TULLE_CODEGEN_SPARSE_POINTWISE_H

#include "codegen/cpu/cpu.h"

typedef struct Pointwise {
    Window window;
    Planes planes;
    int lanes, large, small;         /* vectors of the first `larges` strips, and of the others: one less at most */
    int64_t vectors, strips, larges;
    int part;                        /* elements of the last vector; 0: it is whole */
    bool copies;                     /* strips are copied to the thread's own memory, where they lie dense and aligned */
    int64_t channels, outputs;       /* of a group */
    int64_t blocks;                  /* of a group's input channels */
    int64_t parts, units;            /* of a group's output channels; of those of all groups */
    int64_t step;                    /* floats from channel to channel where the loop reads */
} Pointwise;

void pointwise_of(const Problem *problem, const Tiling *tiling, Pointwise *pointwise);
int64_t pointwise_largest_block(const Pointwise *pointwise);     /* input channels of a block */
int64_t pointwise_largest_unit(const Pointwise *pointwise);      /* output channels of a unit */
int64_t pointwise_largest_offset(const Pointwise *pointwise);
void pointwise_work(const Problem *problem, const Tiling *tiling, Work *work);

#endif
