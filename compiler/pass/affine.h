/* Private to the passes: what multiplies and shifts each channel by constants. */
#ifndef TULLE_AFFINE_H
#define TULLE_AFFINE_H

#include "compiler/graph/graph.h"

typedef struct Affine {      /* y = factor[c] * x + shift[c], c along one axis of x */
    int64_t channels;
    double *factor, *shift;
    bool scales;             /* some factor is not 1 */
} Affine;

Affine affine_identity(Arena *arena, int64_t channels);
/* Applies the node behind what `affine` already does, if it is such an operator on x, along `axis`. All or nothing. */
bool affine_apply(Affine *affine, const Node *node, const Value *x, int axis, Arena *arena);

#endif
