/* What projections ask emitted kernels: the same layer in other sizes, and which of several kernels a tiling is of. Only shapes and patterns change:
   there is no data behind them. Private to codegen/cpu. */
#ifndef TULLE_CODEGEN_RESIZED_H
#define TULLE_CODEGEN_RESIZED_H

#include "codegen/cpu/cpu.h"

/* Output and input channels as the pattern has them. False: not a convolution without groups, nor a product with one matrix of weights. */
bool resized_channels(const Problem *problem, const Pattern *pattern, Problem *resized);

/* Emitted kernels, one of which a projection stands on: the last number of its tilings says which, the others are that kernel's own. */
typedef struct Inner {
    const char *const *names;
    int count;
} Inner;

bool inner_fits(const Inner *inner, const Problem *problem);     /* any of them */
int inner_tilings(const Inner *inner, const Problem *problem, Tiling *list, int most);
const Kernel *inner_of(const Inner *inner, const Tiling *tiling, Tiling *own);

#endif
